//! A token under load, measured.

use std::sync::Arc;
use std::time::Duration;

use ambient::Clock;
use crypto::SecretBytes;
use pkcs11::{KeyObject, Token, TokenError};
use serde::Serialize;

use super::stop::Stop;

/// Additional data of an encryption context of usual length, framed.
const AAD: [u8; 64] = [0x61; 64];

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// An encryption with its trial decryption, as for every Encrypt of KMS.
    Encrypt,
    /// A decryption.
    Decrypt,
}

/// So many callers, each with one call after the other.
pub(crate) struct Load<'l> {
    pub(crate) token: &'l Token,
    pub(crate) key: &'l KeyObject,
    pub(crate) clock: &'l Arc<dyn Clock>,
    pub(crate) stop: &'l Stop,
    pub(crate) kind: Kind,
    pub(crate) size: usize,
    pub(crate) concurrency: usize,
    pub(crate) time: Duration,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Measured {
    /// Operations a second, all callers together.
    pub(crate) rate: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

impl Load<'_> {
    pub(crate) async fn run(&self) -> Result<Measured, TokenError> {
        // So that every session is open before it counts.
        self.callers(Duration::ZERO).await?;
        let start = self.clock.moment();
        let mut took = self.callers(self.time).await?;
        let whole = self.clock.moment().saturating_since(start);
        took.sort_unstable();
        Ok(Measured {
            rate: took.len() as f64 / whole.as_secs_f64().max(f64::EPSILON),
            p50: percentile(&took, 50),
            p99: percentile(&took, 99),
        })
    }

    /// Each does at least two calls, and goes on for `time`.
    async fn callers(&self, time: Duration) -> Result<Vec<Duration>, TokenError> {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..self.concurrency {
            tasks.spawn(caller(
                self.token.clone(),
                self.key.clone(),
                Arc::clone(self.clock),
                self.stop.clone(),
                (self.kind, self.size, time),
            ));
        }
        let mut all = Vec::new();
        let mut failed = None;
        while let Some(done) = tasks.join_next().await {
            match done {
                Ok(Ok(took)) => all.extend(took),
                Ok(Err(error)) => failed = Some(error),
                Err(_) => failed = Some(TokenError::Closed),
            }
        }
        failed.map_or(Ok(all), Err)
    }
}

async fn caller(
    token: Token,
    key: KeyObject,
    clock: Arc<dyn Clock>,
    stop: Stop,
    (kind, size, time): (Kind, usize, Duration),
) -> Result<Vec<Duration>, TokenError> {
    let sealed = token.encrypt(&key, SecretBytes::new(vec![1; size]), &AAD).await?;
    let start = clock.moment();
    let mut took = Vec::new();
    while took.len() < 2 || (clock.moment().saturating_since(start) < time && !stop.asked()) {
        let before = clock.moment();
        match kind {
            Kind::Encrypt => {
                token
                    .encrypt_and_try(&key, SecretBytes::new(vec![1; size]), &AAD)
                    .await?;
            }
            Kind::Decrypt => {
                token.decrypt(&key, sealed.clone(), &AAD).await?;
            }
        }
        took.push(clock.moment().saturating_since(before));
    }
    Ok(took)
}

/// Of sorted times.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or_default()
}

/// To three digits.
pub(crate) fn round(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    if ms >= 100.0 {
        format!("{ms:.0} ms")
    } else if ms >= 10.0 {
        format!("{ms:.1} ms")
    } else {
        format!("{ms:.2} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_measured() {
        let times: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Duration::from_millis(100));
        assert_eq!(percentile(&times, 99), Duration::from_millis(198));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
        assert_eq!(percentile(&times[..1], 99), Duration::from_millis(1));
        assert_eq!(round(Duration::from_micros(1234)), "1.23 ms");
    }
}
