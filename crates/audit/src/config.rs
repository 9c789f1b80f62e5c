//! Sizes and bounds of the log.

use std::time::Duration;

use serde::Deserialize;

use crate::format;

/// Sizes and bounds of the log. Every node may have its own; a changed segment size holds from
/// the next segment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// Size of a segment file in bytes, a multiple of 512; allocated in full before use, and one
    /// spare besides. Default 64 MiB: at 1 KiB a record and a batch, some 40,000 records.
    pub segment_bytes: u64,
    /// Records that may be accepted and not yet durable, those in the running sync included.
    /// Default 4,096: two seconds at 1,800 records/s, more than any deadline waits.
    pub max_pending_records: usize,
    /// Bytes (record headers included) that may be accepted and not yet durable; also the largest
    /// batch. Default 4 MiB.
    pub max_pending_bytes: usize,
    /// How long, in microseconds, records that were appended quietly wait at most for more of their
    /// kind and for the call that ends it ([`Log::append_quietly`](crate::Log::append_quietly)). A
    /// sync costs the same whether 3 or 60 records share it. One record alone is called for at once
    /// and never waits. Default 1,000, 1/200 of what a request has in all; 0 turns it off.
    pub pace_us: u64,
    /// Milliseconds after which a running write or sync counts as stalled. Default 100: half of
    /// what a request has in all, so that work that cannot finish is refused at the door.
    pub stall_after_ms: u64,
    /// Milliseconds before the third attempt to write a batch (the second, to a new file, comes
    /// at once); doubles up to [`LogConfig::max_back_off_ms`]. Default 10.
    pub first_back_off_ms: u64,
    /// The longest pause in milliseconds between two attempts on a failing medium. Default 1,000.
    pub max_back_off_ms: u64,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            max_pending_records: 4096,
            max_pending_bytes: 4 << 20,
            pace_us: 1000,
            stall_after_ms: 100,
            first_back_off_ms: 10,
            max_back_off_ms: 1000,
        }
    }
}

/// The bounds contradict each other or the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLogConfig {
    /// Not a multiple of 512.
    #[error("segment_bytes must be a multiple of 512")]
    SegmentNotInSectors,
    /// The largest batch does not fit into a segment, or is above 1 GiB.
    #[error("segment_bytes must hold a batch of max_pending_bytes, which may be at most 1 GiB")]
    BatchExceedsSegment,
    /// Nothing could ever be pending.
    #[error("max_pending_records and max_pending_bytes must be at least one record's")]
    NothingPending,
}

impl LogConfig {
    /// Checks that the bounds fit together.
    pub fn validate(&self) -> Result<(), InvalidLogConfig> {
        if !self.segment_bytes.is_multiple_of(format::SECTOR_BYTES as u64) {
            return Err(InvalidLogConfig::SegmentNotInSectors);
        }
        if self.max_pending_records == 0 || self.max_pending_bytes < format::RECORD_HEADER_BYTES + 2 {
            return Err(InvalidLogConfig::NothingPending);
        }
        let largest = format::padded(format::BATCH_HEADER_BYTES.saturating_add(self.max_pending_bytes));
        let room = self
            .segment_bytes
            .saturating_sub(format::SEGMENT_HEADER_BYTES as u64);
        if self.max_pending_bytes > 1 << 30 || largest as u64 > room {
            return Err(InvalidLogConfig::BatchExceedsSegment);
        }
        Ok(())
    }

    pub(crate) const fn pace(&self) -> Duration {
        Duration::from_micros(self.pace_us)
    }

    pub(crate) const fn stall_after(&self) -> Duration {
        Duration::from_millis(self.stall_after_ms)
    }

    /// The pause before attempt number `attempt` (1 = first attempt after the log began to fail).
    pub(crate) fn back_off(&self, attempt: u32) -> Duration {
        let doubled = self
            .first_back_off_ms
            .saturating_mul(1 << attempt.saturating_sub(1).min(20));
        Duration::from_millis(doubled.min(self.max_back_off_ms))
    }
}
