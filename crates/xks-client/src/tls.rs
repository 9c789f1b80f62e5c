//! TLS as KMS speaks it, and what the proxy's certificate says.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ambient::{Clock, Timestamp};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore, version};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::transport::{ClientCertificateConfig, TransportError};

/// Exactly the cipher suites of the specification (XKS-TLS-01); the post-quantum hybrid first.
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

/// A configuration that trusts these roots and shows this certificate to who asks for one.
pub(crate) fn client_config(
    roots: RootCertStore,
    own: Option<&ClientCertificateConfig>,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<ClientConfig>, TransportError> {
    let time = Arc::new(ClockTime(Arc::clone(clock)));
    let builder = ClientConfig::builder_with_details(Arc::new(provider()), time)
        .with_protocol_versions(&[&version::TLS13, &version::TLS12])
        .map_err(|source| TransportError::Tls(source.to_string()))?
        .with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => {
            let key = PrivateKeyDer::from_pem_file(&own.private_key_file).map_err(|source| {
                TransportError::File {
                    path: own.private_key_file.clone(),
                    fault: source.to_string(),
                }
            })?;
            builder
                .with_client_auth_cert(certificates(&own.certificate_file)?, key)
                .map_err(|source| TransportError::File {
                    path: own.certificate_file.clone(),
                    fault: source.to_string(),
                })?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Early data can be replayed.
    config.enable_early_data = false;
    Ok(Arc::new(config))
}

/// The roots in a PEM file.
pub(crate) fn roots_of(path: &Path) -> Result<RootCertStore, TransportError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|source| TransportError::File {
            path: path.to_owned(),
            fault: source.to_string(),
        })?;
    }
    Ok(roots)
}

/// The roots that the system trusts; what it has that is no certificate is left out.
pub(crate) fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TransportError> {
    let unreadable = |fault: String| TransportError::File {
        path: PathBuf::from(path),
        fault,
    };
    let found: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|source| unreadable(source.to_string()))?;
    if found.is_empty() {
        return Err(unreadable("no certificate in it".to_owned()));
    }
    Ok(found)
}

/// Certificates are judged by our clock.
struct ClockTime(Arc<dyn Clock>);

impl std::fmt::Debug for ClockTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClockTime")
    }
}

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_micros(
            self.0.now().as_micros(),
        )))
    }
}

/// What is worth knowing of the certificate that a proxy last showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyCertificate {
    /// The subject's common name, else the first DNS name; empty if there is neither.
    pub name: String,
    /// Valid until.
    pub not_after: Timestamp,
}

impl ProxyCertificate {
    /// Reads a certificate; `None` if it is not one.
    pub(crate) fn of(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let common_name = certificate.subject().iter_common_name().next();
        let common_name = common_name.and_then(|name| name.as_str().ok()).map(str::to_owned);
        let seconds = certificate.validity().not_after.timestamp();
        Some(Self {
            name: common_name
                .or_else(|| first_dns_name(&certificate))
                .unwrap_or_default(),
            not_after: Timestamp::from_secs(u64::try_from(seconds).unwrap_or(0)),
        })
    }
}

fn first_dns_name(certificate: &X509Certificate<'_>) -> Option<String> {
    let names = certificate.subject_alternative_name().ok()??;
    names.value.general_names.iter().find_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    })
}
