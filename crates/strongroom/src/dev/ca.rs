//! The throw-away CA of `strongroom dev`, and a server certificate under it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::data_dir::write_private;

/// The names on the server's certificate: what curl and tools on this machine say, and the host
/// name of an `XksProxyUriEndpoint`, which may carry no port.
const NAMES: [&str; 3] = ["localhost", "xks.localhost", "127.0.0.1"];

/// The files of the CA and of the server.
#[derive(Clone, Debug)]
pub(super) struct Certificates {
    /// The CA's certificate, for clients to trust.
    pub(super) ca: PathBuf,
    /// The server's certificate.
    pub(super) certificate: PathBuf,
    /// The server's private key.
    pub(super) key: PathBuf,
}

impl Certificates {
    /// The ones in `dir`, or fresh ones if there are none. The CA's private key is kept nowhere:
    /// it signs one certificate and is gone, so nobody can abuse the trust put in this CA.
    pub(super) fn load_or_create(dir: &Path) -> anyhow::Result<Self> {
        let files = Self {
            ca: dir.join("ca.pem"),
            certificate: dir.join("server.pem"),
            key: dir.join("server.key"),
        };
        // The CA's certificate is written last, so it is there only if all three are.
        if !files.ca.exists() {
            files.create().context("cannot make the certificates")?;
        }
        Ok(files)
    }

    fn create(&self) -> anyhow::Result<()> {
        let ca_key = KeyPair::generate()?;
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params
            .distinguished_name
            .push(DnType::CommonName, "Strongroom dev throw-away CA");
        let ca = params.self_signed(&ca_key)?;
        let issuer = Issuer::new(params, ca_key);

        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(NAMES.map(String::from))?;
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &issuer)?;

        write_private(&self.key, key.serialize_pem().as_bytes())?;
        write_private(&self.certificate, certificate.pem().as_bytes())?;
        write_private(&self.ca, ca.pem().as_bytes())
    }
}
