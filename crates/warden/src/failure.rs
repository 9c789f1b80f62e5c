//! Why a key was not used, or its answer not released.

use std::time::Duration;

use ambient::{Clock, Moment};
use key_manager::{KeyId, KeyManagerError};
use policy::Denial;

/// A part of the work, for timing and for saying where a deadline was missed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Finding the key and deciding.
    Policy,
    /// The key manager's work, trial decryption included.
    Crypto,
    /// Waiting until the record is durable.
    Record,
}

/// Microseconds spent by stage; 0 where a stage was not reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stages {
    /// Finding the key and deciding.
    pub policy: u32,
    /// The key manager's work, trial decryption included.
    pub crypto: u32,
    /// Waiting until the record is durable.
    pub record: u32,
}

/// Measures stages one after the other.
pub(crate) struct StageClock<'a> {
    clock: &'a dyn Clock,
    began: Moment,
    since: Moment,
    pub(crate) stages: Stages,
}

/// When the warden had a request in its hands, so that who calls it need not look at the clock at
/// the same moments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// When it got it.
    pub began: Moment,
    /// When its last stage ended.
    pub ended: Moment,
}

impl<'a> StageClock<'a> {
    pub(crate) fn start(clock: &'a dyn Clock) -> Self {
        let began = clock.moment();
        Self {
            clock,
            began,
            since: began,
            stages: Stages::default(),
        }
    }

    pub(crate) fn end(&mut self, stage: Stage) {
        let now = self.clock.moment();
        let micros = now
            .saturating_since(self.since)
            .as_micros()
            .try_into()
            .unwrap_or(u32::MAX);
        self.since = now;
        match stage {
            Stage::Policy => self.stages.policy = micros,
            Stage::Crypto => self.stages.crypto = micros,
            Stage::Record => self.stages.record = micros,
        }
    }

    pub(crate) const fn span(&self) -> Span {
        Span {
            began: self.began,
            ended: self.since,
        }
    }

    /// The end of the last stage, which is now but for a microsecond.
    pub(crate) const fn now(&self) -> Moment {
        self.since
    }

    /// What is left at this moment.
    pub(crate) fn left(&self, deadline: Moment) -> Duration {
        deadline.saturating_since(self.clock.moment())
    }

    pub(crate) const fn remaining(&self, deadline: Moment) -> Duration {
        deadline.saturating_since(self.since)
    }
}

/// What a front answers by, and what its log line says.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct Failure {
    /// Why.
    pub kind: FailureKind,
    /// How far it got.
    pub stages: Stages,
    /// The key, where one was found.
    pub key: Option<KeyId>,
    /// From when to when; `None` where the warden did not look at the clock.
    pub span: Option<Span>,
}

impl Failure {
    pub(crate) const fn early(kind: FailureKind) -> Self {
        Self {
            kind,
            stages: Stages {
                policy: 0,
                crypto: 0,
                record: 0,
            },
            key: None,
            span: None,
        }
    }
}

/// The reasons, by what a caller would do about them. Texts are for the log.
#[derive(Debug, thiserror::Error)]
pub enum FailureKind {
    /// The key store has no such external key.
    #[error("no such external key in this key store")]
    UnknownExternalKey,
    /// The external key is there, and the key behind it was destroyed.
    #[error("the key behind this external key was destroyed")]
    KeyDestroyed,
    /// Policy says no.
    #[error(transparent)]
    Denied(Denial),
    /// The input is not what this key encrypted.
    #[error("the ciphertext is not authentic under this key")]
    NotAuthentic,
    /// The message is larger than the key manager takes.
    #[error("the message is larger than the key manager takes")]
    TooLarge,
    /// Refused at the door: too much is under way, or it could not be done in time.
    #[error("refused at the door: {0}")]
    Overloaded(&'static str),
    /// The work was taken on and did not end in time.
    #[error("deadline missed: {0:?}")]
    DeadlineMissed(Stage),
    /// The log has been waiting for its disk too long; nothing could be recorded in time.
    #[error("the log is waiting for its disk")]
    LogStalled,
    /// The log cannot be written; no key is used.
    #[error("the log cannot be written: {0}")]
    LogUnavailable(String),
    /// The store failed its last probe. Without it no key could be blocked, so none is used.
    #[error("the store failed its last probe, and without it no key can be blocked")]
    StoreUnavailable,
    /// The key manager has no room for more work now.
    #[error("the key manager is busy: {0}")]
    KeyManagerBusy(String),
    /// The key has encrypted as often as it may. It goes on decrypting.
    #[error("the key has encrypted as often as it may: rotate it")]
    KeyExhausted,
    /// The key manager failed.
    #[error(transparent)]
    KeyManager(KeyManagerError),
    /// What was encrypted did not decrypt to the same; it was thrown away.
    #[error("the trial decryption did not give the plaintext back")]
    TrialDecryption,
    /// The store is older than its log; an administrator has to acknowledge the recovery.
    #[error("the store is older than its log; acknowledge the recovery first")]
    RecoveryPending,
    /// The root keys are about to leave the memory.
    #[error("the server is being sealed")]
    Sealed,
}

impl From<KeyManagerError> for FailureKind {
    fn from(error: KeyManagerError) -> Self {
        match error {
            KeyManagerError::NotAuthentic => Self::NotAuthentic,
            KeyManagerError::TooLarge => Self::TooLarge,
            KeyManagerError::TimedOut(_) => Self::DeadlineMissed(Stage::Crypto),
            KeyManagerError::Busy(why) => Self::KeyManagerBusy(why),
            KeyManagerError::Exhausted => Self::KeyExhausted,
            other => Self::KeyManager(other),
        }
    }
}

impl FailureKind {
    /// A constant name for records and counters.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::UnknownExternalKey => "unknown-external-key",
            Self::KeyDestroyed => "key-destroyed",
            Self::Denied(denial) => match denial {
                Denial::KeyStoreBlocked => "key-store-blocked",
                Denial::BindingBlocked => "binding-blocked",
                Denial::Principal => "principal-denied",
                Denial::ForeignKey => "foreign-key-denied",
                Denial::KeyDisabled => "key-disabled",
                Denial::KeyPendingDeletion => "key-pending-deletion",
                Denial::Usage => "usage-denied",
            },
            Self::NotAuthentic => "not-authentic",
            Self::TooLarge => "too-large",
            Self::Overloaded(_) => "overloaded",
            Self::DeadlineMissed(_) => "deadline-missed",
            Self::LogStalled => "log-stalled",
            Self::LogUnavailable(_) => "log-unavailable",
            Self::StoreUnavailable => "store-unavailable",
            Self::KeyManagerBusy(_) => "key-manager-busy",
            Self::KeyExhausted => "key-exhausted",
            Self::KeyManager(_) => "key-manager-failed",
            Self::TrialDecryption => "trial-decryption-failed",
            Self::RecoveryPending => "recovery-pending",
            Self::Sealed => "sealed",
        }
    }
}
