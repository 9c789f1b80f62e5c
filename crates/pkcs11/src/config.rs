//! What an administrator says about a token.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crypto::SecretBytes;
use zeroize::{Zeroize as _, Zeroizing};

use crate::error::OpenError;
use crate::profile::Profile;

/// Most sessions of one token.
pub(crate) const MAX_SESSIONS: usize = 256;
/// Longest PIN, in bytes.
const MAX_PIN: usize = 1024;
/// Longest PIN file: a PIN and a line end.
const MAX_FILE: usize = MAX_PIN + 2;

/// Which token of a module.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TokenSelector {
    /// By serial number; the surest.
    Serial(String),
    /// By label. Two tokens with it are refused.
    Label(String),
    /// By slot number. Some modules number slots anew at every start.
    Slot(u64),
}

impl TokenSelector {
    /// Whether it means the token that says this of itself, in slot `slot`.
    pub(crate) fn means(&self, serial: &str, label: &str, slot: u64) -> bool {
        match self {
            Self::Serial(wanted) => serial == wanted,
            Self::Label(wanted) => label == wanted,
            Self::Slot(wanted) => slot == *wanted,
        }
    }
}

/// What a key object must be before it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirements {
    /// Whether an object may be used that the token would give away: extractable, or not
    /// sensitive. Weakens security.
    pub danger_allow_extractable: bool,
    /// Whether AES keys of 16 and 24 bytes may be used, not those of 32 alone.
    pub allow_short_keys: bool,
}

impl Requirements {
    /// AES, 32 bytes, sensitive, not extractable.
    pub const STRICT: Self = Self {
        danger_allow_extractable: false,
        allow_short_keys: false,
    };
}

/// Where the module of a token runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// In this process: fastest, and what the module does to itself it does to us.
    InProcess,
    /// In a supervised process of this token alone ([`worker`](crate::worker)), which is killed when
    /// it hangs and started again when it is gone.
    Worker(WorkerCommand),
}

/// How a worker process is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerCommand {
    /// A program that calls [`worker::run`](crate::worker::run). `/proc/self/exe` is this very
    /// program, even after an update replaced its file.
    pub program: PathBuf,
    /// Its arguments. No secret is ever among them.
    pub arguments: Vec<OsString>,
    /// Names of environment variables that the module reads beside those that its profile names
    /// ([`Profile::environment`]). The worker gets these, where they are set, and no others.
    pub environment: Vec<OsString>,
}

/// One token, and how to use it.
pub struct TokenConfig {
    /// The vendor's module, an ELF shared library.
    pub module: PathBuf,
    /// Which of its tokens.
    pub token: TokenSelector,
    /// The PIN of the normal user; `None` where the token wants no login.
    pub pin: Option<Pin>,
    /// What is particular about the product.
    pub profile: Profile,
    /// What its key objects must be.
    pub requirements: Requirements,
    /// Most sessions at a time, 1 to 256; each has a thread.
    pub sessions: usize,
    /// Most calls that wait for a session; at 0 a call that finds none free is refused.
    pub queue: usize,
    /// Longest time from a call to its answer. Calls that no request waits for (everything but
    /// encryption, decryption and probes) are given 10 s at least.
    pub deadline: Duration,
    /// Where the module runs.
    pub isolation: Isolation,
}

impl TokenConfig {
    pub(crate) const fn check(&self) -> Result<(), OpenError> {
        if self.sessions == 0 || self.sessions > MAX_SESSIONS {
            return Err(OpenError::Configuration("a token has 1 to 256 sessions"));
        }
        if self.deadline.is_zero() {
            return Err(OpenError::Configuration("a deadline is longer than nothing"));
        }
        Ok(())
    }
}

/// A PIN. Wiped on drop; without `Debug`.
pub struct Pin(SecretBytes);

/// Why a PIN file is refused.
#[derive(Debug, thiserror::Error)]
pub enum PinFileError {
    /// It cannot be read.
    #[error("cannot read the PIN file: {0}")]
    Unreadable(#[from] std::io::Error),
    /// Group or others may touch it.
    #[error("the PIN file can be read by others; chmod 600")]
    Permissions,
    /// No PIN of 1 to 1024 bytes of UTF-8 in it.
    #[error("the PIN file holds no PIN of 1 to 1024 bytes of UTF-8")]
    Content,
}

impl Pin {
    /// A PIN of 1 to 1024 bytes of UTF-8, as PKCS#11 wants it; `None` for anything else.
    pub fn new(bytes: SecretBytes) -> Option<Self> {
        let fits = (1..=MAX_PIN).contains(&bytes.len());
        (fits && std::str::from_utf8(bytes.expose()).is_ok()).then_some(Self(bytes))
    }

    /// Another of the same, to be held against a later one.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(SecretBytes::new(self.0.expose().to_vec()))
    }

    /// Whether both are the same, in a time that tells nothing but their lengths.
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.constant_time_eq(&other.0)
    }

    /// The PIN in a file of the owner's alone. A line end behind it is not part of it.
    ///
    /// # Errors
    /// Says what is wrong with the file, and nothing of its content.
    pub fn from_file(path: &Path) -> Result<Self, PinFileError> {
        let file = File::open(path)?;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            return Err(PinFileError::Permissions);
        }
        // Room for all that is read: a buffer that grows leaves a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE + 64));
        file.take(MAX_FILE as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > MAX_FILE {
            return Err(PinFileError::Content);
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        }
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        Self::new(SecretBytes::new(std::mem::take(&mut *bytes))).ok_or(PinFileError::Content)
    }

    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    /// The PIN as cryptoki takes it; wiped on drop there too.
    pub(crate) fn to_auth(&self) -> cryptoki::types::AuthPin {
        let mut text = String::from_utf8_lossy(self.0.expose()).into_owned();
        let pin = cryptoki::types::AuthPin::new(text.as_str().into());
        text.zeroize();
        pin
    }
}
