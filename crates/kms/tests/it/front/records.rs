//! CloudTrail records of calls, as they come out of the endpoint.

use serde_json::{Value, json};

use super::kit::{Served, alice, alice_through_s3, carol, root};

async fn key(served: &Served) -> String {
    let created = served.send(&served.call(&alice(), "CreateKey", &json!({}))).await;
    created.json()["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_record_has_cloudtrails_shape() {
    let served = Served::new().await;
    let key = key(&served).await;
    let body =
        json!({"KeyId": key, "Plaintext": "c2VjcmV0IHRleHQ=", "EncryptionContext": {"Tenant": "blue"}});
    let mut sent = served.call(&alice(), "Encrypt", &body);
    sent.header("user-agent", "Boto3/1.40 Python/3.12");
    let answer = served.send(&sent).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let record = served.records().await.pop().unwrap();
    let expected = json!({
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": record["userIdentity"]["principalId"],
            "arn": "arn:aws:iam::111122223333:user/alice",
            "accountId": "111122223333",
            "accessKeyId": "AKIAALICEALICEALICE1",
            "userName": "alice",
        },
        "eventTime": "2027-01-15T08:00:00Z",
        "eventSource": "kms.amazonaws.com",
        "eventName": "Encrypt",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "127.0.0.1",
        "userAgent": "Boto3/1.40 Python/3.12",
        "requestParameters": {
            "keyId": key,
            "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "encryptionContext": {"Tenant": "blue"},
        },
        "responseElements": null,
        "additionalEventData": {"keyMaterialId": record["additionalEventData"]["keyMaterialId"]},
        "requestID": answer.request_id(),
        "eventID": record["eventID"],
        "readOnly": true,
        "resources": [{"accountId": "111122223333", "type": "AWS::KMS::Key", "ARN": key}],
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": "111122223333",
        "eventCategory": "Management",
    });
    assert_eq!(record, expected);
    assert_eq!(record["eventID"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn no_record_has_plaintext_ciphertext_or_a_secret() {
    let served = Served::new().await;
    let key = key(&served).await;
    let plaintext = "c2VjcmV0IHRleHQ=";
    let encrypt = served.call(
        &alice(),
        "Encrypt",
        &json!({"KeyId": key, "Plaintext": plaintext}),
    );
    let ciphertext = served.send(&encrypt).await.json()["CiphertextBlob"].clone();
    let decrypt = served.call(&alice(), "Decrypt", &json!({"CiphertextBlob": ciphertext}));
    assert_eq!(served.send(&decrypt).await.json()["Plaintext"], plaintext);
    let data_key = served.call(
        &alice(),
        "GenerateDataKey",
        &json!({"KeyId": key, "KeySpec": "AES_256"}),
    );
    let data_key = served.send(&data_key).await.json();
    let password = "the-store-password";
    let store = json!({
        "CustomKeyStoreName": "s",
        "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
        "KeyStorePassword": password,
        "XksProxyAuthenticationCredential": {
            "AccessKeyId": "ABCDEFGHIJKLMNOPQRST",
            "RawSecretAccessKey": "rawsecretrawsecretrawsecretrawsecretrawsecr",
        },
    });
    served
        .send(&served.call(&alice(), "CreateCustomKeyStore", &store))
        .await;
    let session = served
        .assume(
            &alice(),
            "RoleArn=arn:aws:iam::111122223333:role/teams/Payroll&RoleSessionName=ab",
        )
        .await;
    let records = Value::Array(served.records().await).to_string();
    let texts = [
        plaintext,
        ciphertext.as_str().unwrap(),
        data_key["Plaintext"].as_str().unwrap(),
        data_key["CiphertextBlob"].as_str().unwrap(),
        password,
        "ABCDEFGHIJKLMNOPQRST",
        "rawsecret",
        session.secret.as_str(),
        session.token.as_deref().unwrap(),
    ];
    for text in texts {
        assert!(!records.contains(text), "{text}");
    }
}

#[tokio::test]
async fn a_failed_call_has_its_error_and_bad_input_is_not_repeated() {
    let served = Served::new().await;
    served
        .send(&served.call(&alice(), "DescribeKey", &json!({"KeyId": "nope"})))
        .await;
    let record = served.records().await.pop().unwrap();
    assert_eq!(record["errorCode"], "NotFoundException");
    assert_eq!(record["errorMessage"], "Invalid keyId 'nope'");
    assert_eq!(record["requestParameters"], json!({"keyId": "nope"}));
    served
        .send(&served.call(&alice(), "DescribeKey", &json!({"KeyId": 5})))
        .await;
    let record = served.records().await.pop().unwrap();
    assert_eq!(record["errorCode"], "SerializationException");
    assert_eq!(record["requestParameters"], Value::Null);
}

#[tokio::test]
async fn create_key_shows_the_key_with_dates_as_text() {
    let served = Served::new().await;
    let key = key(&served).await;
    let record = served.records().await.pop().unwrap();
    assert_eq!(record["readOnly"], false);
    let metadata = &record["responseElements"]["keyMetadata"];
    assert_eq!(metadata["arn"], key.as_str());
    assert_eq!(metadata["aWSAccountId"], "111122223333");
    assert_eq!(metadata["creationDate"], "Jan 15, 2027, 8:00:00 AM");
    let parameters = &record["requestParameters"];
    assert_eq!(parameters["origin"], "AWS_KMS");
    assert_eq!(parameters["customerMasterKeySpec"], "SYMMETRIC_DEFAULT");
    assert_eq!(parameters["tags"], json!([]));
}

#[tokio::test]
async fn a_session_and_a_service_show_who_is_behind_them() {
    let served = Served::new().await;
    let form =
        "RoleArn=arn:aws:iam::111122223333:role/teams/Payroll&RoleSessionName=app-7&SourceIdentity=alice";
    let session = served.assume(&alice(), form).await;
    let assumed = served.records().await.pop().unwrap();
    assert_eq!(assumed["eventSource"], "sts.amazonaws.com");
    assert_eq!(
        assumed["responseElements"]["credentials"]["accessKeyId"],
        session.id
    );
    assert_eq!(assumed["resources"][0]["type"], "AWS::IAM::Role");
    served.send(&served.call(&session, "ListKeys", &json!({}))).await;
    let identity = served.records().await.pop().unwrap()["userIdentity"].clone();
    let issuer = &identity["sessionContext"]["sessionIssuer"];
    assert_eq!(identity["type"], "AssumedRole");
    assert_eq!(
        identity["arn"],
        "arn:aws:sts::111122223333:assumed-role/Payroll/app-7"
    );
    assert_eq!(issuer["arn"], "arn:aws:iam::111122223333:role/teams/Payroll");
    assert_eq!(issuer["userName"], "Payroll");
    assert_eq!(identity["sessionContext"]["sourceIdentity"], "alice");
    assert_eq!(
        identity["sessionContext"]["attributes"],
        json!({"creationDate": "2027-01-15T08:00:00Z", "mfaAuthenticated": "false"})
    );

    served
        .send(&served.call(&alice_through_s3(), "ListKeys", &json!({})))
        .await;
    let record = served.records().await.pop().unwrap();
    assert_eq!(record["userIdentity"]["invokedBy"], "s3.amazonaws.com");
    assert_eq!(record["sourceIPAddress"], "s3.amazonaws.com");
    assert_eq!(record["userAgent"], "s3.amazonaws.com");

    served.send(&served.call(&root(), "ListKeys", &json!({}))).await;
    let identity = served.records().await.pop().unwrap()["userIdentity"].clone();
    assert_eq!(identity["type"], "Root");
    assert_eq!(identity.get("userName"), None);
}

#[tokio::test]
async fn decrypt_and_re_encrypt_show_the_keys_and_materials_that_the_ciphertext_meant() {
    let served = Served::new().await;
    let (one, two) = (key(&served).await, key(&served).await);
    let encrypt = served.call(&alice(), "Encrypt", &json!({"KeyId": one, "Plaintext": "AAAA"}));
    let ciphertext = served.send(&encrypt).await.json()["CiphertextBlob"].clone();
    let of_one = served.records().await.pop().unwrap()["additionalEventData"]["keyMaterialId"].clone();
    let decrypt = served.call(&alice(), "Decrypt", &json!({"CiphertextBlob": ciphertext}));
    let decrypted = served.send(&decrypt).await.json();
    let record = served.records().await.pop().unwrap();
    assert_eq!(record["requestParameters"]["keyId"], one.as_str());
    assert_eq!(record["additionalEventData"], json!({"keyMaterialId": of_one}));
    assert_eq!(decrypted["KeyMaterialId"], of_one);
    let body = json!({"CiphertextBlob": ciphertext, "DestinationKeyId": two});
    assert_eq!(
        served
            .send(&served.call(&alice(), "ReEncrypt", &body))
            .await
            .status,
        200
    );
    let record = served.records().await.pop().unwrap();
    assert_eq!(record["requestParameters"].get("sourceKeyId"), None);
    assert_eq!(record["additionalEventData"]["sourceKeyMaterialId"], of_one);
    assert_ne!(record["additionalEventData"]["destinationKeyMaterialId"], of_one);
    let arns: Vec<&Value> = record["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| &resource["ARN"])
        .collect();
    assert_eq!(arns, [one.as_str(), two.as_str()]);
}

/// A key of another account that denies, and one that is not there, leave the same record.
#[tokio::test]
async fn a_denial_across_accounts_tells_nothing_of_the_key() {
    let served = Served::new().await;
    let key = key(&served).await;
    let (start, _) = key.rsplit_once('/').unwrap();
    let nowhere = format!("{start}/00000000-0000-4000-8000-000000000000");
    let mut left = Vec::new();
    for id in [&key, &nowhere] {
        let body = json!({"KeyId": id, "Plaintext": "AAAA"});
        let answer = served.send(&served.call(&carol(), "Encrypt", &body)).await;
        assert_eq!(answer.error(), "AccessDeniedException");
        let mut record = served.records().await.pop().unwrap();
        assert_eq!(record["recipientAccountId"], "444455556666");
        assert_eq!(record["requestParameters"]["keyId"], id.as_str());
        for own in ["requestID", "eventID", "requestParameters"] {
            record.as_object_mut().unwrap().remove(own);
        }
        left.push(record.to_string().replace(id.as_str(), ""));
    }
    assert_eq!(left[0], left[1]);
}
