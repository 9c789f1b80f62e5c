//! What a virtual HSM holds in memory: every row read and verified.

use std::collections::BTreeMap;
use std::sync::Arc;

use crypto::{Fingerprint, Key256};
use foldhash::{HashMap, HashMapExt as _};
use key_manager::framing::{Format, Framing};
use key_manager::{
    AdditionalData, EncryptedRef, KeyDescription, KeyId, KeyManagerError, KeyVersion, VersionTag,
};
use seal::{Keyring, RowMac, RowRefusal, RowRefused, SealingKey};
use store::{Row, Snapshot};

use crate::format1::Version;
use crate::rows::{HsmRow, KeyRow, VersionRow};
use crate::{error, tables};

/// A key with its versions ready for use, the one that encrypts first.
pub(crate) struct Key {
    pub(crate) row: KeyRow,
    pub(crate) description: Arc<KeyDescription>,
    versions: Vec<Version>,
}

impl Key {
    pub(crate) fn encrypting(&self) -> Result<&Version, KeyManagerError> {
        let nothing = || KeyManagerError::KeyRefused("the key has no version".to_owned());
        self.versions.first().ok_or_else(nothing)
    }

    /// Decrypts with the version that the metadata names; never tries another.
    pub(crate) fn decrypt(
        &self,
        encrypted: EncryptedRef<'_>,
        aad: AdditionalData<'_>,
    ) -> Result<crypto::SecretBytes, KeyManagerError> {
        let Format::One { tag, extension } = Format::of(encrypted.metadata) else {
            return Err(KeyManagerError::NotAuthentic);
        };
        let version = self.versions.iter().find(|version| version.tag() == tag);
        version
            .ok_or(KeyManagerError::NotAuthentic)?
            .decrypt(extension, encrypted, aad)
    }
}

/// The contents at one instant; replaced as a whole.
pub(crate) struct Contents {
    pub(crate) hsm: HsmRow,
    pub(crate) keys: HashMap<KeyId, Key>,
    pub(crate) canary: Option<Key>,
    /// By the key's id as stored (for an added version, `key/tag`).
    pub(crate) refused: BTreeMap<String, RowRefused>,
}

/// Version rows by key id and version tag, as stored; `None` for a row that does not read.
type Versions = BTreeMap<(String, String), Option<VersionRow>>;

impl Contents {
    /// Reads everything that belongs to `hsm`, whose row was verified. Keys that do not verify are
    /// refused one by one; a key-encryption key that does not open refuses the virtual HSM.
    pub(crate) async fn load(
        reader: &mut Snapshot,
        keyring: &Keyring,
        hsm: HsmRow,
    ) -> Result<Self, KeyManagerError> {
        let kek = open_kek(keyring, &hsm)?;
        let id = [hsm.id.as_str().into()];
        let keys = reader
            .query(tables::SELECT_KEYS, &id)
            .await
            .map_err(error::store)?;
        let mut versions = read_versions(reader, &hsm).await?;
        let mut contents = Self {
            hsm,
            keys: HashMap::with_capacity(keys.len()),
            canary: None,
            refused: BTreeMap::new(),
        };
        let mac = keyring.row_mac(tables::KEY);
        for row in &keys {
            contents.admit(row, &mac, &kek, &mut versions);
        }
        contents.miss_keys();
        contents.miss_owners(versions);
        Ok(contents)
    }

    /// Takes in one key, or refuses it.
    fn admit(&mut self, row: &Row, mac: &RowMac, kek: &SealingKey, versions: &mut Versions) {
        let id = row.text(0).unwrap_or("?").to_owned();
        match self.check(row, mac, kek, versions) {
            Ok(key) if key.row.canary && self.canary.is_none() => self.canary = Some(key),
            Ok(key) if !key.row.canary => {
                self.keys.insert(key.row.id.clone(), key);
            }
            Ok(_) => self.refuse(RowRefused::new(tables::KEY, &id, RowRefusal::Unexpected), &id),
            Err(refused) => self.refuse(refused, &id),
        }
    }

    fn check(
        &self,
        row: &Row,
        mac: &RowMac,
        kek: &SealingKey,
        versions: &mut Versions,
    ) -> Result<Key, RowRefused> {
        let id = row.text(0).unwrap_or("?");
        let refuse = |reason| RowRefused::new(tables::KEY, id, reason);
        let key = KeyRow::verified(row, mac).map_err(refuse)?;
        match self.hsm.manifest.0.get(&key.id) {
            None => return Err(refuse(RowRefusal::Unexpected)),
            Some(generation) if *generation != key.generation => return Err(refuse(RowRefusal::Stale)),
            Some(_) => {}
        }
        let mut opened = Vec::with_capacity(key.versions.len());
        for tag in &key.versions {
            let name = (key.id.to_string(), tag.to_string());
            let version = versions
                .remove(&name)
                .ok_or(RowRefusal::Missing)
                .and_then(|version| version.ok_or(RowRefusal::Unreadable))
                .and_then(|version| open(&key, &version, kek))
                .map_err(|reason| {
                    RowRefused::new(tables::VERSION, &format!("{}/{}", name.0, name.1), reason)
                })?;
            opened.push(version);
        }
        Ok(Key::new(key, opened))
    }

    /// Keys that the manifest knows and the table does not have.
    fn miss_keys(&mut self) {
        let missing: Vec<String> = self
            .hsm
            .manifest
            .0
            .keys()
            .filter(|id| !self.keys.contains_key(*id) && !self.refused.contains_key(id.as_str()))
            .filter(|id| self.canary.as_ref().is_none_or(|canary| canary.row.id != **id))
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
}

impl Key {
    fn new(row: KeyRow, opened: Vec<(KeyVersion, Version)>) -> Self {
        let (described, versions) = opened.into_iter().unzip();
        let description = Arc::new(KeyDescription {
            id: row.id.clone(),
            name: row.name.clone(),
            front: row.front,
            usage: row.usage,
            state: row.state,
            created: row.created,
            deletion: row.deletion,
            versions: described,
        });
        Self {
            row,
            description,
            versions,
        }
    }
}

/// Opens the key-encryption key of a virtual HSM.
pub(crate) fn open_kek(keyring: &Keyring, hsm: &HsmRow) -> Result<SealingKey, KeyManagerError> {
    keyring
        .open_key(&hsm.context(), hsm.kek_id, &hsm.kek)
        .map_err(|reason| error::refused(&RowRefused::new(tables::HSM, hsm.id.as_str(), reason.into())))
}

/// Reads one virtual HSM's row and verifies it.
pub(crate) fn verify_hsm(row: &Row, keyring: &Keyring) -> Result<HsmRow, RowRefused> {
    HsmRow::verified(row, &keyring.row_mac(tables::HSM))
        .map_err(|reason| RowRefused::new(tables::HSM, row.text(0).unwrap_or("?"), reason))
}

pub(crate) async fn read_versions(reader: &mut Snapshot, hsm: &HsmRow) -> Result<Versions, KeyManagerError> {
    let id = [hsm.id.as_str().into()];
    let rows = reader
        .query(tables::SELECT_VERSIONS, &id)
        .await
        .map_err(error::store)?;
    let text = |row: &Row, column| row.text(column).unwrap_or("?").to_owned();
    Ok(rows
        .iter()
        .map(|row| ((text(row, 0), text(row, 1)), VersionRow::parse(row)))
        .collect())
}

/// Opens a version's key bytes.
pub(crate) fn open_version(
    key: &KeyRow,
    version: &VersionRow,
    kek: &SealingKey,
) -> Result<Key256, RowRefusal> {
    let bytes = kek.open(&key.version_context(version), &version.sealed)?;
    Key256::from_slice(bytes.expose()).ok_or(RowRefusal::Unreadable)
}

fn open(key: &KeyRow, version: &VersionRow, kek: &SealingKey) -> Result<(KeyVersion, Version), RowRefusal> {
    let bytes = open_version(key, version, kek)?;
    let fingerprint: Fingerprint = bytes.fingerprint();
    if *fingerprint.as_bytes() != version.fingerprint {
        return Err(RowRefusal::NotAuthentic);
    }
    let tag: VersionTag = version.tag;
    let described = KeyVersion {
        tag,
        algorithm: version.algorithm,
        framing: Framing::Spec,
        fingerprint: Some(fingerprint),
        object: None,
        legacy: None,
        encryptions: None,
        created: version.created,
    };
    Ok((described, Version::new(tag, &bytes)))
}
