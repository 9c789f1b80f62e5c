//! A process of its own for each test, for a module is one for the whole process: the test starts
//! itself again, with a fresh token and the shim before it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ambient::{ManualClock, SystemRandom, Timestamp};
use crypto::SecretBytes;
use cryptoki::context::Pkcs11;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, KeyType, ObjectClass};
use cryptoki::session::Session;
use pkcs11::{
    Isolation, NewObject, ObjectSelector, Pin, Profile, Requirements, Token, TokenConfig, TokenSelector,
    Usage,
};
use pkcs11_shim::Orders;
use testkit::hsm::{PIN, Product, SoftwareHsm};

/// Longer than anything here takes; what hangs is ordered to, under a clock that does not wait.
const DEADLINE: Duration = Duration::from_secs(20);

/// Defines tests that run in a process of their own, one on each module: `NAME::softhsm` and
/// `NAME::kryoptic`.
macro_rules! scene {
    ($(#[$doc:meta])* async fn $name:ident($scene:ident) $body:block) => {
        $(#[$doc])*
        mod $name {
            #[expect(clippy::allow_attributes, reason = "some bodies need nothing")]
            #[allow(unused_imports, reason = "the same")]
            use super::*;

            async fn body($scene: $crate::kit::Scene) $body

            #[test]
            fn softhsm() {
                let path = concat!(module_path!(), "::softhsm");
                $crate::kit::alone(path, testkit::hsm::Product::SoftHsm, body);
            }

            #[test]
            fn kryoptic() {
                let path = concat!(module_path!(), "::kryoptic");
                $crate::kit::alone(path, testkit::hsm::Product::Kryoptic, body);
            }
        }
    };
}
pub(crate) use scene;

/// The same on SoftHSM alone, for what is about it, or about the shim.
macro_rules! scene_on_softhsm {
    ($(#[$doc:meta])* async fn $name:ident($scene:ident) $body:block) => {
        $(#[$doc])*
        #[test]
        fn $name() {
            let path = concat!(module_path!(), "::", stringify!($name));
            $crate::kit::alone(path, testkit::hsm::Product::SoftHsm, async |$scene| $body);
        }
    };
}
pub(crate) use scene_on_softhsm;

/// A token and what orders the shim before it.
pub(crate) struct Scene {
    pub(crate) hsm: SoftwareHsm,
    pub(crate) module: PathBuf,
    pub(crate) shim: Orders,
    pub(crate) clock: Arc<ManualClock>,
}

pub(crate) fn alone(path: &str, product: Product, body: impl AsyncFnOnce(Scene)) {
    testkit::hsm::alone(path, product, &["one"], &[], |hsm| {
        let module = pkcs11_shim::install(hsm.path(), "shim", &product.module()).unwrap();
        let scene = Scene {
            hsm,
            shim: Orders::of(&module).unwrap(),
            module,
            clock: Arc::new(ManualClock::at(Timestamp::from_secs(1_000_000))),
        };
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(until_the_sessions_are_closed(scene.shim, body(scene)));
    });
}

/// SoftHSM does not bear a process that ends while a thread closes its session.
async fn until_the_sessions_are_closed(shim: Orders, body: impl Future<Output = ()>) {
    body.await;
    let ours = || shim.process() == Some(std::process::id());
    let closed = async {
        while ours() && shim.sessions() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, closed).await.unwrap();
}

pub(crate) fn pin(text: &str) -> Pin {
    Pin::new(SecretBytes::new(text.as_bytes().to_vec())).unwrap()
}

pub(crate) fn secret(text: &[u8]) -> SecretBytes {
    SecretBytes::new(text.to_vec())
}

pub(crate) fn named(label: &str) -> ObjectSelector {
    ObjectSelector::label(label).unwrap()
}

pub(crate) fn object(label: &str) -> NewObject {
    NewObject {
        label: label.to_owned(),
        id: label.as_bytes().to_vec(),
        wrappable: false,
        usage: Usage::Messages,
    }
}

impl Scene {
    pub(crate) fn config(&self) -> TokenConfig {
        TokenConfig {
            module: self.module.clone(),
            token: TokenSelector::Label("one".to_owned()),
            pin: Some(pin(PIN)),
            profile: Profile::named(self.hsm.product().profile()).unwrap(),
            requirements: Requirements::STRICT,
            sessions: 2,
            queue: 16,
            deadline: DEADLINE,
            isolation: Isolation::InProcess,
        }
    }

    pub(crate) async fn open(&self, config: TokenConfig) -> Token {
        Token::open(config, Arc::clone(&self.clock) as _, Arc::new(SystemRandom))
            .await
            .unwrap()
    }

    pub(crate) async fn token(&self) -> Token {
        self.open(self.config()).await
    }

    pub(crate) async fn token_with(&self, profile: &str) -> Token {
        let mut config = self.config();
        config.profile = Profile::parse(profile).unwrap();
        self.open(config).await
    }

    /// A session beside ours, for what others do to the token. Ours has logged in.
    pub(crate) fn beside(&self) -> Session {
        let pkcs11 = Pkcs11::new(&self.module).unwrap();
        let slot = pkcs11
            .get_slots_with_token()
            .unwrap()
            .into_iter()
            .find(|slot| pkcs11.get_token_info(*slot).unwrap().label() == "one")
            .unwrap();
        pkcs11.open_rw_session(slot).unwrap()
    }

    /// Time enough for whatever is not tried too often.
    pub(crate) fn wait(&self) {
        self.clock.advance(Duration::from_secs(5));
    }
}

/// Makes a key as somebody else might.
pub(crate) fn make(session: &Session, label: &str, bytes: u64, extractable: bool) {
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(extractable),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::ValueLen(bytes.into()),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
    ];
    session.generate_key(&Mechanism::AesKeyGen, &template).unwrap();
}
