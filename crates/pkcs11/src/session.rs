//! One session: opened and logged in when needed, given up and opened anew when the token says so.

pub(crate) mod keys;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ambient::{Clock, Random};
use crypto::SecretBytes;
use cryptoki::error::Error;
use cryptoki::session::Session;
use cryptoki::slot::Slot;

use crate::calls::{Answer, Call};
use crate::config::{Requirements, TokenSelector};
use crate::error::TokenError;
use crate::gcm;
use crate::health::TokenInfo;
use crate::login::Gate;
use crate::module::{Module, Running, lock};
use crate::object::{ObjectSelector, Tried};
use crate::profile::Profile;
use crate::return_codes::{self, Meaning};

/// Attempts at one call: the first, and one each after a doubtful answer, after a new session or a new
/// search, and after a restart.
const ATTEMPTS: usize = 4;

/// Attempts after which the session's state is not asked for any more: a module may tell it wrong.
const LOGIN_DOUBTS: usize = 2;

/// What all sessions of a token share.
pub(crate) struct Shared {
    pub(crate) module: Arc<Module>,
    pub(crate) token: TokenSelector,
    pub(crate) profile: Profile,
    pub(crate) requirements: Requirements,
    pub(crate) gate: Gate,
    /// Handles found; objects of a token have one handle in all
    /// sessions of a process.
    pub(crate) handles: Mutex<HashMap<ObjectSelector, keys::Known>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
}

/// A failure on its way to its meaning.
pub(crate) enum Trouble {
    /// The module said so.
    Said(Error),
    /// Nothing left to interpret.
    Final(TokenError),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Said(error)
    }
}

impl From<TokenError> for Trouble {
    fn from(error: TokenError) -> Self {
        Self::Final(error)
    }
}

/// A thread's session.
pub(crate) struct Lane {
    shared: Arc<Shared>,
    open: Option<Open>,
}

struct Open {
    session: Session,
    generation: u64,
    slot: Slot,
    /// Whether the token wanted a login.
    logged_in: bool,
}

/// What to do after a failure.
enum Next {
    /// Once more, as it is.
    Again,
    /// Once more, after the module restarted; if it does not, the answer.
    AgainAfterRestart(TokenError),
    /// Once more, after the module, which somebody finalised, was initialised.
    AgainAfterStart,
    /// The answer.
    Answer(TokenError),
}

impl Lane {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared, open: None }
    }

    /// Whether a session is open.
    pub(crate) const fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Does `call`, as often as a lost session, login or handle makes it necessary.
    pub(crate) fn execute(&mut self, call: &Call) -> Result<Answer, TokenError> {
        let mut last = TokenError::TokenGone;
        for attempt in 0..ATTEMPTS {
            let next = {
                let shared = Arc::clone(&self.shared);
                let running = shared.module.run();
                match self.attempt(&running, call) {
                    Ok(answer) => return Ok(answer),
                    Err(trouble) => self.judge(&running, call, attempt, trouble),
                }
            };
            match next {
                Next::Answer(error) => return Err(error),
                Next::Again => {}
                Next::AgainAfterRestart(error) => {
                    let restart = self.shared.profile.restart_on_loss()
                        && self
                            .shared
                            .module
                            .restart_for(&self.shared.token, self.shared.clock.as_ref());
                    if !restart {
                        return Err(error);
                    }
                    last = error;
                }
                Next::AgainAfterStart => {
                    if !self.shared.module.start_again(self.shared.clock.as_ref()) {
                        return Err(TokenError::TokenGone);
                    }
                }
            }
        }
        Err(last)
    }

    fn attempt(&mut self, running: &Running<'_>, call: &Call) -> Result<Answer, Trouble> {
        if self
            .open
            .as_ref()
            .is_some_and(|open| open.generation != running.generation)
        {
            self.forget();
        }
        if self.open.is_none() {
            self.open = Some(open(&self.shared, running)?);
        }
        let Some(open) = self.open.as_ref() else {
            return Err(TokenError::TokenGone.into());
        };
        open.perform(&self.shared, running, call)
    }

    fn judge(&mut self, running: &Running<'_>, call: &Call, attempt: usize, trouble: Trouble) -> Next {
        let error = match trouble {
            Trouble::Final(TokenError::TokenGone) => {
                self.close(running);
                return Next::AgainAfterRestart(TokenError::TokenGone);
            }
            Trouble::Final(error) => return Next::Answer(error),
            Trouble::Said(error) => error,
        };
        let Error::Pkcs11(code, function) = error else {
            return Next::Answer(TokenError::Refused {
                code: error.to_string(),
                function: "the module".to_owned(),
            });
        };
        let refused = TokenError::Refused {
            code: return_codes::name(code),
            function: format!("C_{function:?}"),
        };
        match self.shared.profile.meaning(code) {
            Meaning::SessionLost | Meaning::LoginLost => {
                self.close(running);
                Next::Again
            }
            // A token that forgot the login hides its objects, or fails for no reason.
            Meaning::ObjectGone | Meaning::Ambiguous if attempt < LOGIN_DOUBTS && self.login_is_lost() => {
                self.close(running);
                Next::Again
            }
            Meaning::ObjectGone => self.object_gone(running, call),
            Meaning::TokenGone => {
                self.close(running);
                Next::AgainAfterRestart(TokenError::TokenGone)
            }
            Meaning::ModuleGone => {
                self.close(running);
                Next::AgainAfterStart
            }
            Meaning::Busy => Next::Answer(TokenError::Busy),
            Meaning::SessionsExhausted => Next::Answer(TokenError::SessionsExhausted),
            // It may have been a hiccup; bad ciphertext is as bad the next time.
            Meaning::Ambiguous if attempt == 0 && judges_ciphertext(function, call) => Next::Again,
            Meaning::NotAuthentic if judges_ciphertext(function, call) => {
                Next::Answer(TokenError::NotAuthentic)
            }
            Meaning::Ambiguous | Meaning::NotAuthentic => self.ambiguous(running, function, call, refused),
            Meaning::PinRefused if matches!(call, Call::ChangePin { .. }) || !is_login(function) => {
                Next::Answer(refused)
            }
            Meaning::PinRefused => Next::Answer(TokenError::PinRefused),
            Meaning::PinLocked => Next::Answer(TokenError::PinLocked),
            Meaning::TooLong => Next::Answer(TokenError::TooLong {
                limit: self.shared.profile.max_message(),
            }),
            Meaning::Capability | Meaning::Misuse | Meaning::AlreadyLoggedIn => Next::Answer(refused),
        }
    }

    /// A handle means nothing: search again. A search that finds nothing is believed only while
    /// the token answers.
    fn object_gone(&mut self, running: &Running<'_>, call: &Call) -> Next {
        let mut handles = lock(&self.shared.handles);
        let known = call
            .keys()
            .filter(|key| handles.remove(key.selector()).is_some())
            .count();
        drop(handles);
        if known > 0 {
            return Next::Again;
        }
        if self.token_answers(running) {
            return Next::Answer(TokenError::ObjectGone);
        }
        self.close(running);
        Next::AgainAfterRestart(TokenError::TokenGone)
    }

    /// A code that may mean anything. On decryption bad ciphertext is likely, and the token has to
    /// prove that it is not the one to blame.
    fn ambiguous(
        &mut self,
        running: &Running<'_>,
        function: cryptoki::context::Function,
        call: &Call,
        refused: TokenError,
    ) -> Next {
        if judges_ciphertext(function, call) && self.probe() {
            return Next::Answer(TokenError::NotAuthentic);
        }
        if !judges_ciphertext(function, call) && self.token_answers(running) {
            // The session may be what is broken.
            self.close(running);
            return Next::Answer(refused);
        }
        self.close(running);
        Next::AgainAfterRestart(TokenError::TokenGone)
    }

    fn probe(&self) -> bool {
        self.open
            .as_ref()
            .is_some_and(|open| keys::probe(&open.session, &self.shared).is_ok())
    }

    /// Whether the session is one of nobody's, though we logged in.
    fn login_is_lost(&self) -> bool {
        let lost = |open: &Open| open.logged_in && keys::is_public(&open.session);
        self.open.as_ref().is_some_and(lost)
    }

    fn token_answers(&self, running: &Running<'_>) -> bool {
        slot(running, &self.shared.token).is_ok()
    }

    /// Closes the session; a new one is opened by the next call.
    fn close(&mut self, running: &Running<'_>) {
        if let Some(open) = self.open.take() {
            self.shared.module.closed(&self.shared.token);
            if open.generation == running.generation {
                let _ = open.session.close();
            }
        }
    }

    /// Gives a session up without a call: its handle means nothing in this generation.
    fn forget(&mut self) {
        if self.open.take().is_some() {
            self.shared.module.closed(&self.shared.token);
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let shared = Arc::clone(&self.shared);
        let running = shared.module.run();
        self.close(&running);
    }
}

/// Whether `function` failing in `call` can be due to the data that are decrypted.
const fn judges_ciphertext(function: cryptoki::context::Function, call: &Call) -> bool {
    use cryptoki::context::Function;
    match call {
        Call::Decrypt { .. } => matches!(function, Function::Decrypt),
        Call::Unwrap { .. } => matches!(function, Function::UnwrapKey),
        _ => false,
    }
}

const fn is_login(function: cryptoki::context::Function) -> bool {
    matches!(function, cryptoki::context::Function::Login)
}

fn open(shared: &Shared, running: &Running<'_>) -> Result<Open, Trouble> {
    if let Some(refused) = shared.gate.refused() {
        return Err(refused.into());
    }
    let (slot, token) = slot(running, &shared.token)?;
    // Read-write throughout: CloudHSM has no others. Closed by hand, for after a restart the handle
    // may be somebody else's.
    let session = running.pkcs11.open_rw_session_no_drop(slot)?;
    let logged_in = match shared.gate.log_in(&session, &token, &shared.profile) {
        Ok(logged_in) => logged_in,
        Err(error) => {
            let _ = session.close();
            return Err(error);
        }
    };
    shared.module.opened(&shared.token);
    Ok(Open {
        session,
        generation: running.generation,
        slot,
        logged_in,
    })
}

/// The slot with the token, and what the token says of itself. Slots whose token does not answer are passed over.
fn slot(running: &Running<'_>, token: &TokenSelector) -> Result<(Slot, cryptoki::slot::TokenInfo), Trouble> {
    let mut found = None;
    for slot in running.pkcs11.get_slots_with_token()? {
        let Ok(info) = running.pkcs11.get_token_info(slot) else {
            continue;
        };
        let is_it = token.means(info.serial_number(), info.label(), slot.id());
        if is_it && !info.token_initialized() {
            // Only a slot's number names it for sure; its label and serial mean nothing yet.
            if matches!(token, TokenSelector::Slot(_)) {
                return Err(TokenError::NotInitialized.into());
            }
            continue;
        }
        if is_it && found.replace((slot, info)).is_some() {
            return Err(TokenError::Unsuitable("two tokens have this name".to_owned()).into());
        }
    }
    found.ok_or_else(|| TokenError::TokenGone.into())
}

impl Open {
    fn perform(&self, shared: &Shared, running: &Running<'_>, call: &Call) -> Result<Answer, Trouble> {
        let session = &self.session;
        match call {
            Call::Info => Ok(Answer::Info(Box::new(TokenInfo::read(
                running.pkcs11,
                self.slot,
            )?))),
            Call::Probe => keys::probe(session, shared).map(|()| Answer::Done),
            Call::Find(selector) => {
                keys::find(session, shared, running.generation, selector).map(|(_, key)| Answer::Key(key))
            }
            Call::List => keys::list(session).map(Answer::Keys),
            Call::Encrypt {
                key,
                plaintext,
                aad,
                and_try,
            } => {
                let handle = keys::handle(session, shared, running.generation, key)?;
                let (profile, random) = (&shared.profile, shared.random.as_ref());
                let sealed = gcm::encrypt(session, handle, profile, random, plaintext.expose(), aad)?;
                if !and_try {
                    return Ok(Answer::Sealed(sealed));
                }
                let digest = sealed.digest();
                let opened = gcm::decrypt(session, handle, profile, &sealed, aad)?;
                if !opened.constant_time_eq(plaintext) {
                    return Err(TokenError::TrialFailed.into());
                }
                Ok(Answer::Tried(Tried {
                    sealed,
                    digest,
                    opened,
                }))
            }
            Call::Decrypt { key, sealed, aad } => {
                let handle = keys::handle(session, shared, running.generation, key)?;
                gcm::decrypt(session, handle, &shared.profile, sealed, aad).map(Answer::Opened)
            }
            Call::Generate(object) => {
                keys::generate(session, shared, running.generation, object).map(Answer::Key)
            }
            Call::Destroy(key) => {
                let handle = keys::handle(session, shared, running.generation, key)?;
                session.destroy_object(handle)?;
                // Under whatever names it was found: the token may give its handle to another object.
                lock(&shared.handles).retain(|_, known| known.handle != handle);
                Ok(Answer::Done)
            }
            Call::SetUsage(key, usage) => {
                let handle = keys::handle(session, shared, running.generation, key)?;
                session.update_attributes(handle, &usage.attributes())?;
                Ok(Answer::Done)
            }
            Call::Wrap { under, key } => {
                keys::wrap(session, shared, running.generation, under, key).map(Answer::Wrapped)
            }
            Call::Unwrap {
                under,
                wrapped,
                object,
            } => keys::unwrap(session, shared, running.generation, under, wrapped, object).map(Answer::Key),
            Call::Random(len) => {
                let mut bytes = SecretBytes::zeroed(*len);
                session.generate_random_slice(bytes.expose_mut())?;
                Ok(Answer::Random(bytes))
            }
            Call::ChangePin { old, new } => {
                session.set_pin(&old.to_auth(), &new.to_auth())?;
                Ok(Answer::Done)
            }
        }
    }
}
