//! Keys' section of the configuration.

use serde::Deserialize;

/// Section `keys`. Unknown members are refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeysConfig {
    /// KMS keys that an account may have in a Region, those pending deletion included. Default
    /// 100,000, as at AWS, where the quota is adjustable. From then on CreateKey is
    /// `LimitExceededException`.
    pub max_keys: u32,
}

impl Default for KeysConfig {
    fn default() -> Self {
        Self { max_keys: 100_000 }
    }
}
