//! Key managers and keys.

use std::sync::Arc;

use key_manager::{Front, KeyDescription, KeyId, KeyState, KeyUsage, ManagerId, Name, NewKey, Opened};

use crate::directory::FindKey;
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
            if opened.lifecycle.list().iter().any(|key| key.name == name) {
                return Err(ManageError::Exists {
                    what: "key",
                    name: name.to_string(),
                });
            }
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

    /// Enables or disables a key. A disabled key is in force for every answer not yet released.
    pub async fn set_key_state(
        self: &Arc<Self>,
        actor: &Actor,
        reference: &str,
        state: KeyState,
    ) -> Result<KeyView, ManageError> {
        let (opened, key) = {
            let directory = self.directory.load();
            let (opened, key) = find_key(&directory, reference)?;
            (opened.clone(), key)
        };
        let change = Change::SetKeyState {
            key_manager: opened.description.id.to_string(),
            key: key.id.to_string(),
            state: state.as_str().to_owned(),
        };
        let id = key.id.clone();
        self.change(actor, change, move |warden, change| async move {
            // What disables comes first, so that a crash in between leaves the key disabled.
            if state == KeyState::Disabled {
                opened.lifecycle.set_state(key.id.clone(), state).await?;
                warden.note_key_state(&change, &key.id, state).await
            } else {
                warden.note_key_state(&change, &key.id, state).await?;
                let set = opened.lifecycle.set_state(key.id.clone(), state).await;
                if set.is_err() {
                    // Not enabled after all: an older state put back would go unseen.
                    warden
                        .note_key_state(&change, &key.id, KeyState::Disabled)
                        .await?;
                }
                Ok(set.map(drop)?)
            }
        })
        .await?;
        self.key(id.as_str())
    }

    async fn note_key_state(
        &self,
        change: &ChangeId,
        key: &KeyId,
        state: KeyState,
    ) -> Result<(), ManageError> {
        let mut edit = self.edit(change).await?;
        edit.key_state(key, state);
        edit.commit().await
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

fn key_view(directory: &Directory, opened: &Opened, key: &KeyDescription) -> KeyView {
    let bindings = directory.key_stores().flat_map(|store| {
        let own = store.bindings.values().filter(|binding| binding.key == key.id);
        own.map(|binding| format!("{}/{}", store.id, binding.external_key_id))
    });
    let mut bindings: Vec<_> = bindings.collect();
    bindings.sort();
    let versions = key.versions.iter().map(|version| KeyVersionView {
        tag: version.tag.to_string(),
        algorithm: version.algorithm.as_str().to_owned(),
        fingerprint: version.fingerprint.map(|fingerprint| fingerprint.to_string()),
        created: version.created.to_string(),
    });
    KeyView {
        id: key.id.to_string(),
        name: key.name.to_string(),
        key_manager: opened.description.id.to_string(),
        key_manager_name: opened.description.name.to_string(),
        usage: key.usage.as_str().to_owned(),
        state: directory.state_of(key).as_str().to_owned(),
        created: key.created.to_string(),
        versions: versions.collect(),
        bindings,
    }
}
