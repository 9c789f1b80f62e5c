//! Why a key manager did not do what it was asked.

/// What went wrong, by what the caller would do about it. The detail texts are for operators:
/// they go to the log and never to a client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyManagerError {
    /// There is no such key here.
    #[error("the key manager holds no such key")]
    UnknownKey,
    /// There is such a key already; a created key needs an id of its own.
    #[error("the key manager holds a key of that id already")]
    KeyExists,
    /// Ciphertext, IV, tag, metadata or additional data are not what this key encrypted.
    #[error("the ciphertext is not authentic under this key")]
    NotAuthentic,
    /// What is stored of this key does not verify; it is not used until somebody has looked.
    #[error("the stored key is refused: {0}")]
    KeyRefused(String),
    /// The message is larger than this key manager takes.
    #[error("the message is larger than the key manager takes")]
    TooLarge,
    /// The source of randomness failed.
    #[error(transparent)]
    Random(#[from] ambient::RandomUnavailable),
    /// The key manager did not answer in time.
    #[error("the key manager did not answer in time: {0}")]
    TimedOut(String),
    /// The key manager cannot work now; it may later.
    #[error("the key manager is unavailable: {0}")]
    Unavailable(String),
    /// The key manager has too much to do now.
    #[error("the key manager is busy: {0}")]
    Busy(String),
    /// The key has encrypted as often as it may; it must be rotated. It still decrypts.
    #[error("the key has encrypted 2^32 messages, the most for AES-GCM: rotate it")]
    Exhausted,
    /// What was asked for does not fit: the text tells the administrator who asked what to change.
    #[error("{0}")]
    NotSuitable(String),
    /// This key manager cannot do that at all.
    #[error("the key manager does not support this: {0}")]
    Unsupported(String),
}
