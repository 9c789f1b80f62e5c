//! The root keys in memory, as the warden's own rows need them.

use std::sync::Arc;

use seal::{Keyring, RowMac};

/// The keyring, and what tags the warden's rows under it. Replaced as a whole.
pub(crate) struct Roots {
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) mac: RowMac,
}

impl Roots {
    pub(crate) fn new(keyring: Arc<Keyring>) -> Self {
        let mac = keyring.row_mac("warden");
        Self { keyring, mac }
    }
}
