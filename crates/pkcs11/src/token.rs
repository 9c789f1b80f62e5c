//! A token as its users see it.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use ambient::{Clock, Random};
use crypto::SecretBytes;

use crate::backend::Backend;
use crate::calls::{Answer, Call, MAX_RANDOM};
use crate::config::{Pin, TokenConfig};
use crate::error::{OpenError, TokenError};
use crate::health::{State, TokenInfo};
use crate::module::lock;
use crate::object::{KeyObject, NewObject, ObjectSelector, Sealed, Tried, Usage};
use crate::profile::Profile;

/// A token of a PKCS#11 module. A cheap clone; every call is answered within the configured
/// deadline, and may be made from any task. Whoever drops a call's future gives up the answer, not
/// the call.
#[derive(Clone)]
pub struct Token(Arc<Inner>);

struct Inner {
    backend: Backend,
    profile: Profile,
    /// What the last call that says something about the token's health met with.
    trouble: Mutex<Option<TokenError>>,
}

impl Token {
    /// Loads the module if it is not loaded yet, finds the token and logs in.
    ///
    /// # Errors
    /// [`OpenError::Module`] and [`OpenError::Configuration`] say what is wrong;
    /// [`OpenError::Token`] what the token answered.
    pub async fn open(
        config: TokenConfig,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, OpenError> {
        let token = Self::prepare(config, clock, random).await?;
        token.info().await?;
        Ok(token)
    }

    /// As [`Self::open`], but the token itself may be away: it is looked for at the first call.
    ///
    /// # Errors
    /// [`OpenError::Module`] and [`OpenError::Configuration`].
    pub async fn prepare(
        config: TokenConfig,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, OpenError> {
        config.check()?;
        let profile = config.profile.clone();
        Ok(Self(Arc::new(Inner {
            backend: Backend::start(config, clock, random).await?,
            profile,
            trouble: Mutex::new(None),
        })))
    }

    /// What is particular about the product.
    pub fn profile(&self) -> &Profile {
        &self.0.profile
    }

    /// How the token does, as far as the calls so far tell. Asks nothing of it.
    pub fn state(&self) -> State {
        if let Some(reason) = self.0.backend.unavailable() {
            return State::Unavailable(reason);
        }
        match lock(&self.0.trouble).clone() {
            // Nothing can be done before these end, and they end elsewhere.
            Some(gone @ (TokenError::TokenGone | TokenError::PinLocked | TokenError::PinLastTry)) => {
                State::Unavailable(gone)
            }
            Some(trouble) => State::Degraded(trouble),
            None if self.0.backend.hung() > 0 => State::Degraded(TokenError::TimedOut),
            None => State::Active,
        }
    }

    /// The token's own words about itself.
    ///
    /// # Errors
    /// As every call here: [`TokenError`].
    pub async fn info(&self) -> Result<TokenInfo, TokenError> {
        match self.run(Call::Info).await? {
            Answer::Info(info) => Ok(*info),
            _ => Err(UNFIT),
        }
    }

    /// Whether the token does AES-GCM now: it makes a key of the session, encrypts, decrypts.
    ///
    /// # Errors
    /// What the token answered.
    pub async fn probe(&self) -> Result<(), TokenError> {
        self.done(Call::Probe).await
    }

    /// The one secret key object of this name, if it is what the configuration requires.
    ///
    /// # Errors
    /// [`TokenError::ObjectGone`], [`TokenError::Ambiguous`], [`TokenError::Unsuitable`].
    pub async fn find(&self, selector: &ObjectSelector) -> Result<KeyObject, TokenError> {
        self.key(Call::Find(selector.clone())).await
    }

    /// All secret key objects with a name, whether they can be used or not; at most 100,000.
    ///
    /// # Errors
    /// What the token answered.
    pub async fn list(&self) -> Result<Vec<KeyObject>, TokenError> {
        match self.run(Call::List).await? {
            Answer::Keys(keys) => Ok(keys),
            _ => Err(UNFIT),
        }
    }

    /// AES-GCM with a 16-byte tag; the IV is the profile's affair.
    ///
    /// # Errors
    /// [`TokenError::TooLong`] beyond the profile's longest message, before the token is asked.
    pub async fn encrypt(
        &self,
        key: &KeyObject,
        plaintext: SecretBytes,
        aad: &[u8],
    ) -> Result<Sealed, TokenError> {
        match self.seal(key, plaintext, aad, false).await? {
            Answer::Sealed(sealed) => Ok(sealed),
            _ => Err(UNFIT),
        }
    }

    /// Encrypts, and decrypts the result in the same session; what the trial gave comes back beside
    /// it, with the digest of what was tried.
    ///
    /// # Errors
    /// As [`Self::encrypt`], and [`TokenError::TrialFailed`].
    pub async fn encrypt_and_try(
        &self,
        key: &KeyObject,
        plaintext: SecretBytes,
        aad: &[u8],
    ) -> Result<Tried, TokenError> {
        match self.seal(key, plaintext, aad, true).await? {
            Answer::Tried(tried) => Ok(tried),
            _ => Err(UNFIT),
        }
    }

    async fn seal(
        &self,
        key: &KeyObject,
        plaintext: SecretBytes,
        aad: &[u8],
        and_try: bool,
    ) -> Result<Answer, TokenError> {
        let len = plaintext.len();
        self.check_length(len)?;
        let answer = self.run(Call::Encrypt {
            key: key.clone(),
            plaintext: Arc::new(plaintext),
            aad: aad.to_vec(),
            and_try,
        });
        match answer.await? {
            Answer::Sealed(sealed) if !is_of_length(&sealed, len) => Err(UNFIT),
            Answer::Tried(tried) if !is_of_length(&tried.sealed, len) => Err(UNFIT),
            answer => Ok(answer),
        }
    }

    /// AES-GCM backwards.
    ///
    /// # Errors
    /// [`TokenError::NotAuthentic`] only if the token showed that it is not the one to blame, or
    /// said so without ambiguity. An IV of neither 12 nor 16 bytes is not authentic.
    pub async fn decrypt(
        &self,
        key: &KeyObject,
        sealed: Sealed,
        aad: &[u8],
    ) -> Result<SecretBytes, TokenError> {
        let len = sealed.ciphertext.len();
        self.check_length(len)?;
        if !matches!(sealed.iv.len(), 12 | 16) {
            return Err(TokenError::NotAuthentic);
        }
        let call = Call::Decrypt {
            key: key.clone(),
            sealed,
            aad: aad.to_vec(),
        };
        match self.run(call).await? {
            Answer::Opened(plaintext) if plaintext.len() == len => Ok(plaintext),
            _ => Err(UNFIT),
        }
    }

    /// Makes an AES key of 32 bytes in the token. What comes out otherwise than the configuration
    /// requires is destroyed again.
    ///
    /// # Errors
    /// [`TokenError::Ambiguous`] if an object of this label or this id is there.
    pub async fn generate(&self, object: NewObject) -> Result<KeyObject, TokenError> {
        self.key(Call::Generate(object)).await
    }

    /// Destroys an object, for good.
    ///
    /// # Errors
    /// What the token answered.
    pub async fn destroy(&self, key: &KeyObject) -> Result<(), TokenError> {
        self.done(Call::Destroy(key.clone())).await
    }

    /// Changes what an object may be used for, where the token can.
    ///
    /// # Errors
    /// [`TokenError::Refused`] where it cannot.
    pub async fn set_usage(&self, key: &KeyObject, usage: Usage) -> Result<(), TokenError> {
        self.done(Call::SetUsage(key.clone(), usage)).await
    }

    /// `key` wrapped under `under`, as the profile says, for a token that has `under` too.
    ///
    /// # Errors
    /// [`TokenError::Unsuitable`] where the profile names no way, [`TokenError::Refused`] where the
    /// key may not leave.
    pub async fn wrap(&self, under: &KeyObject, key: &KeyObject) -> Result<Vec<u8>, TokenError> {
        let call = Call::Wrap {
            under: under.clone(),
            key: key.clone(),
        };
        match self.run(call).await? {
            Answer::Wrapped(wrapped) => Ok(wrapped),
            _ => Err(UNFIT),
        }
    }

    /// What [`Self::wrap`] gave, as an object here.
    ///
    /// # Errors
    /// [`TokenError::NotAuthentic`] as for [`Self::decrypt`], [`TokenError::Ambiguous`] as for
    /// [`Self::generate`].
    pub async fn unwrap(
        &self,
        under: &KeyObject,
        wrapped: Vec<u8>,
        object: NewObject,
    ) -> Result<KeyObject, TokenError> {
        let under = under.clone();
        self.key(Call::Unwrap {
            under,
            wrapped,
            object,
        })
        .await
    }

    /// Random bytes of the token's own (C_GenerateRandom).
    ///
    /// # Errors
    /// [`TokenError::TooLong`] beyond [`MAX_RANDOM`], before the token is asked.
    pub async fn random(&self, len: usize) -> Result<SecretBytes, TokenError> {
        if len > MAX_RANDOM {
            return Err(TokenError::TooLong { limit: MAX_RANDOM });
        }
        match self.run(Call::Random(len)).await? {
            Answer::Random(bytes) if bytes.len() == len => Ok(bytes),
            _ => Err(UNFIT),
        }
    }

    /// Changes the PIN of the user who is logged in. The new one has still to be set here
    /// ([`Self::set_pin`]) for later logins.
    ///
    /// # Errors
    /// What the token answered, by its code.
    pub async fn change_pin(&self, old: Pin, new: Pin) -> Result<(), TokenError> {
        self.done(Call::ChangePin { old, new }).await
    }

    /// Another PIN from the next login on; ends the state after a refused one.
    pub fn set_pin(&self, pin: Option<Pin>) {
        self.0.backend.set_pin(pin);
        *lock(&self.0.trouble) = None;
    }

    /// Ends the sessions and waits for that, at most for the deadline; later calls are answered
    /// [`TokenError::Closed`]. To be called before the process ends: some modules (SoftHSM) crash when
    /// it does while a session is being closed.
    pub async fn close(&self) {
        self.0.backend.close().await;
    }

    fn check_length(&self, len: usize) -> Result<(), TokenError> {
        let limit = self.profile().max_message();
        if len > limit {
            return Err(TokenError::TooLong { limit });
        }
        Ok(())
    }

    async fn done(&self, call: Call) -> Result<(), TokenError> {
        match self.run(call).await? {
            Answer::Done => Ok(()),
            _ => Err(UNFIT),
        }
    }

    async fn key(&self, call: Call) -> Result<KeyObject, TokenError> {
        match self.run(call).await? {
            Answer::Key(key) => Ok(key),
            _ => Err(UNFIT),
        }
    }

    async fn run(&self, call: Call) -> Result<Answer, TokenError> {
        let result = self.0.backend.run(call).await;
        match &result {
            Err(error) if !error.is_about_the_request() => *lock(&self.0.trouble) = Some(error.clone()),
            _ => *lock(&self.0.trouble) = None,
        }
        result
    }
}

/// Whether it can be what a plaintext of `len` bytes became.
fn is_of_length(sealed: &Sealed, len: usize) -> bool {
    sealed.ciphertext.len() == len && matches!(sealed.iv.len(), 12 | 16)
}

/// The answer does not belong to the call; between threads that cannot be, from a process it can.
const UNFIT: TokenError = TokenError::BadOutput(Cow::Borrowed("the answer belongs to another call"));
