//! What a key manager knows, in memory: every row read and verified.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use key_manager::framing::Format;
use key_manager::{CiphertextMetadata, KeyDescription, KeyId, KeyManagerError, KeyState, KeyVersion};
use seal::{Keyring, RowMac, RowRefusal, RowRefused};
use store::{Row, Snapshot};

use crate::counter::WARNING;
use crate::rows::{HsmRow, KeyRow, Stage, VersionRow};
use crate::version::Version;
use crate::{error, tables};

/// A key with its versions, the one that encrypts first.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) row: KeyRow,
    pub(crate) description: Arc<KeyDescription>,
    pub(crate) versions: Vec<Arc<Version>>,
    /// The tag of one of its rows depends on an older root.
    pub(crate) outdated: bool,
}

/// The contents at one instant; replaced as a whole.
pub(crate) struct Contents {
    pub(crate) hsm: HsmRow,
    /// Keys that can be addressed.
    pub(crate) keys: HashMap<KeyId, Key>,
    /// Keys whose first version is being made, and keys that were destroyed but for objects on tokens
    /// that are away.
    pub(crate) others: BTreeMap<KeyId, Key>,
    /// By the key's id as stored (for an added version, `key/tag`).
    pub(crate) refused: BTreeMap<String, RowRefused>,
    /// Whether an enabled key has encrypted almost as often as it may.
    pub(crate) worn: bool,
}

/// Version rows by key id and version tag, as stored.
type Versions = BTreeMap<(String, String), Row>;

/// What verifies the rows of keys.
struct Macs {
    key: RowMac,
    version: RowMac,
}

impl Key {
    fn new(row: KeyRow, versions: Vec<Arc<Version>>, outdated: bool) -> Self {
        let described = row.versions.iter().zip(&versions);
        let description = Arc::new(KeyDescription {
            id: row.id.clone(),
            name: row.name.clone(),
            front: row.front,
            usage: row.usage,
            state: match row.stage {
                Stage::Is(state) => state,
                Stage::Destroyed => KeyState::PendingDeletion,
            },
            created: row.created,
            deletion: row.deletion,
            versions: described
                .map(|((_, reserved), version)| describe(&version.row, *reserved))
                .collect(),
        });
        Self {
            row,
            description,
            versions,
            outdated,
        }
    }

    /// The version that encrypts.
    pub(crate) fn encrypting(&self) -> Result<&Arc<Version>, KeyManagerError> {
        let nothing = || KeyManagerError::KeyRefused("the key has no version that encrypts".to_owned());
        let first = self
            .versions
            .first()
            .filter(|version| version.row.legacy.is_none());
        first.ok_or_else(nothing)
    }

    /// The version that the metadata names; nothing else is ever tried.
    pub(crate) fn decrypting(&self, metadata: &CiphertextMetadata) -> Result<&Arc<Version>, KeyManagerError> {
        let named = |version: &&Arc<Version>| match Format::of(metadata) {
            Format::One { .. } => false,
            Format::Two { tag } => version.row.legacy.is_none() && version.row.tag == tag,
            Format::Legacy => version.row.legacy.as_ref() == Some(metadata),
        };
        self.versions
            .iter()
            .find(named)
            .ok_or(KeyManagerError::NotAuthentic)
    }
}

fn describe(row: &VersionRow, reserved: u64) -> KeyVersion {
    KeyVersion {
        tag: row.tag,
        algorithm: row.algorithm,
        framing: row.framing,
        fingerprint: None,
        object: Some(row.object()),
        legacy: row.legacy,
        encryptions: row.legacy.is_none().then_some(reserved),
        created: row.created,
    }
}

impl Contents {
    /// Without any key.
    pub(crate) fn empty(hsm: HsmRow) -> Self {
        Self {
            hsm,
            keys: HashMap::new(),
            others: BTreeMap::new(),
            refused: BTreeMap::new(),
            worn: false,
        }
    }

    /// Reads everything that belongs to `hsm`, whose row was verified. Keys that do not verify are refused
    /// one by one. Versions that `before` has too keep their state in memory.
    pub(crate) async fn load(
        reader: &mut Snapshot,
        keyring: &Keyring,
        hsm: HsmRow,
        tokens: usize,
        before: Option<&Self>,
    ) -> Result<Self, KeyManagerError> {
        let id = [hsm.id.as_str().into()];
        let keys = reader
            .query(tables::SELECT_KEYS, &id)
            .await
            .map_err(error::store)?;
        let versions = reader
            .query(tables::SELECT_VERSIONS, &id)
            .await
            .map_err(error::store)?;
        let mut versions = versions
            .into_iter()
            .map(|row| (VersionRow::name(&row), row))
            .collect();
        let mut contents = Self::empty(hsm);
        let macs = Macs {
            key: keyring.row_mac(tables::KEY),
            version: keyring.row_mac(tables::VERSION),
        };
        for row in &keys {
            contents.admit(row, &macs, &mut versions, tokens, before);
        }
        contents.miss_keys();
        contents.miss_owners(versions);
        Ok(contents)
    }

    /// Takes in one key, or refuses it.
    fn admit(
        &mut self,
        row: &Row,
        macs: &Macs,
        versions: &mut Versions,
        tokens: usize,
        before: Option<&Self>,
    ) {
        let id = row.text(0).unwrap_or("?").to_owned();
        match self.check(row, macs, versions, tokens, before) {
            Ok(key) if key.row.lives() => {
                self.worn |= key.is_worn();
                self.keys.insert(key.row.id.clone(), key);
            }
            Ok(key) => {
                self.others.insert(key.row.id.clone(), key);
            }
            Err(refused) => self.refuse(refused, &id),
        }
    }

    fn check(
        &self,
        row: &Row,
        macs: &Macs,
        versions: &mut Versions,
        tokens: usize,
        before: Option<&Self>,
    ) -> Result<Key, RowRefused> {
        let id = row.text(0).unwrap_or("?");
        let refuse = |reason| RowRefused::new(tables::KEY, id, reason);
        let key = KeyRow::verified(row, &macs.key).map_err(refuse)?;
        match self.hsm.manifest.0.get(&key.id) {
            None => return Err(refuse(RowRefusal::Unexpected)),
            Some(generation) if *generation != key.generation => return Err(refuse(RowRefusal::Stale)),
            Some(_) => {}
        }
        let mut outdated = key.outdated;
        let mut at_work = Vec::with_capacity(key.versions.len());
        for (tag, reserved) in &key.versions {
            let name = (key.id.to_string(), tag.to_string());
            let row = versions.remove(&name).ok_or(RowRefusal::Missing);
            let (version, old) = row
                .and_then(|row| VersionRow::verified(&row, &key, &macs.version))
                .map_err(|reason| {
                    RowRefused::new(tables::VERSION, &format!("{}/{}", name.0, name.1), reason)
                })?;
            outdated |= old;
            let known = before.and_then(|before| before.version(&key.id, &version));
            at_work.push(
                known.unwrap_or_else(|| Arc::new(Version::new(key.id.clone(), version, *reserved, tokens))),
            );
        }
        Ok(Key::new(key, at_work, outdated))
    }

    /// The same version in memory.
    fn version(&self, key: &KeyId, row: &VersionRow) -> Option<Arc<Version>> {
        let key = self.keys.get(key).or_else(|| self.others.get(key))?;
        key.versions.iter().find(|version| version.row == *row).cloned()
    }

    /// Keys that the manifest knows and the table does not have.
    fn miss_keys(&mut self) {
        let known = |id: &&KeyId| {
            self.keys.contains_key(*id)
                || self.others.contains_key(*id)
                || self.refused.contains_key(id.as_str())
        };
        let manifest = self.hsm.manifest.0.keys();
        let missing: Vec<String> = manifest
            .filter(|id| !known(id))
            .map(ToString::to_string)
            .collect();
        for id in missing {
            self.refuse(RowRefused::new(tables::KEY, &id, RowRefusal::Missing), &id);
        }
    }

    /// Versions that no key lists: added by other means, unused, and said.
    fn miss_owners(&mut self, versions: Versions) {
        for (key, tag) in versions.into_keys() {
            if !self.refused.contains_key(&key) {
                let row = format!("{key}/{tag}");
                let refused = RowRefused::new(tables::VERSION, &row, RowRefusal::Unexpected);
                self.refuse(refused, &row);
            }
        }
    }

    fn refuse(&mut self, refused: RowRefused, id: &str) {
        self.refused.insert(id.to_owned(), refused);
    }

    /// The key, or why there is none.
    pub(crate) fn key(&self, id: &KeyId) -> Result<&Key, KeyManagerError> {
        self.keys
            .get(id)
            .ok_or_else(|| match self.refused.get(id.as_str()) {
                Some(refused) => error::refused(refused),
                None => KeyManagerError::UnknownKey,
            })
    }

    /// Every key that verified, addressable or not.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Key> {
        self.keys.values().chain(self.others.values())
    }
}

impl Key {
    fn is_worn(&self) -> bool {
        let counted = self.row.versions.first().map_or(0, |(_, reserved)| *reserved);
        self.row.stage == Stage::Is(KeyState::Enabled) && counted >= WARNING
    }
}

/// Reads one key manager's row and verifies it.
pub(crate) fn verify_hsm(row: &Row, keyring: &Keyring) -> Result<HsmRow, RowRefused> {
    HsmRow::verified(row, &keyring.row_mac(tables::HSM))
        .map_err(|reason| RowRefused::new(tables::HSM, row.text(0).unwrap_or("?"), reason))
}
