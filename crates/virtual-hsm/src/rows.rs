//! The rows as values: read, tagged, verified, written.

use std::collections::BTreeMap;

use ambient::Timestamp;
use crypto::Fields;
use key_manager::{
    Algorithm, Front, KeyId, KeyManagerError, KeyState, KeyUsage, ManagerId, Name, VersionTag,
};
use seal::{RowMac, RowRefusal, SealingKeyId};
use store::{Row, Transaction};

use crate::{error, tables};

/// The framing of every version yet; stored and sealed, so that another may join.
pub(crate) const FRAMING: &str = "spec";

/// A row of `virtual_hsm`.
#[derive(Clone)]
pub(crate) struct HsmRow {
    pub(crate) id: ManagerId,
    pub(crate) name: Name,
    pub(crate) created: Timestamp,
    pub(crate) kek_id: SealingKeyId,
    pub(crate) kek: Vec<u8>,
    pub(crate) manifest: Manifest,
    pub(crate) generation: u64,
    /// Its tag, as it was read, depends on an older root.
    pub(crate) outdated: bool,
}

/// The generation in which each key's row was written last: an older copy of a row does not fit.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(crate) struct Manifest(pub(crate) BTreeMap<KeyId, u64>);

impl Manifest {
    fn parse(text: &str) -> Option<Self> {
        let entry = |line: &str| {
            let (id, generation) = line.split_once(' ')?;
            Some((KeyId::parse(id).ok()?, generation.parse().ok()?))
        };
        text.lines().map(entry).collect::<Option<_>>().map(Self)
    }

    fn text(&self) -> String {
        let line = |(id, generation): (&KeyId, &u64)| format!("{id} {generation}\n");
        self.0.iter().map(line).collect()
    }
}

impl HsmRow {
    /// Reads a row and verifies its tag.
    pub(crate) fn verified(row: &Row, mac: &RowMac) -> Result<Self, RowRefusal> {
        let (mut hsm, manifest) = Self::parse(row).ok_or(RowRefusal::Unreadable)?;
        let tag = row.blob(7).map_err(|_| RowRefusal::Unreadable)?;
        // Over the manifest as it is stored: two texts may read as one manifest.
        mac.verify(&hsm.fields(manifest), tag)?;
        hsm.outdated = mac.is_outdated(tag);
        Ok(hsm)
    }

    fn parse(row: &Row) -> Option<(Self, &str)> {
        let manifest = row.text(5).ok()?;
        let hsm = Self {
            id: ManagerId::parse(row.text(0).ok()?).ok()?,
            name: Name::parse(row.text(1).ok()?).ok()?,
            created: Timestamp::from_micros(row.unsigned(2).ok()?),
            kek_id: SealingKeyId::from_hex(row.text(3).ok()?)?,
            kek: row.blob(4).ok()?.to_vec(),
            manifest: Manifest::parse(manifest)?,
            generation: row.unsigned(6).ok()?,
            outdated: false,
        };
        Some((hsm, manifest))
    }

    fn fields(&self, manifest: &str) -> Fields {
        Fields::new(tables::HSM)
            .number(1)
            .text(self.id.as_str())
            .text(self.name.as_str())
            .number(self.created.as_micros())
            .bytes(self.kek_id.as_bytes())
            .bytes(&self.kek)
            .text(manifest)
            .number(self.generation)
    }

    /// What the envelope around the key-encryption key is bound to.
    pub(crate) fn kek_context(id: &ManagerId, name: &Name, created: Timestamp, kek: SealingKeyId) -> Fields {
        Fields::new("strongroom virtual hsm key-encryption key")
            .number(1)
            .text(id.as_str())
            .text(name.as_str())
            .number(created.as_micros())
            .bytes(kek.as_bytes())
    }

    /// What this row's envelope is bound to.
    pub(crate) fn context(&self) -> Fields {
        Self::kek_context(&self.id, &self.name, self.created, self.kek_id)
    }

    pub(crate) async fn insert(&self, to: &mut Transaction, mac: &RowMac) -> Result<(), KeyManagerError> {
        let manifest = self.manifest.text();
        let tag = mac.tag(&self.fields(&manifest));
        let kek_id = self.kek_id.to_string();
        let values = [
            self.id.as_str().into(),
            self.name.as_str().into(),
            self.created.as_micros().into(),
            (&kek_id).into(),
            (&self.kek).into(),
            (&manifest).into(),
            self.generation.into(),
            (&tag).into(),
        ];
        to.execute(tables::INSERT_HSM, &values)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    pub(crate) async fn update(&self, to: &mut Transaction, mac: &RowMac) -> Result<(), KeyManagerError> {
        let manifest = self.manifest.text();
        let tag = mac.tag(&self.fields(&manifest));
        let kek_id = self.kek_id.to_string();
        let values = [
            self.id.as_str().into(),
            (&kek_id).into(),
            (&self.kek).into(),
            (&manifest).into(),
            self.generation.into(),
            (&tag).into(),
        ];
        to.execute(tables::UPDATE_HSM, &values)
            .await
            .map_err(error::store)?;
        Ok(())
    }
}

/// A row of `virtual_hsm_key`.
#[derive(Clone)]
pub(crate) struct KeyRow {
    pub(crate) id: KeyId,
    pub(crate) hsm: ManagerId,
    pub(crate) name: Name,
    pub(crate) front: Front,
    pub(crate) usage: KeyUsage,
    pub(crate) canary: bool,
    pub(crate) created: Timestamp,
    pub(crate) state: KeyState,
    /// When it is destroyed; exactly while it is pending deletion.
    pub(crate) deletion: Option<Timestamp>,
    /// The one that encrypts first.
    pub(crate) versions: Vec<VersionTag>,
    pub(crate) generation: u64,
    /// Its tag, as it was read, depends on an older root.
    pub(crate) outdated: bool,
}

impl KeyRow {
    /// Reads a row and verifies its tag.
    pub(crate) fn verified(row: &Row, mac: &RowMac) -> Result<Self, RowRefusal> {
        let mut key = Self::parse(row).ok_or(RowRefusal::Unreadable)?;
        let tag = row.blob(10).map_err(|_| RowRefusal::Unreadable)?;
        mac.verify(&key.fields(), tag)?;
        key.outdated = mac.is_outdated(tag);
        Ok(key)
    }

    fn parse(row: &Row) -> Option<Self> {
        let usage = row.text(4).ok()?;
        let key = Self {
            id: KeyId::parse(row.text(0).ok()?).ok()?,
            hsm: ManagerId::parse(row.text(1).ok()?).ok()?,
            name: Name::parse(row.text(2).ok()?).ok()?,
            front: [Front::Xks]
                .into_iter()
                .find(|front| row.text(3).is_ok_and(|text| text == front.as_str()))?,
            usage: usage.parse().ok()?,
            canary: row.boolean(5).ok()?,
            created: Timestamp::from_micros(row.unsigned(6).ok()?),
            state: KeyState::parse(row.text(7).ok()?)?,
            deletion: match row.opt_int(11).ok()? {
                None => None,
                Some(_) => Some(Timestamp::from_micros(row.unsigned(11).ok()?)),
            },
            versions: row
                .text(8)
                .ok()?
                .split(',')
                .map(parse_tag)
                .collect::<Option<_>>()?,
            generation: row.unsigned(9).ok()?,
            outdated: false,
        };
        // One value, one text: a row that we did not write byte for byte is not ours.
        let as_written = usage == key.usage.as_str() && row.text(8).is_ok_and(|text| text == key.list());
        let is_pending = key.state == KeyState::PendingDeletion;
        (as_written && key.deletion.is_some() == is_pending).then_some(key)
    }

    fn fields(&self) -> Fields {
        let fields = Fields::new(tables::KEY)
            .number(if self.deletion.is_some() { 2 } else { 1 })
            .text(self.id.as_str())
            .text(self.hsm.as_str())
            .text(self.name.as_str())
            .text(self.front.as_str())
            .text(self.usage.as_str())
            .number(self.canary.into())
            .number(self.created.as_micros())
            .text(self.state.as_str())
            .text(&self.list())
            .number(self.generation);
        match self.deletion {
            None => fields,
            Some(at) => fields.number(at.as_micros()),
        }
    }

    fn list(&self) -> String {
        let tags: Vec<String> = self.versions.iter().map(ToString::to_string).collect();
        tags.join(",")
    }

    /// What the envelope around a version's key is bound to: everything immutable about both.
    pub(crate) fn version_context(&self, version: &VersionRow) -> Fields {
        Fields::new("strongroom virtual hsm key version")
            .number(1)
            .text(self.hsm.as_str())
            .text(self.id.as_str())
            .text(self.front.as_str())
            .text(self.usage.as_str())
            .number(self.canary.into())
            .number(self.created.as_micros())
            .bytes(&version.tag.0)
            .text(version.algorithm.as_str())
            .text(FRAMING)
            .bytes(&version.fingerprint)
            .number(version.created.as_micros())
    }

    pub(crate) async fn insert(&self, to: &mut Transaction, mac: &RowMac) -> Result<(), KeyManagerError> {
        let (versions, tag) = (self.list(), mac.tag(&self.fields()));
        let values = [
            self.id.as_str().into(),
            self.hsm.as_str().into(),
            self.name.as_str().into(),
            self.front.as_str().into(),
            self.usage.as_str().into(),
            self.canary.into(),
            self.created.as_micros().into(),
            self.state.as_str().into(),
            (&versions).into(),
            self.generation.into(),
            (&tag).into(),
        ];
        to.execute(tables::INSERT_KEY, &values)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    pub(crate) async fn update(&self, to: &mut Transaction, mac: &RowMac) -> Result<(), KeyManagerError> {
        let (versions, tag) = (self.list(), mac.tag(&self.fields()));
        let values = [
            self.id.as_str().into(),
            self.state.as_str().into(),
            (&versions).into(),
            self.generation.into(),
            (&tag).into(),
            self.deletion.map(Timestamp::as_micros).into(),
        ];
        to.execute(tables::UPDATE_KEY, &values)
            .await
            .map_err(error::store)?;
        Ok(())
    }
}

/// A row of `virtual_hsm_key_version`. Immutable: authenticated by its envelope alone.
#[derive(Clone)]
pub(crate) struct VersionRow {
    pub(crate) key: String,
    pub(crate) tag: VersionTag,
    pub(crate) algorithm: Algorithm,
    pub(crate) fingerprint: [u8; 8],
    pub(crate) created: Timestamp,
    pub(crate) sealed: Vec<u8>,
}

impl VersionRow {
    pub(crate) fn parse(row: &Row) -> Option<Self> {
        let framing = row.text(3).ok()?;
        let version = Self {
            key: row.text(0).ok()?.to_owned(),
            tag: parse_tag(row.text(1).ok()?)?,
            algorithm: [Algorithm::Xaes256Gcm]
                .into_iter()
                .find(|algorithm| row.text(2).is_ok_and(|text| text == algorithm.as_str()))?,
            fingerprint: row.array(4).ok()?,
            created: Timestamp::from_micros(row.unsigned(5).ok()?),
            sealed: row.blob(6).ok()?.to_vec(),
        };
        (framing == FRAMING).then_some(version)
    }

    pub(crate) async fn insert(&self, to: &mut Transaction) -> Result<(), KeyManagerError> {
        let tag = self.tag.to_string();
        let values = [
            (&self.key).into(),
            (&tag).into(),
            self.algorithm.as_str().into(),
            FRAMING.into(),
            (&self.fingerprint).into(),
            self.created.as_micros().into(),
            (&self.sealed).into(),
        ];
        to.execute(tables::INSERT_VERSION, &values)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    pub(crate) async fn reseal(&self, to: &mut Transaction) -> Result<(), KeyManagerError> {
        let tag = self.tag.to_string();
        let values = [(&self.key).into(), (&tag).into(), (&self.sealed).into()];
        to.execute(tables::RESEAL_VERSION, &values)
            .await
            .map_err(error::store)?;
        Ok(())
    }
}

/// A version tag as stored: 8 lower-case hexadecimal digits.
fn parse_tag(text: &str) -> Option<VersionTag> {
    let tag = VersionTag(crypto::unhex(text)?.try_into().ok()?);
    (tag.to_string() == text).then_some(tag)
}
