//! The metrics that AWS KMS gives CloudWatch about external key stores (namespace `AWS/KMS`), and
//! those of the endpoint itself, as Prometheus text.
//!
//! CloudWatch's names and dimensions are kept: a metric is called as at AWS and each dimension is a
//! label of its name, so that alarms can be carried over. Labels come from closed sets, except the
//! ids of key stores that exist and the name in the proxy's certificate, of which each key store has
//! one; what a client sends never becomes a label.

mod text;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ambient::Timestamp;
use kms_api::{ErrorName, KeySpec, Operation};
use xks_api::kms_exception::ProxyFailure;

/// Upper bounds of `XksProxyLatency`, milliseconds: 250 is when KMS gives up, 500 when it did so
/// twice.
pub const LATENCY_BOUNDS_MS: [u64; 9] = [5, 10, 25, 50, 100, 150, 200, 250, 500];

/// Why KMS asked a proxy; the dimension `KmsOperation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// For a caller.
    Operation(Operation),
    /// To see whether it works.
    HealthCheck,
}

impl Purpose {
    /// As a label, and as `kmsOperation` in the request to the proxy.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Operation(operation) => operation.name(),
            Self::HealthCheck => "KmsHealthCheck",
        }
    }
}

/// One request to a proxy, with its retry: the dimensions of `XksProxyErrors` and `XksProxyLatency`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProxyCall {
    /// `KmsOperation`.
    pub purpose: Purpose,
    /// `XksOperation`.
    pub operation: xks_api::Operation,
    /// `KeySpec`; absent for health checks, which have no key.
    pub key_spec: Option<KeySpec>,
}

/// External key managers by their state, as a health check told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyManagerStates {
    /// `Active`.
    pub active: u64,
    /// `Degraded`.
    pub degraded: u64,
    /// `Unavailable`.
    pub unavailable: u64,
}

/// The metrics of one endpoint. Shared; counting takes a short lock.
#[derive(Default)]
pub struct Metrics {
    stores: Mutex<BTreeMap<Box<str>, StoreMetrics>>,
    calls: Mutex<BTreeMap<(Operation, Option<ErrorName>), u64>>,
    unauthenticated: AtomicU64,
}

#[derive(Default)]
struct StoreMetrics {
    errors: BTreeMap<(ProxyCall, Failure), u64>,
    latencies: BTreeMap<ProxyCall, Histogram>,
    throttled: BTreeMap<(Operation, Option<KeySpec>), u64>,
    managers: Option<KeyManagerStates>,
    certificate: Option<(Box<str>, Timestamp)>,
    credential_since: Option<Timestamp>,
}

/// `ErrorType` and `ExceptionName`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Failure {
    kind: &'static str,
    exception: &'static str,
}

impl Failure {
    /// What was not answered counts as `XksProxyUnreachableException`; an answer that makes no
    /// sense, like those that the proxy gives for no fault of its own, is not worth a retry.
    fn of(failure: ProxyFailure) -> Option<Self> {
        const RETRYABLE: &str = "Retryable";
        const NON_RETRYABLE: &str = "Non-retryable";
        use xks_api::ErrorName as Xks;
        let (kind, exception) = match failure {
            ProxyFailure::Answered(
                name @ (Xks::InternalException | Xks::DependencyTimeoutException | Xks::ThrottlingException),
            ) => (RETRYABLE, name.as_str()),
            ProxyFailure::Answered(name) => (NON_RETRYABLE, name.as_str()),
            ProxyFailure::NoConnection | ProxyFailure::NoTls | ProxyFailure::TimedOut => {
                (RETRYABLE, "XksProxyUnreachableException")
            }
            ProxyFailure::MalformedResponse => (NON_RETRYABLE, "XksProxyInvalidResponseException"),
            // The proxy did nothing wrong, or was not asked.
            ProxyFailure::InnerLayerInvalid
            | ProxyFailure::AllKeyManagersUnavailable
            | ProxyFailure::KeyStoreNotConnected => return None,
        };
        Some(Self { kind, exception })
    }
}

#[derive(Default)]
struct Histogram {
    /// Not cumulative; the last is for everything above the bounds.
    buckets: [u64; LATENCY_BOUNDS_MS.len() + 1],
    sum_us: u64,
}

impl Metrics {
    /// A request to a key store's proxy took so long and ended so (`XksProxyLatency`,
    /// `XksProxyErrors`).
    pub fn proxy_call(&self, store: &str, call: ProxyCall, took: Duration, failure: Option<ProxyFailure>) {
        self.of_store(store, |metrics| {
            let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
            metrics.latencies.entry(call).or_default().add(micros);
            if let Some(failure) = failure.and_then(Failure::of) {
                *metrics.errors.entry((call, failure)).or_default() += 1;
            }
        });
    }

    /// A key store was asked for more than its quota (`ExternalKeyStoreThrottle`).
    pub fn key_store_throttled(&self, store: &str, operation: Operation, key_spec: Option<KeySpec>) {
        self.of_store(store, |metrics| {
            *metrics.throttled.entry((operation, key_spec)).or_default() += 1;
        });
    }

    /// The proxy told its key managers' states (`XksExternalKeyManagerStates`).
    pub fn key_manager_states(&self, store: &str, states: KeyManagerStates) {
        self.of_store(store, |metrics| metrics.managers = Some(states));
    }

    /// The proxy showed this certificate (`XksProxyCertificateDaysToExpire`).
    pub fn proxy_certificate(&self, store: &str, name: &str, expires_at: Timestamp) {
        self.of_store(store, |metrics| {
            let same = |(known, at): &(Box<str>, Timestamp)| **known == *name && *at == expires_at;
            if !metrics.certificate.as_ref().is_some_and(same) {
                metrics.certificate = Some((name.into(), expires_at));
            }
        });
    }

    /// The key store has had its proxy credential since then (`XksProxyCredentialAge`).
    pub fn proxy_credential(&self, store: &str, since: Timestamp) {
        self.of_store(store, |metrics| metrics.credential_since = Some(since));
    }

    /// A key store is gone, and its metrics with it.
    pub fn forget_store(&self, store: &str) {
        lock(&self.stores).remove(store);
    }

    /// An authenticated call was answered.
    pub fn call(&self, operation: Operation, error: Option<ErrorName>) {
        *lock(&self.calls).entry((operation, error)).or_default() += 1;
    }

    /// A request was refused before it was known whose it is.
    pub fn unauthenticated(&self) {
        self.unauthenticated.fetch_add(1, Relaxed);
    }

    fn of_store(&self, store: &str, change: impl FnOnce(&mut StoreMetrics)) {
        let mut stores = lock(&self.stores);
        match stores.get_mut(store) {
            Some(metrics) => change(metrics),
            None => change(stores.entry(store.into()).or_default()),
        }
    }
}

impl Histogram {
    fn add(&mut self, micros: u64) {
        let bucket = LATENCY_BOUNDS_MS.partition_point(|bound| bound * 1_000 < micros);
        if let Some(count) = self.buckets.get_mut(bucket) {
            *count += 1;
        }
        self.sum_us = self.sum_us.saturating_add(micros);
    }
}

/// The maps are whole after every statement, so a panic elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
