//! TLS as the XKS specification wants it, built from files.

use std::path::Path;
use std::sync::Arc;

use ambient::{Clock, Timestamp};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, ServerConfig, version};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

use crate::certificate::CertificateStatus;
use crate::client_auth::CommonNameVerifier;
use crate::config::{ClientAuthConfig, TlsConfig};
use crate::error::TlsError;

/// Everything about TLS that one generation of the configuration says.
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) certificate: CertificateStatus,
    pub(crate) clients: Option<Clients>,
}

/// Which clients are let in.
pub(crate) struct Clients {
    pub(crate) verifier: Arc<dyn ClientCertVerifier>,
    authorities: Vec<CertificateDer<'static>>,
    common_names: Vec<String>,
}

impl PartialEq for Clients {
    fn eq(&self, other: &Self) -> bool {
        self.authorities == other.authorities && self.common_names == other.common_names
    }
}

impl Tls {
    /// Reads every file and builds a configuration with session caches of its own.
    pub(crate) fn load(
        server: &TlsConfig,
        clients: Option<&ClientAuthConfig>,
        clock: &Arc<dyn Clock>,
    ) -> Result<Self, TlsError> {
        let path = &server.certificate_file;
        let chain = certificates(path)?;
        let own = chain
            .first()
            .ok_or_else(|| TlsError::NoCertificate(path.clone()))?;
        let certificate = CertificateStatus::of(own).ok_or_else(|| TlsError::Certificate(path.clone()))?;
        if let Some(name) = server.names.iter().find(|name| !certificate.covers(name)) {
            return Err(TlsError::Name {
                path: path.clone(),
                name: name.clone(),
            });
        }
        let key =
            PrivateKeyDer::from_pem_file(&server.private_key_file).map_err(|source| TlsError::File {
                path: server.private_key_file.clone(),
                source,
            })?;
        let provider = Arc::new(provider());
        let clients = clients
            .map(|clients| Clients::load(clients, &provider))
            .transpose()?;
        let time = Arc::new(ClockTime(Arc::clone(clock)));
        let builder = ServerConfig::builder_with_details(provider, time)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|error| TlsError::Configuration(error.to_string()))?;
        let builder = match &clients {
            Some(clients) => builder.with_client_cert_verifier(Arc::clone(&clients.verifier)),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|source| TlsError::Pair {
                path: path.clone(),
                source,
            })?;
        finish(&mut config)?;
        Ok(Self {
            config: Arc::new(config),
            certificate,
            clients,
        })
    }

    /// Whether the server's certificate is valid at `now`.
    pub(crate) fn is_valid(&self, now: Timestamp) -> bool {
        self.certificate.is_valid(now)
    }
}

fn finish(config: &mut ServerConfig) -> Result<(), TlsError> {
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    // Early data can be replayed.
    config.max_early_data_size = 0;
    // Tickets, under keys that live and die with this configuration; no table of sessions.
    config.ticketer =
        aws_lc_rs::Ticketer::new().map_err(|error| TlsError::Configuration(error.to_string()))?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 1;
    Ok(())
}

/// Exactly the cipher suites of the specification (XKS-TLS-01), both versions; the post-quantum
/// hybrid first, then what every client has.
fn provider() -> CryptoProvider {
    use aws_lc_rs::{cipher_suite as suite, kx_group as group};
    CryptoProvider {
        cipher_suites: vec![
            suite::TLS13_AES_256_GCM_SHA384,
            suite::TLS13_CHACHA20_POLY1305_SHA256,
            suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        ],
        kx_groups: vec![
            group::X25519MLKEM768,
            group::X25519,
            group::SECP256R1,
            group::SECP384R1,
        ],
        ..aws_lc_rs::default_provider()
    }
}

impl Clients {
    fn load(config: &ClientAuthConfig, provider: &Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        let mut authorities = Vec::new();
        for path in &config.ca_files {
            let found = certificates(path)?;
            if found.is_empty() {
                return Err(TlsError::NoCertificate(path.clone()));
            }
            for authority in found {
                roots.add(authority.clone()).map_err(|source| TlsError::Ca {
                    path: path.clone(),
                    source,
                })?;
                authorities.push(authority);
            }
        }
        let chain = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            .build()
            .map_err(|error| TlsError::Configuration(error.to_string()))?;
        let common_names = config.common_names.clone();
        Ok(Self {
            verifier: Arc::new(CommonNameVerifier::new(chain, common_names.clone())),
            authorities,
            common_names,
        })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |source| TlsError::File {
        path: path.to_owned(),
        source,
    };
    CertificateDer::pem_file_iter(path)
        .map_err(unreadable)?
        .collect::<Result<_, _>>()
        .map_err(unreadable)
}

/// Certificates are judged by our clock.
#[derive(Clone)]
pub(crate) struct ClockTime(pub(crate) Arc<dyn Clock>);

impl std::fmt::Debug for ClockTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClockTime")
    }
}

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        let since_epoch = std::time::Duration::from_micros(self.0.now().as_micros());
        Some(UnixTime::since_unix_epoch(since_epoch))
    }
}
