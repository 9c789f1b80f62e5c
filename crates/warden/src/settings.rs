//! What an operator may set of the warden, with the reasons for each default.

use std::time::Duration;

/// Limits and periods. Every one is a bound on memory, time or what one tenant can take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Requests that use keys at the same time, over all key stores. Default 512: at KMS's default
    /// of 1,800 requests/s and the 200 ms deadline no more than 360 can be under way.
    pub max_in_flight: u32,
    /// The same for one key store, so that one tenant leaves room for the others. Default 384.
    pub max_in_flight_per_key_store: u32,
    /// Refusals of authenticated callers recorded in full, per key store and minute; more are
    /// counted only. Default 600: an honest client never reaches it, a broken one cannot fill a disk.
    pub recorded_refusals_per_minute: u32,
    /// How often every key manager in use is probed. Default 5 s, so that a dead one is
    /// `UNAVAILABLE` within 10 s, probe time included.
    pub probe_interval: Duration,
    /// How long one probe may take. Default 2 s.
    pub probe_timeout: Duration,
    /// How often last-use times are written to the store. Default 30 s.
    pub last_use_interval: Duration,
    /// How often counted refusals are recorded. Default 60 s.
    pub refusal_interval: Duration,
    /// A log whose oldest unsynced record waits for longer than this takes no new work: it could
    /// not be answered in time. Default 150 ms, below the 200 ms deadline.
    pub stall_limit: Duration,
    /// The shortest waiting period before a key is destroyed. Default 7 days, as at AWS KMS: somebody
    /// who needs the key has to have the time to notice that it does not work any more.
    pub min_deletion_wait: Duration,
    /// How often is looked for keys whose waiting period is over. Default 60 s.
    pub deletion_interval: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_in_flight: 512,
            max_in_flight_per_key_store: 384,
            recorded_refusals_per_minute: 600,
            probe_interval: Duration::from_secs(5),
            probe_timeout: Duration::from_secs(2),
            last_use_interval: Duration::from_secs(30),
            refusal_interval: Duration::from_secs(60),
            stall_limit: Duration::from_millis(150),
            min_deletion_wait: Duration::from_hours(7 * 24),
            deletion_interval: Duration::from_secs(60),
        }
    }
}

impl Settings {
    /// A cached health result may be at most a minute old (XKS-HLT-06).
    pub const MAX_HEALTH_AGE: Duration = Duration::from_secs(60);
    /// GetHealthStatus lists at most ten instances (XKS-HLT-04).
    pub const MAX_INSTANCES: usize = 10;
    /// The longest waiting period: nobody remembers a key that is to be destroyed after more than a year.
    pub const MAX_DELETION_WAIT: Duration = Duration::from_hours(365 * 24);
    /// The range for [`Settings::min_deletion_wait`].
    pub const MIN_DELETION_WAITS: std::ops::RangeInclusive<Duration> =
        Duration::from_hours(24)..=Duration::from_hours(30 * 24);
}
