//! `GET /v1/status`

use warden::Warden;
use warden::view::StatusView;

use super::call::{Call, Reply};
use crate::error::Refusal;
use crate::message::Status;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// For actors: everything.
pub(super) fn show(call: &Call<'_>) -> Result<Reply, Refusal> {
    Reply::json(&whole(call, call.warden.status()))
}

pub(super) fn whole(call: &Call<'_>, view: StatusView) -> Status {
    Status {
        ready: view.ready,
        version: VERSION.to_owned(),
        actor: Some(format!("{} ({})", call.actor.name, call.actor.role)),
        node: Some((*call.node).clone()),
        warden: Some(view),
    }
}

/// For anybody on this machine: whether it can serve, and nothing of what it serves.
pub(super) fn reduced(warden: &Warden) -> Result<Reply, Refusal> {
    Reply::json(&Status {
        ready: warden.readiness().ready,
        version: VERSION.to_owned(),
        actor: None,
        node: None,
        warden: None,
    })
}
