//! The login of a token, which all its sessions share, and the gate before it.

use std::sync::{Arc, Mutex};

use cryptoki::error::Error;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::TokenInfo;
use cryptoki::types::AuthPin;

use crate::config::Pin;
use crate::error::TokenError;
use crate::module::lock;
use crate::profile::Profile;
use crate::return_codes::Meaning;
use crate::session::Trouble;

/// Logins in a row that may fail to come back with a PIN that the token accepted before: such a PIN
/// cannot be the reason for a lock. With any other PIN it is one.
const UNANSWERED: u32 = 3;

/// Whoever has the PIN and remembers what the token said to it.
pub(crate) trait Keeper: Send + Sync {
    /// Why the PIN is not presented, if that is known here.
    fn refused(&self) -> Option<TokenError>;

    /// The PIN, to be presented once; `None` where the token wants no login. [`Self::judged`] follows.
    fn present(&self) -> Result<Option<Presented>, TokenError>;

    /// What the token said to the PIN that was presented.
    fn judged(&self, of: u64, judgement: Judgement);
}

/// A PIN on its way to the token.
pub(crate) struct Presented {
    /// Which PIN: it may be set anew meanwhile.
    pub(crate) number: u64,
    pub(crate) pin: AuthPin,
}

/// What a login came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The token took the PIN.
    Accepted,
    /// The PIN was not judged: somebody had logged in, or something else failed.
    NotJudged,
    /// Refused.
    Refused,
    /// Refused, and the PIN is locked.
    Locked,
}

/// The PIN, let through until the token refuses it once.
pub(crate) struct Pins(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    pin: Option<Pin>,
    number: u64,
    refused: Option<TokenError>,
    accepted: bool,
    under_way: bool,
    unanswered: u32,
}

impl Pins {
    pub(crate) fn new(pin: Option<Pin>) -> Self {
        Self(Mutex::new(Inner {
            pin,
            ..Inner::default()
        }))
    }

    /// Another PIN, and the gate is open again.
    pub(crate) fn set(&self, pin: Option<Pin>) {
        let mut inner = lock(&self.0);
        let number = inner.number.wrapping_add(1);
        *inner = Inner {
            pin,
            number,
            ..Inner::default()
        };
    }

    /// Calls `send` with the PIN and its number, unless it is not presented any more.
    pub(crate) fn with<T>(&self, send: impl FnOnce(u64, Option<&Pin>) -> T) -> Result<T, TokenError> {
        let mut inner = lock(&self.0);
        if let Some(refused) = &inner.refused {
            return Err(refused.clone());
        }
        inner.under_way = inner.pin.is_some();
        Ok(send(inner.number, inner.pin.as_ref()))
    }

    /// Whoever had the PIN is gone. A login that was under way may have cost a try.
    pub(crate) fn lost(&self) {
        let mut inner = lock(&self.0);
        if std::mem::take(&mut inner.under_way) {
            inner.unanswered += 1;
            if !inner.accepted || inner.unanswered >= UNANSWERED {
                inner.refused = Some(TokenError::LoginUnanswered);
            }
        }
    }
}

impl Keeper for Pins {
    fn refused(&self) -> Option<TokenError> {
        lock(&self.0).refused.clone()
    }

    fn present(&self) -> Result<Option<Presented>, TokenError> {
        self.with(|number, pin| {
            pin.map(|pin| Presented {
                number,
                pin: pin.to_auth(),
            })
        })
    }

    fn judged(&self, of: u64, judgement: Judgement) {
        let mut inner = lock(&self.0);
        if inner.number != of {
            return;
        }
        inner.under_way = false;
        match judgement {
            Judgement::Accepted => {
                inner.accepted = true;
                inner.unanswered = 0;
            }
            Judgement::NotJudged => {}
            Judgement::Refused => inner.refused = Some(TokenError::PinRefused),
            Judgement::Locked => inner.refused = Some(TokenError::PinLocked),
        }
    }
}

/// Where the sessions of a process log in, one at a time: of several that start together with a wrong
/// PIN, one presents it.
pub(crate) struct Gate {
    keeper: Arc<dyn Keeper>,
    /// Held during a login; the number of the PIN that the token accepted last.
    turn: Mutex<Option<u64>>,
}

impl Gate {
    pub(crate) const fn new(keeper: Arc<dyn Keeper>) -> Self {
        Self {
            keeper,
            turn: Mutex::new(None),
        }
    }

    /// Why the PIN is not presented, if that is known.
    pub(crate) fn refused(&self) -> Option<TokenError> {
        self.keeper.refused()
    }

    /// Logs in, once for all sessions. `false` where the token wants no login. `token` is what the
    /// token says of its PIN, among others.
    pub(crate) fn log_in(
        &self,
        session: &Session,
        token: &TokenInfo,
        profile: &Profile,
    ) -> Result<bool, Trouble> {
        let mut accepted = lock(&self.turn);
        let Some(presented) = self.keeper.present()? else {
            return Ok(false);
        };
        let untried = *accepted != Some(presented.number);
        if token.user_pin_locked() || token.user_pin_final_try() && untried {
            self.keeper.judged(presented.number, Judgement::NotJudged);
            let locked = token.user_pin_locked();
            return Err(if locked {
                TokenError::PinLocked
            } else {
                TokenError::PinLastTry
            }
            .into());
        }
        let result = session.login(UserType::User, Some(&presented.pin));
        let (judgement, result) = judge(result, profile);
        self.keeper.judged(presented.number, judgement);
        if judgement == Judgement::Accepted {
            *accepted = Some(presented.number);
        }
        result.map(|()| true)
    }
}

fn judge(result: Result<(), Error>, profile: &Profile) -> (Judgement, Result<(), Trouble>) {
    let Err(error) = result else {
        return (Judgement::Accepted, Ok(()));
    };
    let Error::Pkcs11(code, _) = error else {
        return (Judgement::NotJudged, Err(error.into()));
    };
    match profile.meaning(code) {
        Meaning::AlreadyLoggedIn => (Judgement::NotJudged, Ok(())),
        Meaning::PinLocked => (Judgement::Locked, Err(TokenError::PinLocked.into())),
        // Here the PIN was not judged.
        Meaning::SessionLost
        | Meaning::LoginLost
        | Meaning::TokenGone
        | Meaning::ModuleGone
        | Meaning::Busy
        | Meaning::SessionsExhausted => (Judgement::NotJudged, Err(error.into())),
        // Any other refusal may have cost a try.
        _ => (Judgement::Refused, Err(TokenError::PinRefused.into())),
    }
}
