//! What a server and the worker process of a PKCS#11 module send each other.

use std::sync::Arc;

use crypto::SecretBytes;
use pkcs11::worker::wire::{FromWorker, Inbox, Outgoing, PinAnswer, Setup, ToWorker, WireError};
use pkcs11::{Call, NewObject, ObjectSelector, Pin, Profile, Requirements, TokenError, TokenSelector, Usage};

/// Bytes are frames, as either side reads them: each message has one encoding, so what decodes is
/// encoded to the same frame again, and no frame is longer than what came.
pub fn worker_frames(data: &[u8]) {
    let mut inbox = Inbox::new();
    let mut taken = 0;
    for piece in data.chunks(1 + data.len() / 3) {
        let mut rest = piece;
        while !rest.is_empty() {
            let room = inbox.room();
            let count = room.len().min(rest.len());
            let (now, later) = rest.split_at(count);
            if let Some(place) = room.get_mut(..count) {
                place.copy_from_slice(now);
            }
            inbox.filled(count);
            rest = later;
            loop {
                match inbox.frame() {
                    Ok(Some(frame)) => {
                        taken += 4 + frame.len();
                        message(frame);
                    }
                    Ok(None) => break,
                    Err(error) => return assert!(matches!(error, WireError::Length(_))),
                }
            }
        }
    }
    assert!(taken <= data.len());
}

fn message(frame: &[u8]) {
    let mut again = Outgoing::new();
    if let Ok(message) = ToWorker::decode(frame) {
        assert_eq!(message.encode(&mut again), Ok(()));
        assert_eq!(again.bytes().get(4..), Some(frame));
    }
    again.clear();
    if let Ok(message) = FromWorker::decode(frame) {
        assert_eq!(message.encode(&mut again), Ok(()));
        assert_eq!(again.bytes().get(4..), Some(frame));
    }
}

/// Frames of both sides, by the names of their seeds.
pub fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let mut to = Outgoing::new();
    let mut add = |message: ToWorker| assert_eq!(message.encode(&mut to), Ok(()));
    if let Some(profile) = Profile::named("luna") {
        add(ToWorker::Setup(Box::new(Setup {
            module: "/usr/lib/module.so".into(),
            token: TokenSelector::Label("one".to_owned()),
            profile: profile.source().to_owned(),
            requirements: Requirements::STRICT,
            sessions: 8,
            queue: 256,
            deadline: std::time::Duration::from_millis(120),
        })));
    }
    let object = || NewObject {
        label: "label".to_owned(),
        id: vec![1, 2, 3],
        wrappable: false,
        usage: Usage::Messages,
    };
    let calls = [
        ObjectSelector::label("label").map(Call::Find),
        Some(Call::Generate(object())),
        Some(Call::Random(32)),
        Some(Call::List),
        Some(Call::Info),
    ];
    for (number, call) in (7..).zip(calls.into_iter().flatten()) {
        add(ToWorker::Call { number, call });
    }
    add(ToWorker::Ping);
    if let Some(pin) = Pin::new(SecretBytes::new(b"1234".to_vec())) {
        add(ToWorker::Pin(PinAnswer::Present { number: 1, pin }));
    }
    add(ToWorker::Pin(PinAnswer::Refused(TokenError::PinLocked)));
    add(ToWorker::Close);

    let mut from = Outgoing::new();
    let mut add = |message: FromWorker| assert_eq!(message.encode(&mut from), Ok(()));
    add(FromWorker::Ready);
    for (number, reply) in (7..).zip([
        Ok(pkcs11::Answer::Done),
        Ok(pkcs11::Answer::Opened(SecretBytes::new(b"plain".to_vec()))),
        Ok(pkcs11::Answer::Tried(pkcs11::Tried {
            sealed: sealed(),
            digest: sealed().digest(),
            opened: SecretBytes::new(b"plain".to_vec()),
        })),
        Err(TokenError::NotAuthentic),
        Err(TokenError::Unsuitable("it is extractable".to_owned())),
    ]) {
        add(FromWorker::Answer { number, reply });
    }
    add(FromWorker::WantPin);
    add(FromWorker::Pong);
    add(FromWorker::Hung(2));
    add(FromWorker::Failed("no such file".to_owned()));

    // A key object comes from a token alone; this one is written by hand.
    let mut key = vec![0, 0, 0, 0, 2];
    key.extend_from_slice(&9_u64.to_be_bytes());
    key.extend_from_slice(&[4, 1, 0, 0, 0, 1, b'k', 0, 0, 0, 0, 1, b'k', 0, 0, 0, 1, 5]);
    key.extend_from_slice(&32_u64.to_be_bytes());
    key.extend_from_slice(&[1, 1, 0, 1, 1, 1, 1, 0, 0]);
    // Its proof: ciphertext, IV, tag, AAD, plaintext.
    key.extend_from_slice(&[1, 0, 0, 0, 1, 6, 0, 0, 0, 12]);
    key.extend_from_slice(&[7; 12 + 16]);
    key.extend_from_slice(&[0, 0, 0, 1, b'a', 0, 0, 0, 1, b'p']);
    let plaintext = Arc::new(SecretBytes::new(b"plain".to_vec()));
    key.extend_from_slice(&[0, 0, 0, 5]);
    key.extend_from_slice(plaintext.expose());
    key.extend_from_slice(&[0, 0, 0, 3, b'a', b'a', b'd', 1]);
    let len = u8::try_from(key.len() - 4).unwrap_or_default();
    if let Some(prefix) = key.get_mut(3) {
        *prefix = len;
    }
    vec![
        ("to-worker", to.bytes().to_vec()),
        ("from-worker", from.bytes().to_vec()),
        ("encrypt", key),
        ("too-long", vec![0, 0x20, 0, 1, 1]),
    ]
}

fn sealed() -> pkcs11::Sealed {
    pkcs11::Sealed {
        ciphertext: vec![1; 5],
        iv: vec![2; 12],
        tag: [3; 16],
    }
}
