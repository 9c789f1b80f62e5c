//! Every operation on a key in every state that a key can have here: AWS's table (AWS KMS Developer
//! Guide, "Key states of AWS KMS keys"), written down apart from the endpoint's own.
//!
//! `PendingImport`, `Creating`, `Updating` and `PendingReplicaDeletion` belong to imported key
//! material and to multi-Region keys, which no key here has.

use kms_api::{ErrorName, Operation};
use serde_json::json;

use super::scene::{Scene, Subject};

/// What comes of an operation.
#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    /// It works.
    Ok,
    /// It is refused with this error.
    No(ErrorName),
}

use Outcome::{No, Ok as Works};

const DISABLED: Outcome = No(ErrorName::DisabledException);
const STATE: Outcome = No(ErrorName::KmsInvalidStateException);
const UNSUPPORTED: Outcome = No(ErrorName::UnsupportedOperationException);
const USAGE: Outcome = No(ErrorName::InvalidKeyUsageException);

/// A key's state, and of which origin it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Enabled,
    Disabled,
    PendingDeletion,
    /// In an external key store that is not connected.
    Unavailable,
    /// In an external key store that is connected.
    EnabledExternal,
    /// In an AWS CloudHSM key store that is connected: as in an external one.
    EnabledCloudHsm,
    /// In an AWS CloudHSM key store that is not connected.
    UnavailableCloudHsm,
}

const STATES: [State; 7] = [
    State::Enabled,
    State::Disabled,
    State::PendingDeletion,
    State::Unavailable,
    State::EnabledExternal,
    State::EnabledCloudHsm,
    State::UnavailableCloudHsm,
];

impl State {
    /// Its column in the table.
    const fn column(self) -> usize {
        match self {
            Self::Enabled => 0,
            Self::Disabled => 1,
            Self::PendingDeletion => 2,
            Self::Unavailable | Self::UnavailableCloudHsm => 3,
            Self::EnabledExternal | Self::EnabledCloudHsm => 4,
        }
    }
}

type Row = (Operation, [Outcome; 5]);

const fn always(operation: Operation) -> Row {
    (operation, [Works; 5])
}

/// What uses the key.
const fn using(operation: Operation) -> Row {
    (operation, [Works, DISABLED, STATE, STATE, Works])
}

/// What every key can but one that is pending deletion.
const fn unless_pending(operation: Operation) -> Row {
    (operation, [Works, Works, STATE, Works, Works])
}

/// Rotation: not of keys in external key stores.
const fn rotating(operation: Operation) -> Row {
    (operation, [Works, DISABLED, STATE, UNSUPPORTED, UNSUPPORTED])
}

/// What is left out, and looks at the key first.
const fn left_out(operation: Operation, refusal: Outcome) -> Row {
    (operation, [refusal, DISABLED, STATE, STATE, refusal])
}

const TABLE: &[Row] = &[
    (Operation::CancelKeyDeletion, [STATE, STATE, Works, STATE, STATE]),
    unless_pending(Operation::CreateAlias),
    (Operation::CreateGrant, [Works, DISABLED, STATE, Works, Works]),
    using(Operation::Decrypt),
    always(Operation::DeleteAlias),
    always(Operation::DescribeKey),
    unless_pending(Operation::DisableKey),
    rotating(Operation::DisableKeyRotation),
    unless_pending(Operation::EnableKey),
    rotating(Operation::EnableKeyRotation),
    using(Operation::Encrypt),
    using(Operation::GenerateDataKey),
    using(Operation::GenerateDataKeyWithoutPlaintext),
    always(Operation::GetKeyLastUsage),
    always(Operation::GetKeyPolicy),
    (
        Operation::GetKeyRotationStatus,
        [Works, Works, Works, UNSUPPORTED, UNSUPPORTED],
    ),
    always(Operation::ListAliases),
    always(Operation::ListGrants),
    always(Operation::ListKeyPolicies),
    (
        Operation::ListKeyRotations,
        [Works, Works, Works, UNSUPPORTED, UNSUPPORTED],
    ),
    always(Operation::ListResourceTags),
    always(Operation::PutKeyPolicy),
    using(Operation::ReEncrypt),
    always(Operation::RetireGrant),
    always(Operation::RevokeGrant),
    rotating(Operation::RotateKeyOnDemand),
    unless_pending(Operation::ScheduleKeyDeletion),
    unless_pending(Operation::TagResource),
    unless_pending(Operation::UntagResource),
    unless_pending(Operation::UpdateAlias),
    unless_pending(Operation::UpdateKeyDescription),
    left_out(Operation::Decapsulate, USAGE),
    left_out(Operation::DeriveSharedSecret, USAGE),
    left_out(Operation::Encapsulate, USAGE),
    left_out(Operation::GenerateDataKeyPair, UNSUPPORTED),
    left_out(Operation::GenerateDataKeyPairWithoutPlaintext, UNSUPPORTED),
    left_out(Operation::GenerateMac, USAGE),
    left_out(Operation::GetPublicKey, UNSUPPORTED),
    left_out(Operation::ReplicateKey, UNSUPPORTED),
    left_out(Operation::Sign, USAGE),
    left_out(Operation::UpdatePrimaryRegion, UNSUPPORTED),
    left_out(Operation::Verify, USAGE),
    left_out(Operation::VerifyMac, USAGE),
    (Operation::DeleteImportedKeyMaterial, [UNSUPPORTED; 5]),
    (
        Operation::GetParametersForImport,
        [UNSUPPORTED, UNSUPPORTED, STATE, UNSUPPORTED, UNSUPPORTED],
    ),
    (
        Operation::ImportKeyMaterial,
        [UNSUPPORTED, UNSUPPORTED, STATE, UNSUPPORTED, UNSUPPORTED],
    ),
];

/// Operations that are about no key.
const ABOUT_NO_KEY: [Operation; 10] = [
    Operation::ConnectCustomKeyStore,
    Operation::CreateCustomKeyStore,
    Operation::CreateKey,
    Operation::DeleteCustomKeyStore,
    Operation::DescribeCustomKeyStores,
    Operation::DisconnectCustomKeyStore,
    Operation::GenerateRandom,
    Operation::ListKeys,
    Operation::ListRetirableGrants,
    Operation::UpdateCustomKeyStore,
];

/// `stores`: an external key store, and an AWS CloudHSM key store.
async fn subject_in(scene: &Scene, state: State, stores: [&str; 2]) -> Subject {
    let [store, cluster] = stores;
    match state {
        State::Enabled => scene.subject().await,
        State::Disabled => scene.disabled().await,
        State::PendingDeletion => scene.pending_deletion().await,
        State::Unavailable => {
            reconnect(scene, store).await;
            let subject = scene.subject_in(store).await;
            scene.disconnect(store).await;
            assert_eq!(scene.state_of(&subject.id).await, "Unavailable");
            subject
        }
        State::EnabledExternal => {
            reconnect(scene, store).await;
            scene.subject_in(store).await
        }
        State::EnabledCloudHsm => {
            reconnect(scene, cluster).await;
            scene.subject_in_cluster(cluster).await
        }
        State::UnavailableCloudHsm => {
            reconnect(scene, cluster).await;
            let subject = scene.subject_in_cluster(cluster).await;
            scene.disconnect(cluster).await;
            assert_eq!(scene.state_of(&subject.id).await, "Unavailable");
            subject
        }
    }
}

async fn reconnect(scene: &Scene, store: &str) {
    let body = json!({ "CustomKeyStoreId": store });
    scene.call(Operation::ConnectCustomKeyStore, body).await;
    assert_eq!(scene.settled(store).await, "CONNECTED");
}

#[tokio::test]
async fn kms_states_of_keys() {
    for operation in Operation::ALL {
        let listed = TABLE.iter().filter(|(its, _)| its == operation).count();
        let expected = usize::from(!ABOUT_NO_KEY.contains(operation));
        assert_eq!(listed, expected, "{operation}");
    }
    let scene = Scene::new().await;
    let (store, cluster) = (scene.store().await, scene.cluster_store().await);
    for state in STATES {
        for (operation, outcomes) in TABLE {
            let subject = subject_in(&scene, state, [&store, &cluster]).await;
            let answer = scene.try_call(*operation, subject.request(*operation)).await;
            match (answer, outcomes[state.column()]) {
                (Ok(_), Works) => {}
                (Err(error), No(expected)) => {
                    assert_eq!(error.name(), expected, "{operation} in {state:?}: {error}");
                }
                (Ok(answer), No(expected)) => {
                    panic!("{operation} in {state:?} answers {answer}, not {expected}")
                }
                (Err(error), Works) => panic!("{operation} in {state:?}: {error}"),
            }
        }
    }
}
