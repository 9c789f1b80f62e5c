//! `GET /v1/status`

use warden::view::StatusView;
use warden::{Actor, Warden};

use super::call::{Call, Reply};
use crate::error::Refusal;
use crate::message::Status;
use crate::{NodeStatus, SealStatus};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// For actors: everything.
pub(super) fn show(call: &Call<'_>) -> Result<Reply, Refusal> {
    Reply::json(&whole(call, call.warden.status()))
}

pub(super) fn whole(call: &Call<'_>, view: StatusView) -> Status {
    Status {
        ready: view.ready,
        version: VERSION.to_owned(),
        actor: Some(name_and_role(call.actor)),
        node: Some((*call.node).clone()),
        seal: Some(call.seal.clone()),
        warden: Some(view),
    }
}

/// For actors, while sealed.
pub(super) fn sealed(actor: &Actor, node: &NodeStatus, seal: SealStatus) -> Result<Reply, Refusal> {
    Reply::json(&Status {
        ready: false,
        version: VERSION.to_owned(),
        actor: Some(name_and_role(actor)),
        node: Some(node.clone()),
        seal: Some(seal),
        warden: None,
    })
}

fn name_and_role(actor: &Actor) -> String {
    format!("{} ({})", actor.name, actor.role)
}

/// For anybody on this machine: whether it can serve, and nothing of what it serves.
pub(super) fn reduced(warden: Option<&Warden>) -> Result<Reply, Refusal> {
    Reply::json(&Status {
        ready: warden.is_some_and(|warden| warden.readiness().ready),
        version: VERSION.to_owned(),
        actor: None,
        node: None,
        seal: None,
        warden: None,
    })
}
