//! Request quotas: how many calls a second AWS KMS takes (Developer Guide, *Request quotas*).
//!
//! - Each account and Region has a rate for every operation; the symmetric cryptographic operations
//!   share one. The *caller's* account pays, whoever owns the key.
//! - Each custom key store has a rate of its own, shared by all its keys and all callers, and
//!   charged in addition.
//!
//! A bucket holds what one second allows and refills evenly: never more than a second's worth at
//! once, never less than the rate over time. What is beyond is `ThrottlingException`.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use ambient::{Clock, Moment};
use kms_api::{AccountId, ErrorName, KmsError, Operation, Region};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// Buckets remembered before the full ones, which say nothing, are forgotten.
const MAX_BUCKETS: usize = 4_096;

/// One second in picoseconds: what a bucket can hold. So fine, because every whole rate must come out
/// exact.
const SECOND: u64 = 1_000_000_000_000;

/// A rate in requests a second: above 0 and at most 1,000,000; fractions are allowed (0.25 is one
/// request in four seconds). Kept as the time that one request costs, in picoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate(u64);

impl Rate {
    const fn per_second(requests: u64) -> Self {
        Self(SECOND / requests)
    }

    const fn one_in(seconds: u64) -> Self {
        Self(SECOND * seconds)
    }
}

impl TryFrom<f64> for Rate {
    type Error = &'static str;

    fn try_from(rate: f64) -> Result<Self, Self::Error> {
        if !(rate > 0.0 && rate <= 1_000_000.0) {
            return Err("a rate is above 0 and at most 1000000 requests a second");
        }
        // 1,000,000 at least; `as` saturates where the rate is next to nothing.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "said above"
        )]
        let cost = (1e12 / rate).floor() as u64;
        Ok(Self(cost))
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Rate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("requests a second, above 0 and at most 1000000")
            }

            fn visit_f64<E: Error>(self, rate: f64) -> Result<Rate, E> {
                Rate::try_from(rate).map_err(E::custom)
            }

            fn visit_i64<E: Error>(self, rate: i64) -> Result<Rate, E> {
                let rate = i32::try_from(rate).unwrap_or(i32::MAX);
                self.visit_f64(rate.into())
            }

            fn visit_u64<E: Error>(self, rate: u64) -> Result<Rate, E> {
                self.visit_i64(i64::try_from(rate).unwrap_or(i64::MAX))
            }
        }
        deserializer.deserialize_any(Number)
    }
}

/// The rates that are not AWS's. Unknown members are refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaSettings {
    /// Cryptographic requests to one custom key store, over all keys and callers. Default 1,800.
    pub custom_key_store_requests_per_second: Rate,
    /// Symmetric cryptographic requests of one account in one Region (Encrypt, Decrypt, ReEncrypt,
    /// GenerateDataKey, GenerateDataKeyWithoutPlaintext, GenerateMac, VerifyMac, GenerateRandom).
    /// Default 10,000; AWS's differs by Region.
    pub cryptographic_requests_per_second: Rate,
    /// `LookupEvents` of one account in one Region. Default 2, as at AWS.
    pub lookup_events_per_second: Rate,
    /// Rates of single operations, by their name, in place of AWS's: `CreateKey = 100`.
    pub operations: BTreeMap<String, Rate>,
}

impl Default for QuotaSettings {
    fn default() -> Self {
        Self {
            custom_key_store_requests_per_second: Rate::per_second(1_800),
            cryptographic_requests_per_second: Rate::per_second(10_000),
            lookup_events_per_second: Rate::per_second(2),
            operations: BTreeMap::new(),
        }
    }
}

/// A rate for what has none of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "kms.quotas.operations.{0} is not an operation of AWS KMS with a rate of its own; the cryptographic ones share \
     kms.quotas.cryptographic_requests_per_second"
)]
pub struct QuotaError(String);

/// The message of `ThrottlingException`.
const MESSAGE: &str =
    "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.";

/// What a request is counted against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Class {
    Symmetric,
    One(Operation),
    LookupEvents,
}

/// The buckets of an endpoint. Shared; taking from one costs a map look-up under a lock.
pub struct Quotas {
    clock: Arc<dyn Clock>,
    rates: Rates,
    accounts: Buckets<(AccountId, Region, Class)>,
    key_stores: Buckets<Box<str>>,
}

impl Quotas {
    /// Full buckets at these rates.
    pub fn new(settings: &QuotaSettings, clock: Arc<dyn Clock>) -> Result<Self, QuotaError> {
        Ok(Self {
            clock,
            rates: Rates::new(settings)?,
            accounts: Buckets::default(),
            key_stores: Buckets::default(),
        })
    }

    /// Charges the caller's account in this Region for one request of an operation.
    pub fn charge(&self, account: AccountId, region: &Region, operation: Operation) -> Result<(), KmsError> {
        self.charge_class(account, region, class(operation))
    }

    /// Charges the caller's account for one `LookupEvents`.
    pub fn charge_lookup(&self, account: AccountId, region: &Region) -> Result<(), KmsError> {
        self.charge_class(account, region, Class::LookupEvents)
    }

    fn charge_class(&self, account: AccountId, region: &Region, class: Class) -> Result<(), KmsError> {
        let rate = self.rates.of(class);
        let bucket = (account, region.clone(), class);
        throttled_unless(self.accounts.take(bucket, rate, self.clock.moment()))
    }

    /// Charges a custom key store for one cryptographic request. The caller counts what is refused
    /// in `ExternalKeyStoreThrottle`.
    pub fn charge_key_store(&self, custom_key_store_id: &str) -> Result<(), KmsError> {
        let rate = self.rates.key_store;
        throttled_unless(
            self.key_stores
                .take(custom_key_store_id.into(), rate, self.clock.moment()),
        )
    }
}

fn throttled_unless(taken: bool) -> Result<(), KmsError> {
    if taken {
        return Ok(());
    }
    Err(KmsError::new(ErrorName::ThrottlingException, MESSAGE))
}

struct Rates {
    key_store: Rate,
    symmetric: Rate,
    lookup: Rate,
    own: HashMap<Operation, Rate>,
}

impl Rates {
    fn new(settings: &QuotaSettings) -> Result<Self, QuotaError> {
        let mut own: HashMap<Operation, Rate> = Operation::ALL
            .iter()
            .map(|operation| (*operation, usual_rate(*operation)))
            .collect();
        for (name, rate) in &settings.operations {
            let operation: Option<Operation> = name.parse().ok();
            let operation = operation
                .filter(|operation| class(*operation) == Class::One(*operation))
                .ok_or_else(|| QuotaError(name.clone()))?;
            own.insert(operation, *rate);
        }
        Ok(Self {
            key_store: settings.custom_key_store_requests_per_second,
            symmetric: settings.cryptographic_requests_per_second,
            lookup: settings.lookup_events_per_second,
            own,
        })
    }

    fn of(&self, class: Class) -> Rate {
        match class {
            Class::Symmetric => self.symmetric,
            Class::LookupEvents => self.lookup,
            // Every operation is in the map; were one not, it would be as the shared ones.
            Class::One(operation) => self.own.get(&operation).copied().unwrap_or(self.symmetric),
        }
    }
}

const fn class(operation: Operation) -> Class {
    match operation {
        Operation::Encrypt
        | Operation::Decrypt
        | Operation::ReEncrypt
        | Operation::GenerateDataKey
        | Operation::GenerateDataKeyWithoutPlaintext
        | Operation::GenerateMac
        | Operation::VerifyMac
        | Operation::GenerateRandom => Class::Symmetric,
        other => Class::One(other),
    }
}

/// AWS's defaults, requests a second.
const fn usual_rate(operation: Operation) -> Rate {
    let requests = match operation {
        Operation::DescribeKey | Operation::GetPublicKey | Operation::ListResourceTags => 2_000,
        Operation::GetKeyPolicy | Operation::GetKeyRotationStatus => 1_000,
        Operation::Sign | Operation::Verify | Operation::DeriveSharedSecret => 500,
        Operation::ListAliases | Operation::ListKeys => 500,
        Operation::ListGrants
        | Operation::ListKeyPolicies
        | Operation::ListKeyRotations
        | Operation::ListRetirableGrants => 100,
        Operation::CreateGrant => 50,
        Operation::RetireGrant | Operation::RevokeGrant => 30,
        Operation::GenerateDataKeyPair | Operation::GenerateDataKeyPairWithoutPlaintext => 25,
        Operation::DeleteAlias
        | Operation::EnableKeyRotation
        | Operation::PutKeyPolicy
        | Operation::ScheduleKeyDeletion => 15,
        Operation::TagResource => 10,
        Operation::GetParametersForImport => return Rate::one_in(4),
        // Everything else that changes something, and what has no published rate.
        _ => 5,
    };
    Rate::per_second(requests)
}

/// Buckets by key. A bucket is when it will be full again, in picoseconds: one of the past is full and
/// need not be remembered.
struct Buckets<K>(Mutex<HashMap<K, u128>>);

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Buckets<K> {
    /// Takes one request's worth out of a bucket, if it is there.
    fn take(&self, key: K, rate: Rate, now: Moment) -> bool {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = u128::from(now.as_nanos()) * 1_000;
        if buckets.len() >= MAX_BUCKETS {
            buckets.retain(|_, full_at| *full_at > now);
        }
        let full_at = buckets.get(&key).copied().unwrap_or(now).max(now);
        let then = full_at + u128::from(rate.0);
        // At less than one a second the bucket holds one request.
        if then - now > u128::from(rate.0.max(SECOND)) {
            return false;
        }
        buckets.insert(key, then);
        true
    }
}
