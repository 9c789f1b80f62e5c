//! What a module shows before a login, and a token's closer look.

use ambient::SystemRandom;
use pkcs11::examine::examine;
use pkcs11::slots::{self, Flag, SlotToken};
use pkcs11::{OpenError, TokenError, TokenSelector};
use testkit::hsm::Product;

use crate::kit::{pin, scene};

scene! {
    /// The token with its flags and mechanisms, and the slot with none, without a login.
    async fn a_module_is_listed_without_a_login(scene) {
        let module = slots::list(&scene.module).unwrap();
        let version = match scene.hsm.product() {
            Product::SoftHsm => "2.40",
            Product::Kryoptic => "3.2",
        };
        assert_eq!(module.cryptoki, version);
        let tokens: Vec<_> = module
            .slots
            .iter()
            .filter_map(|slot| match &slot.token {
                Some(SlotToken::Answers(token)) => Some((slot.number, token)),
                _ => None,
            })
            .collect();
        let (number, one) = tokens.iter().find(|(_, token)| token.label == "one").unwrap();
        assert!(one.has(Flag::Initialised) && one.has(Flag::UserPinSet) && one.has(Flag::LoginRequired));
        assert!(!one.has(Flag::PinLocked));
        assert!(one.mechanism("CKM_AES_GCM").unwrap().encrypts);
        assert!(one.mechanism("CKM_AES_KEY_GEN").unwrap().generates);
        assert!(one.is(&TokenSelector::Label("one".to_owned()), *number));
        assert!(one.is(&TokenSelector::Slot(*number), *number));
        assert!(!one.is(&TokenSelector::Serial("another".to_owned()), *number));
        let unusable = |token: &SlotToken| match token {
            SlotToken::Silent(code) => code == "CKR_TOKEN_NOT_INITIALIZED",
            SlotToken::Answers(token) => !token.has(Flag::Initialised),
        };
        assert!(module.slots.iter().filter_map(|slot| slot.token.as_ref()).any(unusable));
    }
}

scene! {
    /// SoftHSM has one answer for whatever may be wrong, Kryoptic one for bad ciphertext.
    async fn what_was_tampered_with_is_refused_by_a_code(scene) {
        let found = examine(&scene.config(), &SystemRandom).unwrap();
        assert_eq!((found.sessions, found.no_more_sessions), (2, None));
        let parts: Vec<_> = found.tampered.iter().map(|tampered| tampered.part).collect();
        assert_eq!(parts, ["ciphertext", "IV", "tag", "AAD"]);
        let code = match scene.hsm.product() {
            Product::SoftHsm => "CKR_GENERAL_ERROR",
            Product::Kryoptic => "CKR_ENCRYPTED_DATA_INVALID",
        };
        for tampered in found.tampered {
            assert_eq!(tampered.code.as_deref(), Some(code), "{}", tampered.part);
            assert!(tampered.understood);
        }
    }
}

scene! {
    /// A wrong PIN is presented once, and a token that is not there is told apart.
    async fn what_keeps_one_from_looking_is_told(scene) {
        let mut config = scene.config();
        config.token = TokenSelector::Label("another".to_owned());
        let gone = examine(&config, &SystemRandom).unwrap_err();
        assert_eq!(gone, OpenError::Token(TokenError::TokenGone));
        let mut config = scene.config();
        config.pin = Some(pin("4321"));
        let refused = examine(&config, &SystemRandom).unwrap_err();
        assert_eq!(refused, OpenError::Token(TokenError::PinRefused));
    }
}
