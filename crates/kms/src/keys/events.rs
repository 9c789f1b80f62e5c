//! What the endpoint does to keys by itself, for CloudTrail (`AwsServiceEvent`).

use ambient::Timestamp;
use kms_api::RotationType;
use serde_json::{Map, Value};

use crate::Kms;
use crate::state::Key;
use crate::state::record::RotationKind;
use crate::trail::ServiceEvent;

/// A key's material is new.
pub(super) fn rotated(kms: &Kms, key: &Key, kind: RotationKind, at: Timestamp) {
    let kind = rotation_type(kind).as_str();
    let details = [("rotationType".to_owned(), Value::from(kind))];
    record(kms, key, "RotateKey", details.into_iter().collect(), at);
    tracing::info!(key = %key.arn, kind, "key material rotated");
}

/// A key's waiting period was over; `more` says what became of its key object in a cluster.
pub(super) fn deleted(kms: &Kms, key: &Key, more: Vec<(String, Value)>, at: Timestamp) {
    record_with(kms, key, "DeleteKey", Map::new(), more, at);
    tracing::info!(key = %key.arn, "KMS key deleted: its waiting period is over");
}

/// AWS's word.
pub(super) const fn rotation_type(kind: RotationKind) -> RotationType {
    match kind {
        RotationKind::Automatic => RotationType::Automatic,
        RotationKind::OnDemand => RotationType::OnDemand,
    }
}

fn record(kms: &Kms, key: &Key, name: &'static str, details: Map<String, Value>, at: Timestamp) {
    record_with(kms, key, name, details, Vec::new(), at);
}

fn record_with(
    kms: &Kms,
    key: &Key,
    name: &'static str,
    details: Map<String, Value>,
    more: Vec<(String, Value)>,
    at: Timestamp,
) {
    let origin = &key.record.origin;
    let store = origin.custom_key_store_id();
    let additional = store.map(|store| ("customKeyStoreId".to_owned(), Value::from(store)));
    kms.trail().service_event(&ServiceEvent {
        name,
        region: key.record.realm.region.as_str(),
        account: key.record.realm.account,
        key_arn: &key.arn,
        at,
        additional: additional.into_iter().chain(more).collect(),
        details,
    });
}
