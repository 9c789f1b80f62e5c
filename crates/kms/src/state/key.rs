//! A KMS key in memory, with all that belongs to it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use ambient::Timestamp;
use crypto::{Fields, Key256, XaesKey};
use iam::Policy;
use kms_api::{KeyArn, UsageOperation};

use super::grant::Grant;
use super::record::{GrantPrincipal, KeyRecord, MaterialRecord};

/// A KMS key. A change replaces it as a whole, so that whoever holds one sees it as it was; its
/// parts are shared.
#[derive(Clone)]
pub(crate) struct Key {
    /// `arn:aws:kms:region:account:key/id`.
    pub(crate) arn: Arc<str>,
    /// The same in its parts.
    pub(crate) name: KeyArn,
    /// What outlives the process.
    pub(crate) record: Arc<KeyRecord>,
    /// The key policy, ready to evaluate; `None` if it is none, and then nobody may use the key.
    pub(crate) policy: Option<Arc<Policy>>,
    /// Every generation of the key's own material that was not refused, the oldest first.
    pub(crate) materials: Arc<Vec<Arc<Material>>>,
    /// Names of the aliases that lead here, with their `alias/`.
    pub(crate) aliases: Arc<BTreeSet<String>>,
    /// Grants on the key.
    pub(crate) grants: Arc<Grants>,
    /// What it was used for last.
    pub(crate) usage: Arc<LastUsage>,
    /// Encryptions of its key object so far, those included that may not have been made.
    pub(crate) encryptions: Arc<AtomicU64>,
}

impl Key {
    /// The material that encrypts.
    pub(crate) fn current_material(&self) -> Option<&Arc<Material>> {
        self.materials.last()
    }

    /// The material that a ciphertext names.
    pub(crate) fn material(&self, id: &MaterialId) -> Option<&Arc<Material>> {
        self.materials.iter().rev().find(|material| material.id == *id)
    }
}

/// The name of one generation of key material: 32 random bytes, shown as 64 hexadecimal digits
/// (`BackingKeyIdType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct MaterialId(pub(crate) [u8; 32]);

impl MaterialId {
    /// From its text; one id has one text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let id = Self(crypto::unhex(text)?.try_into().ok()?);
        (crypto::hex(&id.0) == text).then_some(id)
    }
}

impl std::fmt::Display for MaterialId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&crypto::hex(&self.0))
    }
}

/// One generation of a key's own material, ready to compute with.
pub(crate) struct Material {
    pub(crate) id: MaterialId,
    pub(crate) record: MaterialRecord,
    pub(crate) cipher: XaesKey,
}

impl Material {
    /// Makes the material ready.
    pub(crate) fn new(id: MaterialId, record: MaterialRecord, key: &Key256) -> Self {
        let cipher = key.xaes();
        Self { id, record, cipher }
    }

    /// What the material's envelope is bound to: its key and its place among the key's generations.
    /// (How it came to be is under the row's tag.)
    pub(crate) fn context(key_arn: &str, record: &MaterialRecord) -> Fields {
        Fields::new("strongroom kms key material v1")
            .text(key_arn)
            .text(&record.id)
            .number(record.sequence.into())
            .number(record.created)
    }
}

/// The grants on one key.
#[derive(Clone, Default)]
pub(crate) struct Grants {
    by_id: BTreeMap<String, Arc<Grant>>,
    by_grantee: HashMap<GrantPrincipal, BTreeSet<String>>,
}

impl Grants {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// By grant id.
    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Grant>> {
        self.by_id.get(id)
    }

    /// All of them, by grant id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Grant>> {
        self.by_id.values()
    }

    /// Those whose id comes after `marker`.
    pub(crate) fn after(&self, marker: Option<&str>) -> impl Iterator<Item = &Arc<Grant>> {
        super::page::after(&self.by_id, marker).map(|(_, grant)| grant)
    }

    /// Those whose grantee is exactly this principal.
    pub(crate) fn of_grantee(&self, grantee: &GrantPrincipal) -> impl Iterator<Item = &Arc<Grant>> {
        let ids = self.by_grantee.get(grantee).into_iter().flatten();
        ids.filter_map(|id| self.by_id.get(id))
    }

    pub(super) fn put(&mut self, grant: Arc<Grant>) {
        let record = &grant.record;
        self.remove(&record.id);
        let ids = self.by_grantee.entry(record.grantee.clone()).or_default();
        ids.insert(record.id.clone());
        self.by_id.insert(record.id.clone(), grant);
    }

    pub(super) fn remove(&mut self, id: &str) {
        let Some(grant) = self.by_id.remove(id) else {
            return;
        };
        if let Some(ids) = self.by_grantee.get_mut(&grant.record.grantee) {
            ids.remove(id);
            if ids.is_empty() {
                self.by_grantee.remove(&grant.record.grantee);
            }
        }
    }
}

/// The last successful cryptographic operation with a key (`GetKeyLastUsage`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) operation: UsageOperation,
    pub(crate) at: Timestamp,
    /// Of the CloudTrail record.
    pub(crate) event_id: String,
    pub(crate) request_id: String,
}

/// Where a key's last use is kept; written to the database behind the requests.
#[derive(Default)]
pub(crate) struct LastUsage(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    last: Option<Usage>,
    written: bool,
}

impl LastUsage {
    /// What the database says at a start.
    pub(super) fn stored(usage: Usage) -> Self {
        Self(Mutex::new(Noted {
            last: Some(usage),
            written: true,
        }))
    }

    /// Notes a use; an earlier one than is known changes nothing.
    pub(crate) fn note(&self, usage: Usage) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.last.as_ref().is_none_or(|last| last.at <= usage.at) {
            noted.last = Some(usage);
            noted.written = false;
        }
    }

    /// The last use.
    pub(crate) fn get(&self) -> Option<Usage> {
        let noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.last.clone()
    }

    /// What the database does not have yet; it is taken to have it from now on.
    pub(super) fn take_unwritten(&self) -> Option<Usage> {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unwritten = (!noted.written).then(|| noted.last.clone()).flatten();
        noted.written = true;
        unwritten
    }

    /// Takes [`Self::take_unwritten`] back after a failure.
    pub(super) fn put_back(&self) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.written = false;
    }
}
