//! A token looked at closely, with a session of its own: what [`Token`](crate::Token) hides from its
//! callers because it means the same to all of them. For administrators who set up a token or a profile.
//!
//! Leaves nothing behind: its keys are objects of the session.

use ambient::Random;
use cryptoki::context::Pkcs11;
use cryptoki::error::Error;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;

use crate::config::TokenConfig;
use crate::error::{OpenError, TokenError};
use crate::gcm;
use crate::module::Module;
use crate::object::Sealed;
use crate::return_codes::{self, Meaning};
use crate::session::Trouble;
use crate::slots;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// How many sessions were open at the same time, up to as many as configured.
    pub sessions: usize,
    /// Why there were not more: the return code's name.
    pub no_more_sessions: Option<String>,
    /// How the token answers what was tampered with.
    pub tampered: Vec<Tampered>,
}

/// One part of a ciphertext changed by a bit, and what the token said to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tampered {
    /// `ciphertext`, `IV`, `tag` or `AAD`.
    pub part: &'static str,
    /// The return code's name; `None` if the token accepted it.
    pub code: Option<String>,
    /// Whether the profile takes that code for bad ciphertext, at once or after a probe.
    pub understood: bool,
}

/// Looks at the token. Blocks, for as long as the module likes. The PIN is presented once.
///
/// # Errors
/// As of [`Token::open`](crate::Token::open); what the token refuses later comes as
/// [`TokenError::Refused`].
pub fn examine(config: &TokenConfig, random: &dyn Random) -> Result<Findings, OpenError> {
    let module = Module::load(&config.module)?;
    let running = module.run();
    let slot = find(running.pkcs11, config)?;
    let first = running.pkcs11.open_rw_session(slot).map_err(refused)?;
    log_in(&first, config)?;
    let mut more = Vec::new();
    let mut no_more_sessions = None;
    while more.len() + 1 < config.sessions {
        match running.pkcs11.open_rw_session(slot) {
            Ok(session) => more.push(session),
            Err(error) => {
                no_more_sessions = Some(slots::code(&error));
                break;
            }
        }
    }
    let sessions = more.len() + 1;
    drop(more);
    Ok(Findings {
        sessions,
        no_more_sessions,
        tampered: tamper(&first, config, random)?,
    })
}

fn find(pkcs11: &Pkcs11, config: &TokenConfig) -> Result<Slot, OpenError> {
    let slots = pkcs11.get_slots_with_initialized_token().map_err(refused)?;
    let is_it = |slot: &Slot| {
        let info = pkcs11.get_token_info(*slot);
        info.is_ok_and(|info| config.token.means(info.serial_number(), info.label(), slot.id()))
    };
    let found = slots.into_iter().find(is_it);
    found.ok_or(OpenError::Token(TokenError::TokenGone))
}

fn log_in(session: &Session, config: &TokenConfig) -> Result<(), OpenError> {
    let Some(pin) = &config.pin else { return Ok(()) };
    match session.login(UserType::User, Some(&pin.to_auth())) {
        Err(Error::Pkcs11(code, _)) if config.profile.meaning(code) == Meaning::AlreadyLoggedIn => Ok(()),
        Err(Error::Pkcs11(code, _)) if config.profile.meaning(code) == Meaning::PinLocked => {
            Err(TokenError::PinLocked.into())
        }
        Err(_) => Err(TokenError::PinRefused.into()),
        Ok(()) => Ok(()),
    }
}

fn tamper(session: &Session, config: &TokenConfig, random: &dyn Random) -> Result<Vec<Tampered>, OpenError> {
    const MESSAGE: &[u8] = b"strongroom examines";
    let key = session
        .generate_key(
            &Mechanism::AesKeyGen,
            &[
                Attribute::Class(ObjectClass::SECRET_KEY),
                Attribute::KeyType(KeyType::AES),
                Attribute::Token(false),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::ValueLen(32.into()),
                Attribute::Encrypt(true),
                Attribute::Decrypt(true),
            ],
        )
        .map_err(refused)?;
    let sealed = gcm::encrypt(session, key, &config.profile, random, MESSAGE, MESSAGE).map_err(final_word)?;
    let tampered = ["ciphertext", "IV", "tag", "AAD"]
        .into_iter()
        .map(|part| judge(session, key, config, part, &sealed, MESSAGE))
        .collect();
    let _ = session.destroy_object(key);
    Ok(tampered)
}

fn judge(
    session: &Session,
    key: ObjectHandle,
    config: &TokenConfig,
    part: &'static str,
    sealed: &Sealed,
    aad: &[u8],
) -> Tampered {
    let (mut sealed, mut aad) = (sealed.clone(), aad.to_vec());
    let changed: &mut [u8] = match part {
        "ciphertext" => &mut sealed.ciphertext,
        "IV" => &mut sealed.iv,
        "tag" => &mut sealed.tag,
        _ => &mut aad,
    };
    if let Some(byte) = changed.first_mut() {
        *byte ^= 1;
    }
    match gcm::decrypt(session, key, &config.profile, &sealed, &aad) {
        Ok(_) => Tampered {
            part,
            code: None,
            understood: false,
        },
        Err(Trouble::Said(error)) => Tampered {
            part,
            code: Some(slots::code(&error)),
            understood: match error {
                Error::Pkcs11(code, _) => matches!(
                    config.profile.meaning(code),
                    Meaning::NotAuthentic | Meaning::Ambiguous
                ),
                _ => false,
            },
        },
        Err(Trouble::Final(error)) => Tampered {
            part,
            code: Some(error.to_string()),
            understood: false,
        },
    }
}

fn refused(error: Error) -> OpenError {
    OpenError::Token(match error {
        Error::Pkcs11(code, function) => TokenError::Refused {
            code: return_codes::name(code),
            function: format!("C_{function:?}"),
        },
        other => TokenError::Refused {
            code: other.to_string(),
            function: "the module".to_owned(),
        },
    })
}

fn final_word(trouble: Trouble) -> OpenError {
    match trouble {
        Trouble::Said(error) => refused(error),
        Trouble::Final(error) => error.into(),
    }
}
