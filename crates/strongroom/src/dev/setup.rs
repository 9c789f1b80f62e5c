//! One virtual HSM, one key, one key store, one credential: made, or found again.

use std::net::SocketAddr;
use std::path::Path;

use admin::Client;
use admin::message::{NewBinding, NewCredential, NewKey, NewKeyManager, NewKeyStore};
use anyhow::Context;

use super::contract::{Admin, Contract, Xks};

/// The name of everything that `dev` makes.
const NAME: &str = "dev";
/// What the printed lines sign for; the key store takes any.
const REGION: &str = "us-east-1";

/// Makes what is not there yet, through the management API like anybody.
pub(super) async fn key_store(client: &Client, dir: &Path, address: SocketAddr) -> anyhow::Result<Contract> {
    make_missing(client).await?;
    let store = client.key_store(NAME).await?;
    let binding = store
        .view
        .bindings
        .iter()
        .find(|binding| binding.external_key_id == NAME);
    let external_key_id = binding.context("the key store `dev` has no external key `dev`")?;
    let (access_key_id, secret_access_key) = credential(client, dir).await?;
    Ok(Contract {
        xks: Xks {
            endpoint: format!("https://localhost:{}", address.port()),
            uri_path: store.uri_path.clone(),
            access_key_id,
            secret_access_key,
            region: REGION.to_owned(),
            external_key_id: external_key_id.external_key_id.clone(),
            ca_certificate: dir.join("ca.pem"),
        },
        kms: None,
        admin: Admin {
            socket: client.socket().to_owned(),
        },
        pid: std::process::id(),
    })
}

async fn make_missing(client: &Client) -> anyhow::Result<()> {
    if !client
        .key_managers()
        .await?
        .iter()
        .any(|manager| manager.name == NAME)
    {
        let new = NewKeyManager {
            kind: None,
            name: NAME.to_owned(),
        };
        client.create_key_manager(&new).await?;
    }
    if !client.keys(Some(NAME)).await?.iter().any(|key| key.name == NAME) {
        let new = NewKey {
            key_manager: NAME.to_owned(),
            kind: None,
            name: NAME.to_owned(),
            usage: None,
        };
        client.create_key(&new).await?;
    }
    if !client
        .key_stores()
        .await?
        .iter()
        .any(|store| store.view.name == NAME)
    {
        let new = NewKeyStore {
            name: NAME.to_owned(),
            ..NewKeyStore::default()
        };
        client.create_key_store(&new).await?;
    }
    let bindings = client.key_store(NAME).await?.view.bindings;
    if !bindings.iter().any(|binding| binding.external_key_id == NAME) {
        let new = NewBinding {
            key: NAME.to_owned(),
            external_key_id: Some(NAME.to_owned()),
            ..NewBinding::default()
        };
        client.bind(NAME, &new).await?;
    }
    Ok(())
}

/// The credential of the run before, if it still opens the key store; a new one otherwise.
async fn credential(client: &Client, dir: &Path) -> anyhow::Result<(String, String)> {
    if let Some(Contract { xks, .. }) = Contract::read(dir) {
        let known = client.credentials(NAME).await?;
        let usable = |id: &str| {
            known
                .iter()
                .any(|known| known.access_key_id == id && known.retired.is_none())
        };
        if usable(&xks.access_key_id) {
            return Ok((xks.access_key_id, xks.secret_access_key));
        }
    }
    let mut issued = client.add_credential(NAME, &NewCredential::default()).await?;
    let secret = issued
        .secret_access_key
        .take()
        .context("the answer has no secret")?;
    Ok((std::mem::take(&mut issued.access_key_id), secret))
}
