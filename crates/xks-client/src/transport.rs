//! The way to proxies, shared by all key stores: the network, trusted roots, host names that are
//! found elsewhere, and the client's own certificate.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ambient::Clock;
use rustls::ClientConfig;
use serde::Deserialize;

use crate::client::DEADLINE;
use crate::network::{Network, SystemNetwork};
use crate::tls;

/// The port of every proxy (XKS-TLS-04); an endpoint cannot name another.
const PORT: u16 = 443;

/// How proxies are reached: a section of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TransportConfig {
    /// What a try may take: [`DEADLINE`] unless whoever configures the KMS endpoint says otherwise. A
    /// machine that tests run on beside much else may not always make AWS's 250 ms.
    #[serde(skip)]
    pub deadline: Duration,
    /// Roots (PEM) for hosts whose route names none. Without it those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// The certificate for proxies that ask for one (mTLS). AWS's has the common name
    /// `cks.kms.<region>.amazonaws.com`.
    pub client_certificate: Option<ClientCertificateConfig>,
    /// Hosts that are found elsewhere than at their own name's port 443.
    pub routes: Vec<RouteConfig>,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            deadline: DEADLINE,
            ca_file: None,
            client_certificate: None,
            routes: Vec::new(),
        }
    }
}

/// A certificate chain and its private key, both PEM.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientCertificateConfig {
    /// The chain, our own certificate first.
    pub certificate_file: PathBuf,
    /// Its private key.
    pub private_key_file: PathBuf,
}

/// As `curl --connect-to` and `--cacert`: where a host is found, and whom its certificate is to be
/// from. The host's name remains what its certificate must be for, and what is signed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteConfig {
    /// The host name of an `XksProxyUriEndpoint`, e.g. `xks.localhost`.
    pub host: String,
    /// `name:port` or an IP address with a port. Without it the host's own name, port 443.
    #[serde(default)]
    pub address: Option<String>,
    /// Roots (PEM) for this host, in place of all others.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// The way to proxies cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// A file is not there, or not what it should be.
    #[error("{path}: {fault}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// Two routes are for one host.
    #[error("there are two routes for the host {0:?}: leave one")]
    RepeatedHost(String),
    /// An address without a port.
    #[error("the address {0:?} of a route is not of the form host:port, such as 127.0.0.1:8443")]
    Address(String),
    /// TLS cannot be configured.
    #[error("TLS: {0}")]
    Tls(String),
}

/// The way to proxies. Cheap to clone; its TLS sessions are shared by all clients made from it.
#[derive(Clone)]
pub struct Transport(Arc<Inner>);

struct Inner {
    network: Arc<dyn Network>,
    clock: Arc<dyn Clock>,
    tls: Arc<ClientConfig>,
    deadline: Duration,
    routes: HashMap<String, Route>,
}

struct Route {
    address: Option<String>,
    tls: Option<Arc<ClientConfig>>,
}

impl Transport {
    /// Reads the files. Blocks shortly.
    pub fn new(config: &TransportConfig, clock: Arc<dyn Clock>) -> Result<Self, TransportError> {
        Self::with_network(config, clock, Arc::new(SystemNetwork))
    }

    /// As [`Transport::new`], over another network.
    pub fn with_network(
        config: &TransportConfig,
        clock: Arc<dyn Clock>,
        network: Arc<dyn Network>,
    ) -> Result<Self, TransportError> {
        let own = config.client_certificate.as_ref();
        let roots = match &config.ca_file {
            Some(path) => tls::roots_of(path)?,
            None => tls::system_roots(),
        };
        let mut routes = HashMap::new();
        for route in &config.routes {
            let made = Route {
                address: route.address.as_deref().map(checked_address).transpose()?,
                tls: route
                    .ca_file
                    .as_ref()
                    .map(|path| tls::client_config(tls::roots_of(path)?, own, &clock))
                    .transpose()?,
            };
            if routes.insert(route.host.to_ascii_lowercase(), made).is_some() {
                return Err(TransportError::RepeatedHost(route.host.clone()));
            }
        }
        Ok(Self(Arc::new(Inner {
            tls: tls::client_config(roots, own, &clock)?,
            deadline: config.deadline,
            network,
            clock,
            routes,
        })))
    }

    pub(crate) fn network(&self) -> &dyn Network {
        &*self.0.network
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    pub(crate) fn deadline(&self) -> Duration {
        self.0.deadline
    }

    /// Where to connect to for this host.
    pub(crate) fn address(&self, host: &str) -> String {
        self.route(host)
            .and_then(|route| route.address.clone())
            .unwrap_or_else(|| format!("{host}:{PORT}"))
    }

    pub(crate) fn tls(&self, host: &str) -> Arc<ClientConfig> {
        let route = self.route(host).and_then(|route| route.tls.as_ref());
        Arc::clone(route.unwrap_or(&self.0.tls))
    }

    fn route(&self, host: &str) -> Option<&Route> {
        self.0.routes.get(&host.to_ascii_lowercase())
    }
}

fn checked_address(text: &str) -> Result<String, TransportError> {
    let port = text
        .rsplit_once(':')
        .map(|(host, port)| (host, port.parse::<u16>()));
    match port {
        Some((host, Ok(port))) if !host.is_empty() && port > 0 => Ok(text.to_owned()),
        Some(_) | None => Err(TransportError::Address(text.to_owned())),
    }
}
