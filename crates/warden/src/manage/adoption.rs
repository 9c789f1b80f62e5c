//! Key objects of an HSM that become keys.

use std::sync::Arc;

use key_manager::framing::Format;
use key_manager::{
    AdoptedKey, EncryptWith, Framing, Front, KeyId, KeyUsage, KeyVersion, Legacy, NewKey, ObjectName, Opened,
};

use super::keys::{check_free, key_view, own_name};
use crate::view::KeyView;
use crate::{Actor, Change, ManageError, Warden};

/// An object of an HSM that is to become a key.
#[derive(Clone, Debug)]
pub struct AdoptedObject {
    /// What people will call the key.
    pub name: String,
    /// What it may be used for; fixed for good.
    pub usage: KeyUsage,
    /// What it is called in the HSM.
    pub object: ObjectName,
    /// What another product encrypted with it, if that must still decrypt.
    pub legacy: Option<Legacy>,
    /// What encrypts from now on.
    pub encrypt_with: EncryptWith,
}

impl Warden {
    /// Takes over a key object that exists in an HSM, enabled.
    pub async fn adopt_key(
        self: &Arc<Self>,
        actor: &Actor,
        key_manager: &str,
        new: AdoptedObject,
    ) -> Result<KeyView, ManageError> {
        let name = own_name(&new.name)?;
        check_adoption(&new)?;
        let opened = self.directory.load().find_manager(key_manager).cloned();
        let opened = opened.ok_or_else(|| ManageError::not_found("key manager", key_manager))?;
        let id = KeyId::generate(&*self.random)?;
        let change = adoption(&opened, &id, &new);
        self.change(actor, change, move |warden, change| async move {
            check_free(&opened, &name)?;
            let key = NewKey {
                id,
                name,
                front: Front::Xks,
                usage: new.usage,
            };
            let adopted = opened.lifecycle.adopt(AdoptedKey {
                key,
                object: new.object,
                legacy: new.legacy,
                encrypt_with: new.encrypt_with,
            });
            let key = adopted.await?;
            warden.edit(&change).await?.commit().await?;
            Ok(key_view(&warden.directory.load(), &opened, &key))
        })
        .await
    }
}

/// What no key manager could make sense of.
fn check_adoption(new: &AdoptedObject) -> Result<(), ManageError> {
    let invalid = |why: &str| Err(ManageError::Invalid(why.to_owned()));
    if new.object.label.is_none() && new.object.id.is_none() {
        return invalid("an object is adopted by its label, its id, or both");
    }
    if let Some(legacy) = &new.legacy {
        if Format::of(&legacy.metadata) != Format::Legacy {
            return invalid(
                "metadata of 17 bytes that begin with 01, or of 5 that begin with 02, are Strongroom's own \
                 formats: no other product's ciphertext can be told by them",
            );
        }
        if legacy.framing == Framing::Raw && !legacy.metadata.as_bytes().is_empty() {
            return invalid("the framing danger_raw has no place for metadata");
        }
        if legacy.framing == Framing::Raw && new.encrypt_with != EncryptWith::NewObject {
            return invalid(
                "with the framing danger_raw the old object would decrypt new ciphertexts under another AAD: let a \
                 new object encrypt",
            );
        }
    }
    match new.encrypt_with {
        EncryptWith::NewObject if new.legacy.is_none() => invalid(
            "with a new object to encrypt with, and no legacy framing by which the old one decrypts, nothing would \
             use the old one: create a key instead",
        ),
        EncryptWith::SameObject { count_from } if count_from > KeyVersion::MAX_ENCRYPTIONS => {
            invalid("an object has done at most 2^32 encryptions: adopt it with a new object to encrypt with")
        }
        _ => Ok(()),
    }
}

fn adoption(opened: &Opened, id: &KeyId, new: &AdoptedObject) -> Change {
    let (encrypt_with, count_from) = match new.encrypt_with {
        EncryptWith::NewObject => ("new-object", None),
        EncryptWith::SameObject { count_from } => ("same-object", Some(count_from)),
    };
    Change::AdoptKey {
        key_manager: opened.description.id.to_string(),
        key: id.to_string(),
        name: new.name.clone(),
        usage: new.usage.as_str().to_owned(),
        label: new.object.label.clone(),
        object_id: new.object.id.as_deref().map(crypto::hex),
        legacy_framing: new.legacy.map(|legacy| legacy.framing.as_str().to_owned()),
        legacy_metadata: new.legacy.map(|legacy| crypto::hex(legacy.metadata.as_bytes())),
        encrypt_with: encrypt_with.to_owned(),
        count_from,
    }
}
