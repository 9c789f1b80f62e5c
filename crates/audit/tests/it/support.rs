//! Shared by all modules.

use std::sync::Arc;

use ambient::{Clock, ManualClock, SeededRandom, Timestamp};
use audit::{Head, Log, LogConfig, Medium, OpenError, Reader, Record, Recovery, VerifyOptions, verify};
use testkit::disk::SimulatedDisk;

/// Small segments, so that tests rotate.
pub(crate) const SMALL: LogConfig = LogConfig {
    segment_bytes: 8192,
    max_pending_records: 64,
    max_pending_bytes: 4096,
    pace_us: 200,
    stall_after_ms: 100,
    first_back_off_ms: 10,
    max_back_off_ms: 1000,
};

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::from_secs(1_700_000_000)))
}

pub(crate) fn try_open(
    disk: &SimulatedDisk,
    config: LogConfig,
    seed: u64,
) -> Result<(Log, Recovery), OpenError> {
    let clock: Arc<dyn Clock> = clock();
    Log::open(Arc::new(disk.clone()), clock, &SeededRandom::new(seed), config)
}

pub(crate) fn open(disk: &SimulatedDisk) -> Log {
    try_open(disk, SMALL, 1).unwrap().0
}

/// A JSON object that tells records apart, `len` bytes long or somewhat more.
pub(crate) fn payload(number: u64, len: usize) -> Vec<u8> {
    format!(
        r#"{{"number":{number},"filler":"{}"}}"#,
        "x".repeat(len.saturating_sub(25))
    )
    .into_bytes()
}

/// Appends and waits, one batch each.
pub(crate) fn write(log: &Log, numbers: std::ops::Range<u64>, len: usize) {
    for number in numbers {
        let receipt = log
            .append(&payload(number, len))
            .unwrap()
            .wait_blocking()
            .unwrap();
        assert_eq!(receipt.sequence(), number);
    }
}

pub(crate) fn read_all(disk: &SimulatedDisk) -> Vec<Record> {
    let medium: Arc<dyn Medium> = Arc::new(disk.clone());
    let mut reader = Reader::open(medium, 0).unwrap();
    std::iter::from_fn(|| reader.next_record().unwrap()).collect()
}

/// The head, if everything is as it should be.
pub(crate) fn verified(disk: &SimulatedDisk) -> Head {
    verify(disk, &VerifyOptions::default(), &mut |_| {}).unwrap().head
}
