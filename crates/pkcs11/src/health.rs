//! What a token says of itself, and how it does.

use cryptoki::context::Pkcs11;
use cryptoki::error::Error;
use cryptoki::slot::{Limit, Slot};

use crate::error::TokenError;

/// How a token does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The last calls succeeded, or none was made.
    Active,
    /// It answers, with fewer sessions than it may have or after a failure.
    Degraded(TokenError),
    /// It does not answer.
    Unavailable(TokenError),
}

/// A token's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// Its label.
    pub label: String,
    /// Who makes it.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// The firmware's version.
    pub firmware_version: String,
    /// The hardware's version.
    pub hardware_version: String,
    /// Where it is: the slot's number.
    pub slot: u64,
    /// Sessions of this program that are open, where it says.
    pub sessions: Option<u64>,
    /// Most sessions; `None` where it does not say or has no limit.
    pub max_sessions: Option<u64>,
    /// `CKF_USER_PIN_COUNT_LOW`: a wrong PIN was given since the last login.
    pub pin_count_low: bool,
    /// `CKF_USER_PIN_INITIALIZED`: there is a normal user.
    pub pin_initialized: bool,
    /// `CKF_USER_PIN_LOCKED`.
    pub pin_locked: bool,
    /// Its mechanisms, by their names in PKCS#11.
    pub mechanisms: Vec<String>,
}

impl TokenInfo {
    pub(crate) fn read(pkcs11: &Pkcs11, slot: Slot) -> Result<Self, Error> {
        let info = pkcs11.get_token_info(slot)?;
        let mechanisms = pkcs11.get_mechanism_list(slot)?;
        Ok(Self {
            label: info.label().to_owned(),
            manufacturer: info.manufacturer_id().to_owned(),
            model: info.model().to_owned(),
            serial: info.serial_number().to_owned(),
            firmware_version: info.firmware_version().to_string(),
            hardware_version: info.hardware_version().to_string(),
            slot: slot.id(),
            sessions: info.session_count(),
            max_sessions: match info.max_session_count() {
                Limit::Max(count) => Some(count),
                Limit::Unavailable | Limit::Infinite => None,
            },
            pin_count_low: info.user_pin_count_low(),
            pin_initialized: info.user_pin_initialized(),
            pin_locked: info.user_pin_locked(),
            mechanisms: mechanisms.iter().map(ToString::to_string).collect(),
        })
    }
}
