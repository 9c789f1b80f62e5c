//! What a row says: the part of each thing that outlives the process.
//!
//! Unknown members are refused: they come from a later release, which may mean something by them.

use std::collections::BTreeMap;

use kms_api::{KeyArn, KeyId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{KeyProof, Realm};

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
    /// Encryptions of the key object that may have been made: of keys in clusters alone.
    #[serde(default, skip_serializing_if = "is_none_yet")]
    pub(crate) encryptions: u64,
    /// What tells the key object from another of its name: of keys in clusters, and of each of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) proof: Option<KeyProof>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_none_yet(count: &u64) -> bool {
    *count == 0
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
    /// `AWS_CLOUDHSM`: a key object in the cluster, and no material of ours.
    AwsCloudHsm {
        /// The custom key store.
        custom_key_store_id: String,
        /// The object's `CKA_ID`: 64 hexadecimal digits. Its label is the key's ARN.
        backing_key_id: String,
    },
}

impl KeyOrigin {
    /// AWS's word.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::AwsKms => "AWS_KMS",
            Self::ExternalKeyStore { .. } => "EXTERNAL_KEY_STORE",
            Self::AwsCloudHsm { .. } => "AWS_CLOUDHSM",
        }
    }

    /// The custom key store that the key is in.
    pub(crate) fn custom_key_store_id(&self) -> Option<&str> {
        match self {
            Self::AwsKms => None,
            Self::ExternalKeyStore {
                custom_key_store_id, ..
            }
            | Self::AwsCloudHsm {
                custom_key_store_id, ..
            } => Some(custom_key_store_id),
        }
    }

    /// The external key behind the key.
    pub(crate) fn xks_key_id(&self) -> Option<&str> {
        match self {
            Self::AwsKms | Self::AwsCloudHsm { .. } => None,
            Self::ExternalKeyStore { xks_key_id, .. } => Some(xks_key_id),
        }
    }

    /// The key object behind the key.
    pub(crate) fn backing_key_id(&self) -> Option<&str> {
        match self {
            Self::AwsKms | Self::ExternalKeyStore { .. } => None,
            Self::AwsCloudHsm { backing_key_id, .. } => Some(backing_key_id),
        }
    }

    /// What the key is in its custom key store: no other key there is the same.
    pub(crate) fn place_in_store(&self) -> Option<(&str, &str)> {
        let id = self.xks_key_id().or(self.backing_key_id())?;
        Some((self.custom_key_store_id()?, id))
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

/// A custom key store. Its secret beside the row: of an external key store the raw secret access key, of
/// an AWS CloudHSM key store the passwords of `kmsuser`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CustomKeyStoreRow", into = "CustomKeyStoreRow")]
pub(crate) struct CustomKeyStoreRecord {
    /// `cks-` and 17 hexadecimal digits.
    pub(crate) id: String,
    pub(crate) realm: Realm,
    pub(crate) name: String,
    pub(crate) created: u64,
    pub(crate) backing: Backing,
    pub(crate) connection: Connection,
}

/// What is behind a custom key store. A store's type never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Backing {
    /// `EXTERNAL_KEY_STORE`.
    ExternalKeyStore(XksProxyRecord),
    /// `AWS_CLOUDHSM`.
    AwsCloudHsm(CloudHsmRecord),
}

/// The XKS proxy of an external key store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct XksProxyRecord {
    pub(crate) connectivity: Connectivity,
    /// `https://` and a host name.
    pub(crate) uri_endpoint: String,
    /// Ends in `/kms/xks/v1`.
    pub(crate) uri_path: String,
    pub(crate) access_key_id: String,
    /// When the credential was given to us (`XksProxyCredentialAge`).
    pub(crate) credential_since: u64,
}

/// The cluster of an AWS CloudHSM key store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloudHsmRecord {
    /// `cluster-…`.
    pub(crate) cluster_id: String,
    /// The certificate, as it was given.
    pub(crate) trust_anchor: String,
}

impl CustomKeyStoreRecord {
    /// The XKS proxy, if the store is an external one.
    pub(crate) const fn proxy(&self) -> Option<&XksProxyRecord> {
        match &self.backing {
            Backing::ExternalKeyStore(proxy) => Some(proxy),
            Backing::AwsCloudHsm(_) => None,
        }
    }

    /// The cluster, if the store is an AWS CloudHSM key store.
    pub(crate) const fn cluster(&self) -> Option<&CloudHsmRecord> {
        match &self.backing {
            Backing::ExternalKeyStore(_) => None,
            Backing::AwsCloudHsm(cluster) => Some(cluster),
        }
    }
}

/// A store as it stands in its row: the members of a proxy, or a cluster.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomKeyStoreRow {
    id: String,
    realm: Realm,
    name: String,
    created: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connectivity: Option<Connectivity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uri_endpoint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uri_path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access_key_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credential_since: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cloud_hsm: Option<CloudHsmRecord>,
    connection: Connection,
}

impl From<CustomKeyStoreRecord> for CustomKeyStoreRow {
    fn from(record: CustomKeyStoreRecord) -> Self {
        let (proxy, cloud_hsm) = match record.backing {
            Backing::ExternalKeyStore(proxy) => (Some(proxy), None),
            Backing::AwsCloudHsm(cluster) => (None, Some(cluster)),
        };
        let credential_since = proxy.as_ref().map(|proxy| proxy.credential_since);
        let (connectivity, uri_endpoint, uri_path, access_key_id) = match proxy {
            Some(proxy) => (
                Some(proxy.connectivity),
                Some(proxy.uri_endpoint),
                Some(proxy.uri_path),
                Some(proxy.access_key_id),
            ),
            None => (None, None, None, None),
        };
        Self {
            id: record.id,
            realm: record.realm,
            name: record.name,
            created: record.created,
            connectivity,
            uri_endpoint,
            uri_path,
            access_key_id,
            credential_since,
            cloud_hsm,
            connection: record.connection,
        }
    }
}

impl TryFrom<CustomKeyStoreRow> for CustomKeyStoreRecord {
    type Error = &'static str;

    fn try_from(row: CustomKeyStoreRow) -> Result<Self, Self::Error> {
        let proxy = (
            row.connectivity,
            row.uri_endpoint,
            row.uri_path,
            row.access_key_id,
            row.credential_since,
        );
        let backing = match (proxy, row.cloud_hsm) {
            (
                (
                    Some(connectivity),
                    Some(uri_endpoint),
                    Some(uri_path),
                    Some(access_key_id),
                    Some(credential_since),
                ),
                None,
            ) => Backing::ExternalKeyStore(XksProxyRecord {
                connectivity,
                uri_endpoint,
                uri_path,
                access_key_id,
                credential_since,
            }),
            ((None, None, None, None, None), Some(cluster)) => Backing::AwsCloudHsm(cluster),
            _ => return Err("a custom key store has a proxy or a cluster, whole"),
        };
        Ok(Self {
            id: row.id,
            realm: row.realm,
            name: row.name,
            created: row.created,
            backing,
            connection: row.connection,
        })
    }
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
