//! A cluster: its HSMs together.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ambient::{Clock, Random};
use anyhow::Context as _;
use crypto::SecretBytes;
use kms::clusters::{
    Answer, Cluster, ClusterError, ConnectError, Encrypted, HsmView, KeyName, Passwords, ProvedKey, Survey,
};
use pkcs11::{KeyObject, NewObject, Sealed, TokenError, Usage, WorkerCommand};

use super::config::ClusterConfig;
use super::errors::{is_worth_another, of_call, of_change, of_login};
use super::hsm::{Connection, Hsm, Look, PROOF, Settings, proof_aad};

/// HSMs that one call is tried on.
const TRIES: usize = 2;
/// How often an HSM is asked whether it has a new key, and in which distance.
const SYNCHRONIZATION: (usize, Duration) = (20, Duration::from_millis(100));

/// A cluster that the configuration declares.
pub(super) struct DeclaredCluster {
    trust_anchor: String,
    related: Vec<String>,
    minimum_hsms: usize,
    synchronizes_users: bool,
    keeps_password: bool,
    hsms: Vec<Hsm>,
    /// The passwords, while it is connected.
    session: Mutex<Option<Passwords>>,
    /// Which HSM is next.
    turn: AtomicUsize,
}

impl DeclaredCluster {
    pub(super) fn new(
        config: &ClusterConfig,
        worker: &WorkerCommand,
        clock: &Arc<dyn Clock>,
        random: &Arc<dyn Random>,
    ) -> anyhow::Result<Self> {
        let context = || format!("clusters {:?}", config.id);
        let mut hsms = Vec::with_capacity(config.hsms.len());
        for hsm in &config.hsms {
            let settings = Settings {
                module: config.module(hsm).with_context(context)?.to_owned(),
                token: hsm.selector().with_context(context)?,
                profile: config.profile(hsm).with_context(context)?,
                isolation: config.isolation.with(Some(worker)).with_context(context)?,
                sessions: config.sessions,
                queue: config.queue,
                deadline: config.deadline,
                pin_user: config.pin_user.clone(),
            };
            hsms.push(Hsm {
                name: hsm.name.clone(),
                settings,
                clock: Arc::clone(clock),
                random: Arc::clone(random),
                connection: tokio::sync::Mutex::default(),
                shown: Mutex::default(),
            });
        }
        Ok(Self {
            trust_anchor: config.trust_anchor().with_context(context)?,
            related: config.shares_backup_history_with.clone(),
            minimum_hsms: config.minimum_active_hsms,
            synchronizes_users: config.synchronizes_users,
            keeps_password: config.danger_keep_password,
            hsms,
            session: Mutex::default(),
            turn: AtomicUsize::new(0),
        })
    }

    fn session(&self) -> MutexGuard<'_, Option<Passwords>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn passwords(&self) -> Result<Passwords, ClusterError> {
        let connected = self.session().clone();
        connected.ok_or_else(|| ClusterError::Unreachable("the cluster is not connected".to_owned()))
    }

    /// The HSMs in the order in which a call tries them: those that seem well first, each in turn.
    fn in_turn(&self) -> Vec<&Hsm> {
        let mut hsms: Vec<&Hsm> = self.hsms.iter().collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        hsms.rotate_left(turn.checked_rem(self.hsms.len()).unwrap_or(0));
        hsms.sort_by_key(|hsm| !hsm.seems_well());
        hsms
    }

    /// Does something on one HSM, and once more on another if the first cannot.
    async fn on_one<T, F, W>(&self, work: W) -> Result<T, ClusterError>
    where
        F: Future<Output = Result<T, TokenError>> + Send,
        W: Fn(Arc<Connection>) -> F + Sync,
    {
        let passwords = self.passwords()?;
        let mut last = TokenError::TokenGone;
        for hsm in self.in_turn().into_iter().take(TRIES) {
            let done = match hsm.connected(&passwords).await {
                Ok(connection) => work(connection).await,
                Err(error) => Err(error),
            };
            match done {
                Err(error) if is_worth_another(&error) => {
                    if error == TokenError::AnotherKey {
                        tracing::error!(hsm = hsm.name, %error, "an object in an HSM of the cluster was exchanged");
                    } else {
                        tracing::debug!(hsm = hsm.name, %error, "an HSM of the cluster failed");
                    }
                    last = error;
                }
                done => return done.map_err(|error| of_call(&error)),
            }
        }
        Err(of_call(&last))
    }

    async fn log_in_everywhere(&self, passwords: &Passwords) -> Result<(), ConnectError> {
        let (mut connected, mut away) = (0, Vec::new());
        for hsm in &self.hsms {
            match hsm.look().await {
                Look::Active { has_user: false, .. } => return Err(ConnectError::UserNotFound),
                Look::Active { locked: true, .. } => return Err(ConnectError::UserLockedOut),
                Look::NotInitialized => away.push(TokenError::NotInitialized),
                Look::Away(error) => away.push(error),
                Look::Active { .. } => match hsm.log_in(passwords).await {
                    Ok(()) => connected += 1,
                    Err(error) => match of_login(&error) {
                        ConnectError::NetworkErrors | ConnectError::InsufficientHsms => away.push(error),
                        error => return Err(error),
                    },
                },
            }
        }
        // An HSM with users of its own that is not here when the password changes would refuse the new one.
        let all = !self.synchronizes_users && !self.keeps_password;
        if connected > 0 && (away.is_empty() || !all) {
            return Ok(());
        }
        Err(away.first().map_or(ConnectError::InsufficientHsms, of_login))
    }

    async fn change_everywhere(&self, new: &Arc<SecretBytes>) -> Result<(), ConnectError> {
        let mut changed = false;
        for hsm in &self.hsms {
            let Some(connection) = hsm.shown().clone() else {
                continue;
            };
            let outcome = if changed && self.synchronizes_users {
                connection.use_password(new)
            } else {
                connection.change_password(new).await
            };
            outcome.map_err(|error| of_change(&error))?;
            changed = true;
        }
        Ok(())
    }

    /// Makes a key on one HSM and sees to it that the others get it, which have to give its proof.
    async fn generate(&self, name: KeyName<'_>) -> Result<Encrypted, ClusterError> {
        let passwords = self.passwords()?;
        let mut made: Option<Encrypted> = None;
        let mut away = TokenError::TokenGone;
        for hsm in self.in_turn() {
            let connection = match hsm.connected(&passwords).await {
                Ok(connection) => connection,
                Err(error) => {
                    tracing::warn!(hsm = hsm.name, %error, "an HSM of the cluster is away while a key is made");
                    away = error;
                    continue;
                }
            };
            match &made {
                None => {
                    let proof = generate_on(&connection, name).await;
                    made = Some(proof.map_err(|error| of_call(&error))?);
                }
                Some(proof) if hsm.seems_well() => {
                    let proven = proven_same(&connection, ProvedKey { name, proof }).await;
                    proven
                        .map_err(|error| ClusterError::NotSynchronized(format!("{}: {error}", hsm.name)))?;
                }
                Some(_) => {}
            }
        }
        made.ok_or_else(|| of_call(&away))
    }

    async fn delete(&self, name: KeyName<'_>) -> Result<(), ClusterError> {
        let passwords = self.passwords()?;
        let mut outcome = Ok(());
        for hsm in &self.hsms {
            let deleted = match hsm.connected(&passwords).await {
                Ok(connection) => delete_on(&connection, name).await,
                Err(error) => Err(error),
            };
            if let Err(error) = deleted {
                outcome = Err(of_call(&error));
            }
        }
        outcome
    }
}

async fn delete_on(connection: &Connection, name: KeyName<'_>) -> Result<(), TokenError> {
    let deleted = match connection.find(name).await {
        Ok(key) => connection.token.destroy(&key).await,
        Err(error) => Err(error),
    };
    connection.forget(name.id);
    match deleted {
        Err(TokenError::ObjectGone) => Ok(()),
        deleted => deleted,
    }
}

/// Makes a key, and what it is known by.
async fn generate_on(connection: &Connection, name: KeyName<'_>) -> Result<Encrypted, TokenError> {
    let object = NewObject {
        label: name.arn.to_owned(),
        id: name.id.to_vec(),
        wrappable: false,
        usage: Usage::Messages,
    };
    let key = connection.token.generate(object).await?;
    encrypt_with(
        connection,
        &key,
        SecretBytes::new(PROOF.to_vec()),
        &proof_aad(name),
    )
    .await
}

/// Waits until an HSM has a key that another made, and has it give the proof.
async fn proven_same(connection: &Connection, key: ProvedKey<'_>) -> Result<(), TokenError> {
    let (attempts, distance) = SYNCHRONIZATION;
    let mut found = connection.key(key).await;
    for _ in 1..attempts {
        if !matches!(found, Err(TokenError::ObjectGone)) {
            break;
        }
        tokio::time::sleep(distance).await;
        found = connection.key(key).await;
    }
    found?;
    let opened = decrypt_on(connection, key, key.proof.clone(), &proof_aad(key.name)).await?;
    if opened.constant_time_eq(&SecretBytes::new(PROOF.to_vec())) {
        Ok(())
    } else {
        Err(TokenError::AnotherKey)
    }
}

async fn encrypt_on(
    connection: &Connection,
    key: ProvedKey<'_>,
    plaintext: SecretBytes,
    aad: &[u8],
) -> Result<Encrypted, TokenError> {
    let object = connection.key(key).await?;
    let encrypted = encrypt_with(connection, &object, plaintext, aad).await;
    encrypted.inspect_err(|error| forget_if_gone(connection, key.name, error))
}

async fn encrypt_with(
    connection: &Connection,
    key: &KeyObject,
    plaintext: SecretBytes,
    aad: &[u8],
) -> Result<Encrypted, TokenError> {
    let tried = connection.token.encrypt_and_try(key, plaintext, aad).await?;
    if tried.sealed.digest() != tried.digest {
        return Err(TokenError::BadOutput("it was altered after its trial".into()));
    }
    let Sealed { ciphertext, iv, tag } = tried.sealed;
    Ok(Encrypted { iv, tag, ciphertext })
}

async fn decrypt_on(
    connection: &Connection,
    key: ProvedKey<'_>,
    encrypted: Encrypted,
    aad: &[u8],
) -> Result<SecretBytes, TokenError> {
    let object = connection.key(key).await?;
    let Encrypted { iv, tag, ciphertext } = encrypted;
    let sealed = Sealed { ciphertext, iv, tag };
    let opened = connection.token.decrypt(&object, sealed, aad).await;
    opened.inspect_err(|error| forget_if_gone(connection, key.name, error))
}

fn forget_if_gone(connection: &Connection, name: KeyName<'_>, error: &TokenError) {
    if matches!(error, TokenError::ObjectGone | TokenError::AnotherKey) {
        connection.forget(name.id);
    }
}

impl Cluster for DeclaredCluster {
    fn trust_anchor(&self) -> &str {
        &self.trust_anchor
    }

    fn is_related_to(&self, id: &str) -> bool {
        self.related.iter().any(|related| related == id)
    }

    fn minimum_hsms(&self) -> usize {
        self.minimum_hsms
    }

    fn rotates_password(&self) -> bool {
        !self.keeps_password
    }

    fn survey(&self) -> Answer<'_, Survey> {
        Box::pin(async {
            let (mut active, mut uninitialized) = (0, 0);
            for hsm in &self.hsms {
                match hsm.look().await {
                    Look::Active { .. } => active += 1,
                    Look::NotInitialized => uninitialized += 1,
                    Look::Away(error) => {
                        tracing::warn!(hsm = hsm.name, reason = %error, "an HSM of the cluster is away");
                    }
                }
            }
            Survey {
                initialized: active > 0 || uninitialized == 0,
                active,
            }
        })
    }

    fn connect(&self, passwords: Passwords) -> Answer<'_, Result<(), ConnectError>> {
        Box::pin(async move {
            self.disconnect().await;
            match self.log_in_everywhere(&passwords).await {
                Ok(()) => {
                    *self.session() = Some(passwords);
                    Ok(())
                }
                Err(error) => {
                    self.disconnect().await;
                    Err(error)
                }
            }
        })
    }

    fn resume(&self, passwords: Passwords) {
        *self.session() = Some(passwords);
    }

    fn change_password(&self, new: Arc<SecretBytes>) -> Answer<'_, Result<(), ConnectError>> {
        Box::pin(async move {
            self.change_everywhere(&new).await?;
            // For HSMs that come later.
            if let Some(passwords) = &mut *self.session() {
                passwords.current = new;
                passwords.next = None;
            }
            Ok(())
        })
    }

    fn disconnect(&self) -> Answer<'_, ()> {
        *self.session() = None;
        Box::pin(async {
            for hsm in &self.hsms {
                hsm.close().await;
            }
        })
    }

    fn hsms(&self) -> Vec<HsmView> {
        let view = |hsm: &Hsm| HsmView {
            name: hsm.name.clone(),
            state: hsm.state(),
        };
        self.hsms.iter().map(view).collect()
    }

    fn generate_key<'a>(&'a self, key: KeyName<'a>) -> Answer<'a, Result<Encrypted, ClusterError>> {
        Box::pin(async move {
            let made = self.generate(key).await;
            if made.is_err() {
                // It may have been made by a call that was not answered, and on some HSMs only.
                let _ = self.delete(key).await;
            }
            made
        })
    }

    fn delete_key<'a>(&'a self, key: KeyName<'a>) -> Answer<'a, Result<(), ClusterError>> {
        Box::pin(self.delete(key))
    }

    fn encrypt<'a>(
        &'a self,
        key: ProvedKey<'a>,
        plaintext: SecretBytes,
        aad: &'a [u8],
    ) -> Answer<'a, Result<Encrypted, ClusterError>> {
        Box::pin(async move {
            let plaintext = &plaintext;
            self.on_one(|connection| async move {
                let plaintext = SecretBytes::new(plaintext.expose().to_vec());
                encrypt_on(&connection, key, plaintext, aad).await
            })
            .await
        })
    }

    fn decrypt<'a>(
        &'a self,
        key: ProvedKey<'a>,
        encrypted: Encrypted,
        aad: &'a [u8],
    ) -> Answer<'a, Result<SecretBytes, ClusterError>> {
        Box::pin(async move {
            let encrypted = &encrypted;
            self.on_one(
                |connection| async move { decrypt_on(&connection, key, encrypted.clone(), aad).await },
            )
            .await
        })
    }

    fn random(&self, len: usize) -> Answer<'_, Result<SecretBytes, ClusterError>> {
        Box::pin(self.on_one(move |connection| async move { connection.token.random(len).await }))
    }
}
