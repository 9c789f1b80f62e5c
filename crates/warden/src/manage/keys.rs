//! Key managers and keys.

use std::sync::Arc;

use key_manager::{
    Front, KeyDescription, KeyId, KeyState, KeyUsage, KeyVersion, ManagerId, Name, NewKey, Opened,
};

use crate::directory::FindKey;
use crate::manifest::Noted;
use crate::settle::encrypting_version;
use crate::view::{KeyManagerView, KeyVersionView, KeyView};
use crate::{Actor, Change, ChangeId, Directory, ManageError, Warden};

impl Warden {
    /// Makes a key manager of a kind that is configured (e.g. `virtual-hsm`).
    pub async fn create_key_manager(
        self: &Arc<Self>,
        actor: &Actor,
        kind: &str,
        name: &str,
    ) -> Result<KeyManagerView, ManageError> {
        let name = own_name(name)?;
        let provider = self.providers.iter().find(|provider| provider.kind() == kind);
        let provider = provider
            .cloned()
            .ok_or_else(|| ManageError::not_found("kind of key manager", kind))?;
        let id = ManagerId::generate(&*self.random)?;
        let change = Change::CreateKeyManager {
            key_manager: id.to_string(),
            kind: kind.to_owned(),
            name: name.to_string(),
        };
        self.change(actor, change, |warden, change| async move {
            if warden.directory.load().find_manager(name.as_str()).is_some() {
                return Err(ManageError::Exists {
                    what: "key manager",
                    name: name.to_string(),
                });
            }
            let opened = provider.create(id, name).await?;
            // There from now on, whatever happens below.
            warden.add_manager(opened.clone());
            warden.edit(&change).await?.commit().await?;
            // Or it would be called unavailable until the next round of probes.
            warden.probe_manager(&opened.manager).await;
            Ok(warden.manager_view(&opened))
        })
        .await
    }

    /// All key managers, by name.
    pub fn key_managers(&self) -> Vec<KeyManagerView> {
        let directory = self.directory.load();
        let mut all: Vec<_> = directory
            .managers
            .values()
            .map(|opened| self.manager_view(opened))
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Makes a key in a key manager, with fresh key bytes, enabled.
    pub async fn create_key(
        self: &Arc<Self>,
        actor: &Actor,
        key_manager: &str,
        name: &str,
        usage: KeyUsage,
    ) -> Result<KeyView, ManageError> {
        let name = own_name(name)?;
        let opened = self.directory.load().find_manager(key_manager).cloned();
        let opened = opened.ok_or_else(|| ManageError::not_found("key manager", key_manager))?;
        let id = KeyId::generate(&*self.random)?;
        let change = Change::CreateKey {
            key_manager: opened.description.id.to_string(),
            key: id.to_string(),
            name: name.to_string(),
            usage: usage.as_str().to_owned(),
        };
        self.change(actor, change, move |warden, change| async move {
            check_free(&opened, &name)?;
            let key = opened
                .lifecycle
                .create(NewKey {
                    id,
                    name,
                    front: Front::Xks,
                    usage,
                })
                .await?;
            warden.edit(&change).await?.commit().await?;
            Ok(key_view(&warden.directory.load(), &opened, &key))
        })
        .await
    }

    /// Makes a new version of a key, which encrypts from now on; older ones go on decrypting. A disabled
    /// key may be rotated: who fears for it disables it first.
    pub async fn rotate_key(
        self: &Arc<Self>,
        actor: &Actor,
        reference: &str,
    ) -> Result<KeyView, ManageError> {
        let (opened, key) = self.found_key(reference)?;
        let change = Change::RotateKey {
            key_manager: opened.description.id.to_string(),
            key: key.id.to_string(),
            from_version: encrypting_version(&key).unwrap_or_default(),
        };
        let id = key.id.clone();
        self.change(actor, change, move |warden, change| async move {
            warden.check_not_ending(&key)?;
            opened.lifecycle.rotate(key.id.clone()).await?;
            warden.edit(&change).await?.commit().await
        })
        .await?;
        self.key(id.as_str())
    }

    /// All keys, of one key manager or of all, by key manager and name.
    pub fn keys(&self, key_manager: Option<&str>) -> Result<Vec<KeyView>, ManageError> {
        let directory = self.directory.load();
        let managers: Vec<&Opened> = match key_manager {
            None => directory.managers.values().collect(),
            Some(reference) => {
                let found = directory.find_manager(reference);
                vec![found.ok_or_else(|| ManageError::not_found("key manager", reference))?]
            }
        };
        let of = |opened: &Opened| {
            let keys = opened.lifecycle.list();
            keys.into_iter()
                .map(|key| key_view(&directory, opened, &key))
                .collect::<Vec<_>>()
        };
        let mut all: Vec<_> = managers.into_iter().flat_map(of).collect();
        all.sort_by(|a, b| (&a.key_manager_name, &a.name).cmp(&(&b.key_manager_name, &b.name)));
        Ok(all)
    }

    /// One key, by id or name.
    pub fn key(&self, reference: &str) -> Result<KeyView, ManageError> {
        let directory = self.directory.load();
        let (opened, key) = find_key(&directory, reference)?;
        Ok(key_view(&directory, opened, &key))
    }

    /// Enables or disables a key that is not pending deletion. A disabled key is in force for every answer
    /// not yet released.
    pub async fn set_key_state(
        self: &Arc<Self>,
        actor: &Actor,
        reference: &str,
        state: KeyState,
    ) -> Result<KeyView, ManageError> {
        let (opened, key) = self.found_key(reference)?;
        let change = Change::SetKeyState {
            key_manager: opened.description.id.to_string(),
            key: key.id.to_string(),
            state: state.as_str().to_owned(),
        };
        let id = key.id.clone();
        self.change(actor, change, move |warden, change| async move {
            warden.check_not_ending(&key)?;
            let disabled = Some(Noted::Disabled);
            // What disables comes first, so that a crash in between leaves the key disabled.
            if state != KeyState::Enabled {
                opened.lifecycle.set_state(key.id.clone(), state).await?;
                return warden.note_key(&change, &key.id, disabled).await;
            }
            warden.note_key(&change, &key.id, None).await?;
            let set = opened.lifecycle.set_state(key.id.clone(), state).await;
            if set.is_err() {
                // Not enabled after all: an older state put back would go unseen.
                warden.note_key(&change, &key.id, disabled).await?;
            }
            Ok(set.map(drop)?)
        })
        .await?;
        self.key(id.as_str())
    }

    /// Notes what was done to a key, in the manifest; `None` if it was enabled.
    pub(super) async fn note_key(
        &self,
        change: &ChangeId,
        key: &KeyId,
        noted: Option<Noted>,
    ) -> Result<(), ManageError> {
        let mut edit = self.edit(change).await?;
        edit.note_key(key, noted);
        edit.commit().await
    }

    /// Refuses what is not done to a key any more once its end was decided.
    fn check_not_ending(&self, key: &KeyDescription) -> Result<(), ManageError> {
        let directory = self.directory.load();
        let (id, name) = (&key.id, &key.name);
        if directory.noted.get(id) == Some(&Noted::Destroyed) {
            let why = "was destroyed, and an earlier state of it was put back: it can only be deleted again";
            return Err(ManageError::State(format!("the key {name} ({id}) {why}")));
        }
        if directory.state_of(key) == KeyState::PendingDeletion {
            let next = "cancel that first, with `strongroom key undelete`";
            return Err(ManageError::State(format!(
                "the key {name} ({id}) is pending deletion: {next}"
            )));
        }
        Ok(())
    }

    pub(super) fn found_key(&self, reference: &str) -> Result<(Opened, Arc<KeyDescription>), ManageError> {
        let directory = self.directory.load();
        let (opened, key) = find_key(&directory, reference)?;
        Ok((opened.clone(), key))
    }

    pub(crate) fn manager_view(&self, opened: &Opened) -> KeyManagerView {
        let now = self.clerk.clock.moment();
        let house = self.house_is_well(now);
        let instances = self.of_manager(&opened.manager, house, now);
        KeyManagerView {
            id: opened.description.id.to_string(),
            name: opened.description.name.to_string(),
            kind: opened.description.kind.to_owned(),
            created: opened.description.created.to_string(),
            keys: opened.lifecycle.list().len(),
            instances: instances.into_iter().map(Into::into).collect(),
        }
    }
}

/// A name for something new. It must not look like an id, for things are called by either.
pub(super) fn own_name(name: &str) -> Result<Name, ManageError> {
    let looks_like_an_id = ["ks-", "ekm-", "key-"].iter().any(|prefix| {
        let digits = name.strip_prefix(prefix);
        digits.is_some_and(|digits| digits.len() == 24 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
    });
    if looks_like_an_id {
        return Err(ManageError::Invalid(format!(
            "the name {name} looks like an id: choose another"
        )));
    }
    Ok(Name::parse(name)?)
}

/// Refuses a name that a key of this key manager has already.
pub(super) fn check_free(opened: &Opened, name: &Name) -> Result<(), ManageError> {
    if opened.lifecycle.list().iter().any(|key| key.name == *name) {
        return Err(ManageError::Exists {
            what: "key",
            name: name.to_string(),
        });
    }
    Ok(())
}

pub(super) fn find_key<'a>(
    directory: &'a Directory,
    reference: &str,
) -> Result<(&'a Opened, Arc<KeyDescription>), ManageError> {
    directory.find_key(reference).map_err(|error| match error {
        FindKey::Unknown => ManageError::not_found("key", reference),
        FindKey::Ambiguous => ManageError::Ambiguous {
            name: reference.to_owned(),
        },
    })
}

pub(super) fn key_view(directory: &Directory, opened: &Opened, key: &KeyDescription) -> KeyView {
    let bindings = directory.key_stores().flat_map(|store| {
        let own = store.bindings.values().filter(|binding| binding.key == key.id);
        own.map(|binding| format!("{}/{}", store.id, binding.external_key_id))
    });
    let mut bindings: Vec<_> = bindings.collect();
    bindings.sort();
    KeyView {
        id: key.id.to_string(),
        name: key.name.to_string(),
        key_manager: opened.description.id.to_string(),
        key_manager_name: opened.description.name.to_string(),
        key_manager_kind: opened.description.kind.to_owned(),
        usage: key.usage.as_str().to_owned(),
        state: directory.state_of(key).as_str().to_owned(),
        created: key.created.to_string(),
        deletion: directory.deletion_of(key).map(|at| at.to_string()),
        versions: key.versions.iter().map(version_view).collect(),
        bindings,
    }
}

fn version_view(version: &KeyVersion) -> KeyVersionView {
    KeyVersionView {
        tag: version.tag.to_string(),
        algorithm: version.algorithm.as_str().to_owned(),
        framing: version.framing.as_str().to_owned(),
        fingerprint: version.fingerprint.map(|fingerprint| fingerprint.to_string()),
        object: version.object.clone(),
        legacy_metadata: version.legacy.map(|metadata| crypto::hex(metadata.as_bytes())),
        encryptions: version.encryptions,
        created: version.created.to_string(),
    }
}
