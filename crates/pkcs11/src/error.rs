//! What can go wrong, by what a caller would do differently.

use std::borrow::Cow;

/// Why a token could not be opened. Text for the administrator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The module could not be loaded or would not start.
    #[error("the PKCS#11 module cannot be used: {0}")]
    Module(String),
    /// The configuration contradicts itself or a limit.
    #[error("{0}")]
    Configuration(&'static str),
    /// The module works and the token does not.
    #[error("the token cannot be used: {0}")]
    Token(#[from] TokenError),
}

/// Why a token did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Ciphertext, IV, tag, AAD and key do not belong together.
    #[error("the ciphertext is not authentic")]
    NotAuthentic,
    /// The token is there, and no object matches.
    #[error("there is no such key object on the token")]
    ObjectGone,
    /// The object has the right name and is another key: it does not give the proof.
    #[error("the key object is another key than the one that had its name")]
    AnotherKey,
    /// More than one object matches; none is guessed.
    #[error("more than one key object matches; give one of them another label or id")]
    Ambiguous,
    /// The object exists and may not be used as it is.
    #[error("the key object cannot be used: {0}")]
    Unsuitable(String),
    /// Another call for this message: it is longer than the token takes.
    #[error("the message is longer than the token takes ({limit} bytes)")]
    TooLong {
        /// The longest plaintext, in bytes.
        limit: usize,
    },
    /// The queue is full, or the token says that it is busy.
    #[error("the token is busy")]
    Busy,
    /// The token gives no further session, and there is none to wait for.
    #[error("the token has no session left")]
    SessionsExhausted,
    /// The token or its module does not answer as one that is there.
    #[error("the token is gone")]
    TokenGone,
    /// The token was never initialised (C_InitToken).
    #[error("the token is not initialised")]
    NotInitialized,
    /// The token refused the PIN. It is not presented again.
    #[error("the token refused the PIN; it is not tried again until it is set anew")]
    PinRefused,
    /// The token locked the PIN; its security officer has to set it anew.
    #[error("the PIN is locked")]
    PinLocked,
    /// The token says that one more refused PIN locks it, and this PIN was never accepted: it is not
    /// presented. A login by other means makes the token count anew.
    #[error(
        "one wrong PIN more would lock the token, so the PIN is not presented: log in once by other means"
    )]
    PinLastTry,
    /// A login did not come back: the module crashed or hung in it. Whether the token counted it as
    /// a try is unknown, so it is not tried again.
    #[error("the module did not come back from a login; the PIN is not presented again until it is set anew")]
    LoginUnanswered,
    /// The token's worker process is gone, or on its way back; what became of the call is unknown.
    #[error("the worker process of the PKCS#11 module {0}")]
    WorkerDied(String),
    /// The deadline passed. Whether the token did the work is unknown.
    #[error("the token did not answer in time")]
    TimedOut,
    /// Every thread that this token may have hangs in the module.
    #[error("all sessions hang in the PKCS#11 module")]
    Hung,
    /// What was just encrypted did not decrypt to the same.
    #[error("the trial decryption gave another plaintext")]
    TrialFailed,
    /// The token broke the rules of PKCS#11 or of its profile.
    #[error("the token's output is not what its profile says: {0}")]
    BadOutput(Cow<'static, str>),
    /// The source of randomness failed; without it there is no IV.
    #[error("the source of randomness failed")]
    NoRandomness,
    /// The token refused, and none of the above says why.
    #[error("{function} was refused: {code}")]
    Refused {
        /// The return code's name, such as `CKR_ARGUMENTS_BAD`.
        code: String,
        /// The function, such as `C_Encrypt`.
        function: String,
    },
    /// The token was closed, or the thread with the call ended.
    #[error("the token was closed")]
    Closed,
}

impl TokenError {
    /// Whether the failure says nothing against the token's health.
    pub(crate) const fn is_about_the_request(&self) -> bool {
        matches!(
            self,
            Self::NotAuthentic
                | Self::ObjectGone
                | Self::AnotherKey
                | Self::Ambiguous
                | Self::Unsuitable(_)
                | Self::TooLong { .. }
                | Self::Refused { .. }
        )
    }
}

impl From<ambient::RandomUnavailable> for TokenError {
    fn from(_: ambient::RandomUnavailable) -> Self {
        Self::NoRandomness
    }
}
