//! `vhsm create|list|rotate-kek`

use admin::message::NewKeyManager;
use warden::view::KeyManagerView;

use super::{Call, short};
use crate::cli::args::VhsmCommand;
use crate::cli::output::{fields, table};

/// What a virtual HSM's key manager calls itself; HSMs are listed by `hsm list`.
const KIND: &str = "virtual-hsm";

pub(in crate::cli) async fn run(command: VhsmCommand, call: Call<'_>) -> anyhow::Result<()> {
    match command {
        VhsmCommand::Create { name } => {
            let made = call
                .client
                .create_key_manager(&NewKeyManager { kind: None, name })
                .await?;
            call.output.show(&made, one)
        }
        VhsmCommand::RotateKek { vhsm } => {
            let rotated = call.client.rotate_key_encryption_key(&vhsm).await?;
            call.output.show(&rotated, one)
        }
        VhsmCommand::List => {
            let mut all = call.client.key_managers().await?;
            all.retain(|manager| manager.kind == KIND);
            call.output.show(&all, |all| many(all))
        }
    }
}

fn one(view: &KeyManagerView) -> String {
    fields(&[
        ("id", view.id.clone()),
        ("name", view.name.clone()),
        ("kind", view.kind.clone()),
        ("created", short(&view.created)),
        ("health", health(view)),
    ])
}

fn many(views: &[KeyManagerView]) -> String {
    let row = |view: &KeyManagerView| {
        vec![
            view.id.clone(),
            view.name.clone(),
            view.keys.to_string(),
            health(view),
            short(&view.created),
        ]
    };
    let rows: Vec<_> = views.iter().map(row).collect();
    let nothing = "there is no virtual HSM yet: strongroom vhsm create NAME";
    table(&["id", "name", "keys", "health", "created"], &rows, nothing)
}

pub(super) fn health(view: &KeyManagerView) -> String {
    let statuses: Vec<String> = view
        .instances
        .iter()
        .map(|instance| instance.status.clone())
        .collect();
    if statuses.is_empty() {
        "not probed yet".to_owned()
    } else {
        statuses.join(", ")
    }
}
