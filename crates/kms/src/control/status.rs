//! How the endpoint fares.

use super::message::{CustomKeyStoreStatus, NodeStatus, Status};
use crate::Kms;
use crate::state::record::Connection;
use crate::state::{CustomKeyStore, Model};

pub(super) fn status(kms: &Kms, node: &NodeStatus) -> Status {
    // Looks at the model too, so before it is held.
    let faults = super::faults::list(kms);
    let model = kms.state().read();
    let mut stores: Vec<_> = model
        .custom_key_stores()
        .map(|store| of_store(&model, store))
        .collect();
    stores.sort_by(|a, b| a.id.cmp(&b.id));
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        keys: model.keys().count(),
        custom_key_stores: stores,
        faults,
        alarms: kms.alarms().iter().map(ToString::to_string).collect(),
        node: node.clone(),
    }
}

fn of_store(model: &Model, store: &CustomKeyStore) -> CustomKeyStoreStatus {
    let record = &store.record;
    let (connection, connection_error) = match &record.connection {
        Connection::Connected => ("CONNECTED", None),
        Connection::Connecting => ("CONNECTING", None),
        Connection::Failed(code) => ("FAILED", Some(code.clone())),
        Connection::Disconnected => ("DISCONNECTED", None),
        Connection::Disconnecting => ("DISCONNECTING", None),
    };
    CustomKeyStoreStatus {
        id: record.id.clone(),
        name: record.name.clone(),
        account: record.realm.account.to_string(),
        region: record.realm.region.to_string(),
        proxy: format!("{}{}", record.uri_endpoint, record.uri_path),
        connection: connection.to_owned(),
        connection_error,
        keys: model
            .keys_of_store(&record.id)
            .map_or(0, std::collections::BTreeMap::len),
    }
}
