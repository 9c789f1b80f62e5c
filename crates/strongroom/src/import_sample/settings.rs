//! The sample's settings file, as far as it says something to us.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;
use zeroize::Zeroizing;

/// Longest settings file, in bytes.
const MOST: u64 = 1 << 20;

/// What we do not know: said, not dropped.
type Rest = BTreeMap<String, toml::Value>;

/// A secret of the file: wiped on drop, without `Debug`.
#[derive(Clone)]
pub(super) struct Secret(Zeroizing<String>);

impl Secret {
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

/// The whole file. Holds secrets, so it has no `Debug`.
#[derive(Deserialize)]
pub(crate) struct Settings {
    pub(super) server: Server,
    pub(super) security: Security,
    pub(super) tls: Option<Tls>,
    #[serde(default)]
    pub(super) tracing: Rest,
    pub(super) pkcs11: Pkcs11,
    pub(super) pkcs11_logger: Option<Pkcs11Logger>,
    #[serde(default)]
    pub(super) limits: Limits,
    pub(super) hsm_capabilities: Capabilities,
    pub(super) external_key_stores: Vec<KeyStore>,
    #[serde(flatten)]
    pub(super) rest: Rest,
}

#[derive(Deserialize)]
pub(super) struct Server {
    pub(super) ip: String,
    pub(super) port: u16,
    pub(super) port_http_ping: Option<u16>,
    pub(super) region: String,
    pub(super) service: String,
    pub(super) ciphertext_metadata_b64: Option<String>,
    #[serde(default)]
    pub(super) tcp_keepalive: Rest,
    #[serde(flatten)]
    pub(super) rest: Rest,
}

#[derive(Deserialize)]
pub(super) struct Security {
    pub(super) is_sigv4_auth_enabled: bool,
    pub(super) is_tls_enabled: bool,
    pub(super) is_mtls_enabled: bool,
    pub(super) secondary_auth: Option<String>,
    pub(super) oso: Option<Oso>,
    #[serde(flatten)]
    pub(super) rest: Rest,
}

#[derive(Deserialize)]
pub(super) struct Oso {
    pub(super) polar_file_path: String,
}

#[derive(Deserialize)]
pub(super) struct Tls {
    pub(super) tls_cert_pem: PathBuf,
    pub(super) tls_key_pem: PathBuf,
    pub(super) mtls_client_ca_pem: Option<PathBuf>,
    pub(super) mtls_client_dns_name: Option<String>,
    #[serde(flatten)]
    pub(super) rest: Rest,
}

#[derive(Deserialize)]
pub(super) struct Pkcs11 {
    pub(super) session_pool_max_size: usize,
    pub(super) user_pin: Secret,
    #[serde(rename = "PKCS11_HSM_MODULE")]
    pub(super) module: PathBuf,
    #[serde(default)]
    pub(super) session_eager_close: bool,
}

#[derive(Deserialize)]
pub(super) struct Pkcs11Logger {
    #[serde(rename = "PKCS11_LOGGER_LIBRARY_PATH", default)]
    pub(super) module: PathBuf,
}

#[derive(Default, Deserialize)]
pub(super) struct Limits {
    pub(super) max_plaintext_in_base64: Option<usize>,
    pub(super) max_aad_in_base64: Option<usize>,
}

#[derive(Clone, Copy, Deserialize)]
pub(super) struct Capabilities {
    pub(super) can_generate_iv: bool,
    pub(super) is_zero_iv_required: bool,
}

#[derive(Deserialize)]
pub(super) struct KeyStore {
    pub(super) uri_path_prefix: String,
    pub(super) sigv4_access_key_id: String,
    pub(super) sigv4_secret_access_key: Secret,
    pub(super) xks_key_id_set: BTreeSet<String>,
    #[serde(flatten)]
    pub(super) rest: Rest,
}

impl Settings {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        // Room for all of it: a text that grows leaves copies behind.
        let len = std::fs::metadata(path).map_or(0, |file| file.len().min(MOST));
        let mut text = Zeroizing::new(String::with_capacity(usize::try_from(len).unwrap_or(0) + 64));
        File::open(path)
            .and_then(|file| file.take(MOST + 1).read_to_string(&mut text))
            .with_context(|| format!("cannot read the sample's settings {shown}"))?;
        if text.len() as u64 > MOST {
            bail!("{shown} is longer than a settings file ever is");
        }
        Self::parse(&text)
            .with_context(|| format!("{shown} is no settings file of AWS's sample proxy (settings.toml)"))
    }

    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .and_then(|span| text.get(..span.start))
                .map_or(0, |before| before.matches('\n').count() + 1);
            // What toml says may quote the value, and so a secret.
            let message = error.message();
            let safe = match message.find("expected ") {
                Some(at) => message.get(at..).unwrap_or_default(),
                None if message.starts_with("missing field") => message,
                None => "not as the sample reads it",
            };
            anyhow::anyhow!("line {line}: {safe}")
        })
    }

    /// The vendor's module: the sample may have a logger stand before it.
    pub(super) fn module(&self) -> &Path {
        let logger = self.pkcs11_logger.as_ref().map(|logger| logger.module.as_path());
        match logger {
            Some(behind) if !behind.as_os_str().is_empty() && is_logger(&self.pkcs11.module) => behind,
            _ => &self.pkcs11.module,
        }
    }
}

/// By the name that pkcs11-logger's library has.
pub(super) fn is_logger(module: &Path) -> bool {
    let name = module.file_name().unwrap_or_default().to_string_lossy();
    name.contains("pkcs11-logger")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_named_by_its_place_alone() {
        let text = "[pkcs11]\nuser_pin = 12345678\n";
        let error = Settings::parse(text).err().unwrap().to_string();
        assert_eq!(error, "line 2: expected a string");
        let error = Settings::parse("[pkcs11]\n").err().unwrap().to_string();
        assert!(error.contains("missing field"), "{error}");
    }
}
