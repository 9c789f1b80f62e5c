//! CloudHSM clusters in memory, at the outermost edge: what the endpoint's port is given.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

use ambient::{Random, SeededRandom};
use crypto::{Key256, SecretBytes, XaesKey};
use kms::clusters::{
    Answer, Cluster, ClusterError, Clusters, ConnectError, Encrypted, HsmView, KeyName, Passwords, ProvedKey,
    Survey,
};

/// The password of `kmsuser` in a new cluster.
pub(crate) const PASSWORD: &str = "kmsPswd1";
/// Wrong passwords until `kmsuser` is locked out (AWS CloudHSM).
const TRIES: u32 = 5;

/// The certificate of a cluster, and of all that are related to it.
pub(crate) fn certificate(body: &str) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
}

/// Every cluster that a test declared.
#[derive(Default)]
pub(crate) struct FakeClusters(Mutex<BTreeMap<String, Arc<FakeCluster>>>);

impl FakeClusters {
    /// A cluster of two HSMs.
    pub(crate) fn declare(&self, id: &str) -> Arc<FakeCluster> {
        self.declare_with(id, "TWlu", &[])
    }

    /// A cluster with this certificate that shares a backup history with others.
    pub(crate) fn declare_with(
        &self,
        id: &str,
        certificate_body: &str,
        related: &[&str],
    ) -> Arc<FakeCluster> {
        let cluster = Arc::new(FakeCluster {
            anchor: certificate(certificate_body),
            related: related.iter().map(|id| (*id).to_owned()).collect(),
            random: SeededRandom::new(11),
            state: Mutex::new(Inside {
                active: 2,
                gone_at_login: false,
                initialized: true,
                rotates: true,
                has_user: true,
                password: PASSWORD.as_bytes().to_vec(),
                refused: 0,
                presented: 0,
                logged_in: None,
                keys: HashMap::new(),
                failing: None,
                failing_change: None,
            }),
        });
        let mut all = self.0.lock().unwrap();
        all.insert(id.to_owned(), Arc::clone(&cluster));
        cluster
    }

    /// As if it were not in the configuration any more.
    pub(crate) fn forget(&self, id: &str) {
        self.0.lock().unwrap().remove(id);
    }
}

impl Clusters for FakeClusters {
    fn find(&self, id: &str) -> Option<Arc<dyn Cluster>> {
        let all = self.0.lock().unwrap();
        all.get(id).map(|cluster| Arc::clone(cluster) as Arc<dyn Cluster>)
    }
}

pub(crate) struct FakeCluster {
    anchor: String,
    related: Vec<String>,
    random: SeededRandom,
    state: Mutex<Inside>,
}

pub(crate) struct Inside {
    /// HSMs that answer.
    pub(crate) active: usize,
    /// Whether they go just before the login.
    pub(crate) gone_at_login: bool,
    pub(crate) initialized: bool,
    pub(crate) rotates: bool,
    pub(crate) has_user: bool,
    pub(crate) password: Vec<u8>,
    /// Wrong passwords since the last right one.
    pub(crate) refused: u32,
    /// Passwords presented in all.
    pub(crate) presented: u32,
    /// With which passwords somebody is logged in, or will be.
    logged_in: Option<Passwords>,
    keys: HashMap<(String, [u8; 32]), XaesKey>,
    /// What every call with a key answers.
    pub(crate) failing: Option<ClusterError>,
    /// What a change of the password answers, and whether it was made all the same.
    pub(crate) failing_change: Option<(ConnectError, bool)>,
}

impl FakeCluster {
    /// What the test may look at and change.
    pub(crate) fn inside(&self) -> MutexGuard<'_, Inside> {
        self.state.lock().unwrap()
    }

    pub(crate) fn is_logged_in(&self) -> bool {
        self.inside().logged_in.is_some()
    }

    /// The labels of the key objects.
    pub(crate) fn labels(&self) -> Vec<String> {
        let mut labels: Vec<String> = self.inside().keys.keys().map(|(arn, _)| arn.clone()).collect();
        labels.sort();
        labels
    }

    /// Destroys every key object behind the endpoint's back.
    pub(crate) fn lose_keys(&self) {
        self.inside().keys.clear();
    }

    /// Exchanges every key object for another of the same name.
    pub(crate) fn exchange_keys(&self) {
        for key in self.inside().keys.values_mut() {
            *key = Key256::generate(&self.random).unwrap().xaes();
        }
    }

    fn seal(&self, key: &XaesKey, plaintext: &[u8], aad: &[u8]) -> Encrypted {
        let random: &dyn Random = &self.random;
        let iv: [u8; 12] = random.bytes().unwrap();
        let mut ciphertext = plaintext.to_vec();
        let tag = key.seal(&nonce(&iv), aad, &mut ciphertext).unwrap();
        let iv = iv.to_vec();
        Encrypted { iv, tag, ciphertext }
    }
}

impl Inside {
    /// Presents the passwords, each once.
    fn log_in(&mut self, passwords: &Passwords) -> Result<(), ConnectError> {
        if self.active == 0 || self.gone_at_login {
            return Err(ConnectError::InsufficientHsms);
        }
        if !self.has_user {
            return Err(ConnectError::UserNotFound);
        }
        for password in [Some(&passwords.current), passwords.next.as_ref()]
            .into_iter()
            .flatten()
        {
            if self.refused >= TRIES {
                return Err(ConnectError::UserLockedOut);
            }
            self.presented += 1;
            if password.expose() == self.password {
                self.refused = 0;
                return Ok(());
            }
            self.refused += 1;
        }
        Err(ConnectError::InvalidCredentials)
    }

    fn key(&self, key: ProvedKey<'_>) -> Result<&XaesKey, ClusterError> {
        self.usable()?;
        let ProvedKey { name, proof } = key;
        let found = self.keys.get(&(name.arn.to_owned(), *name.id));
        let found = found.ok_or(ClusterError::KeyNotFound)?;
        match open(found, proof, name.arn.as_bytes()) {
            Ok(_) => Ok(found),
            Err(_) => Err(ClusterError::AnotherKey),
        }
    }

    fn usable(&self) -> Result<(), ClusterError> {
        if let Some(failing) = &self.failing {
            return Err(failing.clone());
        }
        if self.logged_in.is_none() || self.active == 0 {
            return Err(ClusterError::Unreachable("no HSM answers".to_owned()));
        }
        Ok(())
    }
}

/// 24 bytes of which the IV is half.
fn nonce(iv: &[u8]) -> [u8; 24] {
    let mut nonce = [0; 24];
    nonce[..iv.len()].copy_from_slice(iv);
    nonce
}

fn open(key: &XaesKey, encrypted: &Encrypted, aad: &[u8]) -> Result<SecretBytes, ClusterError> {
    let Encrypted { iv, tag, ciphertext } = encrypted;
    let mut plaintext = SecretBytes::zeroed(ciphertext.len());
    key.open(&nonce(iv), aad, ciphertext, tag, plaintext.expose_mut())
        .map_err(|_| ClusterError::NotAuthentic)?;
    Ok(plaintext)
}

fn now<'a, T: Send + 'a>(value: T) -> Answer<'a, T> {
    Box::pin(std::future::ready(value))
}

impl Cluster for FakeCluster {
    fn trust_anchor(&self) -> &str {
        &self.anchor
    }

    fn is_related_to(&self, id: &str) -> bool {
        self.related.iter().any(|related| related == id)
    }

    fn minimum_hsms(&self) -> usize {
        2
    }

    fn rotates_password(&self) -> bool {
        self.inside().rotates
    }

    fn survey(&self) -> Answer<'_, Survey> {
        let inside = self.inside();
        now(Survey {
            initialized: inside.initialized,
            active: if inside.initialized { inside.active } else { 0 },
        })
    }

    fn connect(&self, passwords: Passwords) -> Answer<'_, Result<(), ConnectError>> {
        let mut inside = self.inside();
        inside.logged_in = None;
        let outcome = inside.log_in(&passwords);
        if outcome.is_ok() {
            inside.logged_in = Some(passwords);
        }
        now(outcome)
    }

    fn resume(&self, passwords: Passwords) {
        let mut inside = self.inside();
        if inside.log_in(&passwords).is_ok() {
            inside.logged_in = Some(passwords);
        }
    }

    fn change_password(&self, new: Arc<SecretBytes>) -> Answer<'_, Result<(), ConnectError>> {
        let mut inside = self.inside();
        let failing = inside.failing_change.take();
        if failing.as_ref().is_none_or(|(_, made)| *made) {
            inside.password = new.expose().to_vec();
        }
        now(failing.map_or(Ok(()), |(error, _)| Err(error)))
    }

    fn disconnect(&self) -> Answer<'_, ()> {
        self.inside().logged_in = None;
        now(())
    }

    fn hsms(&self) -> Vec<HsmView> {
        Vec::new()
    }

    fn generate_key<'a>(&'a self, key: KeyName<'a>) -> Answer<'a, Result<Encrypted, ClusterError>> {
        let mut inside = self.inside();
        if let Err(error) = inside.usable() {
            return now(Err(error));
        }
        let made = Key256::generate(&self.random).unwrap().xaes();
        let proof = self.seal(&made, b"proof", key.arn.as_bytes());
        inside.keys.insert((key.arn.to_owned(), *key.id), made);
        now(Ok(proof))
    }

    fn delete_key<'a>(&'a self, key: KeyName<'a>) -> Answer<'a, Result<(), ClusterError>> {
        let mut inside = self.inside();
        let usable = inside.usable();
        if usable.is_ok() {
            inside.keys.remove(&(key.arn.to_owned(), *key.id));
        }
        now(usable)
    }

    fn encrypt<'a>(
        &'a self,
        key: ProvedKey<'a>,
        plaintext: SecretBytes,
        aad: &'a [u8],
    ) -> Answer<'a, Result<Encrypted, ClusterError>> {
        let inside = self.inside();
        now(inside.key(key).map(|key| self.seal(key, plaintext.expose(), aad)))
    }

    fn decrypt<'a>(
        &'a self,
        key: ProvedKey<'a>,
        encrypted: Encrypted,
        aad: &'a [u8],
    ) -> Answer<'a, Result<SecretBytes, ClusterError>> {
        let inside = self.inside();
        now(inside.key(key).and_then(|key| open(key, &encrypted, aad)))
    }

    fn random(&self, len: usize) -> Answer<'_, Result<SecretBytes, ClusterError>> {
        let usable = self.inside().usable();
        now(usable.map(|()| SecretBytes::generate(&self.random, len).unwrap()))
    }
}
