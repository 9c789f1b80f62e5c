//! The port to CloudHSM clusters: what an AWS CloudHSM key store needs of the HSMs behind it, and
//! nothing of how they are reached. Whoever makes an endpoint brings an implementation
//! ([`Parts::clusters`](crate::Parts)); [`NoClusters`] is an endpoint without any.
//!
//! Failures are told apart by what KMS makes of them (AWS KMS Developer Guide, "Troubleshooting a
//! custom key store"; `ConnectionErrorCode` in the API reference).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crypto::SecretBytes;

/// What a call will answer. Boxed, so that clusters can be held as `Arc<dyn Cluster>`.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The clusters that there are.
pub trait Clusters: Send + Sync {
    /// The cluster of this id (`cluster-…`), if it is declared.
    fn find(&self, id: &str) -> Option<Arc<dyn Cluster>>;
}

/// A cluster. One key store uses it at a time; the calls of that store may come all at once.
pub trait Cluster: Send + Sync {
    /// The certificate under which the cluster was initialised (`customerCA.crt`), PEM.
    fn trust_anchor(&self) -> &str;

    /// Whether it shares a backup history with the cluster of this id.
    fn is_related_to(&self, id: &str) -> bool;

    /// Active HSMs without which no key store and no key is made: two at AWS.
    fn minimum_hsms(&self) -> usize;

    /// Whether KMS gives `kmsuser` a new password at each connection, as AWS does.
    fn rotates_password(&self) -> bool;

    /// Looks at every HSM; needs no login.
    fn survey(&self) -> Answer<'_, Survey>;

    /// Logs in as `kmsuser` to every HSM that answers, with the first of these passwords that it
    /// takes; each is presented at most once to each. What was connected before is not any more.
    ///
    /// # Errors
    /// Says why the cluster is not connected; nothing is left open.
    fn connect(&self, passwords: Passwords) -> Answer<'_, Result<(), ConnectError>>;

    /// As [`Self::connect`] after a restart, without waiting for anything: the HSMs are logged in to
    /// when they are first used, and may be away until then.
    fn resume(&self, passwords: Passwords);

    /// Gives `kmsuser` another password at every HSM that it is logged in to.
    ///
    /// # Errors
    /// The password may have changed at some HSMs: both must be kept.
    fn change_password(&self, new: Arc<SecretBytes>) -> Answer<'_, Result<(), ConnectError>>;

    /// Logs out. Whatever is under way fails.
    fn disconnect(&self) -> Answer<'_, ()>;

    /// The HSMs, for the administrator. Asks nothing of them.
    fn hsms(&self) -> Vec<HsmView>;

    /// Makes an AES key of 256 bits that cannot leave, on every HSM of the cluster; gives the proof by
    /// which it is known from now on ([`ProvedKey`]): what it made of a plaintext that is always the same,
    /// with additional data that name the key.
    ///
    /// # Errors
    /// No key is left behind as far as that can be helped.
    fn generate_key<'a>(&'a self, key: KeyName<'a>) -> Answer<'a, Result<Encrypted, ClusterError>>;

    /// Destroys a key; that there is none is no failure.
    ///
    /// # Errors
    /// The key may still be there.
    fn delete_key<'a>(&'a self, key: KeyName<'a>) -> Answer<'a, Result<(), ClusterError>>;

    /// AES-256-GCM with a fresh IV, by an object that gave the key's proof.
    ///
    /// # Errors
    /// Nothing was encrypted that anybody could use.
    fn encrypt<'a>(
        &'a self,
        key: ProvedKey<'a>,
        plaintext: SecretBytes,
        aad: &'a [u8],
    ) -> Answer<'a, Result<Encrypted, ClusterError>>;

    /// AES-256-GCM backwards, by an object that gave the key's proof.
    ///
    /// # Errors
    /// [`ClusterError::NotAuthentic`] only if the HSM is not the one to blame.
    fn decrypt<'a>(
        &'a self,
        key: ProvedKey<'a>,
        encrypted: Encrypted,
        aad: &'a [u8],
    ) -> Answer<'a, Result<SecretBytes, ClusterError>>;

    /// Random bytes of an HSM; at most 1024.
    ///
    /// # Errors
    /// What kept the HSMs from it.
    fn random(&self, len: usize) -> Answer<'_, Result<SecretBytes, ClusterError>>;
}

/// What can be known of a cluster before a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Whether the HSMs that answer were initialised.
    pub initialized: bool,
    /// HSMs that answer and were initialised.
    pub active: usize,
}

/// The passwords of `kmsuser` that may be right: more than one only if a change of it was cut off.
#[derive(Clone)]
pub struct Passwords {
    /// The one in force, as far as is known.
    pub current: Arc<SecretBytes>,
    /// The one that was to take its place.
    pub next: Option<Arc<SecretBytes>>,
}

/// The name of a key object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyName<'a> {
    /// Its label: the ARN of the KMS key.
    pub arn: &'a str,
    /// Its id: 32 bytes, of this key alone.
    pub id: &'a [u8; 32],
}

/// A key object, and how it shows that it is the one that was made: a name can be given to another
/// object while nobody looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProvedKey<'a> {
    /// What it is called.
    pub name: KeyName<'a>,
    /// What [`Cluster::generate_key`] gave. An object that does not decrypt it is
    /// [`ClusterError::AnotherKey`], and is used for nothing.
    pub proof: &'a Encrypted,
}

/// What AES-GCM gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encrypted {
    /// 12 or 16 bytes, as the HSM makes it.
    pub iv: Vec<u8>,
    /// The authentication tag.
    pub tag: [u8; 16],
    /// As long as the plaintext.
    pub ciphertext: Vec<u8>,
}

/// An HSM as the administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HsmView {
    /// Its name in the configuration.
    pub name: String,
    /// How it does, in a few words.
    pub state: String,
}

/// Why a cluster could not be connected. The text of each is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// `INVALID_CREDENTIALS`: the password was refused. It is not presented again.
    #[error("the password of kmsuser was refused")]
    InvalidCredentials,
    /// `USER_LOCKED_OUT`: after too many wrong passwords.
    #[error("kmsuser is locked out")]
    UserLockedOut,
    /// `USER_NOT_FOUND`: the HSM has no such user.
    #[error("there is no kmsuser: the token has no user PIN")]
    UserNotFound,
    /// `INSUFFICIENT_CLOUDHSM_HSMS`: no HSM answers.
    #[error("no HSM of the cluster answers")]
    InsufficientHsms,
    /// `NETWORK_ERRORS`: an HSM that was there did not answer in time.
    #[error("an HSM of the cluster did not answer in time")]
    NetworkErrors,
    /// `INTERNAL_ERROR`.
    #[error("{0}")]
    InternalError(String),
}

/// Why a connected cluster did not do what it was asked. The text of each is for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// Ciphertext, IV, tag, additional data and key do not belong together.
    #[error("the ciphertext is not authentic")]
    NotAuthentic,
    /// No HSM has the key object.
    #[error("there is no such key object in the cluster")]
    KeyNotFound,
    /// The key object is there and not what KMS made.
    #[error("the key object cannot be used: {0}")]
    KeyUnusable(String),
    /// The key object of this name is another key than the one that KMS made.
    #[error("the key object is another key than the one that KMS made under its name")]
    AnotherKey,
    /// The HSMs of the cluster do not hold the same keys.
    #[error("the HSMs do not hold the same keys: {0}")]
    NotSynchronized(String),
    /// No HSM can be reached, or none takes the password any more.
    #[error("the cluster cannot be reached: {0}")]
    Unreachable(String),
    /// The HSMs are there and have no session to spare.
    #[error("the cluster is busy: {0}")]
    Busy(String),
    /// Anything else.
    #[error("{0}")]
    Internal(String),
}

/// No clusters.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoClusters;

impl Clusters for NoClusters {
    fn find(&self, _id: &str) -> Option<Arc<dyn Cluster>> {
        None
    }
}
