//! The root keys in memory.

use ambient::Random;
use crypto::{Fields, Key256, SecretBytes};

use crate::{Envelope, EnvelopeError, RowMac, SealingFailed, SealingKey, SealingKeyId};

/// All root keys: the current one seals, every one opens.
pub struct Keyring {
    current: SealingKey,
    older: Vec<SealingKey>,
}

impl Keyring {
    /// From the current root and the older ones.
    pub const fn new(current: SealingKey, older: Vec<SealingKey>) -> Self {
        Self { current, older }
    }

    /// The root that seals.
    pub const fn current_id(&self) -> SealingKeyId {
        self.current.id()
    }

    /// Every root, the current one first.
    pub fn ids(&self) -> impl Iterator<Item = SealingKeyId> {
        self.roots().map(SealingKey::id)
    }

    /// Seals under the current root.
    pub fn seal(
        &self,
        random: &dyn Random,
        context: &Fields,
        secret: &[u8],
    ) -> Result<Vec<u8>, SealingFailed> {
        self.current.seal(random, context, secret)
    }

    /// Opens with the root that the envelope names; never tries another.
    pub fn open(&self, context: &Fields, envelope: &[u8]) -> Result<SecretBytes, EnvelopeError> {
        let id = Envelope::parse(envelope)?.key_id();
        self.root(id)
            .ok_or(EnvelopeError::UnknownKey(id))?
            .open(context, envelope)
    }

    /// Opens an envelope that holds a sealing key of the next level down, known by `id`.
    pub fn open_key(
        &self,
        context: &Fields,
        id: SealingKeyId,
        envelope: &[u8],
    ) -> Result<SealingKey, EnvelopeError> {
        let bytes = self.open(context, envelope)?;
        let key = Key256::from_slice(bytes.expose()).ok_or(EnvelopeError::Malformed)?;
        Ok(SealingKey::new(id, key))
    }

    /// Whether an envelope still depends on an older root and should be sealed anew.
    pub fn is_outdated(&self, envelope: &[u8]) -> bool {
        Envelope::parse(envelope).is_ok_and(|envelope| envelope.key_id() != self.current_id())
    }

    /// What authenticates the rows of one purpose (a table), under keys derived from the roots.
    pub fn row_mac(&self, purpose: &'static str) -> RowMac {
        RowMac::new(purpose, &self.current, &self.older)
    }

    fn root(&self, id: SealingKeyId) -> Option<&SealingKey> {
        self.roots().find(|root| root.id() == id)
    }

    fn roots(&self) -> impl Iterator<Item = &SealingKey> {
        std::iter::once(&self.current).chain(&self.older)
    }
}
