//! Every return code at every function that can say it: what the caller is told, and that nothing of it
//! lasts.

use std::sync::Arc;

use ambient::SystemRandom;
use cryptoki_sys::{
    CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID, CKR_BUFFER_TOO_SMALL,
    CKR_CRYPTOKI_ALREADY_INITIALIZED, CKR_VENDOR_DEFINED,
};
use pkcs11::return_codes::Meaning;
use pkcs11::{KeyObject, OpenError, Sealed, State, Token, TokenError, TokenInfo, Usage};
use testkit::hsm::PIN;

use crate::kit::{Scene, named, object, pin, scene, secret};
use crate::profiles::standard;

/// Functions of an open session, with the call that comes to them.
const IN_A_SESSION: &[&str] = &[
    "C_FindObjectsInit",
    "C_FindObjects",
    "C_GetAttributeValue",
    "C_SetAttributeValue",
    "C_EncryptInit",
    "C_Encrypt",
    "C_DecryptInit",
    "C_Decrypt",
    "C_GenerateKey",
    "C_DestroyObject",
    "C_WrapKey",
    "C_UnwrapKey",
    "C_GenerateRandom",
    "C_SetPIN",
    "C_GetTokenInfo",
    "C_GetMechanismList",
];

/// The numbers of all codes of the standard and one of a vendor's, with what they mean here.
fn codes(scene: &Scene) -> Vec<(u64, Meaning)> {
    let profile = scene.config().profile;
    (1..0x1000)
        .filter_map(|number| Some((number, profile.meaning(standard(number)?))))
        .chain([(CKR_VENDOR_DEFINED + 7, Meaning::Ambiguous)])
        .collect()
}

/// What the caller is told.
#[derive(Debug)]
enum Told {
    /// Mended within the call.
    Nothing,
    /// This.
    Error(TokenError),
    /// The code's name.
    Code,
    /// That the object cannot be used: these codes speak of single attributes, and the others are read.
    NotUsable,
}

/// What a code of `meaning` comes to when `function` returns it once, in an open session.
fn told(scene: &Scene, function: &str, number: u64, meaning: Meaning) -> Told {
    let of_one_attribute = matches!(
        number,
        CKR_ATTRIBUTE_SENSITIVE | CKR_ATTRIBUTE_TYPE_INVALID | CKR_BUFFER_TOO_SMALL
    );
    if function == "C_GetAttributeValue" && of_one_attribute {
        return Told::NotUsable;
    }
    let judges_data = matches!(function, "C_Decrypt" | "C_UnwrapKey");
    // Those whose call has a key that was found before: it is searched for again.
    let has_key = !matches!(
        function,
        "C_FindObjectsInit"
            | "C_FindObjects"
            | "C_GetAttributeValue"
            | "C_GenerateKey"
            | "C_GenerateRandom"
            | "C_SetPIN"
            | "C_GetTokenInfo"
            | "C_GetMechanismList"
    );
    match meaning {
        Meaning::SessionLost | Meaning::LoginLost | Meaning::TokenGone | Meaning::ModuleGone => Told::Nothing,
        Meaning::ObjectGone if has_key => Told::Nothing,
        Meaning::ObjectGone => Told::Error(TokenError::ObjectGone),
        Meaning::Busy => Told::Error(TokenError::Busy),
        Meaning::SessionsExhausted => Told::Error(TokenError::SessionsExhausted),
        Meaning::NotAuthentic if judges_data => Told::Error(TokenError::NotAuthentic),
        // A doubtful answer that does not come again was about nothing.
        Meaning::Ambiguous if judges_data => Told::Nothing,
        Meaning::PinLocked => Told::Error(TokenError::PinLocked),
        Meaning::TooLong => Told::Error(TokenError::TooLong {
            limit: scene.config().profile.max_message(),
        }),
        Meaning::AlreadyLoggedIn
        | Meaning::NotAuthentic
        | Meaning::Ambiguous
        | Meaning::PinRefused
        | Meaning::Capability
        | Meaning::Misuse => Told::Code,
    }
}

/// What a token needs to come to every function.
struct Furniture {
    token: Token,
    key: KeyObject,
    wrapping: KeyObject,
    sealed: Sealed,
    wrapped: Vec<u8>,
}

impl Furniture {
    async fn of(scene: &Scene) -> Self {
        let mut config = scene.config();
        // A call that one session cannot do is not handed to another.
        config.sessions = 1;
        config.requirements.danger_allow_extractable = true;
        let token = scene.open(config).await;
        let mut wrapping = object("wrapping");
        wrapping.usage = Usage::Wrapping;
        let wrapping = token.generate(wrapping).await.unwrap();
        let mut key = object("k");
        key.wrappable = true;
        let key = token.generate(key).await.unwrap();
        Self {
            sealed: token.encrypt(&key, secret(b"plain"), b"aad").await.unwrap(),
            wrapped: token.wrap(&wrapping, &key).await.unwrap(),
            token,
            key,
            wrapping,
        }
    }

    /// The call that comes to `function`.
    async fn call(&self, function: &str) -> Result<(), TokenError> {
        let Self { token, key, .. } = self;
        match function {
            "C_FindObjectsInit" | "C_FindObjects" | "C_GetAttributeValue" => {
                token.find(&named("k")).await.map(drop)
            }
            "C_SetAttributeValue" => token.set_usage(key, Usage::Messages).await,
            "C_EncryptInit" | "C_Encrypt" => token.encrypt(key, secret(b"plain"), b"aad").await.map(drop),
            "C_DecryptInit" | "C_Decrypt" => token.decrypt(key, self.sealed.clone(), b"aad").await.map(drop),
            "C_GenerateKey" => self.made_and_destroyed(token.generate(object("new")).await).await,
            "C_DestroyObject" => {
                let made = token.generate(object("new")).await?;
                let told = token.destroy(&made).await;
                if told.is_err() {
                    token.destroy(&made).await.unwrap();
                }
                told
            }
            "C_WrapKey" => token.wrap(&self.wrapping, key).await.map(drop),
            "C_UnwrapKey" => {
                let copy = token
                    .unwrap(&self.wrapping, self.wrapped.clone(), object("new"))
                    .await;
                self.made_and_destroyed(copy).await
            }
            "C_GenerateRandom" => token.random(16).await.map(drop),
            "C_SetPIN" => token.change_pin(pin(PIN), pin(PIN)).await,
            _ => token.info().await.map(|_: TokenInfo| ()),
        }
    }

    async fn made_and_destroyed(&self, made: Result<KeyObject, TokenError>) -> Result<(), TokenError> {
        self.token.destroy(&made?).await
    }

    /// The token works as before, and nothing was left behind.
    async fn is_as_before(&self, after: &str) {
        let opened = self
            .token
            .encrypt_and_try(&self.key, secret(b"plain"), b"aad")
            .await;
        assert!(opened.is_ok(), "{after}: {:?}", opened.err());
        assert_eq!(self.token.state(), State::Active, "{after}");
    }
}

fn fits(got: &Result<(), TokenError>, told: &Told, function: &str, code: &str) -> bool {
    match (told, got) {
        (Told::Nothing, Ok(())) => true,
        (Told::Error(error), Err(got)) => error == got,
        (
            Told::Code,
            Err(TokenError::Refused {
                code: named,
                function: at,
            }),
        ) => named == code && at == function,
        (Told::NotUsable, Err(TokenError::Refused { .. } | TokenError::Unsuitable(_))) => true,
        _ => false,
    }
}

fn name(number: u64) -> String {
    standard(number).map_or_else(|| format!("{number:#010x}"), pkcs11::return_codes::name)
}

scene! {
    async fn every_code_at_every_function_of_a_session(scene) {
        let furniture = Furniture::of(&scene).await;
        let mut wrong = Vec::new();
        for function in IN_A_SESSION {
            for (number, meaning) in codes(&scene) {
                let code = name(number);
                scene.wait();
                scene.shim.fail(function, number, 1);
                let got = furniture.call(function).await;
                assert_eq!(scene.shim.failures_left(function), 0, "{function} was not called");
                let told = told(&scene, function, number, meaning);
                if !fits(&got, &told, function, &code) {
                    wrong.push(format!("{code} at {function}: expected {told:?}, got {got:?}"));
                }
                furniture.is_as_before(&format!("{code} at {function}")).await;
            }
            assert_eq!(furniture.token.list().await.unwrap().len(), 2, "{function}");
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

/// What a code of `meaning` comes to when `function` returns it once, on the way to a session.
fn told_on_the_way(scene: &Scene, function: &str, number: u64, meaning: Meaning) -> Told {
    match (function, meaning) {
        // The slot is passed over; the module starts again, and then the token is there.
        ("C_GetTokenInfo", _) => Told::Nothing,
        // Nobody needs its success.
        ("C_CloseSession" | "C_FindObjectsFinal", _) => Told::Nothing,
        // The handle is searched for again.
        (_, Meaning::ObjectGone) if function != "C_Login" => Told::Nothing,
        ("C_Login", Meaning::AlreadyLoggedIn) => Told::Nothing,
        (
            "C_Login",
            Meaning::ObjectGone
            | Meaning::NotAuthentic
            | Meaning::Ambiguous
            | Meaning::PinRefused
            | Meaning::TooLong
            | Meaning::Capability
            | Meaning::Misuse,
        ) => Told::Error(TokenError::PinRefused),
        _ => told(scene, function, number, meaning),
    }
}

scene! {
    async fn every_code_on_the_way_to_a_session(scene) {
        let furniture = Furniture::of(&scene).await;
        let mut wrong = Vec::new();
        for function in ["C_GetSlotList", "C_GetTokenInfo", "C_OpenSession", "C_Login", "C_CloseSession"] {
            for (number, meaning) in codes(&scene) {
                let code = name(number);
                scene.wait();
                scene.shim.close_sessions();
                scene.shim.fail(function, number, 1);
                let got = furniture.call("C_Encrypt").await;
                assert_eq!(scene.shim.failures_left(function), 0, "{function} was not called");
                let told = told_on_the_way(&scene, function, number, meaning);
                if !fits(&got, &told, function, &code) {
                    wrong.push(format!("{code} at {function}: expected {told:?}, got {got:?}"));
                }
                if function == "C_Login" && matches!(got, Err(TokenError::PinRefused | TokenError::PinLocked)) {
                    the_pin_stays_unpresented(&scene, &furniture, &got).await;
                }
                furniture.is_as_before(&format!("{code} at {function}")).await;
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

/// Whatever the refusal was: it may have cost a try, and only an administrator may spend another.
async fn the_pin_stays_unpresented(scene: &Scene, furniture: &Furniture, refused: &Result<(), TokenError>) {
    let logins = scene.shim.calls("C_Login");
    for _ in 0..3 {
        scene.wait();
        assert_eq!(&furniture.call("C_Encrypt").await, refused);
        assert_eq!(furniture.token.probe().await.err(), refused.clone().err());
    }
    assert_eq!(scene.shim.calls("C_Login"), logins);
    let error = refused.clone().unwrap_err();
    assert_eq!(furniture.token.state(), State::Unavailable(error));
    furniture.token.set_pin(Some(pin(PIN)));
}

scene! {
    /// An end that fails leaves an operation active; that session is not used again.
    async fn every_code_at_the_end_of_a_search(scene) {
        let furniture = Furniture::of(&scene).await;
        for (number, _) in codes(&scene) {
            scene.wait();
            scene.shim.fail("C_FindObjectsFinal", number, 1);
            furniture.call("C_FindObjects").await.unwrap();
            assert_eq!(scene.shim.failures_left("C_FindObjectsFinal"), 0);
            furniture.call("C_FindObjects").await.unwrap();
            furniture.is_as_before(&name(number)).await;
        }
    }
}

scene! {
    /// A module that does not start is said to be the fault, and is tried again at the next opening.
    async fn every_code_at_the_start_of_a_module(scene) {
        let prepare = async || {
            let random = Arc::new(SystemRandom);
            Token::prepare(scene.config(), scene.clock.clone(), random).await.map(drop)
        };
        for (number, _) in codes(&scene) {
            if number == CKR_CRYPTOKI_ALREADY_INITIALIZED {
                continue;
            }
            scene.shim.fail("C_Initialize", number, 1);
            let refused = prepare().await.unwrap_err();
            assert!(matches!(refused, OpenError::Module(_)), "{}: {refused:?}", name(number));
        }
        // Somebody of this process was first, which is as good.
        scene.shim.fail("C_Initialize", CKR_CRYPTOKI_ALREADY_INITIALIZED, 1);
        prepare().await.unwrap();
    }
}
