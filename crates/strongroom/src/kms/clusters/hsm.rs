//! One HSM of a cluster: its token, from the login to the logout, and the key objects found on it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ambient::{Clock, Random};
use crypto::SecretBytes;
use kms::clusters::{Encrypted, KeyName, Passwords, ProvedKey};
use pkcs11::{
    KeyObject, ObjectSelector, Pin, Profile, Proof, Requirements, Sealed, State, Token, TokenConfig,
    TokenError, TokenSelector,
};

use super::errors::of_opening;

/// Most key objects remembered for an HSM.
const MAX_KEYS: usize = 100_000;
/// What a new key encrypts, to be known by it: on every HSM, and whenever its object is found again.
pub(super) const PROOF: &[u8] = b"strongroom: the key that KMS made";

/// The additional data of a key's proof: it is that of no other key.
pub(super) fn proof_aad(name: KeyName<'_>) -> Vec<u8> {
    // The id has one length.
    [
        b"strongroom-kms-key-proof\0",
        name.id.as_slice(),
        name.arn.as_bytes(),
    ]
    .concat()
}

/// An HSM.
pub(super) struct Hsm {
    pub(super) name: String,
    pub(super) settings: Settings,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    /// Held while it is opened or closed.
    pub(super) connection: tokio::sync::Mutex<Option<Arc<Connection>>>,
    /// The same, for those who only look.
    pub(super) shown: Mutex<Option<Arc<Connection>>>,
}

/// How its token is opened.
pub(super) struct Settings {
    pub(super) module: PathBuf,
    pub(super) token: TokenSelector,
    pub(super) profile: Profile,
    pub(super) isolation: pkcs11::Isolation,
    pub(super) sessions: usize,
    pub(super) queue: usize,
    pub(super) deadline: Duration,
    /// What stands before the password in a PIN, with a colon.
    pub(super) pin_user: Option<String>,
}

/// A token with a login.
pub(super) struct Connection {
    pub(super) token: Token,
    pin_user: Option<String>,
    /// With which password.
    password: Mutex<Arc<SecretBytes>>,
    keys: Mutex<HashMap<[u8; 32], KeyObject>>,
}

/// What shows of an HSM without a login.
pub(super) enum Look {
    Active { has_user: bool, locked: bool },
    NotInitialized,
    Away(TokenError),
}

impl Hsm {
    fn config(&self, pin: Option<Pin>) -> TokenConfig {
        let settings = &self.settings;
        TokenConfig {
            module: settings.module.clone(),
            token: settings.token.clone(),
            pin,
            profile: settings.profile.clone(),
            requirements: Requirements::STRICT,
            sessions: settings.sessions,
            queue: settings.queue,
            deadline: settings.deadline,
            isolation: settings.isolation.clone(),
        }
    }

    async fn prepare(&self, pin: Option<Pin>) -> Result<Token, TokenError> {
        let (clock, random) = (Arc::clone(&self.clock), Arc::clone(&self.random));
        let prepared = Token::prepare(self.config(pin), clock, random).await;
        prepared.map_err(of_opening)
    }

    /// Looks at the token: over the connection if there is one, else without a login.
    pub(super) async fn look(&self) -> Look {
        let connected = self.shown().clone();
        let info = match connected {
            Some(connection) => connection.token.info().await,
            None => match self.prepare(None).await {
                Ok(token) => {
                    let info = token.info().await;
                    token.close().await;
                    info
                }
                Err(error) => Err(error),
            },
        };
        match info {
            Ok(info) => Look::Active {
                has_user: info.pin_initialized,
                locked: info.pin_locked,
            },
            Err(TokenError::NotInitialized) => Look::NotInitialized,
            Err(error) => Look::Away(error),
        }
    }

    /// Logs in with the first password that the token takes.
    pub(super) async fn log_in(&self, passwords: &Passwords) -> Result<(), TokenError> {
        let mut connection = self.connection.lock().await;
        let opened = self.open(&passwords.current).await?;
        let mut outcome = opened.token.info().await;
        if let (Err(TokenError::PinRefused), Some(next)) = (&outcome, &passwords.next) {
            opened.use_password(next)?;
            outcome = opened.token.info().await;
        }
        match outcome {
            Ok(_) => {
                *self.shown() = Some(Arc::clone(&opened));
                *connection = Some(opened);
                Ok(())
            }
            Err(error) => {
                opened.token.close().await;
                Err(error)
            }
        }
    }

    /// The connection, opened if there is none: the login follows at the first call.
    pub(super) async fn connected(&self, passwords: &Passwords) -> Result<Arc<Connection>, TokenError> {
        if let Some(connection) = &*self.shown() {
            return Ok(Arc::clone(connection));
        }
        let mut connection = self.connection.lock().await;
        if let Some(connection) = &*connection {
            return Ok(Arc::clone(connection));
        }
        let opened = self.open(&passwords.current).await?;
        *self.shown() = Some(Arc::clone(&opened));
        Ok(Arc::clone(connection.insert(opened)))
    }

    async fn open(&self, password: &Arc<SecretBytes>) -> Result<Arc<Connection>, TokenError> {
        let pin_user = self.settings.pin_user.clone();
        let token = self.prepare(Some(pin(pin_user.as_deref(), password)?)).await?;
        Ok(Arc::new(Connection {
            token,
            pin_user,
            password: Mutex::new(Arc::clone(password)),
            keys: Mutex::default(),
        }))
    }

    /// Logs out.
    pub(super) async fn close(&self) {
        let mut connection = self.connection.lock().await;
        *self.shown() = None;
        if let Some(connection) = connection.take() {
            connection.token.close().await;
        }
    }

    /// How it does, in a few words.
    pub(super) fn state(&self) -> String {
        match &*self.shown() {
            None => "not connected".to_owned(),
            Some(connection) => match connection.token.state() {
                State::Active => "active".to_owned(),
                State::Degraded(why) => format!("degraded ({why})"),
                State::Unavailable(why) => format!("unavailable ({why})"),
            },
        }
    }

    /// Whether it is connected and its last call found it there.
    pub(super) fn seems_well(&self) -> bool {
        let state = self.shown().as_ref().map(|connection| connection.token.state());
        !matches!(state, Some(State::Unavailable(_)))
    }

    pub(super) fn shown(&self) -> MutexGuard<'_, Option<Arc<Connection>>> {
        lock(&self.shown)
    }
}

impl Connection {
    /// Gives the user another password; later logins are with that one.
    pub(super) async fn change_password(&self, new: &Arc<SecretBytes>) -> Result<(), TokenError> {
        let old = Arc::clone(&lock(&self.password));
        if old.constant_time_eq(new) {
            return Ok(());
        }
        self.token.change_pin(self.pin(&old)?, self.pin(new)?).await?;
        self.use_password(new)
    }

    /// Another password for later logins: the user has it already.
    pub(super) fn use_password(&self, password: &Arc<SecretBytes>) -> Result<(), TokenError> {
        self.token.set_pin(Some(self.pin(password)?));
        *lock(&self.password) = Arc::clone(password);
        Ok(())
    }

    fn pin(&self, password: &SecretBytes) -> Result<Pin, TokenError> {
        pin(self.pin_user.as_deref(), password)
    }

    /// The key object of this label and id, which gives its proof in every session that looks for it
    /// before it is used.
    pub(super) async fn key(&self, key: ProvedKey<'_>) -> Result<KeyObject, TokenError> {
        let ProvedKey { name, proof } = key;
        if let Some(key) = lock(&self.keys).get(name.id) {
            return Ok(key.clone());
        }
        let Encrypted { iv, tag, ciphertext } = proof.clone();
        let found = self.find(name).await?.proved_by(Proof {
            sealed: Sealed { ciphertext, iv, tag },
            aad: proof_aad(name),
            plaintext: PROOF.to_vec(),
        });
        self.remember(name.id, &found);
        Ok(found)
    }

    /// Whatever object has this label and id.
    pub(super) async fn find(&self, name: KeyName<'_>) -> Result<KeyObject, TokenError> {
        let selector = ObjectSelector::new(Some(name.arn.to_owned()), Some(name.id.to_vec()));
        let selector = selector.ok_or_else(|| TokenError::Unsuitable("its ARN is no label".to_owned()))?;
        self.token.find(&selector).await
    }

    fn remember(&self, id: &[u8; 32], key: &KeyObject) {
        let mut keys = lock(&self.keys);
        if keys.len() < MAX_KEYS {
            keys.insert(*id, key.clone());
        }
    }

    pub(super) fn forget(&self, id: &[u8; 32]) {
        lock(&self.keys).remove(id);
    }
}

/// The PIN of a password: the user's name before it, where the module wants that.
fn pin(user: Option<&str>, password: &SecretBytes) -> Result<Pin, TokenError> {
    let password = password.expose();
    let name = user.map_or(0, |user| user.len() + 1);
    let mut bytes = SecretBytes::zeroed(name + password.len());
    let (before, behind) = bytes.expose_mut().split_at_mut(name);
    if let (Some(user), Some((colon, name))) = (user, before.split_last_mut()) {
        name.copy_from_slice(user.as_bytes());
        *colon = b':';
    }
    behind.copy_from_slice(password);
    Pin::new(bytes).ok_or_else(|| TokenError::Unsuitable("the password is no PIN".to_owned()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
