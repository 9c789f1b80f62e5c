//! `key-store create|list|show|bind|block|unblock`

use admin::message::{Block, KeyStore, NewBinding, NewKeyStore, Unblock};
use warden::view::{BindingView, CredentialView};

use super::{Call, short, unless_empty};
use crate::cli::args::KeyStoreCommand;
use crate::cli::output::{fields, list, or_dash, table};

pub(in crate::cli) async fn run(command: KeyStoreCommand, call: Call<'_>) -> anyhow::Result<()> {
    let client = &call.client;
    let store = match command {
        KeyStoreCommand::List => return call.output.show(&client.key_stores().await?, |all| many(all)),
        KeyStoreCommand::Show { key_store } => client.key_store(&key_store).await?,
        KeyStoreCommand::Create {
            name,
            path_prefix,
            region,
            listeners,
            common_names,
        } => {
            let new = NewKeyStore {
                name,
                path_prefix,
                region,
                listeners: unless_empty(listeners),
                common_names: unless_empty(common_names),
            };
            client.create_key_store(&new).await?
        }
        KeyStoreCommand::Bind {
            key_store,
            key,
            external_key_id,
            principals,
            kms_keys,
        } => {
            let new = NewBinding {
                key,
                external_key_id,
                principals: unless_empty(principals),
                kms_keys: unless_empty(kms_keys),
            };
            client.bind(&key_store, &new).await?
        }
        KeyStoreCommand::Block {
            key_store,
            external_key_id,
            reason,
        } => {
            let block = Block {
                external_key_id,
                reason,
            };
            client.block(&key_store, &block).await?
        }
        KeyStoreCommand::Unblock {
            key_store,
            external_key_id,
        } => client.unblock(&key_store, &Unblock { external_key_id }).await?,
    };
    call.output.show(&store, one)
}

fn one(store: &KeyStore) -> String {
    let KeyStore { uri_path, view } = store;
    let all = |names: &Option<Vec<String>>, everything: &str| match names {
        Some(names) => list(names),
        None => everything.to_owned(),
    };
    let mut text = fields(&[
        ("id", view.id.clone()),
        ("name", view.name.clone()),
        ("XksProxyUriPath", uri_path.clone()),
        ("region", view.region.clone().unwrap_or_else(|| "any".to_owned())),
        ("listeners", all(&view.listeners, "every XKS listener")),
        (
            "common names",
            all(&view.common_names, "whatever the listener takes"),
        ),
        ("state", state(view.blocked.as_deref())),
        ("created", short(&view.created)),
    ]);
    text.push_str("\nexternal keys\n");
    text.push_str(&bindings(&view.bindings));
    text.push_str("\ncredentials\n");
    text.push_str(&credentials(&view.credentials));
    text
}

fn many(stores: &[KeyStore]) -> String {
    let row = |store: &KeyStore| {
        vec![
            store.view.id.clone(),
            store.view.name.clone(),
            store.uri_path.clone(),
            store.view.bindings.len().to_string(),
            state(store.view.blocked.as_deref()),
        ]
    };
    let rows: Vec<_> = stores.iter().map(row).collect();
    let nothing = "there is no key store yet: strongroom key-store create NAME";
    table(&["id", "name", "uri path", "keys", "state"], &rows, nothing)
}

fn bindings(views: &[BindingView]) -> String {
    let row = |view: &BindingView| {
        let everybody = || "any".to_owned();
        vec![
            view.external_key_id.clone(),
            view.key.clone(),
            view.principals.as_deref().map_or_else(everybody, list),
            view.foreign_keys.as_deref().map_or_else(everybody, list),
            state(view.blocked.as_deref()),
        ]
    };
    let rows: Vec<_> = views.iter().map(row).collect();
    let nothing = "none yet: strongroom key-store bind KEY_STORE KEY";
    table(
        &["external key id", "key", "principals", "kms keys", "state"],
        &rows,
        nothing,
    )
}

pub(super) fn credentials(views: &[CredentialView]) -> String {
    let time = |time: &Option<String>| or_dash(time.as_deref().map(short));
    let row = |view: &CredentialView| {
        vec![
            view.access_key_id.clone(),
            short(&view.created),
            time(&view.expires),
            time(&view.retired),
            time(&view.last_use),
        ]
    };
    let rows: Vec<_> = views.iter().map(row).collect();
    let nothing = "none yet: strongroom credential add KEY_STORE";
    table(
        &["access key id", "created", "expires", "retired", "last use"],
        &rows,
        nothing,
    )
}

fn state(blocked: Option<&str>) -> String {
    match blocked {
        Some(reason) => format!("BLOCKED: {reason}"),
        None => "open".to_owned(),
    }
}
