//! AWS's side of `dev`: an endpoint with throw-away identities, an external key store over our own
//! proxy, a KMS key and an alias; all of it made by calls of the KMS API, as anybody would.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use seal::harden::Hardening;
use serde_json::{Value, json};
use xks_client::RouteConfig;

use super::contract::{Kms, Xks};
use super::kms_api::Caller;
use crate::kms::config::Config;
use crate::kms::identities::FirstUser;
use crate::kms::init;
use crate::kms::server::Overrides;
pub(super) use crate::kms::server::Server;

/// The host name of the `XksProxyUriEndpoint`, which may carry no port; the endpoint's own
/// configuration says where it is.
const PROXY_HOST: &str = "xks.localhost";
/// What the endpoint is asked for.
const REGION: &str = "us-east-1";
/// The name of the custom key store and of the user.
pub(super) const NAME: &str = "dev";
/// The alias.
const ALIAS: &str = "alias/demo";
/// How often the connection state is looked at, at most; it takes a second here.
const POLLS: u32 = 60;
/// DescribeCustomKeyStores has a quota of 5 requests a second.
const POLL: Duration = Duration::from_millis(250);

/// Where the endpoint keeps its data, apart from the proxy's.
pub(super) fn data_dir(dir: &Path) -> PathBuf {
    dir.join("kms")
}

/// Starts the endpoint: on this address, trusting our own CA, and finding the proxy where it is.
pub(super) async fn start(
    dir: &Path,
    listen: SocketAddr,
    xks: &Xks,
    proxy: SocketAddr,
    hardening: Hardening,
) -> anyhow::Result<Server> {
    let overrides = Overrides {
        hardening: Some(hardening),
        ..Overrides::default()
    };
    let mut config = Config::new(data_dir(dir));
    let address = listener::Address::Tcp(listen);
    config
        .listeners
        .push(listener::ListenerConfig::new("kms", address));
    config.kms.key_stores.proxies.routes.push(RouteConfig {
        host: PROXY_HOST.to_owned(),
        address: Some(proxy.to_string()),
        ca_file: Some(xks.ca_certificate.clone()),
    });
    let places = config.places();
    if !places.store.exists() {
        let user = FirstUser::generate(NAME, &*overrides.random)?;
        init::create(&places, &user, overrides.clock.clone(), &*overrides.random).await?;
    }
    Server::start(config, overrides)
        .await
        .map_err(|error| super::name_option(error, "--kms-listen"))
        .context("the KMS endpoint cannot start")
}

/// What is there for the user: made, or found again.
pub(super) async fn furnish(server: &Server, dir: &Path, xks: &Xks) -> anyhow::Result<Kms> {
    let address = server.address().context("the KMS endpoint has no listener")?;
    let user = FirstUser::read(&Config::new(data_dir(dir)).places().identities, NAME)?;
    let mut caller = Caller::connect(address, REGION, &user).await?;
    let custom_key_store_id = custom_key_store(&mut caller, xks).await?;
    connect(&mut caller, &custom_key_store_id).await?;
    let key_arn = key(&mut caller, &custom_key_store_id, &xks.external_key_id).await?;
    Ok(Kms {
        endpoint: format!("http://{address}"),
        region: REGION.to_owned(),
        access_key_id: user.access_key_id.clone(),
        secret_access_key: user.secret_access_key.clone(),
        account: user.account.clone(),
        custom_key_store_id,
        key_arn,
        alias: ALIAS.to_owned(),
        xks_proxy_uri_endpoint: format!("https://{PROXY_HOST}"),
    })
}

/// The custom key store, if there is one. Looked for in the list, as the alias is: asked for by its
/// name, it would leave the log of a first start with a failure.
async fn describe(caller: &mut Caller) -> anyhow::Result<Option<Value>> {
    named(
        caller,
        "DescribeCustomKeyStores",
        "/CustomKeyStores",
        ("/CustomKeyStoreName", NAME),
    )
    .await
}

/// The one of a listing, on whatever page it is, that has this name.
async fn named(
    caller: &mut Caller,
    operation: &'static str,
    listing: &str,
    (member, name): (&str, &str),
) -> anyhow::Result<Option<Value>> {
    let mut input = json!({});
    loop {
        let page = caller.call(operation, &input).await??;
        let items = page.pointer(listing).and_then(Value::as_array);
        let is_it = |item: &&Value| item.pointer(member).and_then(Value::as_str) == Some(name);
        if let Some(item) = items.into_iter().flatten().find(is_it) {
            return Ok(Some(item.clone()));
        }
        match page.pointer("/NextMarker") {
            Some(marker) => input = json!({ "Marker": marker }),
            None => return Ok(None),
        }
    }
}

/// The custom key store's id.
async fn custom_key_store(caller: &mut Caller, xks: &Xks) -> anyhow::Result<String> {
    let credential = json!({
        "AccessKeyId": xks.access_key_id,
        "RawSecretAccessKey": xks.secret_access_key,
    });
    let Some(store) = describe(caller).await? else {
        let input = json!({
            "CustomKeyStoreName": NAME,
            "CustomKeyStoreType": "EXTERNAL_KEY_STORE",
            "XksProxyConnectivity": "PUBLIC_ENDPOINT",
            "XksProxyUriEndpoint": format!("https://{PROXY_HOST}"),
            "XksProxyUriPath": xks.uri_path,
            "XksProxyAuthenticationCredential": credential,
        });
        let made = caller.call("CreateCustomKeyStore", &input).await??;
        return text(&made, "/CustomKeyStoreId");
    };
    let id = text(&store, "/CustomKeyStoreId")?;
    // The proxy's key store may have been made anew, or its credential.
    let same = text(&store, "/XksProxyConfiguration/AccessKeyId")? == xks.access_key_id
        && text(&store, "/XksProxyConfiguration/UriPath")? == xks.uri_path;
    if !same {
        let input = json!({
            "CustomKeyStoreId": id,
            "XksProxyUriPath": xks.uri_path,
            "XksProxyAuthenticationCredential": credential,
        });
        caller.call("UpdateCustomKeyStore", &input).await??;
    }
    Ok(id)
}

/// Connects the custom key store, unless it is, and waits until it is.
async fn connect(caller: &mut Caller, id: &str) -> anyhow::Result<()> {
    let input = json!({ "CustomKeyStoreId": id });
    for _ in 0..POLLS {
        let store = describe(caller).await?.context("the custom key store is gone")?;
        match text(&store, "/ConnectionState")?.as_str() {
            "CONNECTED" => return Ok(()),
            "DISCONNECTED" => drop(caller.call("ConnectCustomKeyStore", &input).await??),
            "FAILED" => {
                let code = store.pointer("/ConnectionErrorCode").and_then(Value::as_str);
                bail!(
                    "the custom key store cannot be connected: {}",
                    code.unwrap_or_default()
                );
            }
            _ => tokio::time::sleep(POLL).await,
        }
    }
    bail!("the custom key store was not connected in time");
}

/// The ARN of the KMS key behind the alias.
async fn key(caller: &mut Caller, custom_key_store_id: &str, xks_key_id: &str) -> anyhow::Result<String> {
    if let Some(alias) = named(caller, "ListAliases", "/Aliases", ("/AliasName", ALIAS)).await? {
        let input = json!({ "KeyId": text(&alias, "/TargetKeyId")? });
        let described = caller.call("DescribeKey", &input).await??;
        return text(&described, "/KeyMetadata/Arn");
    }
    let input = json!({
        "Description": "Made by strongroom dev",
        "Origin": "EXTERNAL_KEY_STORE",
        "CustomKeyStoreId": custom_key_store_id,
        "XksKeyId": xks_key_id,
    });
    let arn = match caller.call("CreateKey", &input).await? {
        Ok(made) => text(&made, "/KeyMetadata/Arn")?,
        // Made by a run that ended before the alias was.
        Err(refused) if refused.name == "XksKeyAlreadyInUseException" => existing(caller, xks_key_id).await?,
        Err(refused) => return Err(refused.into()),
    };
    let input = json!({ "AliasName": ALIAS, "TargetKeyId": arn.rsplit('/').next() });
    caller.call("CreateAlias", &input).await??;
    Ok(arn)
}

async fn existing(caller: &mut Caller, xks_key_id: &str) -> anyhow::Result<String> {
    let list = caller.call("ListKeys", &json!({})).await??;
    let keys = list.pointer("/Keys").and_then(Value::as_array);
    for key in keys.into_iter().flatten() {
        let input = json!({ "KeyId": text(key, "/KeyId")? });
        let described = caller.call("DescribeKey", &input).await??;
        let id = described.pointer("/KeyMetadata/XksKeyConfiguration/Id");
        if id.and_then(Value::as_str) == Some(xks_key_id) {
            return text(&described, "/KeyMetadata/Arn");
        }
    }
    bail!("the external key is in use by a KMS key that cannot be found");
}

/// Encrypts and decrypts through the endpoint and compares.
pub(super) async fn round_trip(contract: &Kms, server: &Server) -> anyhow::Result<()> {
    let address = server.address().context("the KMS endpoint has no listener")?;
    let user = FirstUser {
        name: NAME.to_owned(),
        account: contract.account.clone(),
        access_key_id: contract.access_key_id.clone(),
        secret_access_key: contract.secret_access_key.clone(),
    };
    let mut caller = Caller::connect(address, REGION, &user).await?;
    let context = json!({ "project": "nile", "department": "marketing" });
    let input = json!({
        "KeyId": contract.alias,
        "Plaintext": super::proof::PLAINTEXT,
        "EncryptionContext": context,
    });
    let encrypted = caller.call("Encrypt", &input).await??;
    let input = json!({
        "CiphertextBlob": text(&encrypted, "/CiphertextBlob")?,
        "EncryptionContext": context,
    });
    let decrypted = caller.call("Decrypt", &input).await??;
    ensure!(
        text(&decrypted, "/Plaintext")? == super::proof::PLAINTEXT,
        "Decrypt gave another plaintext than was encrypted"
    );
    Ok(())
}

fn text(value: &Value, pointer: &str) -> anyhow::Result<String> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found
        .map(str::to_owned)
        .with_context(|| format!("the endpoint's answer has no {pointer}"))
}
