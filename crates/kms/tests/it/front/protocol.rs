//! What a request must be before anybody looks who sent it.

use serde_json::{Value, json};

use super::kit::{Sent, Served, alice};

#[tokio::test]
async fn an_operation_answers_as_at_aws() {
    let served = Served::new().await;
    let answer = served.send(&served.call(&alice(), "ListKeys", &json!({}))).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json(), json!({"Keys": [], "Truncated": false}));
    assert_eq!(answer.headers["content-type"], "application/x-amz-json-1.1");
    assert_eq!(answer.request_id().len(), 36);
    assert!(answer.headers["cache-control"].contains("no-store"));
}

#[tokio::test]
async fn an_error_has_its_name_and_message() {
    let served = Served::new().await;
    let answer = served
        .send(&served.call(&alice(), "DescribeKey", &json!({"KeyId": "nope"})))
        .await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (400, "NotFoundException")
    );
    assert_eq!(answer.message(), "Invalid keyId 'nope'");
}

#[tokio::test]
async fn what_is_no_request_of_an_api_is_404_in_xml() {
    let served = Served::new().await;
    let good = served.call(&alice(), "ListKeys", &json!({}));
    let mut get = good.clone();
    get.method = "GET";
    let mut text = good.clone();
    text.header("content-type", "text/plain");
    let mut none = good.clone();
    none.headers.remove("content-type");
    for sent in [get, text, none] {
        let answer = served.send(&sent).await;
        assert_eq!(
            (answer.status, answer.text().as_str()),
            (404, "<UnknownOperationException/>\n")
        );
        assert_eq!(answer.request_id().len(), 36);
    }
}

/// Each fault is told only where no earlier one is: the order is AWS's.
#[tokio::test]
async fn not_json_comes_before_the_target_and_the_target_before_the_signature() {
    let served = Served::new().await;
    for body in ["{", "nope", "{}{}", "{\"a\":}"] {
        let mut sent = Sent::new(body);
        sent.header("content-type", "application/x-amz-json-1.1");
        sent.header("x-amz-target", "TrentService.Nope");
        let answer = served.send(&sent).await;
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (400, "SerializationException"),
            "{body}"
        );
    }
    for target in [
        "TrentService.Nope",
        "trentservice.ListKeys",
        "DynamoDB_20120810.ListTables",
        "",
    ] {
        let mut sent = Sent::new("{}");
        sent.header("content-type", "application/x-amz-json-1.1");
        sent.header("x-amz-target", target);
        let answer = served.send(&sent).await;
        assert_eq!(
            (answer.status, answer.error().as_str()),
            (400, "UnknownOperationException"),
            "{target}"
        );
        assert_eq!(answer.json().get("message"), None);
    }
    let mut sent = Sent::new("{}");
    sent.header("content-type", "application/x-amz-json-1.1");
    sent.header("x-amz-target", "TrentService.ListKeys");
    let answer = served.send(&sent).await;
    assert_eq!(answer.error(), "MissingAuthenticationTokenException");
    assert_eq!(answer.message(), "Missing Authentication Token");
}

#[tokio::test]
async fn types_are_looked_at_behind_the_signature_and_constraints_behind_types() {
    let served = Served::new().await;
    let wrong_type = json!({"KeyId": 5});
    let mut unsigned = served.call(&alice(), "DescribeKey", &wrong_type);
    unsigned.headers.remove("authorization");
    assert_eq!(
        served.send(&unsigned).await.error(),
        "MissingAuthenticationTokenException"
    );
    let answer = served
        .send(&served.call(&alice(), "DescribeKey", &wrong_type))
        .await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (400, "SerializationException")
    );
    let long = json!({"KeyId": "x".repeat(2_049)});
    let answer = served.send(&served.call(&alice(), "DescribeKey", &long)).await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (400, "ValidationException")
    );
    assert!(
        answer
            .message()
            .starts_with("1 validation error detected: Value 'xxx")
    );
    // An array is JSON, but no request.
    let answer = served.send(&served.call(&alice(), "ListKeys", &json!([]))).await;
    assert_eq!(answer.error(), "SerializationException");
}

#[tokio::test]
async fn a_body_has_a_limit_at_its_exact_value() {
    let served = Served::new().await;
    let sent_of = |length: usize| {
        let mut sent = Sent::new(&format!("{{}}{}", " ".repeat(length - 2)));
        sent.header("content-type", "application/x-amz-json-1.1");
        sent.header("x-amz-target", "TrentService.ListKeys");
        sent.sign(&alice(), "kms", "us-east-1", served.now());
        sent
    };
    let most = kms::front::MAX_BODY_BYTES;
    assert_eq!(served.send(&sent_of(most)).await.status, 200);
    let answer = served.send(&sent_of(most + 1)).await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (413, "RequestEntityTooLargeException")
    );
}

#[tokio::test]
async fn an_empty_body_is_a_request_without_members() {
    let served = Served::new().await;
    let mut sent = Sent::new("");
    sent.header("content-type", "application/x-amz-json-1.1");
    sent.header("x-amz-target", "TrentService.ListKeys");
    sent.sign(&alice(), "kms", "us-east-1", served.now());
    assert_eq!(served.send(&sent).await.status, 200);
}

#[tokio::test]
async fn what_is_not_supported_is_never_a_404() {
    let served = Served::new().await;
    for operation in [
        "Sign",
        "GenerateMac",
        "ImportKeyMaterial",
        "ReplicateKey",
        "GetPublicKey",
    ] {
        let answer = served.send(&served.call(&alice(), operation, &json!({}))).await;
        assert_eq!(answer.status, 400, "{operation}");
    }
}

#[tokio::test]
async fn quotas_throttle_with_aws_name_and_message_and_are_recorded() {
    let served = Served::new().await;
    let create = || served.call(&alice(), "DisableKey", &json!({"KeyId": "nope"}));
    for _ in 0..5 {
        assert_eq!(served.send(&create()).await.error(), "NotFoundException");
    }
    let answer = served.send(&create()).await;
    assert_eq!(
        (answer.status, answer.error().as_str()),
        (400, "ThrottlingException")
    );
    assert_eq!(
        answer.message(),
        "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
    );
    let record = served.records().await.pop().unwrap();
    assert_eq!(record["errorCode"], "ThrottlingException");
    assert_eq!(record["requestID"], answer.request_id());
    served.clock.advance(std::time::Duration::from_millis(200));
    assert_eq!(served.send(&create()).await.error(), "NotFoundException");
}

#[tokio::test]
async fn refusals_at_the_door_are_counted_and_not_recorded() {
    let served = Served::new().await;
    let mut sent = served.call(&alice(), "ListKeys", &json!({}));
    sent.headers.remove("authorization");
    for _ in 0..3 {
        served.send(&sent).await;
    }
    assert!(
        served
            .kms
            .prometheus()
            .contains("kms_unauthenticated_requests_total 3\n")
    );
    assert_eq!(served.records().await, Vec::<Value>::new());
}
