//! What a module shows of itself to somebody who has not logged in: its slots and their tokens.
//!
//! For administrators: a [`Token`](crate::Token) finds its slot itself.

use std::path::Path;

use cryptoki::context::Pkcs11;
use cryptoki::error::Error;
use cryptoki::mechanism::MechanismType;
use cryptoki::slot::{Limit, Slot};

use crate::config::TokenSelector;
use crate::error::OpenError;
use crate::module::Module;
use crate::return_codes;

/// A module's own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleInfo {
    /// Who makes it.
    pub manufacturer: String,
    /// What it calls itself.
    pub description: String,
    /// The library's version.
    pub version: String,
    /// The version of PKCS#11 that it implements.
    pub cryptoki: String,
    /// Its slots, in its own order.
    pub slots: Vec<SlotInfo>,
}

/// A slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotInfo {
    /// Its number. Some modules number anew at every start.
    pub number: u64,
    /// What the module calls it.
    pub description: String,
    /// The token in it.
    pub token: Option<SlotToken>,
}

/// The token in a slot, as it shows itself before a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlotToken {
    /// There is one, and it does not answer: the return code's name.
    Silent(String),
    /// What it says.
    Answers(Box<PublicInfo>),
}

/// What a token says to everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicInfo {
    /// Its label; blank before it is initialised.
    pub label: String,
    /// Who makes it.
    pub manufacturer: String,
    /// Its model.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// The firmware's version.
    pub firmware_version: String,
    /// Most sessions; `None` where it does not say or has no limit.
    pub max_sessions: Option<u64>,
    /// Sessions of this program that are open, where it says.
    pub sessions: Option<u64>,
    /// What it says about itself and its PINs.
    pub flags: Vec<Flag>,
    /// Its mechanisms.
    pub mechanisms: Vec<MechanismInfo>,
}

/// `CKF_…` of a token, those that decide whether it can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flag {
    /// `CKF_TOKEN_INITIALIZED`.
    Initialised,
    /// `CKF_USER_PIN_INITIALIZED`.
    UserPinSet,
    /// `CKF_LOGIN_REQUIRED`.
    LoginRequired,
    /// `CKF_PROTECTED_AUTHENTICATION_PATH`: the PIN is typed on the device.
    PinPad,
    /// `CKF_WRITE_PROTECTED`.
    WriteProtected,
    /// `CKF_USER_PIN_COUNT_LOW`: a wrong PIN was given since the last login.
    PinCountLow,
    /// `CKF_USER_PIN_FINAL_TRY`: one more wrong PIN locks it.
    PinFinalTry,
    /// `CKF_USER_PIN_LOCKED`.
    PinLocked,
    /// `CKF_USER_PIN_TO_BE_CHANGED`.
    PinToBeChanged,
    /// `CKF_ERROR_STATE`: it failed a self-test.
    ErrorState,
}

/// A mechanism of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MechanismInfo {
    /// Its name in PKCS#11, or its number.
    pub name: String,
    /// Smallest and greatest key, in the unit that PKCS#11 gives the mechanism (bytes for AES; some
    /// modules say bits).
    pub key_sizes: (u64, u64),
    /// `CKF_ENCRYPT` and `CKF_DECRYPT`.
    pub encrypts: bool,
    /// `CKF_GENERATE`.
    pub generates: bool,
    /// `CKF_WRAP` and `CKF_UNWRAP`.
    pub wraps: bool,
}

impl PublicInfo {
    /// Whether the token says so.
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// The mechanism of this name, such as `CKM_AES_GCM`.
    pub fn mechanism(&self, name: &str) -> Option<&MechanismInfo> {
        self.mechanisms.iter().find(|mechanism| mechanism.name == name)
    }

    /// Whether `selector` means this token, in slot `number`.
    pub fn is(&self, selector: &TokenSelector, number: u64) -> bool {
        selector.means(&self.serial, &self.label, number)
    }
}

/// Loads the module at `path` into this process, if it is not, and lists its slots. Blocks, for as
/// long as the module likes.
///
/// # Errors
/// [`OpenError::Module`] if it cannot be loaded, does not start or does not list its slots.
pub fn list(path: &Path) -> Result<ModuleInfo, OpenError> {
    let module = Module::load(path)?;
    let running = module.run();
    read(running.pkcs11).map_err(|error| OpenError::Module(format!("{}: {error}", path.display())))
}

fn read(pkcs11: &Pkcs11) -> Result<ModuleInfo, Error> {
    let info = pkcs11.get_library_info()?;
    let slots = pkcs11.get_all_slots()?;
    Ok(ModuleInfo {
        manufacturer: info.manufacturer_id().to_owned(),
        description: info.library_description().to_owned(),
        version: info.library_version().to_string(),
        cryptoki: info.cryptoki_version().to_string(),
        slots: slots.into_iter().map(|slot| of_slot(pkcs11, slot)).collect(),
    })
}

fn of_slot(pkcs11: &Pkcs11, slot: Slot) -> SlotInfo {
    let info = pkcs11.get_slot_info(slot).ok();
    let present = info.as_ref().is_some_and(cryptoki::slot::SlotInfo::token_present);
    SlotInfo {
        number: slot.id(),
        description: info.map_or_else(String::new, |info| info.slot_description().to_owned()),
        token: present.then(|| match of_token(pkcs11, slot) {
            Ok(token) => SlotToken::Answers(Box::new(token)),
            Err(error) => SlotToken::Silent(code(&error)),
        }),
    }
}

fn of_token(pkcs11: &Pkcs11, slot: Slot) -> Result<PublicInfo, Error> {
    let info = pkcs11.get_token_info(slot)?;
    let mechanisms = pkcs11.get_mechanism_list(slot)?;
    let said = [
        (info.token_initialized(), Flag::Initialised),
        (info.user_pin_initialized(), Flag::UserPinSet),
        (info.login_required(), Flag::LoginRequired),
        (info.protected_authentication_path(), Flag::PinPad),
        (info.write_protected(), Flag::WriteProtected),
        (info.user_pin_count_low(), Flag::PinCountLow),
        (info.user_pin_final_try(), Flag::PinFinalTry),
        (info.user_pin_locked(), Flag::PinLocked),
        (info.user_pin_to_be_changed(), Flag::PinToBeChanged),
        (info.error_state(), Flag::ErrorState),
    ];
    Ok(PublicInfo {
        label: info.label().to_owned(),
        manufacturer: info.manufacturer_id().to_owned(),
        model: info.model().to_owned(),
        serial: info.serial_number().to_owned(),
        firmware_version: info.firmware_version().to_string(),
        max_sessions: match info.max_session_count() {
            Limit::Max(count) => Some(count),
            Limit::Unavailable | Limit::Infinite => None,
        },
        sessions: info.session_count(),
        flags: said
            .into_iter()
            .filter_map(|(is, flag)| is.then_some(flag))
            .collect(),
        mechanisms: mechanisms
            .into_iter()
            .map(|mechanism| of_mechanism(pkcs11, slot, mechanism))
            .collect(),
    })
}

/// A mechanism that does not tell about itself can do nothing that we know of.
fn of_mechanism(pkcs11: &Pkcs11, slot: Slot, mechanism: MechanismType) -> MechanismInfo {
    let info = pkcs11.get_mechanism_info(slot, mechanism).ok();
    let says = |what: fn(&cryptoki::mechanism::MechanismInfo) -> bool| info.as_ref().is_some_and(what);
    MechanismInfo {
        name: mechanism.to_string(),
        key_sizes: info.as_ref().map_or((0, 0), |info| {
            (info.min_key_size() as u64, info.max_key_size() as u64)
        }),
        encrypts: says(|info| info.encrypt() && info.decrypt()),
        generates: says(|info| info.generate()),
        wraps: says(|info| info.wrap() && info.unwrap()),
    }
}

/// The return code's name in PKCS#11; for a failure of the wrapper, its text.
pub(crate) fn code(error: &Error) -> String {
    match error {
        Error::Pkcs11(code, _) => return_codes::name(*code),
        other => other.to_string(),
    }
}
