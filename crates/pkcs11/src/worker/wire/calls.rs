//! [`Call`] and [`Answer`] in a frame.

use std::sync::Arc;

use crypto::SecretBytes;

use super::WireError;
use super::coding::{Decoder, Encoder};
use super::messages::pin;
use crate::calls::{Answer, Call};
use crate::health::TokenInfo;
use crate::object::{Attributes, KeyObject, NewObject, ObjectSelector, Proof, Sealed, Tried, Usage};

pub(super) fn put_call(to: &mut Encoder<'_>, call: &Call) {
    match call {
        Call::Info => to.u8(0),
        Call::Probe => to.u8(1),
        Call::Find(selector) => {
            to.u8(2);
            put_selector(to, selector);
        }
        Call::List => to.u8(3),
        Call::Encrypt {
            key,
            plaintext,
            aad,
            and_try,
        } => {
            to.u8(4);
            put_key(to, key);
            to.bytes(plaintext.expose());
            to.bytes(aad);
            to.bool(*and_try);
        }
        Call::Decrypt { key, sealed, aad } => {
            to.u8(5);
            put_key(to, key);
            put_sealed(to, sealed);
            to.bytes(aad);
        }
        Call::Generate(object) => {
            to.u8(6);
            put_object(to, object);
        }
        Call::Destroy(key) => {
            to.u8(7);
            put_key(to, key);
        }
        Call::SetUsage(key, usage) => {
            to.u8(8);
            put_key(to, key);
            put_usage(to, *usage);
        }
        Call::Wrap { under, key } => {
            to.u8(9);
            put_key(to, under);
            put_key(to, key);
        }
        Call::Unwrap {
            under,
            wrapped,
            object,
        } => {
            to.u8(10);
            put_key(to, under);
            to.bytes(wrapped);
            put_object(to, object);
        }
        Call::Random(len) => {
            to.u8(11);
            to.size(*len);
        }
        Call::ChangePin { old, new } => {
            to.u8(12);
            to.bytes(old.expose());
            to.bytes(new.expose());
        }
    }
}

pub(super) fn call(from: &mut Decoder<'_>) -> Result<Call, WireError> {
    Ok(match from.u8()? {
        0 => Call::Info,
        1 => Call::Probe,
        2 => Call::Find(selector(from)?),
        3 => Call::List,
        4 => Call::Encrypt {
            key: key(from)?,
            plaintext: Arc::new(secret(from)?),
            aad: from.bytes()?.to_vec(),
            and_try: from.bool()?,
        },
        5 => Call::Decrypt {
            key: key(from)?,
            sealed: sealed(from)?,
            aad: from.bytes()?.to_vec(),
        },
        6 => Call::Generate(object(from)?),
        7 => Call::Destroy(key(from)?),
        8 => Call::SetUsage(key(from)?, usage(from)?),
        9 => Call::Wrap {
            under: key(from)?,
            key: key(from)?,
        },
        10 => Call::Unwrap {
            under: key(from)?,
            wrapped: from.bytes()?.to_vec(),
            object: object(from)?,
        },
        11 => Call::Random(from.size()?),
        12 => Call::ChangePin {
            old: pin(from)?,
            new: pin(from)?,
        },
        _ => return Err(WireError::Malformed("an unknown call")),
    })
}

pub(super) fn put_answer(to: &mut Encoder<'_>, answer: &Answer) {
    match answer {
        Answer::Done => to.u8(0),
        Answer::Info(info) => {
            to.u8(1);
            put_info(to, info);
        }
        Answer::Key(key) => {
            to.u8(2);
            put_key(to, key);
        }
        Answer::Keys(keys) => {
            to.u8(3);
            put_keys(to, keys);
        }
        Answer::Sealed(sealed) => {
            to.u8(4);
            put_sealed(to, sealed);
        }
        Answer::Tried(tried) => {
            to.u8(5);
            put_sealed(to, &tried.sealed);
            to.raw(&tried.digest);
            to.bytes(tried.opened.expose());
        }
        Answer::Opened(plaintext) => {
            to.u8(6);
            to.bytes(plaintext.expose());
        }
        Answer::Wrapped(wrapped) => {
            to.u8(7);
            to.bytes(wrapped);
        }
        Answer::Random(bytes) => {
            to.u8(8);
            to.bytes(bytes.expose());
        }
    }
}

pub(super) fn answer(from: &mut Decoder<'_>) -> Result<Answer, WireError> {
    Ok(match from.u8()? {
        0 => Answer::Done,
        1 => Answer::Info(Box::new(info(from)?)),
        2 => Answer::Key(key(from)?),
        3 => Answer::Keys(keys(from)?),
        4 => Answer::Sealed(sealed(from)?),
        5 => Answer::Tried(Tried {
            sealed: sealed(from)?,
            digest: from.array()?,
            opened: secret(from)?,
        }),
        6 => Answer::Opened(secret(from)?),
        7 => Answer::Wrapped(from.bytes()?.to_vec()),
        8 => Answer::Random(secret(from)?),
        _ => return Err(WireError::Malformed("an unknown answer")),
    })
}

fn secret(from: &mut Decoder<'_>) -> Result<SecretBytes, WireError> {
    Ok(SecretBytes::new(from.bytes()?.to_vec()))
}

fn put_selector(to: &mut Encoder<'_>, selector: &ObjectSelector) {
    to.option(selector.parts().0, Encoder::text);
    to.option(selector.parts().1, Encoder::bytes);
}

fn selector(from: &mut Decoder<'_>) -> Result<ObjectSelector, WireError> {
    let label = from.option(|from| Ok(from.text()?.to_owned()))?;
    let id = from.option(|from| Ok(from.bytes()?.to_vec()))?;
    ObjectSelector::new(label, id).ok_or(WireError::Malformed("no name of an object"))
}

fn put_object(to: &mut Encoder<'_>, object: &NewObject) {
    to.text(&object.label);
    to.bytes(&object.id);
    to.bool(object.wrappable);
    put_usage(to, object.usage);
}

fn object(from: &mut Decoder<'_>) -> Result<NewObject, WireError> {
    Ok(NewObject {
        label: from.text()?.to_owned(),
        id: from.bytes()?.to_vec(),
        wrappable: from.bool()?,
        usage: usage(from)?,
    })
}

fn put_usage(to: &mut Encoder<'_>, usage: Usage) {
    to.u8(match usage {
        Usage::Messages => 0,
        Usage::DecryptOnly => 1,
        Usage::Nothing => 2,
        Usage::Wrapping => 3,
    });
}

fn usage(from: &mut Decoder<'_>) -> Result<Usage, WireError> {
    Ok(match from.u8()? {
        0 => Usage::Messages,
        1 => Usage::DecryptOnly,
        2 => Usage::Nothing,
        3 => Usage::Wrapping,
        _ => return Err(WireError::Malformed("an unknown usage")),
    })
}

fn put_sealed(to: &mut Encoder<'_>, sealed: &Sealed) {
    to.bytes(&sealed.ciphertext);
    to.bytes(&sealed.iv);
    to.raw(&sealed.tag);
}

fn sealed(from: &mut Decoder<'_>) -> Result<Sealed, WireError> {
    Ok(Sealed {
        ciphertext: from.bytes()?.to_vec(),
        iv: from.bytes()?.to_vec(),
        tag: from.array()?,
    })
}

pub(super) fn put_keys(to: &mut Encoder<'_>, keys: &[KeyObject]) {
    to.count(keys.len());
    keys.iter().for_each(|key| put_key(to, key));
}

pub(super) fn keys(from: &mut Decoder<'_>) -> Result<Vec<KeyObject>, WireError> {
    from.list(key)
}

fn put_key(to: &mut Encoder<'_>, key: &KeyObject) {
    let object = key.attributes();
    put_selector(to, &object.selector);
    to.bytes(&object.label);
    to.bytes(&object.id);
    to.size(object.bytes);
    for is in [
        object.is_aes,
        object.sensitive,
        object.extractable,
        object.never_extractable,
        object.local,
        object.encrypt,
        object.decrypt,
        object.wrap,
        object.unwrap,
    ] {
        to.bool(is);
    }
    to.option(key.proof(), |to, proof| {
        put_sealed(to, &proof.sealed);
        to.bytes(&proof.aad);
        to.bytes(&proof.plaintext);
    });
}

fn key(from: &mut Decoder<'_>) -> Result<KeyObject, WireError> {
    let object = KeyObject::of(Attributes {
        selector: selector(from)?,
        label: from.bytes()?.to_vec(),
        id: from.bytes()?.to_vec(),
        bytes: from.size()?,
        is_aes: from.bool()?,
        sensitive: from.bool()?,
        extractable: from.bool()?,
        never_extractable: from.bool()?,
        local: from.bool()?,
        encrypt: from.bool()?,
        decrypt: from.bool()?,
        wrap: from.bool()?,
        unwrap: from.bool()?,
    });
    let proof = from.option(proof)?;
    Ok(match proof {
        Some(proof) => object.proved_by(proof),
        None => object,
    })
}

fn proof(from: &mut Decoder<'_>) -> Result<Proof, WireError> {
    Ok(Proof {
        sealed: sealed(from)?,
        aad: from.bytes()?.to_vec(),
        plaintext: from.bytes()?.to_vec(),
    })
}

fn put_info(to: &mut Encoder<'_>, info: &TokenInfo) {
    for text in [
        &info.label,
        &info.manufacturer,
        &info.model,
        &info.serial,
        &info.firmware_version,
        &info.hardware_version,
    ] {
        to.said(text);
    }
    to.u64(info.slot);
    to.option(info.sessions, Encoder::u64);
    to.option(info.max_sessions, Encoder::u64);
    to.bool(info.pin_count_low);
    to.bool(info.pin_initialized);
    to.bool(info.pin_locked);
    to.count(info.mechanisms.len());
    info.mechanisms.iter().for_each(|name| to.said(name));
}

fn info(from: &mut Decoder<'_>) -> Result<TokenInfo, WireError> {
    Ok(TokenInfo {
        label: from.said()?,
        manufacturer: from.said()?,
        model: from.said()?,
        serial: from.said()?,
        firmware_version: from.said()?,
        hardware_version: from.said()?,
        slot: from.u64()?,
        sessions: from.option(Decoder::u64)?,
        max_sessions: from.option(Decoder::u64)?,
        pin_count_low: from.bool()?,
        pin_initialized: from.bool()?,
        pin_locked: from.bool()?,
        mechanisms: from.list(Decoder::said)?,
    })
}
