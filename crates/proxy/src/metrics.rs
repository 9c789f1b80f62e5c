//! Counters of what was asked and answered. Their labels are closed enums, so nothing that a client
//! sends can become a label, and their number is fixed.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use xks_api::{ErrorName, Operation};

/// Upper bounds of the duration buckets, microseconds. 180 and 200 ms are the deadlines, 250 ms is
/// when KMS gives up (XKS-KMS-01).
pub const DURATION_BOUNDS_US: [u64; 12] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 180_000, 200_000, 250_000,
];

/// How a request ended, as a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 200.
    Success,
    /// One of the API's errors.
    Error(ErrorName),
    /// 405, for which the API has no name.
    MethodNotAllowed,
    /// 408, for which the API has no name.
    RequestTimeout,
}

impl Outcome {
    const COUNT: usize = 3 + ErrorName::ALL.len();

    /// The label, which is the `errorName` where there is one.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::Error(name) => name.as_str(),
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::RequestTimeout => "RequestTimeout",
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Success => 0,
            Self::MethodNotAllowed => 1,
            Self::RequestTimeout => 2,
            Self::Error(name) => 3 + name as usize,
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        [Self::Success, Self::MethodNotAllowed, Self::RequestTimeout]
            .into_iter()
            .chain(ErrorName::ALL.map(Self::Error))
    }
}

/// The operations as labels; the last is for requests whose path names none.
const OPERATIONS: [Option<Operation>; 5] = [
    Some(Operation::Encrypt),
    Some(Operation::Decrypt),
    Some(Operation::GetKeyMetadata),
    Some(Operation::GetHealthStatus),
    None,
];

const fn operation_index(operation: Option<Operation>) -> usize {
    match operation {
        Some(Operation::Encrypt) => 0,
        Some(Operation::Decrypt) => 1,
        Some(Operation::GetKeyMetadata) => 2,
        Some(Operation::GetHealthStatus) => 3,
        None => 4,
    }
}

pub(crate) const fn operation_label(operation: Option<Operation>) -> &'static str {
    match operation {
        Some(operation) => operation.as_str(),
        None => "none",
    }
}

/// The counters. Each is an atomic; counting costs nanoseconds and never waits.
#[derive(Default)]
pub struct Metrics {
    operations: [OperationCounters; OPERATIONS.len()],
    lines_suppressed: AtomicU64,
}

#[derive(Default)]
struct OperationCounters {
    outcomes: [AtomicU64; Outcome::COUNT],
    /// Not cumulative; the last is for everything above the bounds.
    durations: [AtomicU64; DURATION_BOUNDS_US.len() + 1],
    duration_sum_us: AtomicU64,
}

impl Metrics {
    pub(crate) fn count(&self, operation: Option<Operation>, outcome: Outcome, total_us: u64) {
        let Some(counters) = self.operations.get(operation_index(operation)) else {
            return;
        };
        if let Some(counter) = counters.outcomes.get(outcome.index()) {
            counter.fetch_add(1, Relaxed);
        }
        let bucket = DURATION_BOUNDS_US.partition_point(|bound| *bound < total_us);
        if let Some(counter) = counters.durations.get(bucket) {
            counter.fetch_add(1, Relaxed);
        }
        counters.duration_sum_us.fetch_add(total_us, Relaxed);
    }

    pub(crate) fn count_suppressed_line(&self) {
        self.lines_suppressed.fetch_add(1, Relaxed);
    }

    /// The counters as they stand; each is exact, together they may be a moment apart.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            operations: self.operations.iter().map(OperationCounters::snapshot).collect(),
            lines_suppressed: self.lines_suppressed.load(Relaxed),
        }
    }
}

impl OperationCounters {
    fn snapshot(&self) -> OperationSnapshot {
        let load = |counters: &[AtomicU64]| counters.iter().map(|counter| counter.load(Relaxed)).collect();
        OperationSnapshot {
            outcomes: load(&self.outcomes),
            durations: load(&self.durations),
            duration_sum_us: self.duration_sum_us.load(Relaxed),
        }
    }
}

/// The counters at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    operations: Vec<OperationSnapshot>,
    lines_suppressed: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct OperationSnapshot {
    outcomes: Vec<u64>,
    durations: Vec<u64>,
    duration_sum_us: u64,
}

impl Snapshot {
    /// How many requests for `operation` (`None`: for no operation) ended so.
    pub fn requests(&self, operation: Option<Operation>, outcome: Outcome) -> u64 {
        let counters = self.operations.get(operation_index(operation));
        counters
            .and_then(|counters| counters.outcomes.get(outcome.index()))
            .copied()
            .unwrap_or_default()
    }

    /// How many requests there were.
    pub fn total(&self) -> u64 {
        self.operations
            .iter()
            .flat_map(|counters| &counters.outcomes)
            .sum()
    }

    /// The Prometheus text format, version 0.0.4.
    pub fn to_prometheus(&self) -> String {
        let mut out = String::with_capacity(8 * 1024);
        // Writing to a String does not fail.
        let _ = self.write_prometheus(&mut out);
        out
    }

    fn write_prometheus(&self, out: &mut String) -> std::fmt::Result {
        out.push_str("# HELP xks_requests_total XKS requests by operation and outcome.\n");
        out.push_str("# TYPE xks_requests_total counter\n");
        for operation in OPERATIONS {
            for outcome in Outcome::all() {
                let (label, count) = (operation_label(operation), self.requests(operation, outcome));
                writeln!(
                    out,
                    "xks_requests_total{{operation=\"{label}\",outcome=\"{}\"}} {count}",
                    outcome.as_str()
                )?;
            }
        }
        out.push_str("# HELP xks_request_duration_seconds Time from the request's arrival to its answer.\n");
        out.push_str("# TYPE xks_request_duration_seconds histogram\n");
        for (operation, counters) in OPERATIONS.into_iter().zip(&self.operations) {
            counters.write_histogram(operation_label(operation), out)?;
        }
        out.push_str("# HELP xks_log_lines_suppressed_total Refusals that were counted but not logged.\n");
        out.push_str("# TYPE xks_log_lines_suppressed_total counter\n");
        writeln!(out, "xks_log_lines_suppressed_total {}", self.lines_suppressed)
    }
}

impl OperationSnapshot {
    fn write_histogram(&self, label: &str, out: &mut String) -> std::fmt::Result {
        const NAME: &str = "xks_request_duration_seconds";
        let mut below = 0;
        let bounds = DURATION_BOUNDS_US.iter().map(Some).chain([None]);
        for (bound, count) in bounds.zip(&self.durations) {
            below += count;
            write!(out, "{NAME}_bucket{{operation=\"{label}\",le=\"")?;
            match bound {
                Some(bound) => write!(out, "{}", seconds(*bound))?,
                None => out.push_str("+Inf"),
            }
            writeln!(out, "\"}} {below}")?;
        }
        writeln!(
            out,
            "{NAME}_sum{{operation=\"{label}\"}} {}",
            seconds(self.duration_sum_us)
        )?;
        writeln!(out, "{NAME}_count{{operation=\"{label}\"}} {below}")
    }
}

/// Seconds as a decimal fraction, exactly.
fn seconds(micros: u64) -> impl std::fmt::Display {
    struct Seconds(u64);
    impl std::fmt::Display for Seconds {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
        }
    }
    Seconds(micros)
}
