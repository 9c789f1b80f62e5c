//! How the endpoint fares.

use super::message::{ClusterStatus, CustomKeyStoreStatus, HsmStatus, NodeStatus, Status};
use crate::Kms;
use crate::state::record::{Connection, CustomKeyStoreRecord};
use crate::state::{CustomKeyStore, Model};

pub(super) fn status(kms: &Kms, node: &NodeStatus) -> Status {
    // Looks at the model too, so before it is held.
    let faults = super::faults::list(kms);
    let model = kms.state().read();
    let mut stores: Vec<_> = model
        .custom_key_stores()
        .map(|store| of_store(kms, &model, store))
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

fn of_store(kms: &Kms, model: &Model, store: &CustomKeyStore) -> CustomKeyStoreStatus {
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
        proxy: record
            .proxy()
            .map(|proxy| format!("{}{}", proxy.uri_endpoint, proxy.uri_path)),
        cluster: record.cluster().map(|cluster| ClusterStatus {
            id: cluster.cluster_id.clone(),
            hsms: hsms(kms, record),
        }),
        connection: connection.to_owned(),
        connection_error,
        keys: model
            .keys_of_store(&record.id)
            .map_or(0, std::collections::BTreeMap::len),
    }
}

fn hsms(kms: &Kms, record: &CustomKeyStoreRecord) -> Vec<HsmStatus> {
    let hsms = kms.cluster_of(record).map(|cluster| cluster.hsms());
    let hsms = hsms.unwrap_or_default().into_iter();
    hsms.map(|hsm| HsmStatus {
        name: hsm.name,
        state: hsm.state,
    })
    .collect()
}
