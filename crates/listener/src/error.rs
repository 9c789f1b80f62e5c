//! What can go wrong before the first request: configuration, files, sockets.

use std::path::PathBuf;
use std::time::Duration;

/// A configuration that cannot be meant. Each message names the next step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The name is used in logs, metrics and by key stores.
    #[error("listener name {0:?} is not usable: give 1 to 64 letters, digits, '-' or '_'")]
    Name(String),
    /// Plain HTTP beyond this machine.
    #[error(
        "listener {name} would speak plain HTTP on {address}: add a [tls] table, use a loopback address, \
         or set danger_plain_http = true if it serves nothing but health probes"
    )]
    PlainHttp {
        /// The listener.
        name: String,
        /// Its address.
        address: String,
    },
    /// Client certificates need TLS.
    #[error("listener {0} has [mtls] but no [tls]: add certificate_file and private_key_file under [tls]")]
    ClientAuthWithoutTls(String),
    /// TLS or PROXY protocol on a Unix socket.
    #[error("listener {name} is a Unix socket and cannot have [{table}]: remove that table")]
    NotOnUnixSocket {
        /// The listener.
        name: String,
        /// `tls` or `proxy_protocol`.
        table: &'static str,
    },
    /// An empty list would refuse everybody, or allow everybody.
    #[error("listener {name}: {list} is empty: name at least one, or remove the table")]
    EmptyList {
        /// The listener.
        name: String,
        /// The empty list.
        list: &'static str,
    },
    /// A limit beyond what is sensible or what the protocol allows.
    #[error("limit {name} = {value} is out of range: choose {least} to {most}")]
    LimitOutOfRange {
        /// The limit.
        name: &'static str,
        /// Its configured value.
        value: u64,
        /// The smallest allowed.
        least: u64,
        /// The largest allowed.
        most: u64,
    },
    /// A time limit of zero refuses everything.
    #[error("{name} is zero: give a time such as \"5s\"")]
    ZeroDuration {
        /// The limit.
        name: &'static str,
    },
}

/// A certificate, key or CA file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read, or its PEM is broken.
    #[error("cannot read {}: {source}; check the path, its permissions and that it is PEM", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// The file holds no certificate.
    #[error("{} holds no certificate; expected PEM blocks \"CERTIFICATE\", the server's own first", .0.display())]
    NoCertificate(PathBuf),
    /// The certificate cannot be parsed.
    #[error("the certificate in {} cannot be parsed; issue it again", .0.display())]
    Certificate(PathBuf),
    /// Certificate and private key do not belong together, or the key is of an unusable kind.
    #[error("certificate {} and its private key cannot be used: {source}", path.display())]
    Pair {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The certificate is for another name.
    #[error("the certificate in {} does not cover {name:?} (tls.names); issue one that does", path.display())]
    Name {
        /// The certificate's file.
        path: PathBuf,
        /// The configured name.
        name: String,
    },
    /// A certificate outside its validity replaces none.
    #[error("the certificate in {} is not valid now; install one that is, then reload", .0.display())]
    NotValidNow(PathBuf),
    /// A CA certificate cannot be used as a trust anchor.
    #[error("a CA certificate in {} cannot be used: {source}", path.display())]
    Ca {
        /// The CA file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The TLS configuration as a whole is refused.
    #[error("TLS cannot be configured: {0}")]
    Configuration(String),
}

/// The listener cannot be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The configuration is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Certificates or keys are refused.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address cannot be bound.
    #[error("cannot listen on {address}: {source}; is another process using it?")]
    Address {
        /// What was to be bound.
        address: String,
        /// Why not.
        source: std::io::Error,
    },
    /// A living process answers on the Unix socket.
    #[error("{} is in use by a running server; stop that one first", .0.display())]
    SocketInUse(PathBuf),
    /// Something else is at the socket's path.
    #[error("{} exists and is not a socket; move it away or choose another path", .0.display())]
    NotASocket(PathBuf),
}

/// A reload was refused; everything stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The new configuration is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// New certificates or keys are refused.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Something that only a restart changes.
    #[error("{0} of a listener cannot change while it runs; restart the server for that")]
    Fixed(&'static str),
}

/// How long a time limit is, for messages.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
