//! PINs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use ambient::SystemRandom;
use pkcs11::{OpenError, Pin, PinFileError, State, Token, TokenError};

use cryptoki_sys::{CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY, CKF_USER_PIN_LOCKED};
use testkit::hsm::{PIN, Product};

use crate::kit::{alone, named, object, pin, scene, secret};

scene! {
    async fn a_refused_pin_is_presented_once(scene) {
        let mut config = scene.config();
        config.pin = Some(pin("99999999"));
        let token = Token::prepare(config, scene.clock.clone(), Arc::new(SystemRandom)).await.unwrap();
        for _ in 0..5 {
            assert_eq!(token.find(&named("k")).await.err(), Some(TokenError::PinRefused));
            scene.wait();
        }
        let (one, two) = tokio::join!(token.info(), token.probe());
        assert_eq!((one.err(), two.err()), (Some(TokenError::PinRefused), Some(TokenError::PinRefused)));
        assert_eq!(scene.shim.calls("C_Login"), 1);
        assert_eq!(token.state(), State::Unavailable(TokenError::PinRefused));
        token.set_pin(Some(pin(PIN)));
        token.probe().await.unwrap();
        assert_eq!(token.state(), State::Active);
        let mut config = scene.config();
        config.pin = Some(pin("99999999"));
        // The process is logged in already, and SoftHSM asks for no PIN then.
        assert!(Token::open(config, scene.clock.clone(), Arc::new(SystemRandom)).await.is_ok());
    }
}

scene! {
    async fn a_wrong_pin_at_the_start_says_so(scene) {
        let mut config = scene.config();
        config.pin = Some(pin("99999999"));
        let opened = Token::open(config, scene.clock.clone(), Arc::new(SystemRandom)).await;
        assert_eq!(opened.err(), Some(OpenError::Token(TokenError::PinRefused)));
    }
}

scene! {
    /// An error of another kind may have cost a try as well.
    async fn a_login_that_fails_for_no_reason_is_not_tried_again(scene) {
        scene.shim.fail("C_Login", cryptoki_sys::CKR_GENERAL_ERROR, u64::MAX);
        let token = Token::prepare(scene.config(), scene.clock.clone(), Arc::new(SystemRandom)).await.unwrap();
        for _ in 0..3 {
            assert_eq!(token.probe().await.err(), Some(TokenError::PinRefused));
        }
        assert_eq!(scene.shim.calls("C_Login"), 1);
        scene.shim.fail("C_Login", cryptoki_sys::CKR_PIN_LOCKED, u64::MAX);
        token.set_pin(Some(pin(PIN)));
        assert_eq!(token.probe().await.err(), Some(TokenError::PinLocked));
        assert_eq!(token.state(), State::Unavailable(TokenError::PinLocked));
    }
}

scene! {
    async fn a_pin_is_changed(scene) {
        let token = scene.token().await;
        let key = token.generate(object("k")).await.unwrap();
        assert!(matches!(
            token.change_pin(pin("99999999"), pin("56785678")).await,
            Err(TokenError::Refused { code, .. }) if code == "CKR_PIN_INCORRECT"
        ));
        token.change_pin(pin(PIN), pin("56785678")).await.unwrap();
        token.set_pin(Some(pin("56785678")));
        // Sessions closed by others take the login with them; the next one needs the new PIN.
        scene.shim.close_sessions();
        assert!(token.encrypt(&key, secret(b"x"), b"").await.is_ok());
        assert_eq!(token.state(), State::Active);
    }
}

scene! {
    /// Somebody else used up the tries, or an earlier start of this program: ours may be wrong as well.
    async fn a_pin_is_not_presented_when_one_try_is_left(scene) {
        scene.shim.token_flags(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY);
        let token = Token::prepare(scene.config(), scene.clock.clone(), Arc::new(SystemRandom)).await.unwrap();
        for _ in 0..3 {
            assert_eq!(token.probe().await.err(), Some(TokenError::PinLastTry));
            assert_eq!(token.state(), State::Unavailable(TokenError::PinLastTry));
            scene.wait();
        }
        scene.shim.token_flags(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_LOCKED);
        assert_eq!(token.probe().await.err(), Some(TokenError::PinLocked));
        assert_eq!(token.state(), State::Unavailable(TokenError::PinLocked));
        assert_eq!(scene.shim.calls("C_Login"), 0);
        // The token counts anew: nothing has to be set or started again.
        scene.shim.token_flags(CKF_USER_PIN_COUNT_LOW);
        token.probe().await.unwrap();
        assert_eq!(token.state(), State::Active);
        // This PIN is right; tries that others lost do not stop us.
        scene.shim.token_flags(CKF_USER_PIN_FINAL_TRY);
        scene.shim.close_sessions();
        token.probe().await.unwrap();
        assert!(scene.shim.calls("C_Login") >= 2);
    }
}

/// Kryoptic counts, as HSMs do: tokens are opened with a wrong PIN as often as a service manager would.
#[test]
fn a_program_that_starts_again_and_again_does_not_lock_the_pin() {
    let path = concat!(
        module_path!(),
        "::a_program_that_starts_again_and_again_does_not_lock_the_pin"
    );
    alone(path, Product::Kryoptic, async |scene| {
        let mut last = None;
        for _ in 0..40 {
            let mut config = scene.config();
            config.pin = Some(pin("99999999"));
            let opened = Token::open(config, scene.clock.clone(), Arc::new(SystemRandom)).await;
            last = opened.err();
        }
        assert_eq!(last, Some(OpenError::Token(TokenError::PinLastTry)));
        assert!(scene.shim.calls("C_Login") < 40);
        // The right PIN is still taken.
        scene.hsm.pkcs11_tool("one", &["--list-objects"]);
    });
}

#[test]
fn a_pin_file_belongs_to_its_owner_and_holds_one_pin() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pin");
    let write = |text: &[u8], mode| {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Pin::from_file(&path)
    };
    assert!(write(b"1234\n", 0o600).is_ok());
    assert!(write(b"1234", 0o400).is_ok());
    assert!(matches!(write(b"1234", 0o640), Err(PinFileError::Permissions)));
    for text in [b"".as_slice(), b"\n", &[0xff, 0xfe], &[b'1'; 1025]] {
        assert!(matches!(write(text, 0o600), Err(PinFileError::Content)));
    }
    assert!(write(&[b'1'; 1024], 0o600).is_ok());
    assert!(matches!(
        Pin::from_file(directory.path().join("none").as_path()),
        Err(PinFileError::Unreadable(_))
    ));
}
