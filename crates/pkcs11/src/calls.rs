//! What crosses between a [`Token`](crate::Token) and the threads with its sessions: plain data.

use std::sync::Arc;
use std::time::Duration;

use crypto::SecretBytes;

use crate::config::Pin;
use crate::health::TokenInfo;
use crate::object::{KeyObject, NewObject, ObjectSelector, Sealed, Tried, Usage};

/// A call for one session.
pub enum Call {
    /// The token's own words about itself.
    Info,
    /// Whether the token still does AES-GCM: a fresh session key encrypts and decrypts.
    Probe,
    /// The one suitable key object of this name.
    Find(ObjectSelector),
    /// All secret key objects, suitable or not.
    List,
    /// AES-GCM.
    Encrypt {
        /// With which key.
        key: KeyObject,
        /// What.
        plaintext: Arc<SecretBytes>,
        /// Additional authenticated data.
        aad: Vec<u8>,
        /// Whether to decrypt the result at once, in the same session ([`Answer::Tried`]).
        and_try: bool,
    },
    /// AES-GCM backwards.
    Decrypt {
        /// With which key.
        key: KeyObject,
        /// What.
        sealed: Sealed,
        /// Additional authenticated data.
        aad: Vec<u8>,
    },
    /// A new key object, made in the token.
    Generate(NewObject),
    /// The object's end.
    Destroy(KeyObject),
    /// What an object may be used for from now on.
    SetUsage(KeyObject, Usage),
    /// A key for another token, under a key that both have.
    Wrap {
        /// The wrapping key.
        under: KeyObject,
        /// The wrapped key.
        key: KeyObject,
    },
    /// A key from another token.
    Unwrap {
        /// The wrapping key.
        under: KeyObject,
        /// What [`Call::Wrap`] gave.
        wrapped: Vec<u8>,
        /// What it is called here.
        object: NewObject,
    },
    /// So many random bytes, at most [`MAX_RANDOM`].
    Random(usize),
    /// Another PIN for the user who is logged in.
    ChangePin {
        /// The one so far.
        old: Pin,
        /// The one from now on.
        new: Pin,
    },
}

/// What a call gives.
pub enum Answer {
    /// To [`Call::Probe`], [`Call::Destroy`], [`Call::SetUsage`] and [`Call::ChangePin`].
    Done,
    /// To [`Call::Info`].
    Info(Box<TokenInfo>),
    /// To [`Call::Find`], [`Call::Generate`] and [`Call::Unwrap`].
    Key(KeyObject),
    /// To [`Call::List`].
    Keys(Vec<KeyObject>),
    /// To [`Call::Encrypt`] without a trial.
    Sealed(Sealed),
    /// To [`Call::Encrypt`] with one.
    Tried(Tried),
    /// To [`Call::Decrypt`].
    Opened(SecretBytes),
    /// To [`Call::Wrap`].
    Wrapped(Vec<u8>),
    /// To [`Call::Random`].
    Random(SecretBytes),
}

/// Most random bytes of one call.
pub const MAX_RANDOM: usize = 1024;

/// Calls that no request waits for are given this long at least: a first login over the network, a key
/// that is made, a list of 100,000.
const ADMINISTRATION: Duration = Duration::from_secs(10);

impl Call {
    /// Longest time from this call to its answer, where `usual` is that of the calls of requests.
    pub(crate) fn deadline(&self, usual: Duration) -> Duration {
        match self {
            Self::Encrypt { .. } | Self::Decrypt { .. } | Self::Probe => usual,
            Self::Info
            | Self::Find(_)
            | Self::List
            | Self::Generate(_)
            | Self::Destroy(_)
            | Self::SetUsage(..)
            | Self::Wrap { .. }
            | Self::Unwrap { .. }
            | Self::Random(_)
            | Self::ChangePin { .. } => usual.max(ADMINISTRATION),
        }
    }

    /// The key objects that it uses.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &KeyObject> {
        let (first, second) = match self {
            Self::Encrypt { key, .. }
            | Self::Decrypt { key, .. }
            | Self::Destroy(key)
            | Self::SetUsage(key, _) => (Some(key), None),
            Self::Wrap { under, key } => (Some(under), Some(key)),
            Self::Unwrap { under, .. } => (Some(under), None),
            Self::Info
            | Self::Probe
            | Self::Find(_)
            | Self::List
            | Self::Generate(_)
            | Self::Random(_)
            | Self::ChangePin { .. } => (None, None),
        };
        first.into_iter().chain(second)
    }
}
