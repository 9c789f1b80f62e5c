//! Virtual HSMs whose outermost edge does what a test says.

use std::sync::{Arc, Mutex};

use ambient::Timestamp;
use crypto::SecretBytes;
use key_manager::{
    AdditionalData, EncryptOutput, EncryptedRef, Instance, KeyDescription, KeyId, KeyLifecycle, KeyManager,
    KeyManagerError, KeyManagerProvider, KeyState, ManagerId, Name, NewKey, Opened, Operation,
};
use tokio::sync::Notify;
use virtual_hsm::VirtualHsms;

/// What a call does.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) enum Does {
    /// Its work.
    #[default]
    Work,
    /// Never returns.
    Hang,
    /// Its work, but only once [`Script::go`] is given.
    Wait,
    /// Its work, with one bit wrong.
    Corrupt,
    /// Fails.
    Fail,
    /// Has no room.
    Busy,
    /// Has done it often enough.
    Exhausted,
}

/// What calls do, and which there were.
#[derive(Default)]
pub(super) struct Script {
    pub(super) encrypt: Mutex<Does>,
    pub(super) decrypt: Mutex<Does>,
    pub(super) probe: Mutex<Does>,
    pub(super) set_state: Mutex<Does>,
    pub(super) destroy_key: Mutex<Does>,
    /// How many instances a key manager shows; 0 is what it shows by itself.
    pub(super) instances: Mutex<usize>,
    calls: Mutex<Vec<&'static str>>,
    /// A call waits.
    pub(super) arrived: Notify,
    /// Lets it go on.
    pub(super) go: Notify,
}

impl Script {
    pub(super) fn set(of: &Mutex<Does>, does: Does) {
        *of.lock().unwrap() = does;
    }

    pub(super) fn note(&self, call: &'static str) {
        self.calls.lock().unwrap().push(call);
    }

    pub(super) fn take_calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    /// Runs a call's beginning; whether its result is to be corrupted.
    async fn play(&self, call: &'static str, of: &Mutex<Does>) -> Result<bool, KeyManagerError> {
        self.note(call);
        let does = *of.lock().unwrap();
        match does {
            Does::Work => Ok(false),
            Does::Corrupt => Ok(true),
            Does::Fail => Err(KeyManagerError::Unavailable("scripted".to_owned())),
            Does::Busy => Err(KeyManagerError::Busy("scripted".to_owned())),
            Does::Exhausted => Err(KeyManagerError::Exhausted),
            Does::Hang => std::future::pending().await,
            Does::Wait => {
                self.arrived.notify_one();
                self.go.notified().await;
                Ok(false)
            }
        }
    }
}

pub(super) struct Scripted {
    hsms: VirtualHsms,
    script: Arc<Script>,
}

struct Manager {
    inner: Opened,
    script: Arc<Script>,
}

impl Scripted {
    pub(super) fn new(hsms: VirtualHsms, script: Arc<Script>) -> Self {
        Self { hsms, script }
    }

    fn wrap(&self, inner: Opened) -> Opened {
        let description = inner.description.clone();
        let manager = Arc::new(Manager {
            inner,
            script: self.script.clone(),
        });
        Opened {
            description,
            manager: manager.clone(),
            lifecycle: manager,
        }
    }
}

impl KeyManagerProvider for Scripted {
    fn kind(&self) -> &'static str {
        self.hsms.kind()
    }

    fn create(&self, id: ManagerId, name: Name) -> Operation<'_, Opened> {
        Box::pin(async move { Ok(self.wrap(self.hsms.create(id, name).await?)) })
    }

    fn open_all(&self) -> Operation<'_, Vec<Opened>> {
        Box::pin(async move {
            let all = self.hsms.open_all().await?;
            Ok(all.into_iter().map(|opened| self.wrap(opened)).collect())
        })
    }

    fn refused(&self) -> Vec<(String, String)> {
        self.hsms.refused()
    }

    fn destroy(&self, id: ManagerId) -> Operation<'_, ()> {
        self.hsms.destroy(id)
    }
}

impl KeyManager for Manager {
    fn id(&self) -> &ManagerId {
        self.inner.manager.id()
    }

    fn describe(&self, key: &KeyId) -> Result<Arc<KeyDescription>, KeyManagerError> {
        self.inner.manager.describe(key)
    }

    fn encrypt<'a>(
        &'a self,
        key: &'a KeyId,
        plaintext: &'a [u8],
        aad: AdditionalData<'a>,
    ) -> Operation<'a, EncryptOutput> {
        Box::pin(async move {
            let corrupt = self.script.play("encrypt", &self.script.encrypt).await?;
            let mut output = self.inner.manager.encrypt(key, plaintext, aad).await?;
            output.tag[0] ^= u8::from(corrupt);
            Ok(output)
        })
    }

    fn decrypt<'a>(
        &'a self,
        key: &'a KeyId,
        encrypted: EncryptedRef<'a>,
        aad: AdditionalData<'a>,
    ) -> Operation<'a, SecretBytes> {
        Box::pin(async move {
            let corrupt = self.script.play("decrypt", &self.script.decrypt).await?;
            let plaintext = self.inner.manager.decrypt(key, encrypted, aad).await?;
            let mut bytes = plaintext.expose().to_vec();
            bytes[0] ^= u8::from(corrupt);
            Ok(SecretBytes::from(bytes))
        })
    }

    fn probe(&self) -> Operation<'_, ()> {
        Box::pin(async move {
            self.script.play("probe", &self.script.probe).await?;
            self.inner.manager.probe().await
        })
    }

    fn instances(&self) -> Vec<Instance> {
        let own = self.inner.manager.instances();
        match *self.script.instances.lock().unwrap() {
            0 => own,
            many => (0..many)
                .map(|number| Instance {
                    id: format!("i-{number}"),
                    ..own[0].clone()
                })
                .collect(),
        }
    }
}

impl KeyLifecycle for Manager {
    fn create(&self, key: NewKey) -> Operation<'_, Arc<KeyDescription>> {
        self.inner.lifecycle.create(key)
    }

    fn list(&self) -> Vec<Arc<KeyDescription>> {
        self.inner.lifecycle.list()
    }

    fn refused(&self) -> Vec<(String, String)> {
        self.inner.lifecycle.refused()
    }

    fn set_state(&self, key: KeyId, state: KeyState) -> Operation<'_, Arc<KeyDescription>> {
        Box::pin(async move {
            self.script.play("set_state", &self.script.set_state).await?;
            self.inner.lifecycle.set_state(key, state).await
        })
    }

    fn rotate(&self, key: KeyId) -> Operation<'_, Arc<KeyDescription>> {
        self.inner.lifecycle.rotate(key)
    }

    fn schedule_deletion(&self, key: KeyId, at: Timestamp) -> Operation<'_, Arc<KeyDescription>> {
        Box::pin(async move {
            self.script.play("schedule", &self.script.set_state).await?;
            self.inner.lifecycle.schedule_deletion(key, at).await
        })
    }

    fn cancel_deletion(&self, key: KeyId) -> Operation<'_, Arc<KeyDescription>> {
        Box::pin(async move {
            self.script.play("cancel", &self.script.set_state).await?;
            self.inner.lifecycle.cancel_deletion(key).await
        })
    }

    fn destroy_key(&self, key: KeyId) -> Operation<'_, ()> {
        Box::pin(async move {
            self.script.play("destroy", &self.script.destroy_key).await?;
            self.inner.lifecycle.destroy_key(key).await
        })
    }

    fn restored(&self) -> Operation<'_, ()> {
        self.script.note("restored");
        self.inner.lifecycle.restored()
    }

    fn cut_off(&self, key: KeyId) -> Operation<'_, ()> {
        self.script.note("cut-off");
        self.inner.lifecycle.cut_off(key)
    }

    fn key_encryption_key(&self) -> Option<[u8; 8]> {
        self.inner.lifecycle.key_encryption_key()
    }

    fn rotate_key_encryption_key(&self, id: [u8; 8]) -> Operation<'_, ()> {
        self.inner.lifecycle.rotate_key_encryption_key(id)
    }
}
