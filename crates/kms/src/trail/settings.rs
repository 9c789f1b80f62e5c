//! Where CloudTrail's records go and how much of them is kept.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

/// The trail's section of the configuration. Unknown fields are refused.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrailSettings {
    /// The directory of the files; made, mode 0700, if it is not there. Default: `cloudtrail` in
    /// the endpoint's data directory.
    pub directory: Option<PathBuf>,
    /// A file that has reached this many bytes is followed by a new one; 4,096 to 67,108,864
    /// (64 MiB): a look-up reads one file at a time. Default 16,777,216 (16 MiB), about 15,000
    /// records.
    pub max_file_bytes: u64,
    /// A file older than this is followed by a new one at the next record. Default 24 h.
    #[serde(deserialize_with = "listener::units::duration")]
    pub max_file_age: Duration,
    /// How many files are kept, the one being written included; 2 to 10,000. Older ones are
    /// removed. Default 64: with 16 MiB each, 1 GiB.
    pub max_files: usize,
    /// Records waiting to be written, 1 to 1,048,576; one more is lost, and counted. Default 65,536.
    pub max_queued_records: usize,
    /// Bytes of records waiting to be written, 65,536 to 1 GiB; what would be more is lost, and
    /// counted. Default 33,554,432 (32 MiB).
    pub max_queued_bytes: usize,
}

impl Default for TrailSettings {
    fn default() -> Self {
        Self {
            directory: None,
            max_file_bytes: 16_777_216,
            max_file_age: Duration::from_secs(24 * 3_600),
            max_files: 64,
            max_queued_records: 65_536,
            max_queued_bytes: 33_554_432,
        }
    }
}

/// A setting that cannot be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("kms.trail.{name} is {value}: it must be {least} to {most} {unit}")]
pub struct TrailSettingError {
    name: &'static str,
    value: u64,
    least: u64,
    most: u64,
    unit: &'static str,
}

impl TrailSettings {
    /// Holds every setting against its bounds.
    pub fn check(&self) -> Result<(), TrailSettingError> {
        let (most_file, most_queue) = (1 << 26, 1 << 30);
        for (name, value, least, most, unit) in [
            ("max_file_bytes", self.max_file_bytes, 4_096, most_file, "bytes"),
            (
                "max_file_age",
                self.max_file_age.as_secs(),
                1,
                366 * 86_400,
                "seconds",
            ),
            ("max_files", self.max_files as u64, 2, 10_000, "files"),
            (
                "max_queued_records",
                self.max_queued_records as u64,
                1,
                1 << 20,
                "records",
            ),
            (
                "max_queued_bytes",
                self.max_queued_bytes as u64,
                65_536,
                most_queue,
                "bytes",
            ),
        ] {
            if !(least..=most).contains(&value) {
                return Err(TrailSettingError {
                    name,
                    value,
                    least,
                    most,
                    unit,
                });
            }
        }
        Ok(())
    }
}
