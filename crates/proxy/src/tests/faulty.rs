//! A key manager that goes wrong when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

use crypto::SecretBytes;
use key_manager::{
    AdditionalData, EncryptOutput, EncryptedRef, Instance, KeyDescription, KeyId, KeyManager,
    KeyManagerError, KeyManagerProvider, ManagerId, Name, Opened, Operation,
};

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(super) enum Mode {
    /// Nothing.
    Well,
    /// Every call fails.
    Fails,
    /// No call ever returns.
    Hangs,
    /// What it encrypts is not what it was given.
    Corrupts,
    /// It takes nothing, however small.
    RefusesSize,
    /// It has no room.
    IsBusy,
    /// Its keys have encrypted as often as they may.
    IsExhausted,
}

/// The switch.
#[derive(Default)]
pub(super) struct Fault(AtomicU8);

impl Fault {
    pub(super) fn set(&self, mode: Mode) {
        self.0.store(mode as u8, SeqCst);
    }

    fn is(&self, mode: Mode) -> bool {
        self.0.load(SeqCst) == mode as u8
    }

    async fn strike(&self) -> Result<(), KeyManagerError> {
        if self.is(Mode::Hangs) {
            std::future::pending::<()>().await;
        }
        if self.is(Mode::RefusesSize) {
            return Err(KeyManagerError::TooLarge);
        }
        if self.is(Mode::IsBusy) {
            return Err(KeyManagerError::Busy("256 calls wait in slot 0".to_owned()));
        }
        if self.is(Mode::IsExhausted) {
            return Err(KeyManagerError::Exhausted);
        }
        if self.is(Mode::Fails) {
            return Err(KeyManagerError::Unavailable("session lost in slot 0".to_owned()));
        }
        Ok(())
    }
}

/// The provider around another.
pub(super) struct Faulty<P> {
    inner: P,
    fault: Arc<Fault>,
}

struct FaultyManager {
    inner: Arc<dyn KeyManager>,
    fault: Arc<Fault>,
}

impl<P> Faulty<P> {
    pub(super) fn new(inner: P, fault: Arc<Fault>) -> Self {
        Self { inner, fault }
    }

    fn wrap(&self, opened: Opened) -> Opened {
        let manager = Arc::new(FaultyManager {
            inner: opened.manager,
            fault: Arc::clone(&self.fault),
        });
        Opened { manager, ..opened }
    }
}

impl<P: KeyManagerProvider> KeyManagerProvider for Faulty<P> {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn create(&self, id: ManagerId, name: Name) -> Operation<'_, Opened> {
        Box::pin(async move { Ok(self.wrap(self.inner.create(id, name).await?)) })
    }

    fn open_all(&self) -> Operation<'_, Vec<Opened>> {
        Box::pin(async move {
            let all = self.inner.open_all().await?;
            Ok(all.into_iter().map(|opened| self.wrap(opened)).collect())
        })
    }

    fn refused(&self) -> Vec<(String, String)> {
        self.inner.refused()
    }

    fn destroy(&self, id: ManagerId) -> Operation<'_, ()> {
        self.inner.destroy(id)
    }
}

impl KeyManager for FaultyManager {
    fn id(&self) -> &ManagerId {
        self.inner.id()
    }

    fn describe(&self, key: &KeyId) -> Result<Arc<KeyDescription>, KeyManagerError> {
        self.inner.describe(key)
    }

    fn encrypt<'a>(
        &'a self,
        key: &'a KeyId,
        plaintext: &'a [u8],
        aad: AdditionalData<'a>,
    ) -> Operation<'a, EncryptOutput> {
        Box::pin(async move {
            self.fault.strike().await?;
            let mut output = self.inner.encrypt(key, plaintext, aad).await?;
            if self.fault.is(Mode::Corrupts) {
                output.tag[0] ^= 1;
            }
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
            self.fault.strike().await?;
            self.inner.decrypt(key, encrypted, aad).await
        })
    }

    fn probe(&self) -> Operation<'_, ()> {
        Box::pin(async move {
            self.fault.strike().await?;
            self.inner.probe().await
        })
    }

    fn instances(&self) -> Vec<Instance> {
        self.inner.instances()
    }
}
