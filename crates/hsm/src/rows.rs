//! The rows as values: read, verified, tagged, written.

pub(crate) mod version;

use std::collections::BTreeMap;

use ambient::Timestamp;
use crypto::Fields;
use key_manager::{Front, KeyId, KeyManagerError, KeyState, KeyUsage, ManagerId, Name, VersionTag};
use seal::{RowMac, RowRefusal};
use store::{Row, Transaction};

pub(crate) use version::VersionRow;

use crate::{error, tables};

/// A row of `hsm`.
#[derive(Clone)]
pub(crate) struct HsmRow {
    pub(crate) id: ManagerId,
    pub(crate) name: Name,
    pub(crate) created: Timestamp,
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
        let tag = row.blob(5).map_err(|_| RowRefusal::Unreadable)?;
        // Over the manifest as it is stored: two texts may read as one manifest.
        mac.verify(&hsm.fields(manifest), tag)?;
        hsm.outdated = mac.is_outdated(tag);
        Ok(hsm)
    }

    fn parse(row: &Row) -> Option<(Self, &str)> {
        let manifest = row.text(3).ok()?;
        let hsm = Self {
            id: ManagerId::parse(row.text(0).ok()?).ok()?,
            name: Name::parse(row.text(1).ok()?).ok()?,
            created: Timestamp::from_micros(row.unsigned(2).ok()?),
            manifest: Manifest::parse(manifest)?,
            generation: row.unsigned(4).ok()?,
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
            .text(manifest)
            .number(self.generation)
    }

    pub(crate) async fn insert(&self, to: &mut Transaction, mac: &RowMac) -> Result<(), KeyManagerError> {
        let manifest = self.manifest.text();
        let tag = mac.tag(&self.fields(&manifest));
        let values = [
            self.id.as_str().into(),
            self.name.as_str().into(),
            self.created.as_micros().into(),
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
        let values = [
            self.id.as_str().into(),
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

/// Where a key is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// It is a key.
    Is(KeyState),
    /// It was destroyed; some token may still hold an object of it.
    Destroyed,
}

impl Stage {
    const DESTROYED: &'static str = "destroyed";

    const fn as_str(self) -> &'static str {
        match self {
            Self::Is(state) => state.as_str(),
            Self::Destroyed => Self::DESTROYED,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if text == Self::DESTROYED {
            return Some(Self::Destroyed);
        }
        KeyState::parse(text).map(Self::Is)
    }
}

/// A row of `hsm_key`.
#[derive(Clone)]
pub(crate) struct KeyRow {
    pub(crate) id: KeyId,
    pub(crate) hsm: ManagerId,
    pub(crate) name: Name,
    pub(crate) front: Front,
    pub(crate) usage: KeyUsage,
    pub(crate) created: Timestamp,
    pub(crate) stage: Stage,
    /// When it will be destroyed, while it is pending deletion.
    pub(crate) deletion: Option<Timestamp>,
    /// Its versions with the encryptions reserved, the one that encrypts first. A key without any is
    /// not born yet.
    pub(crate) versions: Vec<(VersionTag, u64)>,
    /// A version whose objects are being made, or are to be destroyed again.
    pub(crate) making: Option<VersionTag>,
    /// Names of tokens that may hold objects which are to be destroyed: all of a destroyed key's, or
    /// those of `making`.
    pub(crate) remaining: Vec<String>,
    pub(crate) generation: u64,
    /// Its tag, as it was read, depends on an older root.
    pub(crate) outdated: bool,
}

impl KeyRow {
    /// Reads a row and verifies its tag.
    pub(crate) fn verified(row: &Row, mac: &RowMac) -> Result<Self, RowRefusal> {
        let mut key = Self::parse(row).ok_or(RowRefusal::Unreadable)?;
        let tag = row.blob(12).map_err(|_| RowRefusal::Unreadable)?;
        mac.verify(&key.fields(), tag)?;
        key.outdated = mac.is_outdated(tag);
        Ok(key)
    }

    fn parse(row: &Row) -> Option<Self> {
        let (usage, versions, remaining) = (row.text(4).ok()?, row.text(8).ok()?, row.text(10).ok()?);
        let deletion = match row.opt_int(7).ok()? {
            Some(at) => Some(Timestamp::from_micros(u64::try_from(at).ok()?)),
            None => None,
        };
        let making = match row.opt_text(9).ok()? {
            Some(tag) => Some(parse_tag(tag)?),
            None => None,
        };
        let key = Self {
            id: KeyId::parse(row.text(0).ok()?).ok()?,
            hsm: ManagerId::parse(row.text(1).ok()?).ok()?,
            name: Name::parse(row.text(2).ok()?).ok()?,
            front: front(row.text(3).ok()?)?,
            usage: usage.parse().ok()?,
            created: Timestamp::from_micros(row.unsigned(5).ok()?),
            stage: Stage::parse(row.text(6).ok()?)?,
            deletion,
            versions: split(versions).map(parse_version).collect::<Option<_>>()?,
            making,
            remaining: split(remaining).map(ToOwned::to_owned).collect(),
            generation: row.unsigned(11).ok()?,
            outdated: false,
        };
        // One value, one text: a row that we did not write byte for byte is not ours.
        let as_written =
            usage == key.usage.as_str() && versions == key.list() && remaining == key.remaining.join(",");
        as_written.then_some(key)
    }

    fn fields(&self) -> Fields {
        let deletion = self.deletion.map(|at| at.as_micros().to_be_bytes());
        Fields::new(tables::KEY)
            .number(1)
            .text(self.id.as_str())
            .text(self.hsm.as_str())
            .text(self.name.as_str())
            .text(self.front.as_str())
            .text(self.usage.as_str())
            .number(self.created.as_micros())
            .text(self.stage.as_str())
            .optional(deletion.as_ref().map(<[u8; 8]>::as_slice))
            .text(&self.list())
            .optional(self.making.as_ref().map(|tag| tag.0.as_slice()))
            .text(&self.remaining.join(","))
            .number(self.generation)
    }

    fn list(&self) -> String {
        let text = |(tag, reserved): &(VersionTag, u64)| format!("{tag}/{reserved}");
        self.versions.iter().map(text).collect::<Vec<_>>().join(",")
    }

    /// Whether it has a version and was not destroyed.
    pub(crate) fn lives(&self) -> bool {
        !self.versions.is_empty() && self.stage != Stage::Destroyed
    }

    pub(crate) async fn insert(&self, to: &mut Transaction, mac: &RowMac) -> Result<(), KeyManagerError> {
        let (versions, tag) = (self.list(), mac.tag(&self.fields()));
        let (making, remaining) = (self.making.map(|tag| tag.to_string()), self.remaining.join(","));
        let values = [
            self.id.as_str().into(),
            self.hsm.as_str().into(),
            self.name.as_str().into(),
            self.front.as_str().into(),
            self.usage.as_str().into(),
            self.created.as_micros().into(),
            self.stage.as_str().into(),
            self.deletion.map(Timestamp::as_micros).into(),
            (&versions).into(),
            making.as_ref().into(),
            (&remaining).into(),
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
        let (making, remaining) = (self.making.map(|tag| tag.to_string()), self.remaining.join(","));
        let values = [
            self.id.as_str().into(),
            self.stage.as_str().into(),
            self.deletion.map(Timestamp::as_micros).into(),
            (&versions).into(),
            making.as_ref().into(),
            (&remaining).into(),
            self.generation.into(),
            (&tag).into(),
        ];
        to.execute(tables::UPDATE_KEY, &values)
            .await
            .map_err(error::store)?;
        Ok(())
    }
}

fn front(text: &str) -> Option<Front> {
    [Front::Xks].into_iter().find(|front| front.as_str() == text)
}

/// The parts of a list; an empty text is an empty list.
fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(move |_| !text.is_empty())
}

fn parse_version(text: &str) -> Option<(VersionTag, u64)> {
    let (tag, reserved) = text.split_once('/')?;
    Some((parse_tag(tag)?, reserved.parse().ok()?))
}

/// A version tag as stored: 8 lower-case hexadecimal digits.
fn parse_tag(text: &str) -> Option<VersionTag> {
    let tag = VersionTag(crypto::unhex(text)?.try_into().ok()?);
    (tag.to_string() == text).then_some(tag)
}
