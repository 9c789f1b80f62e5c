//! Key states, and which operation works in which state: AWS's table (AWS KMS Developer Guide, "Key
//! states of AWS KMS keys"), every operation and every state, in one place.

use std::sync::Arc;

use kms_api::{ErrorName, KeyState, KmsError, Operation};
use xks_api::kms_exception::{ProxyFailure, kms_message};

use crate::authorize::Authorized;
use crate::call::Call;
use crate::error::Failure;
use crate::state::record::{KeyOrigin, KeyRecord};
use crate::state::{CustomKeyStore, Edit, Key};

/// Why a key's state forbids an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// `DisabledException`.
    Disabled,
    /// `KMSInvalidStateException`. For cryptographic operations AWS's table leaves open whether it
    /// is this or `DisabledException`; recorded answers have this.
    PendingDeletion,
    /// `KMSInvalidStateException`.
    NotPendingDeletion,
    /// `KMSInvalidStateException`.
    PendingImport,
    /// `KMSInvalidStateException`: the custom key store is not connected.
    Unavailable,
    /// `KMSInvalidStateException`.
    Creating,
    /// `KMSInvalidStateException`.
    Updating,
    /// `UnsupportedOperationException`: the key's origin does not have the feature at all.
    Origin,
}

/// The row of an operation: what forbids it in each state; nothing where it works.
struct Row {
    enabled: Option<Refusal>,
    disabled: Option<Refusal>,
    /// `PendingReplicaDeletion` too.
    pending_deletion: Option<Refusal>,
    pending_import: Option<Refusal>,
    unavailable: Option<Refusal>,
    creating: Option<Refusal>,
    updating: Option<Refusal>,
}

/// Works in every state.
const ALWAYS: Row = Row {
    enabled: None,
    disabled: None,
    pending_deletion: None,
    pending_import: None,
    unavailable: None,
    creating: None,
    updating: None,
};

/// What uses the key.
const USE: Row = Row {
    disabled: Some(Refusal::Disabled),
    pending_deletion: Some(Refusal::PendingDeletion),
    pending_import: Some(Refusal::PendingImport),
    unavailable: Some(Refusal::Unavailable),
    creating: Some(Refusal::Creating),
    ..ALWAYS
};

/// Everything but a key that is going away.
const NOT_WHILE_PENDING_DELETION: Row = Row {
    pending_deletion: Some(Refusal::PendingDeletion),
    ..ALWAYS
};

const fn row(operation: Operation) -> Row {
    match operation {
        Operation::Encrypt
        | Operation::Decrypt
        | Operation::ReEncrypt
        | Operation::GenerateDataKey
        | Operation::GenerateDataKeyWithoutPlaintext
        | Operation::GenerateDataKeyPair
        | Operation::GenerateDataKeyPairWithoutPlaintext
        | Operation::GenerateMac
        | Operation::VerifyMac
        | Operation::Sign
        | Operation::Verify
        | Operation::GetPublicKey
        | Operation::UpdatePrimaryRegion
        // Newer than the table; as Sign.
        | Operation::DeriveSharedSecret
        | Operation::Encapsulate
        | Operation::Decapsulate => USE,
        Operation::CreateGrant => Row {
            unavailable: None,
            ..USE
        },
        Operation::ReplicateKey => Row {
            updating: Some(Refusal::Updating),
            ..USE
        },
        Operation::CreateAlias
        // The key that the alias leads to from now on; the one before may be in any state.
        | Operation::UpdateAlias
        | Operation::TagResource
        | Operation::UntagResource
        | Operation::UpdateKeyDescription => NOT_WHILE_PENDING_DELETION,
        Operation::ScheduleKeyDeletion => Row {
            updating: Some(Refusal::Updating),
            ..NOT_WHILE_PENDING_DELETION
        },
        Operation::CancelKeyDeletion => Row {
            enabled: Some(Refusal::NotPendingDeletion),
            disabled: Some(Refusal::NotPendingDeletion),
            pending_deletion: None,
            pending_import: Some(Refusal::NotPendingDeletion),
            unavailable: Some(Refusal::NotPendingDeletion),
            creating: Some(Refusal::NotPendingDeletion),
            updating: Some(Refusal::NotPendingDeletion),
        },
        Operation::EnableKey | Operation::DisableKey => Row {
            pending_deletion: Some(Refusal::PendingDeletion),
            pending_import: Some(Refusal::PendingImport),
            creating: Some(Refusal::Creating),
            updating: Some(Refusal::Updating),
            ..ALWAYS
        },
        Operation::EnableKeyRotation
        | Operation::DisableKeyRotation
        // Newer than the table; as EnableKeyRotation.
        | Operation::RotateKeyOnDemand => Row {
            disabled: Some(Refusal::Disabled),
            pending_deletion: Some(Refusal::PendingDeletion),
            pending_import: Some(Refusal::Origin),
            unavailable: Some(Refusal::Origin),
            creating: Some(Refusal::Creating),
            ..ALWAYS
        },
        Operation::GetKeyRotationStatus
        // Newer than the table; as GetKeyRotationStatus.
        | Operation::ListKeyRotations => Row {
            pending_import: Some(Refusal::Origin),
            unavailable: Some(Refusal::Origin),
            ..ALWAYS
        },
        Operation::GetParametersForImport => Row {
            pending_deletion: Some(Refusal::PendingDeletion),
            unavailable: Some(Refusal::Origin),
            creating: Some(Refusal::Creating),
            updating: Some(Refusal::Updating),
            ..ALWAYS
        },
        Operation::ImportKeyMaterial => Row {
            pending_deletion: Some(Refusal::PendingDeletion),
            unavailable: Some(Refusal::Origin),
            creating: Some(Refusal::Creating),
            ..ALWAYS
        },
        Operation::DeleteImportedKeyMaterial => Row {
            creating: Some(Refusal::Creating),
            updating: Some(Refusal::Updating),
            ..ALWAYS
        },
        Operation::DeleteAlias
        | Operation::DescribeKey
        | Operation::GetKeyPolicy
        | Operation::PutKeyPolicy
        | Operation::ListAliases
        | Operation::ListGrants
        | Operation::ListKeyPolicies
        | Operation::ListResourceTags
        | Operation::RetireGrant
        | Operation::RevokeGrant
        // Newer than the table; as DescribeKey.
        | Operation::GetKeyLastUsage
        // Of no key.
        | Operation::CreateKey
        | Operation::ListKeys
        | Operation::ListRetirableGrants
        | Operation::GenerateRandom
        | Operation::CreateCustomKeyStore
        | Operation::DescribeCustomKeyStores
        | Operation::UpdateCustomKeyStore
        | Operation::DeleteCustomKeyStore
        | Operation::ConnectCustomKeyStore
        | Operation::DisconnectCustomKeyStore => ALWAYS,
    }
}

/// What forbids an operation in a state; `None` if it works.
pub(crate) const fn refusal(operation: Operation, state: KeyState) -> Option<Refusal> {
    let row = row(operation);
    match state {
        KeyState::Enabled => row.enabled,
        KeyState::Disabled => row.disabled,
        KeyState::PendingDeletion | KeyState::PendingReplicaDeletion => row.pending_deletion,
        KeyState::PendingImport => row.pending_import,
        KeyState::Unavailable => row.unavailable,
        KeyState::Creating => row.creating,
        KeyState::Updating => row.updating,
    }
}

impl Refusal {
    /// The name of AWS's error.
    pub(crate) const fn name(self) -> ErrorName {
        match self {
            Self::Disabled => ErrorName::DisabledException,
            Self::Origin => ErrorName::UnsupportedOperationException,
            Self::PendingDeletion
            | Self::NotPendingDeletion
            | Self::PendingImport
            | Self::Unavailable
            | Self::Creating
            | Self::Updating => ErrorName::KmsInvalidStateException,
        }
    }

    /// AWS's error about this key.
    pub(crate) fn error(self, key: &Key) -> KmsError {
        let arn = &key.arn;
        let message = match self {
            Self::Disabled => format!("{arn} is disabled."),
            Self::PendingDeletion => format!("{arn} is pending deletion."),
            Self::NotPendingDeletion => format!("{arn} is not pending deletion."),
            Self::PendingImport => format!("{arn} is pending import."),
            Self::Unavailable => not_connected(&key.record.origin).to_owned(),
            Self::Creating => format!("{arn} is creating."),
            Self::Updating => format!("{arn} is updating."),
            Self::Origin => return wrong_origin(key),
        };
        KmsError::new(self.name(), message)
    }
}

/// What is said of a custom key store that is not connected.
pub(crate) const fn not_connected(origin: &KeyOrigin) -> &'static str {
    match origin {
        KeyOrigin::AwsCloudHsm { .. } => CLUSTER_NOT_CONNECTED,
        KeyOrigin::AwsKms | KeyOrigin::ExternalKeyStore { .. } => {
            kms_message(ProxyFailure::KeyStoreNotConnected)
        }
    }
}

/// The same of an AWS CloudHSM key store.
pub(crate) const CLUSTER_NOT_CONNECTED: &str =
    "The AWS CloudHSM key store is not connected to its CloudHSM cluster. Connect it and try again.";

/// A feature that keys of this origin do not have.
pub(crate) fn wrong_origin(key: &Key) -> KmsError {
    let message = format!(
        "{} origin is {} which is not valid for this operation.",
        key.arn,
        key.record.origin.name()
    );
    KmsError::new(ErrorName::UnsupportedOperationException, message)
}

/// The state of a key. `store` is the custom key store that it is in. A key that is pending deletion
/// stays so when its store disconnects.
pub(crate) fn state_of(key: &Key, store: Option<&CustomKeyStore>) -> KeyState {
    let in_store = key.record.origin.custom_key_store_id().is_some();
    if key.record.deletion.is_some() {
        KeyState::PendingDeletion
    } else if in_store && !store.is_some_and(CustomKeyStore::is_connected) {
        KeyState::Unavailable
    } else if key.record.enabled {
        KeyState::Enabled
    } else {
        KeyState::Disabled
    }
}

impl Admitted {
    /// What the key's row says, to be changed.
    pub(crate) fn record(&self) -> KeyRecord {
        KeyRecord::clone(&self.key.record)
    }
}

/// A key that may be acted on: the caller is allowed to, and the key's state does not forbid it.
#[must_use]
pub(crate) struct Admitted {
    pub(crate) key: Arc<Key>,
    /// The custom key store that it is in.
    pub(crate) store: Option<Arc<CustomKeyStore>>,
}

impl Call<'_> {
    /// Holds the state of the key that was authorised against the call's operation.
    pub(crate) fn admit(&self, authorized: Authorized<'_>) -> Result<Admitted, Failure> {
        match authorized.into_key() {
            Some(key) => self.admit_key(key),
            None => Err(Failure::internal(
                "an operation on a key was authorised without one",
            )),
        }
    }

    /// As [`Self::admit`], for a change: waits for the changes before it, and holds the key as it is
    /// then, its state and whether the caller is still allowed: what was answered before takes effect
    /// before.
    pub(crate) async fn admit_change(&self, authorized: Authorized<'_>) -> Result<(Edit, Admitted), Failure> {
        let Some(key) = authorized.key() else {
            return Err(Failure::internal("a change of a key was authorised without one"));
        };
        let edit = self.kms.state().edit().await;
        let found = self.key(&key.record.realm, &key.record.id)?;
        self.authorize_again(&authorized, &found.key)?;
        Ok((edit, self.admit_key(found.key)?))
    }

    /// Once more, after a proxy took its time: a key that was disabled meanwhile, or whose store was
    /// disconnected, gives nothing out any more.
    pub(crate) fn admit_again(&self, admitted: &Admitted) -> Result<(), Failure> {
        let record = &admitted.key.record;
        let found = self.key(&record.realm, &record.id)?;
        self.admit_key(found.key).map(drop)
    }

    fn admit_key(&self, key: Arc<Key>) -> Result<Admitted, Failure> {
        let store = self.store_of(&key);
        let state = state_of(&key, store.as_deref());
        match refusal(self.operation, state) {
            None => Ok(Admitted { key, store }),
            Some(refusal) => Err(refusal.error(&key).into()),
        }
    }

    /// The custom key store that a key is in.
    pub(crate) fn store_of(&self, key: &Key) -> Option<Arc<CustomKeyStore>> {
        let id = key.record.origin.custom_key_store_id()?;
        self.kms.state().read().custom_key_store(id).map(Arc::clone)
    }
}
