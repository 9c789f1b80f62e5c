//! A process of its own for each test, with two tokens, the shim before their module, and a store.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ambient::{ManualClock, Random, SystemRandom, Timestamp};
use hsm_seal::{HsmSealConfig, HsmSeals, HsmTokens, KIND};
use pkcs11_shim::Orders;
use seal::{Keyring, RootsError, SealFiles, SealKind, SealSource, SealingKeyId, Seals, roots};
use store::Store;
use testkit::hsm::{Product, SoftwareHsm};

/// Defines a test that runs in a process of its own, on SoftHSM.
macro_rules! scene {
    ($(#[$doc:meta])* async fn $name:ident($scene:ident) $body:block) => {
        $(#[$doc])*
        #[test]
        fn $name() {
            let path = concat!(module_path!(), "::", stringify!($name));
            $crate::kit::alone(path, testkit::hsm::Product::SoftHsm, async |$scene| $body);
        }
    };
}
pub(crate) use scene;

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

pub(crate) struct Scene {
    pub(crate) hsm: SoftwareHsm,
    pub(crate) module: PathBuf,
    pub(crate) shim: Orders,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) random: Arc<dyn Random>,
}

pub(crate) fn alone(path: &str, product: Product, body: impl AsyncFnOnce(&Scene)) {
    testkit::hsm::alone(path, product, &["a", "b"], &[], |hsm| {
        let module = pkcs11_shim::install(hsm.path(), "shim", &product.module()).unwrap();
        let scene = Scene {
            shim: Orders::of(&module).unwrap(),
            module,
            hsm,
            clock: Arc::new(ManualClock::at(NOW)),
            random: Arc::new(SystemRandom),
        };
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(body(&scene));
    });
}

impl Scene {
    /// `[seal.hsm]` with these tokens; `more` goes before them.
    pub(crate) fn config(&self, tokens: &[&str], more: &str) -> HsmSealConfig {
        let mut text = format!(
            "module = {:?}\nprofile = {:?}\nisolation = \"in-process\"\n{more}\n",
            self.module,
            self.hsm.product().profile()
        );
        for token in tokens {
            let pin = self.hsm.pin_file();
            text += &format!("[[tokens]]\nname = \"{token}\"\nlabel = \"{token}\"\npin_file = {pin:?}\n");
        }
        toml::from_str(&text).unwrap()
    }

    pub(crate) fn tokens(&self, config: HsmSealConfig) -> HsmTokens {
        HsmTokens::new(config, None, self.clock.clone(), self.random.clone())
    }

    /// As a server that starts anew has them.
    pub(crate) fn fresh(&self, tokens: &[&str]) -> HsmTokens {
        self.tokens(self.config(tokens, ""))
    }

    pub(crate) fn id(&self) -> SealingKeyId {
        SealingKeyId::generate(&*self.random).unwrap()
    }

    pub(crate) async fn store(&self) -> Store {
        Store::open(&self.hsm.path().join("db"), &[roots::MIGRATIONS])
            .await
            .unwrap()
    }

    /// A store with a first root under a new seal of these tokens; the root's id.
    pub(crate) async fn init(&self, tokens: &HsmTokens) -> SealingKeyId {
        let source = HsmSeals::new(tokens.clone())
            .make(self.id(), &self.random)
            .await
            .unwrap();
        let store = self.store().await;
        let mut transaction = store.begin().await.unwrap();
        let seal = source.current();
        let keyring = roots::create_first(&mut transaction, &*seal, &*self.random, NOW)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        keyring.current_id()
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.hsm.path().join("seal.key")
    }

    /// The seal that the store names.
    pub(crate) async fn seals(&self, tokens: &HsmTokens) -> Seals {
        let store = self.store().await;
        let roots = roots::list(&mut store.read().await.unwrap()).await.unwrap();
        let kinds: Vec<Arc<dyn SealKind>> = vec![
            Arc::new(SealFiles::at(self.key_file())),
            Arc::new(HsmSeals::new(tokens.clone())),
        ];
        Seals::open(kinds, &roots[0].seal_kind, &roots[0].seal_id)
            .await
            .unwrap()
    }

    pub(crate) async fn load(&self, seals: &Seals) -> Result<Keyring, RootsError> {
        let store = self.store().await;
        let mut snapshot = store.read().await.unwrap();
        let keyring = roots::load(&mut snapshot, &*seals.current()).await?;
        seals.settle().await.unwrap();
        Ok(keyring)
    }

    /// What a start says with these tokens: nothing if it reveals the roots.
    pub(crate) async fn refusal(&self, tokens: &HsmTokens) -> String {
        let seals = self.seals(tokens).await;
        match self.load(&seals).await {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    /// All tokens at once: what a running SoftHSM notices.
    pub(crate) fn take_all_away(&self) {
        fs::rename(self.hsm.tokens(), self.away()).unwrap();
        self.wait();
    }

    pub(crate) fn bring_all_back(&self) {
        fs::rename(self.away(), self.hsm.tokens()).unwrap();
        self.wait();
    }

    fn away(&self) -> PathBuf {
        self.hsm.path().join("all-away")
    }

    /// Time enough for whatever is not tried too often.
    pub(crate) fn wait(&self) {
        self.clock.advance(std::time::Duration::from_secs(60));
    }

    pub(crate) fn write_pin(&self, pin: &str) {
        fs::write(self.hsm.pin_file(), pin).unwrap();
    }

    /// The label and the id, in hexadecimal, of the wrapping key that was made on this token.
    pub(crate) async fn wrapping_key(&self, token: &str) -> (String, String) {
        let store = self.store().await;
        let roots = roots::list(&mut store.read().await.unwrap()).await.unwrap();
        assert_eq!(roots[0].seal_kind, KIND);
        let id = &roots[0].seal_id;
        let hex = format!("{id}{}", crypto::hex(token.as_bytes()));
        (format!("strongroom-seal-{id}-{token}"), hex)
    }

    /// The protected bytes of the newest root, and a way to change them.
    pub(crate) async fn protected(&self) -> Vec<u8> {
        const SQL: &str = "SELECT protected FROM seal_root ORDER BY number DESC";
        let rows = self
            .store()
            .await
            .read()
            .await
            .unwrap()
            .query(SQL, &[])
            .await
            .unwrap();
        rows[0].blob(0).unwrap().to_vec()
    }

    pub(crate) async fn set_protected(&self, bytes: &[u8]) {
        const SQL: &str = "UPDATE seal_root SET protected = $1";
        let mut transaction = self.store().await.begin().await.unwrap();
        transaction.execute(SQL, &[bytes.into()]).await.unwrap();
        transaction.commit().await.unwrap();
    }
}

pub(crate) fn exists(path: &Path) -> bool {
    fs::exists(path).unwrap()
}
