//! Every return code of the table, produced by a module.

use cryptoki_sys::{CKR_GENERAL_ERROR, CKR_VENDOR_DEFINED};
use pkcs11::return_codes::Meaning;
use pkcs11::{State, TokenError};

use crate::kit::{Scene, object, scene, secret};
use crate::profiles::standard;

/// The numbers of all codes of the standard and one of a vendor's, with what they mean here.
fn numbers(scene: &Scene) -> impl Iterator<Item = (u64, Meaning)> {
    let profile = scene.config().profile;
    (1..0x1000)
        .filter_map(move |number| Some((number, profile.meaning(standard(number)?))))
        .chain([(CKR_VENDOR_DEFINED + 7, Meaning::Ambiguous)])
}

scene! {
    /// Each fails one call of encryption. What can be mended is, within that call; nothing lasts.
    async fn every_code_in_an_encryption_is_mended_or_named(scene) {
        let token = scene.token().await;
        let key = token.generate(object("k")).await.unwrap();
        for function in ["C_EncryptInit", "C_Encrypt"] {
            for (number, meaning) in numbers(&scene) {
                scene.wait();
                scene.shim.fail(function, number, 1);
                let got = token.encrypt(&key, secret(b"plain"), b"aad").await.map(drop);
                let fits = match meaning {
                    Meaning::SessionLost
                    | Meaning::LoginLost
                    | Meaning::ObjectGone
                    | Meaning::TokenGone
                    | Meaning::ModuleGone => got.is_ok(),
                    Meaning::Busy => got == Err(TokenError::Busy),
                    Meaning::SessionsExhausted => got == Err(TokenError::SessionsExhausted),
                    Meaning::PinLocked => got == Err(TokenError::PinLocked),
                    Meaning::TooLong => matches!(got, Err(TokenError::TooLong { .. })),
                    Meaning::AlreadyLoggedIn
                    | Meaning::NotAuthentic
                    | Meaning::Ambiguous
                    | Meaning::PinRefused
                    | Meaning::Capability
                    | Meaning::Misuse => matches!(
                        &got,
                        Err(TokenError::Refused { function: named, .. }) if named == function
                    ),
                };
                assert!(fits, "{number:#x} in {function}, {meaning:?}: {got:?}");
                token.encrypt_and_try(&key, secret(b"plain"), b"aad").await.unwrap();
                assert_eq!(token.state(), State::Active, "{number:#x} in {function}");
            }
        }
    }
}

scene! {
    /// Only what C_Decrypt says of the data is bad ciphertext.
    async fn every_code_in_a_decryption_blames_the_right_one(scene) {
        let token = scene.token().await;
        let key = token.generate(object("k")).await.unwrap();
        let sealed = token.encrypt(&key, secret(b"plain"), b"aad").await.unwrap();
        for (number, meaning) in numbers(&scene) {
            scene.wait();
            scene.shim.fail("C_Decrypt", number, 1);
            let got = token.decrypt(&key, sealed.clone(), b"aad").await.map(drop);
            let blamed = meaning == Meaning::NotAuthentic;
            assert_eq!(
                got == Err(TokenError::NotAuthentic),
                blamed,
                "{number:#x} {meaning:?}: {got:?}"
            );
            // A doubtful answer that does not come again was about nothing.
            assert!(meaning != Meaning::Ambiguous || got.is_ok(), "{number:#x}: {got:?}");
            // Before the data: nothing that it says is about them.
            scene.wait();
            scene.shim.fail("C_DecryptInit", number, 1);
            let got = token.decrypt(&key, sealed.clone(), b"aad").await.map(drop);
            assert_ne!(got, Err(TokenError::NotAuthentic), "{number:#x} {meaning:?}");
            scene.wait();
            token.decrypt(&key, sealed.clone(), b"aad").await.unwrap();
        }
    }
}

scene! {
    async fn a_token_that_fails_every_decryption_is_gone_and_the_ciphertext_is_not_blamed(scene) {
        let token = scene.token().await;
        let key = token.generate(object("k")).await.unwrap();
        let sealed = token.encrypt(&key, secret(b"plain"), b"aad").await.unwrap();
        scene.shim.fail("C_Decrypt", CKR_GENERAL_ERROR, u64::MAX);
        for _ in 0..3 {
            assert_eq!(
                token.decrypt(&key, sealed.clone(), b"aad").await.err(),
                Some(TokenError::TokenGone)
            );
            assert_eq!(token.state(), State::Unavailable(TokenError::TokenGone));
            scene.wait();
        }
        scene.shim.fail("C_Decrypt", 0, 0);
        token.decrypt(&key, sealed, b"aad").await.unwrap();
        assert_eq!(token.state(), State::Active);
    }
}
