//! The KMS endpoint's section of a node's configuration.

use serde::Deserialize;

/// What the endpoint is configured with; each part of the crate has a section of its own. Unknown
/// members are refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KmsConfig {}
