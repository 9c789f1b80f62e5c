//! What a row says: the part of each thing that outlives the process.
//!
//! Unknown members are refused: they come from a later release, which may mean something by them.

use std::collections::BTreeMap;

use kms_api::{KeyArn, KeyId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Realm;

/// A KMS key. Times are microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyRecord {
    #[serde(with = "super::as_text")]
    pub(crate) id: KeyId,
    /// The account that owns the key, and its Region.
    pub(crate) realm: Realm,
    pub(crate) created: u64,
    pub(crate) description: String,
    pub(crate) origin: KeyOrigin,
    pub(crate) enabled: bool,
    /// When the key will be deleted, while it is pending deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deletion: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rotation: Option<RotationPlan>,
    /// The key policy named `default`, as it was given.
    pub(crate) policy: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
}

impl KeyRecord {
    /// `arn:aws:kms:region:account:key/id`.
    pub(crate) fn arn(&self) -> KeyArn {
        KeyArn::new(self.realm.region.clone(), self.realm.account, self.id.clone())
    }
}

/// Where a key's material is from. Immutable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) enum KeyOrigin {
    /// `AWS_KMS`: our own material alone.
    AwsKms,
    /// `EXTERNAL_KEY_STORE`: our own material inside, the external key outside.
    ExternalKeyStore {
        /// The custom key store.
        custom_key_store_id: String,
        /// The external key's id at the XKS proxy.
        xks_key_id: String,
    },
}

impl KeyOrigin {
    /// AWS's word.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::AwsKms => "AWS_KMS",
            Self::ExternalKeyStore { .. } => "EXTERNAL_KEY_STORE",
        }
    }

    /// The custom key store that the key is in.
    pub(crate) fn custom_key_store_id(&self) -> Option<&str> {
        match self {
            Self::AwsKms => None,
            Self::ExternalKeyStore {
                custom_key_store_id, ..
            } => Some(custom_key_store_id),
        }
    }

    /// The external key behind the key.
    pub(crate) fn xks_key_id(&self) -> Option<&str> {
        match self {
            Self::AwsKms => None,
            Self::ExternalKeyStore { xks_key_id, .. } => Some(xks_key_id),
        }
    }
}

/// Automatic rotation, while it is enabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RotationPlan {
    /// 90 to 2560 days.
    pub(crate) period_days: u32,
    /// When the next automatic rotation is due.
    pub(crate) next: u64,
}

/// One generation of a key's own material. Immutable; the material itself is the row's secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MaterialRecord {
    /// The key that it belongs to.
    pub(crate) key: String,
    /// The key material id: 64 hexadecimal digits, random.
    pub(crate) id: String,
    /// 0 for the first; the highest encrypts.
    pub(crate) sequence: u32,
    pub(crate) created: u64,
    /// How it came to be; the first by none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rotation: Option<RotationKind>,
}

/// What made a key's material new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RotationKind {
    /// Its period ran out.
    Automatic,
    /// RotateKeyOnDemand.
    OnDemand,
}

/// An alias.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AliasRecord {
    pub(crate) realm: Realm,
    /// With its `alias/`.
    pub(crate) name: String,
    /// The id of the key behind it.
    pub(crate) target: String,
    pub(crate) created: u64,
    pub(crate) updated: u64,
}

/// A grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantRecord {
    /// 64 hexadecimal digits.
    pub(crate) id: String,
    /// The id of the key that it is on.
    pub(crate) key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) created: u64,
    /// The principal's ARN, or a service's name.
    pub(crate) grantee: GrantPrincipal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retiring: Option<GrantPrincipal>,
    /// The account under which the grant was created: 12 digits.
    pub(crate) issuing_account: String,
    /// `GrantOperation` names, in the order given.
    pub(crate) operations: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_context_equals: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) encryption_context_subset: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source_arn: Option<String>,
}

/// Who a grant is for, or who may retire it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum GrantPrincipal {
    /// `GranteePrincipal`, `RetiringPrincipal`: an ARN.
    Aws(String),
    /// `GranteeServicePrincipal`, `RetiringServicePrincipal`.
    Service(String),
}

/// A custom key store of type `EXTERNAL_KEY_STORE`. The raw secret access key is the row's secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CustomKeyStoreRecord {
    /// `cks-` and 17 hexadecimal digits.
    pub(crate) id: String,
    pub(crate) realm: Realm,
    pub(crate) name: String,
    pub(crate) created: u64,
    pub(crate) connectivity: Connectivity,
    /// `https://` and a host name.
    pub(crate) uri_endpoint: String,
    /// Ends in `/kms/xks/v1`.
    pub(crate) uri_path: String,
    pub(crate) access_key_id: String,
    /// When the credential was given to us (`XksProxyCredentialAge`).
    pub(crate) credential_since: u64,
    pub(crate) connection: Connection,
}

/// How the XKS proxy is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) enum Connectivity {
    /// `PUBLIC_ENDPOINT`.
    PublicEndpoint,
    /// `VPC_ENDPOINT_SERVICE`.
    VpcEndpointService {
        /// `com.amazonaws.vpce.….vpce-svc-…`.
        service_name: String,
        /// The account that owns the service, where it is not the store's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        service_owner: Option<String>,
    },
}

/// A custom key store's connection state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Connection {
    /// `CONNECTED`.
    Connected,
    /// `CONNECTING`.
    Connecting,
    /// `FAILED`, with its `ConnectionErrorCode`.
    Failed(String),
    /// `DISCONNECTED`.
    Disconnected,
    /// `DISCONNECTING`.
    Disconnecting,
}

/// The text of a row.
pub(crate) fn to_content<T: Serialize>(record: &T) -> String {
    // Texts, numbers and maps with texts for keys always serialise.
    serde_json::to_string(record).unwrap_or_default()
}

/// A row's text, if a release like this one wrote it.
pub(crate) fn from_content<T: DeserializeOwned>(content: &str) -> Option<T> {
    serde_json::from_str(content).ok()
}
