//! The three traits.

use std::pin::Pin;
use std::sync::Arc;

use ambient::Timestamp;
use crypto::SecretBytes;

use crate::framing::Framing;
use crate::{
    AdditionalData, CiphertextMetadata, EncryptOutput, EncryptedRef, Front, KeyDescription, KeyId,
    KeyManagerError, KeyState, KeyUsage, ManagerId, Name,
};

/// A call under way. Boxed so that a key manager can be held as `Arc<dyn KeyManager>`; one
/// allocation is little beside the cryptography.
pub type Operation<'a, T> = Pin<Box<dyn Future<Output = Result<T, KeyManagerError>> + Send + 'a>>;

/// What looks at an output between its encryption and its trial decryption. Called once.
pub type Witness<'a> = &'a mut (dyn FnMut(&EncryptOutput) + Send);

/// Uses keys and tells how it fares.
pub trait KeyManager: Send + Sync + 'static {
    /// Its id.
    fn id(&self) -> &ManagerId;

    /// What is known of a key, from memory: never waits.
    /// Errors: [`KeyManagerError::UnknownKey`], [`KeyManagerError::KeyRefused`].
    fn describe(&self, key: &KeyId) -> Result<Arc<KeyDescription>, KeyManagerError>;

    /// Encrypts under the key's current version with a fresh IV. State and usage have been
    /// decided before; whoever calls this holds a permit.
    fn encrypt<'a>(
        &'a self,
        key: &'a KeyId,
        plaintext: &'a [u8],
        aad: AdditionalData<'a>,
    ) -> Operation<'a, EncryptOutput>;

    /// Decrypts under the version that the metadata selects; the plaintext is as long as the
    /// ciphertext. Errors: [`KeyManagerError::NotAuthentic`] for every kind of wrong input.
    fn decrypt<'a>(
        &'a self,
        key: &'a KeyId,
        encrypted: EncryptedRef<'a>,
        aad: AdditionalData<'a>,
    ) -> Operation<'a, SecretBytes>;

    /// Encrypts, runs `witness` once on the output that will be answered, and decrypts that output
    /// again: what the trial gave comes back beside it, for the caller to compare. The witness runs
    /// before the trial; a key manager whose trial is done by then (an HSM does both in one message)
    /// proves afterwards that the output which the witness saw is, bit for bit, the one that was
    /// tried: what the trial vouches for is what the witness saw (XKS-CDIV-03, XKS-CDIV-04).
    /// Errors: [`KeyManagerError::NotAuthentic`] if the output does not decrypt.
    fn encrypt_tried<'a>(
        &'a self,
        key: &'a KeyId,
        plaintext: &'a [u8],
        aad: AdditionalData<'a>,
        witness: Witness<'a>,
    ) -> Operation<'a, (EncryptOutput, SecretBytes)> {
        Box::pin(async move {
            let output = self.encrypt(key, plaintext, aad).await?;
            witness(&output);
            let opened = self.decrypt(key, output.as_ref(), aad).await?;
            Ok((output, opened))
        })
    }

    /// Encrypts and decrypts with a dedicated key that nobody can address, and compares: after
    /// `Ok`, a request made now would have succeeded (XKS-HLT-01, XKS-HLT-02).
    fn probe(&self) -> Operation<'_, ()>;

    /// Its instances as the last probes saw them: one for a virtual HSM, one for each HSM of a
    /// cluster. Never empty; ids are unique.
    fn instances(&self) -> Vec<Instance>;
}

/// One instance of a key manager, as GetHealthStatus reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Unique within the key manager.
    pub id: String,
    /// Product and version (hardware version where there is hardware).
    pub model: String,
    /// How it fares, in its own eyes; a failed probe overrules it.
    pub status: HealthStatus,
    /// For operators alone, never told to a client: sessions, and what is wrong.
    pub detail: Option<String>,
}

/// How an instance fares (XKS Proxy API, GetHealthStatus).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HealthStatus {
    /// Serving.
    Active,
    /// Unhealthy, but serving.
    Degraded,
    /// Not serving.
    Unavailable,
}

/// A key to be made.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Chosen by the caller, who has recorded the intent under it.
    pub id: KeyId,
    /// What people call it.
    pub name: Name,
    /// The protocol it will serve.
    pub front: Front,
    /// What it may be used for; fixed for good.
    pub usage: KeyUsage,
}

/// An existing key object of an HSM, to be taken over as it is.
#[derive(Clone, Debug)]
pub struct AdoptedKey {
    /// The key that it becomes; as [`NewKey::id`].
    pub key: NewKey,
    /// What it is called in the HSM.
    pub object: ObjectName,
    /// What another product encrypted with it, if that must still decrypt.
    pub legacy: Option<Legacy>,
    /// What encrypts from now on.
    pub encrypt_with: EncryptWith,
}

/// The name of a key object: its label (`CKA_LABEL`), its id (`CKA_ID`), or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    /// The label.
    pub label: Option<String>,
    /// The id.
    pub id: Option<Vec<u8>>,
}

/// How another product wrote its ciphertexts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Legacy {
    /// Its framing.
    pub framing: Framing,
    /// The metadata that it wrote, always the same; empty if none.
    pub metadata: CiphertextMetadata,
}

/// What encrypts after an adoption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncryptWith {
    /// A fresh object: the adopted one decrypts alone.
    NewObject,
    /// The adopted object, for it must stay in use. What it encrypted before is counted as `count_from`.
    SameObject {
        /// Encryptions that the object may have done until now, at most
        /// [`KeyVersion::MAX_ENCRYPTIONS`](crate::KeyVersion::MAX_ENCRYPTIONS).
        count_from: u64,
    },
}

impl EncryptWith {
    /// What an adopted object is taken to have encrypted unless somebody knows better: half of what
    /// it may.
    pub const USUAL_COUNT: u64 = 1 << 31;
}

/// Makes keys and changes their states. Each call is durable when it returns, and may be repeated
/// after a crash: asking for what is so already changes nothing.
pub trait KeyLifecycle: Send + Sync + 'static {
    /// Makes a key with fresh key bytes, enabled.
    /// Errors: [`KeyManagerError::KeyExists`].
    fn create(&self, key: NewKey) -> Operation<'_, Arc<KeyDescription>>;

    /// All keys that can be addressed, by id.
    fn list(&self) -> Vec<Arc<KeyDescription>>;

    /// Keys whose stored rows do not verify: id as stored, and what is wrong.
    fn refused(&self) -> Vec<(String, String)>;

    /// Takes over a key object that exists, enabled. Errors: [`KeyManagerError::KeyExists`] as for
    /// [`Self::create`]; [`KeyManagerError::NotSuitable`] says what is wrong with the object;
    /// [`KeyManagerError::Unsupported`] where there are no such objects.
    fn adopt(&self, key: AdoptedKey) -> Operation<'_, Arc<KeyDescription>> {
        let _ = key;
        unsupported("it has no key objects to adopt")
    }

    /// Enables or disables a key. Errors: [`KeyManagerError::NotSuitable`] for a key that is pending
    /// deletion, and for [`KeyState::PendingDeletion`] itself.
    fn set_state(&self, key: KeyId, state: KeyState) -> Operation<'_, Arc<KeyDescription>>;

    /// Makes a new version, which encrypts from now on; older ones go on decrypting.
    fn rotate(&self, key: KeyId) -> Operation<'_, Arc<KeyDescription>>;

    /// Ends every use of a key, which becomes [`KeyState::PendingDeletion`] until `at`; again with
    /// another time changes the time.
    fn schedule_deletion(&self, key: KeyId, at: Timestamp) -> Operation<'_, Arc<KeyDescription>> {
        let _ = (key, at);
        unsupported("its keys cannot be deleted")
    }

    /// Keeps a key that is pending deletion: it becomes [`KeyState::Disabled`]. One that is not
    /// pending is left as it is.
    fn cancel_deletion(&self, key: KeyId) -> Operation<'_, Arc<KeyDescription>> {
        let _ = key;
        unsupported("its keys cannot be deleted")
    }

    /// Destroys a key whose waiting period is over, with all its versions; nothing if there is no such
    /// key any more. Errors: [`KeyManagerError::NotSuitable`] for a key that is not pending deletion,
    /// or whose time has not come.
    fn destroy_key(&self, key: KeyId) -> Operation<'_, ()> {
        let _ = key;
        unsupported("its keys cannot be deleted")
    }

    /// The store was put back from a backup. What is counted in it (encryptions under an HSM's keys) may
    /// have been counted further since, so the counters skip ahead; durable when it returns. Nothing
    /// where nothing is counted.
    fn restored(&self) -> Operation<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    /// An act that makes something for this key (its creation, adoption, rotation) was cut off with an
    /// earlier process, and was not done, as a log tells that the store has no part in. What it left in an
    /// HSM may be destroyed; without this word it stays, for an older store put back looks the same.
    /// Nothing where nothing is left so.
    fn cut_off(&self, key: KeyId) -> Operation<'_, ()> {
        let _ = key;
        Box::pin(async { Ok(()) })
    }

    /// The id of the key-encryption key that seals all keys here; `None` if they are not kept so.
    fn key_encryption_key(&self) -> Option<[u8; 8]> {
        None
    }

    /// Replaces the key-encryption key by a fresh one of this id, and seals every key version under
    /// it; durable when it returns, and nothing if it has that id already. Keys go on being used.
    /// Errors: [`KeyManagerError::KeyRefused`] while a key is refused, for its bytes could not be
    /// carried over; [`KeyManagerError::Unsupported`] if there is no key-encryption key.
    fn rotate_key_encryption_key(&self, id: [u8; 8]) -> Operation<'_, ()> {
        let _ = id;
        unsupported("its keys are not sealed under a key-encryption key")
    }
}

fn unsupported<T: Send + 'static>(why: &'static str) -> Operation<'static, T> {
    Box::pin(async move { Err(KeyManagerError::Unsupported(why.to_owned())) })
}

/// What is known of a key manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagerDescription {
    /// Its id.
    pub id: ManagerId,
    /// What people call it.
    pub name: Name,
    /// What kind it is, e.g. `virtual-hsm`.
    pub kind: &'static str,
    /// When it was made.
    pub created: Timestamp,
}

/// A key manager ready for use.
#[derive(Clone)]
pub struct Opened {
    /// What it is.
    pub description: ManagerDescription,
    /// To use its keys.
    pub manager: Arc<dyn KeyManager>,
    /// To change its keys.
    pub lifecycle: Arc<dyn KeyLifecycle>,
}

/// Makes, opens and destroys key managers of one kind.
pub trait KeyManagerProvider: Send + Sync + 'static {
    /// What kind, e.g. `virtual-hsm`.
    fn kind(&self) -> &'static str;

    /// Makes a key manager; durable when it returns. Errors: [`KeyManagerError::KeyExists`] if
    /// there is one of that id or name.
    fn create(&self, id: ManagerId, name: Name) -> Operation<'_, Opened>;

    /// Opens every key manager of this kind. Those whose rows do not verify are left out, and
    /// said in `refused`.
    fn open_all(&self) -> Operation<'_, Vec<Opened>>;

    /// Key managers whose stored rows do not verify: id as stored, and what is wrong.
    fn refused(&self) -> Vec<(String, String)>;

    /// Destroys a key manager, its key-encryption key and all its keys, irrevocably. Backups keep
    /// what they have until the root generation that sealed it is retired.
    fn destroy(&self, id: ManagerId) -> Operation<'_, ()>;
}
