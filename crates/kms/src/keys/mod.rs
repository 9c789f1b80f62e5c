//! KMS keys: creation, description, states, deletion by the clock, rotation.

mod config;
mod create;
mod describe;
mod events;
mod lifecycle;
mod lookup;
mod rotation;
mod states;
mod unsupported;
mod upkeep;

pub use config::KeysConfig;
pub(crate) use create::create_key;
pub(crate) use describe::{describe_key, get_key_last_usage, list_keys, update_key_description};
pub(crate) use lifecycle::{cancel_key_deletion, disable_key, enable_key, schedule_key_deletion};
pub(crate) use lookup::{Forms, Found};
pub(crate) use rotation::{
    disable_key_rotation, enable_key_rotation, get_key_rotation_status, list_key_rotations,
    rotate_key_on_demand,
};
pub(crate) use states::{Admitted, CLUSTER_NOT_CONNECTED, Refusal, refusal};
pub(crate) use unsupported::unsupported;

/// Seconds in a day, where AWS counts in days.
const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

/// So many days after `now`, in microseconds since 1970.
fn days_after(now: ambient::Timestamp, days: u32) -> u64 {
    now.saturating_add(DAY.saturating_mul(days)).as_micros()
}
