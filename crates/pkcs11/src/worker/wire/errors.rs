//! [`TokenError`] in a frame.

use super::WireError;
use super::coding::{Decoder, Encoder};
use crate::error::TokenError;

/// Those without parts, with their numbers.
const PLAIN: &[(u8, TokenError)] = &[
    (0, TokenError::NotAuthentic),
    (1, TokenError::ObjectGone),
    (2, TokenError::Ambiguous),
    (3, TokenError::Busy),
    (4, TokenError::SessionsExhausted),
    (5, TokenError::TokenGone),
    (6, TokenError::NotInitialized),
    (7, TokenError::PinRefused),
    (8, TokenError::PinLocked),
    (9, TokenError::LoginUnanswered),
    (10, TokenError::TimedOut),
    (11, TokenError::Hung),
    (12, TokenError::TrialFailed),
    (13, TokenError::NoRandomness),
    (14, TokenError::Closed),
    (15, TokenError::PinLastTry),
    (16, TokenError::AnotherKey),
];

pub(super) fn put(to: &mut Encoder<'_>, error: &TokenError) {
    match error {
        TokenError::Unsuitable(why) => {
            to.u8(100);
            to.said(why);
        }
        TokenError::TooLong { limit } => {
            to.u8(101);
            to.size(*limit);
        }
        TokenError::BadOutput(why) => {
            to.u8(102);
            to.said(why);
        }
        TokenError::Refused { code, function } => {
            to.u8(103);
            to.said(code);
            to.said(function);
        }
        TokenError::WorkerDied(why) => {
            to.u8(104);
            to.said(why);
        }
        TokenError::NotAuthentic
        | TokenError::ObjectGone
        | TokenError::AnotherKey
        | TokenError::Ambiguous
        | TokenError::Busy
        | TokenError::SessionsExhausted
        | TokenError::TokenGone
        | TokenError::NotInitialized
        | TokenError::PinRefused
        | TokenError::PinLocked
        | TokenError::PinLastTry
        | TokenError::LoginUnanswered
        | TokenError::TimedOut
        | TokenError::Hung
        | TokenError::TrialFailed
        | TokenError::NoRandomness
        | TokenError::Closed => {
            let number = PLAIN
                .iter()
                .find(|(_, plain)| plain == error)
                .map(|(number, _)| *number);
            // One that the table forgot would be refused by the reader, and by a test.
            to.u8(number.unwrap_or(u8::MAX));
        }
    }
}

pub(super) fn read(from: &mut Decoder<'_>) -> Result<TokenError, WireError> {
    let number = from.u8()?;
    if let Some((_, plain)) = PLAIN.iter().find(|(known, _)| *known == number) {
        return Ok(plain.clone());
    }
    Ok(match number {
        100 => TokenError::Unsuitable(from.said()?),
        101 => TokenError::TooLong { limit: from.size()? },
        102 => TokenError::BadOutput(from.said()?.into()),
        103 => TokenError::Refused {
            code: from.said()?,
            function: from.said()?,
        },
        104 => TokenError::WorkerDied(from.said()?),
        _ => return Err(WireError::Malformed("an unknown error")),
    })
}
