//! Using a key: permit → key manager → witness → trial decryption → record → release.

use std::future::poll_fn;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use audit::{Pending, RecordId};
use crypto::SecretBytes;
use key_manager::{
    AdditionalData, EncryptOutput, EncryptedRef, KeyDescription, KeyId, KeyManager, KeyManagerError,
};
use policy::{Act, Denial, Permit};

use crate::admission::Place;
use crate::background::REMINDED_WITHIN;
use crate::clerk::UseOutcome;
use crate::directory::{Binding, Directory};
use crate::failure::{Span, StageClock, Stages};
use crate::{Caller, Failure, FailureKind, KeyStore, Stage, Warden};

/// An answer that may leave: its record is durable. Made here alone.
#[must_use = "an answer that is not sent was computed in vain"]
pub struct Released<T> {
    answer: T,
    stages: Stages,
    span: Span,
    record: RecordId,
    key: KeyId,
}

impl<T> Released<T> {
    /// The answer.
    pub fn into_answer(self) -> T {
        self.answer
    }

    /// Microseconds spent.
    pub const fn stages(&self) -> Stages {
        self.stages
    }

    /// From when to when.
    pub const fn span(&self) -> Span {
        self.span
    }

    /// The record that speaks of it.
    pub const fn record(&self) -> RecordId {
        self.record
    }

    /// The key that was used.
    pub const fn key(&self) -> &KeyId {
        &self.key
    }
}

/// A key that can be used, if somebody holds the permit for it.
struct BoundKey {
    manager: Arc<dyn KeyManager>,
    key: KeyId,
}

/// One request on its way.
struct Run<'a> {
    warden: &'a Warden,
    caller: &'a Caller,
    external_key: &'a str,
    act: Act,
    time: StageClock<'a>,
    key: Option<KeyId>,
    /// The directory that the permit was given by.
    directory: Option<Arc<Directory>>,
    _place: Option<Place<'a>>,
}

/// What a request names, as it is now.
struct Found {
    key_store: Arc<KeyStore>,
    binding: Arc<Binding>,
    key: Arc<KeyDescription>,
}

impl Warden {
    /// What may be told of an external key. Uses no key, so it leaves no record.
    pub fn describe(&self, caller: &Caller, external_key: &str) -> Result<Arc<KeyDescription>, Failure> {
        let mut run = Run::new(self, caller, external_key, Act::Describe);
        let described = run.find(&self.directory()).and_then(|found| {
            let key = Arc::clone(&found.key);
            let permit = run.decide(&found.key_store, &found.binding, &found.key, key)?;
            Ok(permit.into_resource())
        });
        run.time.end(Stage::Policy);
        described.map_err(|kind| run.refused(kind))
    }

    /// Encrypts, runs `witness` on the output, decrypts the output again and compares, and releases
    /// both once the record is durable. The witness comes between encryption and trial decryption,
    /// so that whatever it computed over the output is vouched for by the decryption after it
    /// (XKS-CDIV-03, XKS-CDIV-04).
    pub async fn encrypt<W: Send>(
        &self,
        caller: &Caller,
        external_key: &str,
        plaintext: SecretBytes,
        aad: Option<&[u8]>,
        witness: impl FnOnce(&EncryptOutput) -> W + Send,
    ) -> Result<Released<(EncryptOutput, W)>, Failure> {
        let run = Run::new(self, caller, external_key, Act::Encrypt);
        run.encrypt(plaintext, aad, witness).await
    }

    /// As [`Warden::encrypt`], for a caller who will be told that this decrypts again: a key that
    /// may not decrypt is refused.
    pub async fn encrypt_vouched<W: Send>(
        &self,
        caller: &Caller,
        external_key: &str,
        plaintext: SecretBytes,
        aad: Option<&[u8]>,
        witness: impl FnOnce(&EncryptOutput) -> W + Send,
    ) -> Result<Released<(EncryptOutput, W)>, Failure> {
        let run = Run::new(self, caller, external_key, Act::EncryptVouched);
        run.encrypt(plaintext, aad, witness).await
    }

    /// Decrypts, and releases the plaintext once the record is durable.
    pub async fn decrypt(
        &self,
        caller: &Caller,
        external_key: &str,
        encrypted: EncryptedRef<'_>,
        aad: Option<&[u8]>,
    ) -> Result<Released<SecretBytes>, Failure> {
        let mut run = Run::new(self, caller, external_key, Act::Decrypt);
        let bound = run.permitted().map_err(|kind| run.refused(kind))?.into_resource();
        let remaining = run.time.remaining(caller.deadline);
        let use_under_way = run.begin_use(&bound);
        let work = decrypt(&bound, encrypted, aad);
        let done = within(remaining, work).await.unwrap_or_else(|| Err(late()));
        run.release(use_under_way, done).await
    }
}

impl<'a> Run<'a> {
    fn new(warden: &'a Warden, caller: &'a Caller, external_key: &'a str, act: Act) -> Self {
        let time = StageClock::start(&*warden.clerk.clock);
        Self {
            warden,
            caller,
            external_key,
            act,
            time,
            key: None,
            directory: None,
            _place: None,
        }
    }

    const fn begin_use<'b>(&self, bound: &'b BoundKey) -> UseUnderWay<'b>
    where
        'a: 'b,
    {
        UseUnderWay {
            warden: self.warden,
            caller: self.caller,
            external_key: self.external_key,
            act: self.act,
            bound,
            recorded: false,
        }
    }

    fn failure(&self, kind: FailureKind) -> Failure {
        Failure {
            kind,
            stages: self.time.stages,
            key: self.key.clone(),
            span: Some(self.time.span()),
        }
    }

    /// A failure before any key was used. A front that gets one of these kinds after the use finds
    /// it recorded with the use; so it is recorded here too.
    fn refused(&self, kind: FailureKind) -> Failure {
        if matches!(
            kind,
            FailureKind::KeyManager(_)
                | FailureKind::KeyManagerBusy(_)
                | FailureKind::KeyExhausted
                | FailureKind::DeadlineMissed(_)
        ) {
            let external_key = Some(self.external_key);
            self.warden
                .refuse_authenticated(self.caller, external_key, self.act.as_str(), kind.name());
        }
        self.failure(kind)
    }

    async fn encrypt<W: Send>(
        mut self,
        plaintext: SecretBytes,
        aad: Option<&[u8]>,
        witness: impl FnOnce(&EncryptOutput) -> W + Send,
    ) -> Result<Released<(EncryptOutput, W)>, Failure> {
        let bound = self
            .permitted()
            .map_err(|kind| self.refused(kind))?
            .into_resource();
        let remaining = self.time.remaining(self.caller.deadline);
        let use_under_way = self.begin_use(&bound);
        let work = encrypt_and_try(&bound, &plaintext, aad, witness);
        let done = within(remaining, work).await.unwrap_or_else(|| Err(late()));
        drop(plaintext);
        self.release(use_under_way, done).await
    }

    /// Through the door, to the key, past policy.
    fn permitted(&mut self) -> Result<Permit<BoundKey>, FailureKind> {
        let permit = self.try_permitted();
        self.time.end(Stage::Policy);
        permit
    }

    fn try_permitted(&mut self) -> Result<Permit<BoundKey>, FailureKind> {
        self.warden.door(self.caller, self.time.now())?;
        self._place = Some(
            self.warden
                .admission
                .enter(self.act, &self.caller.key_store.load)?,
        );
        let directory = self.warden.directory();
        let found = self.find(&directory)?;
        let bound = BoundKey {
            manager: Arc::clone(found.binding.manager()?),
            key: found.binding.key.clone(),
        };
        let permit = self.decide(&found.key_store, &found.binding, &found.key, bound)?;
        self.directory = Some(directory);
        Ok(permit)
    }

    /// Finds the key in the directory that is in force now: it may be newer than the one that the
    /// caller was authenticated by.
    fn find(&mut self, directory: &Directory) -> Result<Found, FailureKind> {
        directory.check_standing()?;
        let key_store = directory.same_key_store(&self.caller.key_store)?;
        let binding = key_store.binding(self.external_key).ok_or_else(|| {
            // A blocked key store does not tell which keys it has.
            if key_store.is_blocked() {
                FailureKind::Denied(Denial::KeyStoreBlocked)
            } else {
                FailureKind::UnknownExternalKey
            }
        })?;
        self.key = Some(binding.key.clone());
        let key = binding.describe().map_err(|error| match error {
            KeyManagerError::UnknownKey if key_store.is_blocked() => {
                FailureKind::Denied(Denial::KeyStoreBlocked)
            }
            KeyManagerError::UnknownKey => FailureKind::KeyDestroyed,
            error => error.into(),
        })?;
        Ok(Found {
            key,
            key_store: Arc::clone(key_store),
            binding: Arc::clone(binding),
        })
    }

    fn decide<R>(
        &self,
        key_store: &KeyStore,
        binding: &Binding,
        key: &KeyDescription,
        resource: R,
    ) -> Result<Permit<R>, FailureKind> {
        let claims = self.caller.evidence.claims();
        let facts = binding.facts(key_store, key);
        policy::decide(self.act, &claims, &facts, resource).map_err(FailureKind::Denied)
    }

    /// Records what was done, waits until the record is durable, and looks once more whether the
    /// answer may leave.
    async fn release<T>(
        mut self,
        use_under_way: UseUnderWay<'_>,
        done: Result<T, FailureKind>,
    ) -> Result<Released<T>, Failure> {
        self.time.end(Stage::Crypto);
        let bound = use_under_way.bound;
        let error = done.as_ref().err().map(FailureKind::name);
        let pending = use_under_way.ended(error.map_or(UseOutcome::Computed, UseOutcome::Failed));
        let durable = self.durable(pending).await;
        self.time.end(Stage::Record);
        match (done, durable) {
            // Says nothing of what came out, so it need not wait for a record that is late as well.
            (Err(kind @ FailureKind::DeadlineMissed(_)), _) => Err(self.failure(kind)),
            (_, Err(kind)) | (Err(kind), Ok(_)) => Err(self.failure(kind)),
            (Ok(answer), Ok(record)) => match self.still_allowed() {
                Ok(()) => Ok(Released {
                    answer,
                    stages: self.time.stages,
                    span: self.time.span(),
                    record,
                    key: bound.key.clone(),
                }),
                Err(kind) => Err(self.failure(kind)),
            },
        }
    }

    async fn durable(&self, pending: Result<Pending, FailureKind>) -> Result<RecordId, FailureKind> {
        match self.in_time(pending?).await {
            None => Err(FailureKind::DeadlineMissed(Stage::Record)),
            Some(Err(lost)) => Err(FailureKind::LogUnavailable(lost.to_string())),
            Some(Ok(receipt)) => Ok(receipt.record_id()),
        }
    }

    /// `None` if the deadline comes before the record is durable. As long as it is not near, the
    /// warden's beat reminds of it; only who is reminded makes a timer.
    async fn in_time<T>(&self, record: impl Future<Output = T>) -> Option<T> {
        let deadline = self.caller.deadline;
        let mut record = pin!(record);
        let mut asleep = self.time.remaining(deadline) < REMINDED_WITHIN;
        let woken = poll_fn(|context| match record.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if mem::replace(&mut asleep, true) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        match woken.await {
            Some(done) => Some(done),
            None => tokio::time::timeout(self.time.left(deadline), record).await.ok(),
        }
    }

    /// A block or a disabled key is in force for every answer not yet released: if anything was
    /// published since the permit was given, the decision is made anew.
    fn still_allowed(&mut self) -> Result<(), FailureKind> {
        let now = self.warden.directory.load();
        if self
            .directory
            .take()
            .is_some_and(|before| Arc::ptr_eq(&before, &now))
        {
            return Ok(());
        }
        let found = self.find(&now)?;
        let permit = self.decide(&found.key_store, &found.binding, &found.key, ())?;
        permit.into_resource();
        Ok(())
    }
}

/// From before the key manager is called until the record is with the log. Whatever ends the
/// request in between, a client that hangs up or a panic, the key may have been used: then this
/// leaves the record.
struct UseUnderWay<'a> {
    warden: &'a Warden,
    caller: &'a Caller,
    external_key: &'a str,
    act: Act,
    bound: &'a BoundKey,
    recorded: bool,
}

impl UseUnderWay<'_> {
    fn ended(mut self, outcome: UseOutcome) -> Result<Pending, FailureKind> {
        self.recorded = true;
        self.record(outcome)
    }

    fn record(&self, outcome: UseOutcome) -> Result<Pending, FailureKind> {
        let used = (self.act, &self.bound.key, self.bound.manager.id());
        let clerk = &self.warden.clerk;
        clerk.key_used(self.caller, self.external_key, used, outcome)
    }
}

impl Drop for UseUnderWay<'_> {
    fn drop(&mut self) {
        if !self.recorded
            && let Err(kind) = self.record(UseOutcome::Abandoned)
        {
            let (key, error) = (self.bound.key.as_str(), kind.name());
            tracing::error!(key, error, "an abandoned use of a key could not be recorded");
        }
    }
}

async fn encrypt_and_try<W: Send>(
    bound: &BoundKey,
    plaintext: &SecretBytes,
    aad: Option<&[u8]>,
    witness: impl FnOnce(&EncryptOutput) -> W + Send,
) -> Result<(EncryptOutput, W), FailureKind> {
    let aad = AdditionalData::new(aad).map_err(|_| FailureKind::TooLarge)?;
    let (mut witness, mut witnessed) = (Some(witness), None);
    let mut look = |output: &EncryptOutput| {
        if let Some(witness) = witness.take() {
            witnessed = Some(witness(output));
        }
    };
    let work = bound
        .manager
        .encrypt_tried(&bound.key, plaintext.expose(), aad, &mut look);
    let tried = work.await;
    match (tried, witnessed) {
        (Ok((output, opened)), Some(witnessed)) if opened.constant_time_eq(plaintext) => {
            Ok((output, witnessed))
        }
        (Ok(_) | Err(KeyManagerError::NotAuthentic), _) => Err(FailureKind::TrialDecryption),
        (Err(error), _) => Err(error.into()),
    }
}

async fn decrypt(
    bound: &BoundKey,
    encrypted: EncryptedRef<'_>,
    aad: Option<&[u8]>,
) -> Result<SecretBytes, FailureKind> {
    let aad = AdditionalData::new(aad).map_err(|_| FailureKind::TooLarge)?;
    Ok(bound.manager.decrypt(&bound.key, encrypted, aad).await?)
}

/// `None` if the time ran out. What is ready at once, as a virtual HSM's work is, needs no timer.
async fn within<T>(time: Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    match poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await {
        Poll::Ready(done) => Some(done),
        Poll::Pending => tokio::time::timeout(time, work).await.ok(),
    }
}

fn late() -> FailureKind {
    FailureKind::DeadlineMissed(Stage::Crypto)
}
