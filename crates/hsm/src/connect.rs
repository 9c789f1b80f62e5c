//! Tokens that go away and come back: each is watched by a task of its own.

use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crypto::SecretBytes;
use key_manager::KeyManagerError;
use pkcs11::{KeyObject, Pin, State, Token, TokenError};

use crate::fleet::{Fleet, Looking, Member, PinFile, is_about_the_object};
use crate::manager::Inner;
use crate::objects;

/// Longest wait for the tokens before a key manager opens without them.
pub(crate) const FIRST_LOOK: Duration = Duration::from_secs(3);
/// Between two looks at a token that serves.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// From a failure to the first look after it; doubled with each failed look.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Longest time between two looks at a token that is out.
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(10);
/// Key objects that a token could not use are looked at again at every so manieth look.
const LOOK_AT_UNFIT: u64 = 6;

const CANARY: &[u8] = b"Strongroom health probe, 32 byte";

/// Looks at one token again and again, until the key manager is gone.
pub(crate) async fn watch(inner: Weak<Inner>, index: usize) {
    let mut failures = 0;
    loop {
        let wait = if failures == 0 {
            LOOK_EVERY
        } else {
            LOOK_AGAIN
                .saturating_mul(1 << (failures - 1).min(10))
                .min(LOOK_AT_LEAST_EVERY)
        };
        if !pause(&inner, index, wait, failures == 0).await {
            return;
        }
        let Some(inner) = inner.upgrade() else { return };
        let Some(member) = inner.fleet.members().get(index) else {
            return;
        };
        if inner.look(member).await {
            failures = 0;
            inner.warm(member).await;
        } else {
            failures += 1;
        }
    }
}

/// Waits; shorter if the token leaves meanwhile. `false` if the key manager is gone. Holds it only while
/// the token serves, as its users do.
async fn pause(inner: &Weak<Inner>, index: usize, wait: Duration, serving: bool) -> bool {
    if serving {
        let Some(held) = inner.upgrade() else { return false };
        let Some(member) = held.fleet.members().get(index) else {
            return false;
        };
        let left = tokio::time::timeout(wait, member.left.notified()).await.is_ok();
        if !left {
            return true;
        }
    }
    tokio::time::sleep(if serving { LOOK_AGAIN } else { wait }).await;
    inner.strong_count() > 0
}

impl Inner {
    /// Looks at a token: connects to it if it must, and encrypts and decrypts with a key of its own.
    /// Whether it serves now.
    pub(crate) async fn look(&self, member: &Member) -> bool {
        let mut looking = member.looking.lock().await;
        if self.is_closed() {
            return false;
        }
        let (_, epoch) = member.standing();
        match self.look_closely(member, &mut looking).await {
            Ok(()) => {
                looking.looks += 1;
                if member.standing().1 == epoch && member.enter() {
                    looking.looks = 1;
                    tracing::info!(
                        token = member.name(),
                        hsm = self.description.name.as_str(),
                        "the token serves"
                    );
                    self.untidy.notify_one();
                }
                true
            }
            Err(why) => {
                if member.token().is_some_and(|token| was_refused(&token)) {
                    self.shared.refused_pins.load().note(member, looking.pin_file);
                }
                member.leave(epoch, &why);
                false
            }
        }
    }

    async fn look_closely(&self, member: &Member, looking: &mut Looking) -> Result<(), String> {
        let token = match member.token() {
            Some(token) => token,
            None => self.connect(member, looking).await?,
        };
        offer_new_pin(member, &token, looking);
        let said = |error: TokenError| error.to_string();
        member.introduce(token.info().await.map_err(said)?);
        let canary = match looking.canary.clone() {
            Some(canary) => Some(canary),
            None => self.canary(member, &token).await.map_err(said)?,
        };
        let in_flight = member.begin(self.shared.clock.as_ref());
        let sung = match &canary {
            Some(canary) => sing(&token, canary).await,
            None => token.probe().await,
        };
        drop(in_flight);
        looking.canary = match &sung {
            // Somebody deleted it: another is made at the next look.
            Err(error) if is_about_the_object(error) => None,
            _ => canary,
        };
        sung.map_err(said)
    }

    async fn connect(&self, member: &Member, looking: &mut Looking) -> Result<Token, String> {
        let config = self.config.as_ref().ok_or("it is not configured")?;
        looking.pin_file = pin_file(member);
        if self.shared.refused_pins.load().has(member, looking.pin_file) {
            return Err("its PIN was refused; it is presented again when its file has changed".to_owned());
        }
        let config = config
            .token_config(&member.config, self.shared.worker.as_ref())
            .map_err(|error| error.to_string())?;
        let (clock, random) = (Arc::clone(&self.shared.clock), Arc::clone(&self.shared.random));
        let token = Token::prepare(config, clock, random)
            .await
            .map_err(|error| error.to_string())?;
        member.set_token(token.clone());
        Ok(token)
    }

    /// The key object that probes use: found, or made. It protects nothing, so each token has its own,
    /// and its encryptions are not counted. `None` where there can be none (two of them, or a token whose
    /// user may make none): then a key of the session has to do.
    async fn canary(&self, member: &Member, token: &Token) -> Result<Option<KeyObject>, TokenError> {
        let object = objects::canary(&self.description.id, member.name());
        let selector = objects::selector(&object)?;
        let canary = match token.find(&selector).await {
            Err(TokenError::ObjectGone) => token.generate(object).await,
            found => found,
        };
        match canary {
            Err(error) if is_about_the_object(&error) => {
                tracing::warn!(
                    token = member.name(),
                    "there is no key object for probes: {error}"
                );
                Ok(None)
            }
            canary => canary.map(Some),
        }
    }

    /// Proves the objects of all keys on a token that came back, before requests have to wait for that.
    pub(crate) async fn warm(&self, member: &Member) {
        let looks = member.looking.lock().await.looks;
        let again = looks.is_multiple_of(LOOK_AT_UNFIT);
        let contents = self.contents.load_full();
        for version in contents.keys.values().flat_map(|key| &key.versions) {
            let (serving, epoch) = member.standing();
            if !serving || self.is_closed() {
                return;
            }
            let Some(place) = version.place(member.index) else {
                return;
            };
            if place.ready(epoch).is_none() && (again || place.unfit(epoch).is_none()) {
                let _ = self.proved(member, epoch, version).await;
            }
        }
    }

    /// Whether a request made now would be served by one token at least.
    pub(crate) async fn probe(&self) -> Result<(), KeyManagerError> {
        let probes =
            self.fleet.members().iter().map(|member| {
                Box::pin(async move { if self.look(member).await { Ok(()) } else { Err(()) } })
            });
        // The first that serves decides: one that hangs is its watcher's affair.
        if self.fleet.len() > 0 && futures_util::future::select_ok(probes).await.is_ok() {
            return Ok(());
        }
        Err(KeyManagerError::Unavailable(self.fleet.troubles(None)))
    }
}

/// Encrypts and decrypts with the canary.
async fn sing(token: &Token, canary: &KeyObject) -> Result<(), TokenError> {
    let tried = token
        .encrypt_and_try(canary, SecretBytes::new(CANARY.to_vec()), CANARY)
        .await?;
    if tried.opened.expose() == CANARY && tried.sealed.digest() == tried.digest {
        return Ok(());
    }
    Err(TokenError::TrialFailed)
}

/// A PIN that was refused is not presented again until somebody wrote another into its file.
fn offer_new_pin(member: &Member, token: &Token, looking: &mut Looking) {
    let refused = matches!(
        token.state(),
        State::Unavailable(
            TokenError::PinRefused
                | TokenError::PinLocked
                | TokenError::PinLastTry
                | TokenError::LoginUnanswered
        )
    );
    let now = pin_file(member);
    if !refused || now == looking.pin_file {
        return;
    }
    let Some(path) = &member.config.pin_file else {
        return;
    };
    if let Ok(pin) = Pin::from_file(path) {
        looking.pin_file = now;
        tracing::info!(
            token = member.name(),
            "the PIN file was changed: its PIN is presented"
        );
        token.set_pin(Some(pin));
    }
}

/// Whether the token refused the PIN, or may have counted it as refused.
fn was_refused(token: &Token) -> bool {
    let state = token.state();
    matches!(
        state,
        State::Unavailable(TokenError::PinRefused | TokenError::PinLocked | TokenError::LoginUnanswered)
    )
}

/// What the PIN file is now.
pub(crate) fn pin_file(member: &Member) -> Option<PinFile> {
    let metadata = std::fs::metadata(member.config.pin_file.as_ref()?).ok()?;
    Some((
        metadata.ino(),
        metadata.len(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ))
}

impl Fleet {
    /// All tokens, each in service with its epoch.
    ///
    /// # Errors
    /// Names those that are away: what is made or adopted must be on every one.
    pub(crate) fn all_serving(&self) -> Result<Vec<(&Member, Token, u64)>, KeyManagerError> {
        let serving: Vec<_> = self
            .members()
            .iter()
            .filter_map(|member| {
                let (serving, epoch) = member.standing();
                Some((member, member.token().filter(|_| serving)?, epoch))
            })
            .collect();
        if serving.is_empty() || serving.len() < self.len() {
            let why = format!("every token has to be there for that; {}", self.troubles(None));
            return Err(KeyManagerError::Unavailable(why));
        }
        Ok(serving)
    }
}
