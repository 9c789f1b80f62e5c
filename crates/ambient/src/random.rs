//! Randomness, and sources that tests can count, repeat or break.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// The source of randomness failed. Nothing secret may be made until it works again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the source of randomness failed")]
pub struct RandomUnavailable;

/// Where random bytes come from: cryptographically strong in production.
pub trait Random: Send + Sync + 'static {
    /// Fills all of `buffer` with fresh random bytes, or fails and promises nothing of its content.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomUnavailable>;
}

impl dyn Random {
    /// `N` fresh random bytes.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], RandomUnavailable> {
        let mut buffer = [0; N];
        self.fill(&mut buffer)?;
        Ok(buffer)
    }
}

/// The kernel's generator (`getrandom(2)`); blocks only before the kernel is seeded at boot.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the kernel")]
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomUnavailable> {
        getrandom::fill(buffer).map_err(|_| RandomUnavailable)
    }
}

/// Counts the bytes that it hands on from another source.
#[derive(Debug, Default)]
pub struct CountingRandom<R> {
    inner: R,
    bytes: AtomicU64,
}

impl<R: Random> CountingRandom<R> {
    /// Counts what `inner` gives.
    pub const fn new(inner: R) -> Self {
        Self {
            inner,
            bytes: AtomicU64::new(0),
        }
    }

    /// Bytes handed out so far.
    pub fn count(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }
}

impl<R: Random> Random for CountingRandom<R> {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomUnavailable> {
        self.bytes.fetch_add(buffer.len() as u64, Ordering::SeqCst);
        self.inner.fill(buffer)
    }
}

/// Fails every call.
#[derive(Clone, Copy, Debug, Default)]
pub struct FailingRandom;

impl Random for FailingRandom {
    fn fill(&self, _buffer: &mut [u8]) -> Result<(), RandomUnavailable> {
        Err(RandomUnavailable)
    }
}

/// Repeatable bytes from a seed (SplitMix64). **Not secret**: for tests and simulations only.
#[derive(Debug)]
pub struct SeededRandom(Mutex<u64>);

impl SeededRandom {
    /// The same seed gives the same bytes.
    pub const fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Random for SeededRandom {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomUnavailable> {
        let mut state = self.0.lock().map_err(|_| RandomUnavailable)?;
        for chunk in buffer.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = *state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^= word >> 31;
            for (to, from) in chunk.iter_mut().zip(word.to_le_bytes()) {
                *to = from;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_randomness_repeats_and_is_counted() {
        let (a, b) = (CountingRandom::new(SeededRandom::new(7)), SeededRandom::new(7));
        let (a, b): (&dyn Random, &dyn Random) = (&a, &b);
        assert_eq!(a.bytes::<24>().unwrap(), b.bytes::<24>().unwrap());
        let counting = CountingRandom::new(SystemRandom);
        (&counting as &dyn Random).bytes::<24>().unwrap();
        assert_eq!(counting.count(), 24);
    }

    #[test]
    fn a_failing_source_fails_the_call() {
        assert_eq!(
            (&FailingRandom as &dyn Random).bytes::<1>(),
            Err(RandomUnavailable)
        );
    }
}
