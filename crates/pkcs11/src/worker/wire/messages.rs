//! The two sides' messages.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::time::Duration;

use crypto::SecretBytes;

use super::coding::{Decoder, Encoder};
use super::{Outgoing, VERSION, WireError, calls, errors};
use crate::calls::{Answer, Call};
use crate::config::{Pin, Requirements, TokenSelector};
use crate::error::TokenError;
use crate::login::Judgement;
use crate::object::KeyObject;

/// What a worker is told first: all of the token's configuration but its PIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The module.
    pub module: PathBuf,
    /// Which of its tokens.
    pub token: TokenSelector,
    /// The profile's text.
    pub profile: String,
    /// What key objects must be.
    pub requirements: Requirements,
    /// Most sessions.
    pub sessions: usize,
    /// Most calls that wait.
    pub queue: usize,
    /// After this time in the module, a call hangs.
    pub deadline: Duration,
}

/// What a worker gets for [`FromWorker::WantPin`].
pub enum PinAnswer {
    /// To be presented once; [`FromWorker::Judged`] follows, with the number.
    Present {
        /// Which PIN it is.
        number: u64,
        /// The PIN.
        pin: Pin,
    },
    /// The token wants no login.
    NoLogin,
    /// It is not presented any more.
    Refused(TokenError),
}

/// From the server to its worker.
pub enum ToWorker {
    /// The first message.
    Setup(Box<Setup>),
    /// A call.
    Call {
        /// Comes back with the answer.
        number: u64,
        /// What to do.
        call: Call,
    },
    /// The answer to [`FromWorker::WantPin`].
    Pin(PinAnswer),
    /// To be answered [`FromWorker::Pong`] at once.
    Ping,
    /// Finish what is under way, and end.
    Close,
}

/// From a worker to its server.
pub enum FromWorker {
    /// The module is loaded; the first message, unless it is the next.
    Ready,
    /// The module cannot be used, and why.
    Failed(String),
    /// The answer to a call.
    Answer {
        /// The call's number.
        number: u64,
        /// What it gave.
        reply: Result<Answer, TokenError>,
    },
    /// The first keys of a long list; the rest of it follows, and [`Self::Answer`] ends it.
    Keys {
        /// The call's number.
        number: u64,
        /// Some of the keys.
        keys: Vec<KeyObject>,
    },
    /// A session wants to log in.
    WantPin,
    /// What the token said to a PIN.
    Judged {
        /// Which PIN it was.
        number: u64,
        /// What it said.
        judgement: Judgement,
    },
    /// To [`ToWorker::Ping`].
    Pong,
    /// So many sessions hang in the module now.
    Hung(usize),
}

impl ToWorker {
    /// Adds the message as a frame.
    ///
    /// # Errors
    /// [`WireError::Length`]; then nothing was added.
    pub fn encode(&self, to: &mut Outgoing) -> Result<(), WireError> {
        to.frame(|to| match self {
            Self::Setup(setup) => {
                to.u8(1);
                to.u16(VERSION);
                put_setup(to, setup);
            }
            Self::Call { number, call } => {
                to.u8(2);
                to.u64(*number);
                calls::put_call(to, call);
            }
            Self::Pin(answer) => {
                to.u8(3);
                put_pin_answer(to, answer);
            }
            Self::Ping => to.u8(4),
            Self::Close => to.u8(5),
        })
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn decode(frame: &[u8]) -> Result<Self, WireError> {
        let mut from = Decoder::new(frame);
        let message = match from.u8()? {
            1 => {
                version(&mut from)?;
                Self::Setup(Box::new(setup(&mut from)?))
            }
            2 => Self::Call {
                number: from.u64()?,
                call: calls::call(&mut from)?,
            },
            3 => Self::Pin(pin_answer(&mut from)?),
            4 => Self::Ping,
            5 => Self::Close,
            _ => return Err(WireError::Malformed("an unknown message")),
        };
        from.end()?;
        Ok(message)
    }
}

impl FromWorker {
    /// As [`ToWorker::encode`].
    ///
    /// # Errors
    /// [`WireError::Length`]; then nothing was added.
    pub fn encode(&self, to: &mut Outgoing) -> Result<(), WireError> {
        to.frame(|to| match self {
            Self::Ready => {
                to.u8(1);
                to.u16(VERSION);
            }
            Self::Failed(why) => {
                to.u8(2);
                to.said(why);
            }
            Self::Answer { number, reply } => {
                to.u8(3);
                to.u64(*number);
                to.bool(reply.is_ok());
                match reply {
                    Ok(answer) => calls::put_answer(to, answer),
                    Err(error) => errors::put(to, error),
                }
            }
            Self::Keys { number, keys } => {
                to.u8(4);
                to.u64(*number);
                calls::put_keys(to, keys);
            }
            Self::WantPin => to.u8(5),
            Self::Judged { number, judgement } => {
                to.u8(6);
                to.u64(*number);
                to.u8(match judgement {
                    Judgement::Accepted => 0,
                    Judgement::NotJudged => 1,
                    Judgement::Refused => 2,
                    Judgement::Locked => 3,
                });
            }
            Self::Pong => to.u8(7),
            Self::Hung(count) => {
                to.u8(8);
                to.size(*count);
            }
        })
    }

    /// As [`ToWorker::decode`].
    ///
    /// # Errors
    /// [`WireError`].
    pub fn decode(frame: &[u8]) -> Result<Self, WireError> {
        let mut from = Decoder::new(frame);
        let message = match from.u8()? {
            1 => {
                version(&mut from)?;
                Self::Ready
            }
            2 => Self::Failed(from.said()?),
            3 => Self::Answer {
                number: from.u64()?,
                reply: match from.bool()? {
                    true => Ok(calls::answer(&mut from)?),
                    false => Err(errors::read(&mut from)?),
                },
            },
            4 => Self::Keys {
                number: from.u64()?,
                keys: calls::keys(&mut from)?,
            },
            5 => Self::WantPin,
            6 => Self::Judged {
                number: from.u64()?,
                judgement: match from.u8()? {
                    0 => Judgement::Accepted,
                    1 => Judgement::NotJudged,
                    2 => Judgement::Refused,
                    3 => Judgement::Locked,
                    _ => return Err(WireError::Malformed("an unknown judgement")),
                },
            },
            7 => Self::Pong,
            8 => Self::Hung(from.size()?),
            _ => return Err(WireError::Malformed("an unknown message")),
        };
        from.end()?;
        Ok(message)
    }
}

fn version(from: &mut Decoder<'_>) -> Result<(), WireError> {
    match from.u16()? {
        VERSION => Ok(()),
        other => Err(WireError::Version(other)),
    }
}

fn put_setup(to: &mut Encoder<'_>, setup: &Setup) {
    to.bytes(setup.module.as_os_str().as_bytes());
    match &setup.token {
        TokenSelector::Serial(serial) => {
            to.u8(0);
            to.text(serial);
        }
        TokenSelector::Label(label) => {
            to.u8(1);
            to.text(label);
        }
        TokenSelector::Slot(number) => {
            to.u8(2);
            to.u64(*number);
        }
    }
    to.text(&setup.profile);
    to.bool(setup.requirements.danger_allow_extractable);
    to.bool(setup.requirements.allow_short_keys);
    to.size(setup.sessions);
    to.size(setup.queue);
    to.u64(u64::try_from(setup.deadline.as_nanos()).unwrap_or(u64::MAX));
}

fn setup(from: &mut Decoder<'_>) -> Result<Setup, WireError> {
    Ok(Setup {
        module: OsString::from_vec(from.bytes()?.to_vec()).into(),
        token: match from.u8()? {
            0 => TokenSelector::Serial(from.text()?.to_owned()),
            1 => TokenSelector::Label(from.text()?.to_owned()),
            2 => TokenSelector::Slot(from.u64()?),
            _ => return Err(WireError::Malformed("an unknown kind of token")),
        },
        profile: from.text()?.to_owned(),
        requirements: Requirements {
            danger_allow_extractable: from.bool()?,
            allow_short_keys: from.bool()?,
        },
        sessions: from.size()?,
        queue: from.size()?,
        deadline: Duration::from_nanos(from.u64()?),
    })
}

fn put_pin_answer(to: &mut Encoder<'_>, answer: &PinAnswer) {
    match answer {
        PinAnswer::Present { number, pin } => {
            to.u8(0);
            to.u64(*number);
            to.bytes(pin.expose());
        }
        PinAnswer::NoLogin => to.u8(1),
        PinAnswer::Refused(error) => {
            to.u8(2);
            errors::put(to, error);
        }
    }
}

fn pin_answer(from: &mut Decoder<'_>) -> Result<PinAnswer, WireError> {
    Ok(match from.u8()? {
        0 => PinAnswer::Present {
            number: from.u64()?,
            pin: pin(from)?,
        },
        1 => PinAnswer::NoLogin,
        2 => PinAnswer::Refused(errors::read(from)?),
        _ => return Err(WireError::Malformed("an unknown answer about a PIN")),
    })
}

pub(super) fn pin(from: &mut Decoder<'_>) -> Result<Pin, WireError> {
    Pin::new(SecretBytes::new(from.bytes()?.to_vec())).ok_or(WireError::Malformed("no PIN"))
}
