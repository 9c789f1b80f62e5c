//! Frames, and workers that send others.

use std::sync::Arc;

use ambient::{ManualClock, SystemClock, SystemRandom, Timestamp};
use crypto::SecretBytes;
use pkcs11::worker::wire::{FromWorker, Inbox, MAX_FRAME, Outgoing, ToWorker, WireError};
use pkcs11::{
    Answer, Call, Isolation, NewObject, OpenError, Pin, Profile, Requirements, State, Token, TokenConfig,
    TokenError, TokenSelector, Usage, WorkerCommand,
};

/// What the server makes of a shell's words on the worker's socket.
async fn opened(script: &str) -> OpenError {
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1)));
    let opened = Token::prepare(config(script), clock, Arc::new(SystemRandom)).await;
    opened.err().unwrap()
}

/// With a shell for its worker.
fn config(script: &str) -> TokenConfig {
    TokenConfig {
        module: "/nowhere/module.so".into(),
        token: TokenSelector::Slot(0),
        pin: None,
        profile: Profile::named("softhsm").unwrap(),
        requirements: Requirements::STRICT,
        sessions: 1,
        queue: 1,
        deadline: std::time::Duration::from_secs(20),
        isolation: Isolation::Worker(WorkerCommand {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: Vec::new(),
        }),
    }
}

#[tokio::test]
async fn a_worker_that_says_nonsense_is_killed_and_the_reason_told() {
    for (script, reason) in [
        (
            r"printf '\377\377\377\377' >&0; exec /bin/sleep 1000",
            "a frame of 4294967295 bytes",
        ),
        (
            r"printf '\000\040\000\001' >&0; exec /bin/sleep 1000",
            "a frame of 2097153 bytes",
        ),
        (
            r"printf '\000\000\000\001\143' >&0; exec /bin/sleep 1000",
            "an unknown message",
        ),
        (
            r"printf '\000\000\000\000' >&0; exec /bin/sleep 1000",
            "it ends too early",
        ),
        (
            r"printf '\000\000\000\003\001\000\002' >&0; exec /bin/sleep 1000",
            "version 2",
        ),
        // An answer before it is ready.
        (
            r"printf '\000\000\000\001\007' >&0; exec /bin/sleep 1000",
            "out of place",
        ),
        ("exit 3", "exit status 3"),
        ("kill -9 $$", "signal 9"),
    ] {
        let error = opened(script).await.to_string();
        assert!(
            error.contains("/nowhere/module.so") && error.contains(reason),
            "{error}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_never_gets_ready_is_killed() {
    let error = opened("exec /bin/sleep 1000").await.to_string();
    assert!(error.contains("did not load it in time"), "{error}");
}

/// What it asks for would fill our memory.
#[tokio::test]
async fn a_worker_that_asks_without_end_and_reads_nothing_is_killed() {
    let asks = r"printf '\000\000\000\003\001\000\001' >&0; printf '\000\000\000\001\005%.0s' $(/usr/bin/seq 100000) >&0;
        exec /bin/sleep 1000";
    let mut config = config(asks);
    config.pin = Pin::new(SecretBytes::new(vec![b'7'; 1024]));
    let clock = Arc::new(SystemClock);
    let token = Token::prepare(config, clock, Arc::new(SystemRandom))
        .await
        .unwrap();
    // It died with the PIN in its hands.
    let refused = State::Unavailable(TokenError::LoginUnanswered);
    super::once(&token, |state| *state == refused).await;
    token.close().await;
}

#[test]
fn every_error_crosses_as_it_is() {
    let said = || "said".to_owned();
    for error in [
        TokenError::NotAuthentic,
        TokenError::ObjectGone,
        TokenError::AnotherKey,
        TokenError::Ambiguous,
        TokenError::Unsuitable(said()),
        TokenError::TooLong { limit: 7 },
        TokenError::Busy,
        TokenError::SessionsExhausted,
        TokenError::TokenGone,
        TokenError::NotInitialized,
        TokenError::PinRefused,
        TokenError::PinLocked,
        TokenError::LoginUnanswered,
        TokenError::WorkerDied(said()),
        TokenError::TimedOut,
        TokenError::Hung,
        TokenError::TrialFailed,
        TokenError::BadOutput("said".into()),
        TokenError::NoRandomness,
        TokenError::Refused {
            code: said(),
            function: said(),
        },
        TokenError::Closed,
    ] {
        let answer = FromWorker::Answer {
            number: 1,
            reply: Err(error.clone()),
        };
        match cross(&answer) {
            FromWorker::Answer {
                number: 1,
                reply: Err(same),
            } => assert_eq!(same, error),
            _ => panic!("{error:?} came as something else"),
        }
    }
    // What a token says is cut, and shows as text on one line.
    let long = TokenError::Unsuitable("x\n\u{e9}".repeat(1000));
    let answer = FromWorker::Answer {
        number: 1,
        reply: Err(long),
    };
    match cross(&answer) {
        FromWorker::Answer {
            reply: Err(TokenError::Unsuitable(text)),
            ..
        } => assert!(text.len() <= 1024 && text.len() > 1020 && text.starts_with("x \u{e9}x ")),
        _ => panic!("it came as something else"),
    }
}

fn cross(message: &FromWorker) -> FromWorker {
    let mut frames = Outgoing::new();
    message.encode(&mut frames).unwrap();
    FromWorker::decode(&frames.bytes()[4..]).unwrap()
}

#[test]
fn frames_come_whole_however_they_are_cut() {
    let object = NewObject {
        label: "label".to_owned(),
        id: vec![1, 2],
        wrappable: true,
        usage: Usage::Wrapping,
    };
    let mut frames = Outgoing::new();
    for number in 0..50 {
        let call = Call::Generate(object.clone());
        ToWorker::Call { number, call }.encode(&mut frames).unwrap();
    }
    let bytes = frames.bytes().to_vec();
    for step in [1, 3, 100, bytes.len()] {
        let mut inbox = Inbox::new();
        let mut next = 0;
        for piece in bytes.chunks(step) {
            inbox.room()[..piece.len()].copy_from_slice(piece);
            inbox.filled(piece.len());
            while let Some(frame) = inbox.frame().unwrap() {
                match ToWorker::decode(frame).unwrap() {
                    ToWorker::Call {
                        number,
                        call: Call::Generate(same),
                    } => assert_eq!((number, same), (next, object.clone())),
                    _ => panic!("another message"),
                }
                next += 1;
            }
        }
        assert_eq!(next, 50);
    }
}

#[test]
fn a_frame_has_at_most_two_mebibytes_and_memory_is_spent_on_what_is_allowed() {
    // Number, answer and length of the plaintext come before it.
    let overhead = 1 + 8 + 1 + 1 + 4;
    let answer = |len| FromWorker::Answer {
        number: 1,
        reply: Ok(Answer::Opened(SecretBytes::zeroed(len))),
    };
    let mut frames = Outgoing::new();
    answer(MAX_FRAME - overhead).encode(&mut frames).unwrap();
    assert_eq!(frames.bytes().len(), 4 + MAX_FRAME);
    let mut inbox = Inbox::new();
    let mut rest = frames.bytes();
    while !rest.is_empty() {
        assert!(inbox.frame().unwrap().is_none());
        let room = inbox.room();
        let count = room.len().min(rest.len());
        room[..count].copy_from_slice(&rest[..count]);
        inbox.filled(count);
        rest = &rest[count..];
    }
    assert_eq!(inbox.frame().unwrap().unwrap().len(), MAX_FRAME);
    assert!(inbox.room().len() < MAX_FRAME);

    let mut frames = Outgoing::new();
    let refused = answer(MAX_FRAME - overhead + 1).encode(&mut frames);
    assert_eq!(refused, Err(WireError::Length(MAX_FRAME + 1)));
    assert!(frames.is_empty());

    let mut inbox = Inbox::new();
    let before = inbox.room().len();
    inbox.room()[..4].copy_from_slice(&u32::try_from(MAX_FRAME + 1).unwrap().to_be_bytes());
    inbox.filled(4);
    assert_eq!(inbox.frame().err(), Some(WireError::Length(MAX_FRAME + 1)));
    assert!(inbox.room().len() < before);
}
