//! Certificates, good and bad.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};

use super::HOST;

/// What the proxy shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateKind {
    /// For [`HOST`], until the end of 2098.
    Good,
    /// Signed by the same authority, for another host.
    OtherName,
    /// Expired in 2021.
    Expired,
    /// Signed by nobody that a client trusts.
    Untrusted,
    /// Good, until the start of this year.
    Until(i32),
    /// Good, but TLS 1.2 alone.
    Tls12,
    /// Good, but none of the cipher suites that KMS has: AES-128 alone.
    OtherSuites,
    /// Good, and asks for a client certificate of [`Authority::client`].
    AsksForClient,
}

/// Signs certificates; writes its own into a file, for clients to trust.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
    directory: PathBuf,
}

impl Authority {
    pub(super) fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let directory = std::env::temp_dir().join(format!("xks-authority-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let (issuer, certificate) = root(&format!("testkit authority {count}"));
        std::fs::write(directory.join("ca.pem"), certificate.pem()).unwrap();
        Self {
            issuer,
            certificate,
            directory,
        }
    }

    /// The authority's certificate (PEM).
    pub fn ca_file(&self) -> PathBuf {
        self.directory.join("ca.pem")
    }

    /// Writes a client's certificate and key; their files.
    pub fn client(&self, common_name: &str) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = (
            self.directory.join("client.pem"),
            self.directory.join("client.key"),
        );
        std::fs::write(&files.0, certificate.pem()).unwrap();
        std::fs::write(&files.1, key.serialize_pem()).unwrap();
        files
    }

    pub(super) fn server(&self, kind: CertificateKind) -> Arc<ServerConfig> {
        let host = match kind {
            CertificateKind::OtherName => "other.example.com",
            _ => HOST,
        };
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, host);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = match kind {
            CertificateKind::Expired => rcgen::date_time_ymd(2021, 1, 1),
            CertificateKind::Until(year) => rcgen::date_time_ymd(year, 1, 1),
            _ => rcgen::date_time_ymd(2099, 1, 1),
        };
        let key = KeyPair::generate().unwrap();
        let certificate = match kind {
            CertificateKind::Untrusted => params.signed_by(&key, &root("nobody's authority").0),
            _ => params.signed_by(&key, &self.issuer),
        };
        let both: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
        let versions = match kind {
            CertificateKind::Tls12 => &[&version::TLS12],
            _ => both,
        };
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        if kind == CertificateKind::OtherSuites {
            provider
                .cipher_suites
                .retain(|suite| format!("{:?}", suite.suite()).contains("AES_128_GCM"));
        }
        let provider = Arc::new(provider);
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .unwrap();
        let builder = if kind == CertificateKind::AsksForClient {
            let mut roots = RootCertStore::empty();
            roots.add(self.certificate.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let chain = vec![certificate.unwrap().der().clone()];
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Arc::new(builder.with_single_cert(chain, key).unwrap())
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(Path::new(&self.directory)));
    }
}

fn root(name: &str) -> (Issuer<'static, KeyPair>, rcgen::Certificate) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2120, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (Issuer::new(params, key), certificate)
}
