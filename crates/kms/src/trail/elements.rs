//! `requestParameters` and `responseElements`: which members of requests and answers a record
//! shows.
//!
//! A list of what may be shown, never of what may not: a member that is not named here is not
//! copied. Plaintext, ciphertext, passwords, credentials and tokens are not named.

use ambient::Timestamp;
use kms_api::{Document, Operation};
use serde_json::{Map, Value};

use super::record::long_date;

/// The members of requests that are shown.
const SHOWN: &[&str] = &[
    "AliasName",
    "BypassPolicyLockoutSafetyCheck",
    "CloudHsmClusterId",
    "Constraints",
    "CustomKeyStoreId",
    "CustomKeyStoreName",
    "CustomKeyStoreType",
    "CustomerMasterKeySpec",
    "Description",
    "DestinationEncryptionAlgorithm",
    "DestinationEncryptionContext",
    "DestinationKeyId",
    "DryRun",
    "DryRunModifiers",
    "EncapsulationAlgorithm",
    "EncryptionAlgorithm",
    "EncryptionContext",
    "ExpirationModel",
    "GrantId",
    "GranteePrincipal",
    "GranteeServicePrincipal",
    "ImportType",
    "IncludeKeyMaterial",
    "KeyAgreementAlgorithm",
    "KeyId",
    "KeyMaterialDescription",
    "KeyMaterialId",
    "KeyPairSpec",
    "KeySpec",
    "KeyUsage",
    "Limit",
    "MacAlgorithm",
    "Marker",
    "MessageType",
    "MultiRegion",
    "Name",
    "NewCustomKeyStoreName",
    "NumberOfBytes",
    "Operations",
    "Origin",
    "PendingWindowInDays",
    "Policy",
    "PolicyName",
    "PrimaryRegion",
    "ReplicaRegion",
    "RetiringPrincipal",
    "RetiringServicePrincipal",
    "RotationPeriodInDays",
    "SigningAlgorithm",
    "SourceEncryptionAlgorithm",
    "SourceEncryptionContext",
    "SourceKeyId",
    "TagKeys",
    "Tags",
    "TargetKeyId",
    "TargetPrincipal",
    "ValidTo",
    "WrappingAlgorithm",
    "WrappingKeySpec",
    "XksKeyId",
    "XksProxyConnectivity",
    "XksProxyUriEndpoint",
    "XksProxyUriPath",
    "XksProxyVpcEndpointServiceName",
    "XksProxyVpcEndpointServiceOwner",
];

/// The parameters of a request; `null` if it has none that are shown.
pub(crate) fn request_parameters(operation: Operation, document: &Document) -> Value {
    let mut parameters = Map::new();
    for (name, value) in document.members() {
        let value = match SHOWN.contains(&name.as_str()) {
            true => in_camel_case(name, json(value)),
            false => continue,
        };
        // A null is an absent member.
        if !value.is_null() {
            parameters.insert(parameter_name(name), value);
        }
    }
    add_defaults(operation, &mut parameters);
    if parameters.is_empty() {
        return Value::Null;
    }
    Value::Object(parameters)
}

/// A shown value. Only members on the list come here: others stay in memory that is wiped.
fn json(value: &kms_api::Value) -> Value {
    match value {
        kms_api::Value::Null => Value::Null,
        kms_api::Value::Boolean(value) => (*value).into(),
        kms_api::Value::Integer(value) => (*value).into(),
        kms_api::Value::Real(value) => (*value).into(),
        kms_api::Value::Text(text) => text.as_str().into(),
        kms_api::Value::List(values) => values.iter().map(json).collect(),
        kms_api::Value::Object(members) => {
            let member = |(name, value): &(kms_api::Text, _)| (name.to_string(), json(value));
            Value::Object(members.iter().map(member).collect())
        }
    }
}

/// What a request means when it does not say.
fn add_defaults(operation: Operation, parameters: &mut Map<String, Value>) {
    let mut default = |name: &str, value: Value| {
        if !parameters.contains_key(name) {
            parameters.insert(name.to_owned(), value);
        }
    };
    match operation {
        Operation::Encrypt | Operation::Decrypt => {
            default("encryptionAlgorithm", "SYMMETRIC_DEFAULT".into());
        }
        Operation::ReEncrypt => {
            default("sourceEncryptionAlgorithm", "SYMMETRIC_DEFAULT".into());
            default("destinationEncryptionAlgorithm", "SYMMETRIC_DEFAULT".into());
        }
        Operation::CreateKey => {
            default("bypassPolicyLockoutSafetyCheck", false.into());
            default("description", "".into());
            default("keyUsage", "ENCRYPT_DECRYPT".into());
            default("multiRegion", false.into());
            default("origin", "AWS_KMS".into());
            default("tags", Value::Array(Vec::new()));
            let spec = ["keySpec", "customerMasterKeySpec"]
                .iter()
                .find_map(|name| parameters.get(*name).cloned())
                .unwrap_or_else(|| "SYMMETRIC_DEFAULT".into());
            for name in ["keySpec", "customerMasterKeySpec"] {
                parameters.insert(name.to_owned(), spec.clone());
            }
        }
        Operation::ScheduleKeyDeletion => default("pendingWindowInDays", 30.into()),
        _ => {}
    }
}

/// The members inside a value, in camel case where they are names of the API and not the caller's.
fn in_camel_case(name: &str, value: Value) -> Value {
    match (name, value) {
        // The caller's own names.
        ("EncryptionContext" | "SourceEncryptionContext" | "DestinationEncryptionContext", value)
        | ("EncryptionContextSubset" | "EncryptionContextEquals", value) => value,
        (_, Value::Object(members)) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| (camel_case(&name), in_camel_case(&name, value)))
                .collect(),
        ),
        (name, Value::Array(items)) => {
            Value::Array(items.into_iter().map(|item| in_camel_case(name, item)).collect())
        }
        (_, value) => value,
    }
}

/// CloudTrail's name of a member of a request: it has one of its own.
fn parameter_name(name: &str) -> String {
    match name {
        "CloudHsmClusterId" => "clusterId".to_owned(),
        name => camel_case(name),
    }
}

/// `KeyId` as `keyId`, `AWSAccountId` as `aWSAccountId`.
fn camel_case(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

/// What a record shows of a successful answer: of the few operations whose answer it shows at all.
pub(crate) fn response_elements(operation: Operation, body: &[u8]) -> Value {
    let shown: &[&str] = match operation {
        Operation::CreateKey => &["KeyMetadata"],
        // The token is a capability, of a kind; it is in nobody's log.
        Operation::CreateGrant => &["GrantId"],
        Operation::ScheduleKeyDeletion => &["KeyId", "DeletionDate", "KeyState", "PendingWindowInDays"],
        Operation::CancelKeyDeletion => &["KeyId"],
        Operation::CreateCustomKeyStore => &["CustomKeyStoreId"],
        Operation::RotateKeyOnDemand => &["KeyId"],
        _ => return Value::Null,
    };
    let Ok(Value::Object(answer)) = serde_json::from_slice::<Value>(body) else {
        return Value::Null;
    };
    let elements: Map<String, Value> = answer
        .into_iter()
        .filter(|(name, _)| shown.contains(&name.as_str()))
        .map(|(name, value)| (camel_case(&name), with_dates(&name, in_camel_case(&name, value))))
        .collect();
    Value::Object(elements)
}

/// Timestamps, which are seconds in answers, as CloudTrail's long text.
fn with_dates(name: &str, value: Value) -> Value {
    match value {
        Value::Number(seconds) if name.ends_with("Date") => {
            let micros = seconds.as_f64().unwrap_or_default() * 1e6;
            // Dates of ours, never negative; `as` saturates.
            long_date(Timestamp::from_micros(micros as u64)).into()
        }
        Value::Object(members) => {
            let dated = |(name, value): (String, Value)| (name.clone(), with_dates(&name, value));
            Value::Object(members.into_iter().map(dated).collect())
        }
        value => value,
    }
}

/// Whether an operation changes nothing (`readOnly`).
pub(crate) fn is_read_only(operation: Operation) -> bool {
    let name = operation.name();
    [
        "Describe",
        "List",
        "GetKey",
        "GetPublicKey",
        "GetParametersForImport",
        "Generate",
        "Verify",
    ]
    .iter()
    .any(|start| name.starts_with(start))
        || matches!(
            operation,
            Operation::Encrypt
                | Operation::Decrypt
                | Operation::ReEncrypt
                | Operation::Sign
                | Operation::DeriveSharedSecret
                | Operation::Encapsulate
                | Operation::Decapsulate
        )
}
