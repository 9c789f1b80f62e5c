//! Faults to order: what the administrator of the endpoint can make a key store's proxy look like.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use xks_api::ErrorName;
use xks_client::{Fault, OrderedFault};

use crate::Kms;

/// A fault by the words that the command line has for it: `slow=300ms`, `unreachable`, `throttled`,
/// `bad-certificate`, `malformed`, `corrupted`, `key-managers-unavailable`, or an error name of the
/// XKS Proxy API such as `AccessDeniedException`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultKind(pub Fault);

/// A text that names no fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a fault is slow=<duration>, unreachable, throttled, bad-certificate, malformed, corrupted, \
     key-managers-unavailable, or an error name of the XKS Proxy API"
)]
pub struct UnknownFault;

impl FromStr for FaultKind {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let fault = match text {
            "unreachable" => Fault::Unreachable,
            "throttled" => Fault::Answers(ErrorName::ThrottlingException),
            "bad-certificate" => Fault::BadCertificate,
            "malformed" => Fault::Malformed,
            "corrupted" => Fault::Corrupted,
            "key-managers-unavailable" => Fault::KeyManagersUnavailable,
            other => match other.strip_prefix("slow=") {
                Some(delay) => Fault::Slow(listener::units::parse_duration(delay).ok_or(UnknownFault)?),
                None => Fault::Answers(other.parse().map_err(|_| UnknownFault)?),
            },
        };
        Ok(Self(fault))
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Fault::Slow(delay) => write!(f, "slow={}ms", delay.as_millis()),
            Fault::Unreachable => f.write_str("unreachable"),
            Fault::BadCertificate => f.write_str("bad-certificate"),
            Fault::Answers(ErrorName::ThrottlingException) => f.write_str("throttled"),
            Fault::Answers(name) => name.fmt(f),
            Fault::Malformed => f.write_str("malformed"),
            Fault::Corrupted => f.write_str("corrupted"),
            Fault::KeyManagersUnavailable => f.write_str("key-managers-unavailable"),
        }
    }
}

/// A fault in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultView {
    /// The custom key store's id.
    pub custom_key_store_id: String,
    /// Its name.
    pub custom_key_store_name: String,
    /// What its proxy looks like.
    pub fault: FaultKind,
    /// How much longer; `None` until it is taken back.
    pub left: Option<Duration>,
}

/// No external key store has this id, and none or several (of other accounts or Regions) this name.
/// An AWS CloudHSM key store has no proxy that could look faulty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no external key store has the id {0:?}, and none or several have that name")]
pub struct NoSuchKeyStore(pub String);

impl Kms {
    /// Makes a key store's proxy look faulty, for so long or until [`Kms::clear_fault`]. Kept in memory
    /// alone: a restart ends it.
    pub fn order_fault(
        &self,
        store: &str,
        fault: FaultKind,
        lasting: Option<Duration>,
    ) -> Result<FaultView, NoSuchKeyStore> {
        let (id, name) = self.key_store_called(store)?;
        let now = self.clock().moment();
        let ordered = OrderedFault {
            fault: fault.0,
            until: lasting.map(|lasting| now.saturating_add(lasting)),
        };
        self.key_stores().runtime(&id).faults.order(ordered);
        tracing::warn!(custom_key_store = id, %fault, ?lasting, "a fault was ordered");
        Ok(FaultView {
            custom_key_store_id: id,
            custom_key_store_name: name,
            fault,
            left: lasting,
        })
    }

    /// Takes a fault back, if there is one.
    pub fn clear_fault(&self, store: &str) -> Result<(), NoSuchKeyStore> {
        let (id, _) = self.key_store_called(store)?;
        self.key_stores().runtime(&id).faults.clear();
        Ok(())
    }

    /// The faults in force, by key store id.
    pub fn faults(&self) -> Vec<FaultView> {
        let now = self.clock().moment();
        let stores: Vec<(String, String)> = self
            .state()
            .read()
            .custom_key_stores()
            .map(|store| (store.record.id.clone(), store.record.name.clone()))
            .collect();
        let mut faults: Vec<FaultView> = stores
            .into_iter()
            .filter_map(|(id, name)| {
                let ordered = self.key_stores().runtime(&id).faults.at(now)?;
                Some(FaultView {
                    custom_key_store_id: id,
                    custom_key_store_name: name,
                    fault: FaultKind(ordered.fault),
                    left: ordered.until.map(|until| until.saturating_since(now)),
                })
            })
            .collect();
        faults.sort_by(|a, b| a.custom_key_store_id.cmp(&b.custom_key_store_id));
        faults
    }

    fn key_store_called(&self, store: &str) -> Result<(String, String), NoSuchKeyStore> {
        let model = self.state().read();
        let both =
            |record: &crate::state::record::CustomKeyStoreRecord| (record.id.clone(), record.name.clone());
        let found = model.custom_key_store(store);
        if let Some(found) = found.filter(|found| found.record.proxy().is_some()) {
            return Ok(both(&found.record));
        }
        let mut named = model
            .custom_key_stores()
            .filter(|found| found.record.name == store && found.record.proxy().is_some());
        match (named.next(), named.next()) {
            (Some(found), None) => Ok(both(&found.record)),
            (None | Some(_), _) => Err(NoSuchKeyStore(store.to_owned())),
        }
    }
}
