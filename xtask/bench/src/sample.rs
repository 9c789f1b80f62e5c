//! What one measurement found.

use std::collections::BTreeMap;
use std::time::Duration;

/// Counts and times; those of several rounds add up.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    /// Answers with status 200.
    pub(crate) completed: u64,
    /// Other answers, by status.
    pub(crate) refused: BTreeMap<u16, u64>,
    /// No answer: the connection broke.
    pub(crate) broken: u64,
    /// The server's CPU time, user and system.
    pub(crate) cpu: Duration,
    /// Wall time.
    pub(crate) elapsed: Duration,
    /// Of every answer with status 200, in nanoseconds.
    times: Vec<u64>,
}

impl Sample {
    /// Nothing counted yet over this wall time, in which the server used so much CPU time.
    pub(crate) fn over(elapsed: Duration, cpu: Duration) -> Self {
        Self {
            cpu,
            elapsed,
            ..Self::default()
        }
    }

    /// Counts one request: its status, if it was answered, and its time.
    pub(crate) fn count(&mut self, status: Option<u16>, spent: Duration) {
        match status {
            Some(200) => {
                self.completed += 1;
                self.times
                    .push(u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX));
            }
            Some(status) => *self.refused.entry(status).or_default() += 1,
            None => self.broken += 1,
        }
    }

    /// Adds another round or worker.
    pub(crate) fn add(&mut self, mut other: Self) {
        self.completed += other.completed;
        for (status, count) in other.refused {
            *self.refused.entry(status).or_default() += count;
        }
        self.broken += other.broken;
        self.cpu += other.cpu;
        self.elapsed += other.elapsed;
        self.times.append(&mut other.times);
    }

    /// Requests per second of the server's CPU time.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of a measurement lie far below 2^52"
    )]
    pub(crate) fn per_cpu_second(&self) -> f64 {
        self.completed as f64 / self.cpu.as_secs_f64().max(1e-9)
    }

    /// Requests per second of wall time.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of a measurement lie far below 2^52"
    )]
    pub(crate) fn per_second(&self) -> f64 {
        self.completed as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// The times below which so many thousandths of the requests lie, for each of `thousandths`;
    /// 1000 is the longest.
    pub(crate) fn quantiles<const N: usize>(&mut self, thousandths: [usize; N]) -> [Duration; N] {
        self.times.sort_unstable();
        let last = self.times.len().saturating_sub(1);
        thousandths.map(|of| {
            let at = (last * of).div_ceil(1000);
            Duration::from_nanos(self.times.get(at).copied().unwrap_or_default())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_sorted_times() {
        let mut sample = Sample::default();
        for micros in (0..=100).rev() {
            sample.count(Some(200), Duration::from_micros(micros));
        }
        sample.count(Some(503), Duration::from_secs(9));
        sample.count(None, Duration::from_secs(9));
        let [p50, p99, max] = sample.quantiles([500, 990, 1000]);
        assert_eq!([p50, p99, max].map(|time| time.as_micros()), [50, 99, 100]);
        assert_eq!(
            (sample.completed, sample.refused[&503], sample.broken),
            (101, 1, 1)
        );
    }
}
