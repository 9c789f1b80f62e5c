//! Faults to order, for people who test what their applications make of them.

use std::sync::Arc;
use std::time::Duration;

use ambient::Moment;
use arc_swap::ArcSwapOption;
use xks_api::ErrorName;

/// What a proxy can be made to look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Each try is held back so long before it goes out; from [`DEADLINE`](crate::DEADLINE) on it
    /// times out.
    Slow(Duration),
    /// No TCP connection.
    Unreachable,
    /// A certificate that is not to be trusted.
    BadCertificate,
    /// The proxy answers with this error, `ThrottlingException` for one.
    Answers(ErrorName),
    /// The proxy answers with something that is none of the API.
    Malformed,
    /// The proxy answers in the right form but with other bytes: an Encrypt fails at its CDIV, a
    /// Decrypt at KMS's own layer.
    Corrupted,
    /// GetHealthStatus reports every key manager as `UNAVAILABLE`; all else works.
    KeyManagersUnavailable,
}

/// A fault and how long it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderedFault {
    /// What the proxy looks like.
    pub fault: Fault,
    /// Until when, on the monotonic clock; `None` until it is taken back.
    pub until: Option<Moment>,
}

/// Where faults are ordered; a client looks here before each try. Cheap to clone, all clones are one.
#[derive(Clone, Default)]
pub struct FaultSwitch(Arc<ArcSwapOption<OrderedFault>>);

impl FaultSwitch {
    /// Orders a fault in place of any other.
    pub fn order(&self, fault: OrderedFault) {
        self.0.store(Some(Arc::new(fault)));
    }

    /// Takes the order back.
    pub fn clear(&self) {
        self.0.store(None);
    }

    /// The fault that is in force at `now`.
    pub fn at(&self, now: Moment) -> Option<OrderedFault> {
        let ordered = self.0.load();
        let ordered = ordered.as_deref()?;
        ordered.until.is_none_or(|until| now < until).then_some(*ordered)
    }
}
