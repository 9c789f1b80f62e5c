//! The proxy's section of a node's configuration.

use serde::Deserialize;
use sigv4::HostNames;
use xks_api::SizeLimits;
use xks_api::limits::InvalidSizeLimits;

/// How large requests may be, and which host names they may be for. Unknown members are refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The most bytes of plaintext on Encrypt and of ciphertext on Decrypt, before Base64; 4300
    /// (XKS-ENC-01) to 65,535. Above it the answer is 501.
    ///
    /// Default 8192: KMS sends at most 4300 today, and what a later KMS might send beside it should
    /// not need a new release of ours.
    pub max_plaintext_bytes: usize,
    /// The most bytes of additional authenticated data, before Base64; 8192 (XKS-ENC-05) to 65,535,
    /// which is what the 2-byte length of its framing can say. Above it the answer is 501.
    ///
    /// Default 8192: what the specification asks for, and all that KMS sends.
    pub max_aad_bytes: usize,
    /// The host names (`xks.example.com`, `localhost:8443`) that requests may be signed for.
    /// Empty, the default, takes any: the signature binds a request to one host already, and a
    /// name that is missing here would lock KMS out.
    pub host_names: Vec<String>,
    /// How many refusals of unauthenticated requests get a log line of their own in one second;
    /// the others are counted. Default 100: enough to see what goes on, too few to fill a disk.
    pub max_unauthenticated_lines_per_second: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_plaintext_bytes: 8192,
            max_aad_bytes: 8192,
            host_names: Vec::new(),
            max_unauthenticated_lines_per_second: 100,
        }
    }
}

/// A setting that cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A size limit outside its bounds.
    #[error("proxy.max_plaintext_bytes, proxy.max_aad_bytes: {0}")]
    Size(#[from] InvalidSizeLimits),
    /// A host name that no request could have.
    #[error("proxy.host_names has {0:?}, which is not a host name with an optional port")]
    HostName(String),
}

impl Settings {
    /// Holds every setting against its bounds.
    pub fn check(&self) -> Result<(), SettingsError> {
        self.size_limits()?;
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
        let is_host =
            |name: &str| (1..=sigv4::limits::HOST_LEN).contains(&name.len()) && name.bytes().all(allowed);
        match self.host_names.iter().find(|name| !is_host(name)) {
            Some(name) => Err(SettingsError::HostName(name.clone())),
            None => Ok(()),
        }
    }

    pub(crate) fn size_limits(&self) -> Result<SizeLimits, SettingsError> {
        Ok(SizeLimits::new(self.max_plaintext_bytes, self.max_aad_bytes)?)
    }

    pub(crate) fn hosts(&self) -> HostNames {
        HostNames::new(&self.host_names)
    }
}
