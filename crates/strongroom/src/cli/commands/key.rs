//! `key create|list|show|enable|disable`

use admin::message::NewKey;
use warden::view::KeyView;

use super::{Call, short};
use crate::cli::args::KeyCommand;
use crate::cli::output::{fields, list, table};

pub(in crate::cli) async fn run(command: KeyCommand, call: Call<'_>) -> anyhow::Result<()> {
    let client = &call.client;
    let view = match command {
        KeyCommand::List { vhsm } => {
            return call
                .output
                .show(&client.keys(vhsm.as_deref()).await?, |all| many(all));
        }
        KeyCommand::Create { name, vhsm, usage } => {
            let new = NewKey {
                key_manager: vhsm,
                name,
                usage: Some(usage),
            };
            client.create_key(&new).await?
        }
        KeyCommand::Show { key } => client.key(&key).await?,
        KeyCommand::Enable { key } => client.enable_key(&key).await?,
        KeyCommand::Disable { key } => client.disable_key(&key).await?,
    };
    call.output.show(&view, one)
}

fn one(view: &KeyView) -> String {
    let version = |version: &warden::view::KeyVersionView| {
        format!(
            "{} {}, {}, {}",
            version.tag,
            version.algorithm,
            version.fingerprint.as_ref().map_or_else(
                || "its bytes never left the HSM".to_owned(),
                |fingerprint| format!("fingerprint {fingerprint}")
            ),
            short(&version.created)
        )
    };
    let versions: Vec<String> = view.versions.iter().map(version).collect();
    fields(&[
        ("id", view.id.clone()),
        ("name", view.name.clone()),
        (
            "vhsm",
            format!("{} ({})", view.key_manager, view.key_manager_name),
        ),
        ("usage", view.usage.clone()),
        ("state", view.state.clone()),
        ("created", short(&view.created)),
        ("versions", list(&versions)),
        ("bound as", list(&view.bindings)),
    ])
}

fn many(views: &[KeyView]) -> String {
    let row = |view: &KeyView| {
        vec![
            view.id.clone(),
            view.name.clone(),
            view.key_manager_name.clone(),
            view.usage.clone(),
            view.state.clone(),
            short(&view.created),
        ]
    };
    let rows: Vec<_> = views.iter().map(row).collect();
    let nothing = "there is no key yet: strongroom key create NAME --vhsm VHSM";
    table(
        &["id", "name", "vhsm", "usage", "state", "created"],
        &rows,
        nothing,
    )
}
