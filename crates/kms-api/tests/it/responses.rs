//! Answers as JSON: exact texts of some, and all of them against the model.

use ambient::Timestamp;
use crypto::SecretBytes;
use kms_api::request::{GrantConstraints, Tag};
use kms_api::response::{self, Response};
use kms_api::schema::{Kind, Member, Shape};
use kms_api::{
    ConnectionErrorCode, ConnectionState, CustomKeyStoreType, EncryptionAlgorithm, EncryptionContext,
    ExpirationModel, GrantOperation, ImportState, KeyArn, KeyManager, KeyMaterialState, KeySpec, KeyState,
    KeyUsage, Operation, Origin, RotationType, UsageOperation, XksProxyConnectivity,
};
use serde_json::Value;

fn arn() -> KeyArn {
    "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
        .parse()
        .unwrap()
}

fn moment() -> Timestamp {
    Timestamp::from_micros(1_593_622_000_191_999)
}

fn metadata() -> response::KeyMetadata {
    response::KeyMetadata {
        arn: arn(),
        creation_date: moment(),
        description: "d".into(),
        key_usage: KeyUsage::EncryptDecrypt,
        key_state: KeyState::Enabled,
        deletion_date: Some(moment()),
        valid_to: Some(moment()),
        origin: Origin::ExternalKeyStore,
        custom_key_store_id: Some("cks-1".into()),
        cloud_hsm_cluster_id: Some("cluster-abcdefghijk".into()),
        expiration_model: Some(ExpirationModel::KeyMaterialExpires),
        key_manager: KeyManager::Customer,
        key_spec: KeySpec::SymmetricDefault,
        encryption_algorithms: vec![EncryptionAlgorithm::SymmetricDefault],
        multi_region: false,
        xks_key_id: Some("x".into()),
        current_key_material_id: Some("0".repeat(64)),
    }
}

fn text(response: &impl Response) -> String {
    String::from_utf8(response.to_body().expose().to_vec()).unwrap()
}

#[test]
fn a_key_looks_as_aws_prints_it() {
    let mut key = metadata();
    (key.deletion_date, key.valid_to, key.expiration_model) = (None, None, None);
    (key.cloud_hsm_cluster_id, key.current_key_material_id) = (None, None);
    key.description = String::new();
    assert_eq!(
        text(&response::CreateKey { key_metadata: key }),
        r#"{"KeyMetadata":{"AWSAccountId":"111122223333","KeyId":"1234abcd-12ab-34cd-56ef-1234567890ab","Arn":"arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab","CreationDate":1593622000.191,"Enabled":true,"Description":"","KeyUsage":"ENCRYPT_DECRYPT","KeyState":"Enabled","Origin":"EXTERNAL_KEY_STORE","CustomKeyStoreId":"cks-1","KeyManager":"CUSTOMER","CustomerMasterKeySpec":"SYMMETRIC_DEFAULT","KeySpec":"SYMMETRIC_DEFAULT","EncryptionAlgorithms":["SYMMETRIC_DEFAULT"],"MultiRegion":false,"XksKeyConfiguration":{"Id":"x"}}}"#
    );
}

#[test]
fn only_the_state_enabled_is_enabled() {
    for state in KeyState::ALL {
        let mut key = metadata();
        key.key_state = *state;
        let value: Value = serde_json::from_str(&text(&response::DescribeKey { key_metadata: key })).unwrap();
        assert_eq!(
            value["KeyMetadata"]["Enabled"],
            *state == KeyState::Enabled,
            "{state}"
        );
    }
}

#[test]
fn timestamps_are_numbers_with_milliseconds_if_there_are_any() {
    for (micros, expected) in [
        (1_000_000, "1"),
        (1_500_000, "1.5"),
        (1_000_999, "1"),
        (1_012_000, "1.012"),
        (0, "0"),
    ] {
        let answer = response::ScheduleKeyDeletion {
            key_id: arn(),
            deletion_date: Timestamp::from_micros(micros),
            key_state: KeyState::PendingDeletion,
            pending_window_in_days: 7,
        };
        assert!(
            text(&answer).contains(&format!("\"DeletionDate\":{expected},")),
            "{}",
            text(&answer)
        );
    }
}

#[test]
fn operations_without_output_answer_nothing_and_others_an_object() {
    assert_eq!(text(&response::Nothing), "");
    assert_eq!(text(&response::EmptyObject), "{}");
    let empty = response::ListKeys {
        keys: Vec::new(),
        next_marker: None,
        truncated: false,
    };
    assert_eq!(text(&empty), r#"{"Keys":[],"Truncated":false}"#);
}

#[test]
fn plaintext_is_base64_in_a_buffer_of_exactly_its_size() {
    let body = response::GenerateRandom {
        plaintext: SecretBytes::new(b"Hello".to_vec()),
    }
    .to_body();
    assert_eq!(body.expose(), br#"{"Plaintext":"SGVsbG8="}"#);
}

/// Holds a value against the model: its type, and no member that the model does not have.
fn conforms(shape: &Shape, value: &Value, path: &str) {
    let fits = match (&shape.kind, value) {
        (Kind::Text { pattern, .. }, Value::String(text)) => {
            pattern.is_none_or(|pattern| pattern.matches(text))
        }
        (Kind::Word(words), Value::String(text)) => words.contains(&text.as_str()),
        (Kind::Blob(_), Value::String(_))
        | (Kind::Boolean, Value::Bool(_))
        | (Kind::Timestamp, Value::Number(_)) => true,
        (Kind::Integer(range), Value::Number(number)) => {
            (u64::from(range.min)..=u64::from(range.max)).contains(&number.as_u64().unwrap())
        }
        (Kind::List(element, _), Value::Array(values)) => {
            values.iter().for_each(|value| conforms(element, value, path));
            true
        }
        (Kind::Map { .. }, Value::Object(pairs)) => pairs.values().all(Value::is_string),
        (Kind::Structure(members), Value::Object(_)) => {
            members_conform(members, value, path);
            true
        }
        _ => false,
    };
    assert!(fits, "{path} is {value}, not a {}", shape.name);
}

fn members_conform(members: &[Member], value: &Value, path: &str) {
    for (name, value) in value.as_object().unwrap() {
        let path = format!("{path}.{name}");
        let Some(member) = members.iter().find(|member| member.name == name) else {
            panic!("the model has no {path}")
        };
        conforms(member.shape, value, &path);
    }
    for member in members.iter().filter(|member| member.required) {
        assert!(
            value.get(member.name).is_some(),
            "{path}.{} is missing",
            member.name
        );
    }
}

/// The members of an answer that operations left out would fill.
const LEFT_OUT: [&str; 1] = ["CiphertextForRecipient"];

/// Holds a full answer against the model; every member must be there.
fn full(operation: Operation, response: &impl Response) {
    let value: Value = serde_json::from_str(&text(response)).unwrap();
    let members = operation.schema().output.unwrap();
    members_conform(members, &value, operation.name());
    for member in members.iter().filter(|member| !LEFT_OUT.contains(&member.name)) {
        assert!(
            value.get(member.name).is_some(),
            "{operation} lacks {}",
            member.name
        );
    }
}

fn context() -> EncryptionContext {
    EncryptionContext::new([("a".to_owned(), "b".to_owned())].into()).unwrap()
}

fn material() -> Option<String> {
    Some("a".repeat(64))
}

#[test]
fn cryptographic_answers_are_the_models() {
    let secret = || SecretBytes::new(vec![1; 32]);
    let blob = || Box::from([1_u8; 48]);
    let symmetric = EncryptionAlgorithm::SymmetricDefault;
    full(
        Operation::Encrypt,
        &response::Encrypt {
            ciphertext_blob: blob(),
            key_id: arn(),
            encryption_algorithm: symmetric,
        },
    );
    full(
        Operation::Decrypt,
        &response::Decrypt {
            key_id: arn(),
            plaintext: secret(),
            encryption_algorithm: symmetric,
            key_material_id: material(),
        },
    );
    full(
        Operation::ReEncrypt,
        &response::ReEncrypt {
            ciphertext_blob: blob(),
            source_key_id: arn(),
            key_id: arn(),
            source_encryption_algorithm: symmetric,
            destination_encryption_algorithm: symmetric,
            source_key_material_id: material(),
            destination_key_material_id: material(),
        },
    );
    full(
        Operation::GenerateDataKey,
        &response::GenerateDataKey {
            ciphertext_blob: blob(),
            plaintext: secret(),
            key_id: arn(),
            key_material_id: material(),
        },
    );
    full(
        Operation::GenerateDataKeyWithoutPlaintext,
        &response::GenerateDataKeyWithoutPlaintext {
            ciphertext_blob: blob(),
            key_id: arn(),
            key_material_id: material(),
        },
    );
    full(
        Operation::GenerateRandom,
        &response::GenerateRandom { plaintext: secret() },
    );
}

#[test]
fn answers_about_keys_are_the_models() {
    full(
        Operation::CreateKey,
        &response::CreateKey {
            key_metadata: metadata(),
        },
    );
    full(
        Operation::DescribeKey,
        &response::DescribeKey {
            key_metadata: metadata(),
        },
    );
    full(
        Operation::ListKeys,
        &response::ListKeys {
            keys: vec![response::KeyListEntry {
                key_id: arn().id().clone(),
                key_arn: arn(),
            }],
            next_marker: Some("m".into()),
            truncated: true,
        },
    );
    full(
        Operation::ScheduleKeyDeletion,
        &response::ScheduleKeyDeletion {
            key_id: arn(),
            deletion_date: moment(),
            key_state: KeyState::PendingDeletion,
            pending_window_in_days: 30,
        },
    );
    full(
        Operation::CancelKeyDeletion,
        &response::CancelKeyDeletion { key_id: arn() },
    );
    full(
        Operation::GetKeyLastUsage,
        &response::GetKeyLastUsage {
            key_id: arn(),
            key_last_usage: Some(response::KeyLastUsage {
                operation: UsageOperation::Encrypt,
                timestamp: moment(),
                cloud_trail_event_id: Some("e".into()),
                kms_request_id: "r".into(),
            }),
            tracking_start_date: Some(moment()),
            key_creation_date: moment(),
        },
    );
}

#[test]
fn answers_about_rotation_are_the_models() {
    full(
        Operation::GetKeyRotationStatus,
        &response::GetKeyRotationStatus {
            key_rotation_enabled: true,
            key_id: arn(),
            rotation_period_in_days: Some(90),
            next_rotation_date: Some(moment()),
            on_demand_rotation_start_date: Some(moment()),
        },
    );
    full(
        Operation::RotateKeyOnDemand,
        &response::RotateKeyOnDemand { key_id: arn() },
    );
    full(
        Operation::ListKeyRotations,
        &response::ListKeyRotations {
            rotations: vec![response::RotationsListEntry {
                key_id: arn(),
                key_material_id: material(),
                key_material_description: Some("d".into()),
                import_state: Some(ImportState::Imported),
                key_material_state: Some(KeyMaterialState::Current),
                expiration_model: Some(ExpirationModel::KeyMaterialDoesNotExpire),
                valid_to: Some(moment()),
                rotation_date: Some(moment()),
                rotation_type: Some(RotationType::OnDemand),
            }],
            next_marker: Some("m".into()),
            truncated: true,
        },
    );
}

#[test]
fn answers_about_aliases_tags_and_policies_are_the_models() {
    let name: kms_api::AliasName = "alias/a".parse().unwrap();
    full(
        Operation::ListAliases,
        &response::ListAliases {
            aliases: vec![response::AliasListEntry {
                alias_name: name.clone(),
                alias_arn: kms_api::AliasArn::new(arn().region().clone(), arn().account(), name),
                target_key_id: Some(arn().id().clone()),
                creation_date: Some(moment()),
                last_updated_date: Some(moment()),
            }],
            next_marker: Some("m".into()),
            truncated: true,
        },
    );
    full(
        Operation::ListResourceTags,
        &response::ListResourceTags {
            tags: vec![Tag {
                tag_key: "k".into(),
                tag_value: "v".into(),
            }],
            next_marker: Some("m".into()),
            truncated: true,
        },
    );
    full(
        Operation::GetKeyPolicy,
        &response::GetKeyPolicy {
            policy: "{}".into(),
            policy_name: "default".into(),
        },
    );
    full(
        Operation::ListKeyPolicies,
        &response::ListKeyPolicies {
            policy_names: vec!["default".into()],
            next_marker: Some("m".into()),
            truncated: true,
        },
    );
}

#[test]
fn answers_about_grants_are_the_models() {
    full(
        Operation::CreateGrant,
        &response::CreateGrant {
            grant_token: "t".into(),
            grant_id: "g".into(),
        },
    );
    for operation in [Operation::ListGrants, Operation::ListRetirableGrants] {
        let grant = response::GrantListEntry {
            key_id: arn(),
            grant_id: "g".into(),
            name: Some("n".into()),
            creation_date: moment(),
            grantee_principal: Some("p".into()),
            retiring_principal: Some("p".into()),
            issuing_account: "a".into(),
            operations: vec![GrantOperation::Decrypt],
            constraints: Some(GrantConstraints {
                encryption_context_subset: Some(context()),
                encryption_context_equals: Some(context()),
                source_arn: Some("arn:aws:s3:::111122223333:b".replace(":::", "::")),
            }),
            grantee_service_principal: Some("a.b.c".into()),
            retiring_service_principal: Some("a.b.c".into()),
        };
        full(
            operation,
            &response::ListGrants {
                grants: vec![grant],
                next_marker: Some("m".into()),
                truncated: true,
            },
        );
    }
}

#[test]
fn answers_about_custom_key_stores_are_the_models() {
    full(
        Operation::CreateCustomKeyStore,
        &response::CreateCustomKeyStore {
            custom_key_store_id: "cks-1".into(),
        },
    );
    let proxy = response::XksProxyConfiguration {
        connectivity: XksProxyConnectivity::VpcEndpointService,
        access_key_id: "ABCDEFGHIJKLMNOPQRST".into(),
        uri_endpoint: "https://xks.example".into(),
        uri_path: "/kms/xks/v1".into(),
        vpc_endpoint_service_name: Some("com.amazonaws.vpce.us-east-1.vpce-svc-0123".into()),
        vpc_endpoint_service_owner: Some("111122223333".into()),
    };
    let store = response::CustomKeyStoresListEntry {
        custom_key_store_id: "cks-1".into(),
        custom_key_store_name: "n".into(),
        cloud_hsm_cluster_id: Some("cluster-abcdefghijk".into()),
        trust_anchor_certificate: Some("c".into()),
        connection_state: ConnectionState::Failed,
        connection_error_code: Some(ConnectionErrorCode::XksProxyTimedOut),
        creation_date: moment(),
        custom_key_store_type: CustomKeyStoreType::ExternalKeyStore,
        xks_proxy_configuration: Some(proxy),
    };
    full(
        Operation::DescribeCustomKeyStores,
        &response::DescribeCustomKeyStores {
            custom_key_stores: vec![store],
            next_marker: Some("m".into()),
            truncated: true,
        },
    );
}
