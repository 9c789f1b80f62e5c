//! The KMS endpoint's section of a node's configuration.

use std::path::PathBuf;

use kms_api::Region;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use crate::key_stores::KeyStoresConfig;
use crate::keys::KeysConfig;
use crate::quotas::QuotaSettings;
use crate::trail::TrailSettings;

/// What the endpoint is configured with; each part of the crate has a section of its own. Unknown
/// members are refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KmsConfig {
    /// The Regions that the endpoint is. A request is for the Region of its credential scope.
    /// Default: `us-east-1` alone.
    #[serde(deserialize_with = "regions")]
    pub regions: Vec<Region>,
    /// The file of accounts, users, roles and access keys. Default: `identities.toml` in the
    /// endpoint's data directory.
    pub identities: Option<PathBuf>,
    /// CloudTrail's records.
    pub trail: TrailSettings,
    /// Request quotas.
    pub quotas: QuotaSettings,
    /// KMS keys: how many there may be.
    pub keys: KeysConfig,
    /// Custom key stores: timing, the way to XKS proxies, VPC endpoint services.
    pub key_stores: KeyStoresConfig,
}

impl Default for KmsConfig {
    fn default() -> Self {
        Self {
            // A literal of the right form, so that the list is never empty.
            regions: "us-east-1".parse().into_iter().collect(),
            identities: None,
            trail: TrailSettings::default(),
            quotas: QuotaSettings::default(),
            keys: KeysConfig::default(),
            key_stores: KeyStoresConfig::default(),
        }
    }
}

fn regions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Region>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    if names.is_empty() || names.len() > 64 {
        return Err(D::Error::custom("1 to 64 Regions are needed"));
    }
    let region = |name: &String| {
        name.parse()
            .map_err(|_| D::Error::custom(format_args!("{name:?} is no Region, such as us-east-1")))
    };
    names.iter().map(region).collect()
}
