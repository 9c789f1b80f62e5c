//! What a listener is: address, certificates, clients, limits. Read from a file, checked whole.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

use crate::error::ConfigError;
use crate::limits::{Deadlines, Limits};
use crate::network::Network;
use crate::units;

/// One listener, as the configuration file says it. Unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerConfig {
    /// How key stores, logs and metrics call it: 1 to 64 letters, digits, `-`, `_`.
    pub name: String,
    /// `"0.0.0.0:8443"`, `"[::1]:8443"` or `"unix:/run/strongroom/admin.sock"`; port 0 lets the
    /// system choose.
    pub address: Address,
    /// HTTPS; without it the listener speaks plain HTTP, on loopback and Unix sockets only.
    pub tls: Option<TlsConfig>,
    /// Which client certificates are accepted; without it none is asked for.
    pub mtls: Option<ClientAuthConfig>,
    /// Load balancers that tell the client's address by PROXY protocol version 2.
    pub proxy_protocol: Option<ProxyProtocolConfig>,
    /// Sizes, counts and times.
    #[serde(default)]
    pub limits: Limits,
    /// Until when an answer is of use.
    #[serde(default)]
    pub deadlines: Deadlines,
    /// Permission bits of a Unix socket, octal text. Default `"0660"`: owner and group; who may do
    /// what is decided by the peer's uid.
    #[serde(default = "owner_and_group", deserialize_with = "units::file_mode")]
    pub socket_mode: u32,
    /// Allows plain HTTP on an address that other machines reach, for health probes alone.
    #[serde(default)]
    pub danger_plain_http: bool,
}

const fn owner_and_group() -> u32 {
    0o660
}

/// Where the server's certificate and key are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// PEM: the server's certificate first, then the intermediate ones.
    pub certificate_file: PathBuf,
    /// PEM: the private key (PKCS#8, PKCS#1 or SEC1).
    pub private_key_file: PathBuf,
    /// DNS names that the certificate must cover (XKS-TLS-02), checked at start and reload.
    #[serde(default)]
    pub names: Vec<String>,
}

/// Which clients may finish the handshake (XKS-MTLS-02): both conditions must hold.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientAuthConfig {
    /// PEM files of the CAs at which a client's chain must end.
    pub ca_files: Vec<PathBuf>,
    /// The exact subject common names accepted, compared byte by byte.
    pub common_names: Vec<String>,
}

/// From whom a PROXY protocol header is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyProtocolConfig {
    /// Networks of the load balancers. Their connections must begin with a header; everybody
    /// else's must not, and is refused when it does.
    pub trusted: Vec<Network>,
}

impl ListenerConfig {
    /// A listener with every default; without TLS until `tls` is set.
    pub fn new(name: impl Into<String>, address: Address) -> Self {
        Self {
            name: name.into(),
            address,
            tls: None,
            mtls: None,
            proxy_protocol: None,
            limits: Limits::default(),
            deadlines: Deadlines::default(),
            socket_mode: owner_and_group(),
            danger_plain_http: false,
        }
    }

    /// Checks everything that needs no file: names, ranges, and what fits together.
    pub fn check(&self) -> Result<(), ConfigError> {
        let name = &self.name;
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if !(1..=64).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(ConfigError::Name(name.clone()));
        }
        if self.mtls.is_some() && self.tls.is_none() {
            return Err(ConfigError::ClientAuthWithoutTls(name.clone()));
        }
        self.check_address()?;
        self.check_lists()?;
        self.limits.check()?;
        self.deadlines.check()
    }

    fn check_address(&self) -> Result<(), ConfigError> {
        let name = self.name.clone();
        match &self.address {
            Address::Unix(_) => {
                for (table, present) in [
                    ("tls", self.tls.is_some()),
                    ("proxy_protocol", self.proxy_protocol.is_some()),
                ] {
                    if present {
                        return Err(ConfigError::NotOnUnixSocket { name, table });
                    }
                }
                Ok(())
            }
            Address::Tcp(address) => {
                if self.tls.is_some() || self.danger_plain_http || address.ip().is_loopback() {
                    return Ok(());
                }
                let address = address.to_string();
                Err(ConfigError::PlainHttp { name, address })
            }
        }
    }

    fn check_lists(&self) -> Result<(), ConfigError> {
        let mut lists = Vec::new();
        if let Some(mtls) = &self.mtls {
            lists.push(("mtls.ca_files", mtls.ca_files.is_empty()));
            lists.push(("mtls.common_names", mtls.common_names.is_empty()));
        }
        if let Some(proxy) = &self.proxy_protocol {
            lists.push(("proxy_protocol.trusted", proxy.trusted.is_empty()));
        }
        match lists.into_iter().find(|(_, empty)| *empty) {
            None => Ok(()),
            Some((list, _)) => Err(ConfigError::EmptyList {
                name: self.name.clone(),
                list,
            }),
        }
    }
}

/// Where a listener listens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Address {
    /// An IP address and port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:").filter(|path| path.starts_with('/')) {
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        text.parse().map(Self::Tcp).map_err(|_| {
            format!(
                "{text:?} is no address: write \"0.0.0.0:8443\", \"[::1]:8443\" or \"unix:/absolute/path\""
            )
        })
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
