//! Both sides as `strongroom dev` composes them, with AWS's request quotas out of the way.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Error, Result};
use listener::{Address, ListenerConfig, TlsConfig};
use serde_json::Value;
use strongroom::{config, kms, server};
use xks_client::RouteConfig;

use crate::server_process::announce;

/// Requests a second that nobody reaches here.
const UNLIMITED: f64 = 1_000_000.0;

/// Serves a data directory that `strongroom dev` made, on free ports, until it is killed.
pub(crate) async fn serve(directory: &Path) -> Result<()> {
    let proxy = server::Server::start(proxy(directory), server::Overrides::default()).await?;
    let address = proxy.xks_address().context("not a TCP address")?;
    let config = endpoint(directory, address)?;
    let endpoint = kms::server::Server::start(config, kms::server::Overrides::default()).await?;
    announce(endpoint.address().context("not a TCP address")?);
    std::future::pending().await
}

fn proxy(directory: &Path) -> config::Config {
    let mut config = config::Config::new(directory);
    let mut door = ListenerConfig::new("proxy", loopback());
    door.tls = Some(TlsConfig {
        certificate_file: directory.join("server.pem"),
        private_key_file: directory.join("server.key"),
        names: Vec::new(),
    });
    config.listeners.xks.push(door);
    config
}

fn endpoint(directory: &Path, proxy: SocketAddr) -> Result<kms::config::Config> {
    let contract: Value = serde_json::from_slice(&std::fs::read(directory.join("dev.json"))?)?;
    let uri = contract
        .pointer("/kms/xks_proxy_uri_endpoint")
        .and_then(Value::as_str)
        .context("dev.json does not name the proxy's endpoint")?;
    let mut config = kms::config::Config::new(directory.join("kms"));
    config.listeners.push(ListenerConfig::new("kms", loopback()));
    config.kms.key_stores.proxies.routes.push(RouteConfig {
        host: uri.trim_start_matches("https://").to_owned(),
        address: Some(proxy.to_string()),
        ca_file: Some(directory.join("ca.pem")),
    });
    config.kms.quotas.custom_key_store_requests_per_second = UNLIMITED.try_into().map_err(Error::msg)?;
    config.kms.quotas.cryptographic_requests_per_second = UNLIMITED.try_into().map_err(Error::msg)?;
    Ok(config)
}

fn loopback() -> Address {
    Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)))
}
