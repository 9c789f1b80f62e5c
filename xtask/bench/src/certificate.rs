//! A throw-away certificate for the servers of our own, of the kind that `strongroom dev` makes:
//! ECDSA P-256, for `localhost`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rcgen::{CertifiedKey, generate_simple_self_signed};

/// Where a certificate and its key lie, both PEM. It is its own CA.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Certificate {
    /// Makes one in `directory`.
    pub(crate) fn make(directory: &Path) -> Result<Self> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()])?;
        let made = Self::within(directory);
        fs::write(&made.certificate, cert.pem()).context("cannot write the certificate")?;
        fs::write(&made.key, signing_key.serialize_pem()).context("cannot write the key")?;
        fs::set_permissions(&made.key, fs::Permissions::from_mode(0o600))?;
        Ok(made)
    }

    /// The one made in `directory` before.
    pub(crate) fn within(directory: &Path) -> Self {
        Self {
            certificate: directory.join("bench.crt"),
            key: directory.join("bench.key"),
        }
    }
}
