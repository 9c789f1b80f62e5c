//! The login of a token, which all its sessions share, and the gate before it.

use std::sync::Mutex;

use cryptoki::error::Error;
use cryptoki::session::{Session, UserType};

use crate::config::Pin;
use crate::error::TokenError;
use crate::module::lock;
use crate::profile::Profile;
use crate::return_codes::Meaning;

/// Lets the PIN through until the token refuses it once.
pub(crate) struct Gate(Mutex<Inner>);

struct Inner {
    pin: Option<Pin>,
    refused: Option<TokenError>,
}

impl Gate {
    pub(crate) const fn new(pin: Option<Pin>) -> Self {
        Self(Mutex::new(Inner { pin, refused: None }))
    }

    /// Why the PIN is not presented, if it is not.
    pub(crate) fn refused(&self) -> Option<TokenError> {
        lock(&self.0).refused.clone()
    }

    /// Another PIN, and the gate is open again.
    pub(crate) fn set(&self, pin: Option<Pin>) {
        *lock(&self.0) = Inner { pin, refused: None };
    }

    /// Logs in, once for all sessions. The lock is held during the call: of several sessions that
    /// start together with a wrong PIN, one presents it.
    pub(crate) fn log_in(&self, session: &Session, profile: &Profile) -> Result<(), Error> {
        let mut inner = lock(&self.0);
        let Some(pin) = inner.pin.as_ref() else {
            return Ok(());
        };
        let Err(error) = session.login(UserType::User, Some(&pin.to_auth())) else {
            return Ok(());
        };
        let Error::Pkcs11(code, _) = error else {
            return Err(error);
        };
        match profile.meaning(code) {
            Meaning::AlreadyLoggedIn => return Ok(()),
            Meaning::PinLocked => inner.refused = Some(TokenError::PinLocked),
            // Here the PIN was not judged.
            Meaning::SessionLost
            | Meaning::LoginLost
            | Meaning::TokenGone
            | Meaning::ModuleGone
            | Meaning::Busy
            | Meaning::SessionsExhausted => {}
            // Any other refusal may have cost a try.
            _ => inner.refused = Some(TokenError::PinRefused),
        }
        Err(error)
    }
}
