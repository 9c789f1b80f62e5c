//! Key objects that exist, taken over as they are.

use key_manager::framing::Format;
use key_manager::{
    AdoptedKey, Algorithm, EncryptWith, Framing, KeyId, KeyManagerError, KeyVersion, Legacy, ObjectName,
    VersionTag,
};
use pkcs11::{KeyObject, ObjectSelector, Token};

use crate::change::{Cause, Edit};
use crate::error;
use crate::fleet::Member;
use crate::lifecycle::fresh_tag;
use crate::manager::Inner;
use crate::objects;
use crate::rows::{KeyRow, VersionRow};

fn unsuitable<T>(why: impl Into<String>) -> Result<T, KeyManagerError> {
    Err(KeyManagerError::NotSuitable(why.into()))
}

/// An object on every token.
struct Found<'a> {
    name: ObjectName,
    on: Vec<(&'a Member, Token, u64, KeyObject)>,
}

impl Inner {
    pub(crate) async fn adopt(&self, adopted: AdoptedKey) -> Result<(), KeyManagerError> {
        let _one_act_at_a_time = self.acting.lock().await;
        let AdoptedKey {
            key,
            object,
            legacy,
            encrypt_with,
        } = adopted;
        check(legacy, encrypt_with)?;
        self.make_room(&key.id).await?;
        if encrypt_with == EncryptWith::NewObject {
            self.may_make()?;
        }
        let found = self.find_everywhere(&object).await?;
        self.refuse_reserved(&found)?;
        self.refuse_taken(&found)?;
        let mut row = self.new_row(key);
        let mut versions = Vec::new();
        if let EncryptWith::SameObject { count_from } = encrypt_with {
            let tag = fresh_tag(&row, self.shared.random.as_ref())?;
            versions.push(self.version(&row.id, tag, &found, None).await?);
            // Each proof is an encryption with it.
            let proofs = 1 + u64::from(legacy.is_some());
            let reserved = count_from.saturating_add(proofs).min(KeyVersion::MAX_ENCRYPTIONS);
            row.versions.push((tag, reserved));
        }
        if let Some(legacy) = legacy {
            let tag = fresh_tag(&row, self.shared.random.as_ref())?;
            versions.push(self.version(&row.id, tag, &found, Some(legacy)).await?);
            row.versions.push((tag, 0));
        }
        match encrypt_with {
            EncryptWith::SameObject { .. } => {
                let edit = Edit::Insert(row, versions);
                self.change(Cause::Order, |_| Ok(vec![edit])).await.map(drop)
            }
            EncryptWith::NewObject => self.adopt_beside(row, versions).await,
        }
    }

    /// A fresh object encrypts; the adopted one is the legacy version.
    async fn adopt_beside(
        &self,
        mut row: KeyRow,
        mut versions: Vec<VersionRow>,
    ) -> Result<(), KeyManagerError> {
        let tag = fresh_tag(&row, self.shared.random.as_ref())?;
        let mut noted = row.clone();
        // Not born before its first version is made, so that a crash leaves no key.
        noted.versions.clear();
        (noted.making, noted.remaining) = (Some(tag), self.fleet.names());
        self.change(Cause::Order, |_| Ok(vec![Edit::Insert(noted, Vec::new())]))
            .await?;
        versions.insert(0, self.make_version(&row.id, tag).await?);
        row.versions.insert(0, (tag, 1));
        self.finish_making(row, versions).await
    }

    /// The object under this name on every token; each is suitable, and they have one name.
    async fn find_everywhere(&self, name: &ObjectName) -> Result<Found<'_>, KeyManagerError> {
        let Some(selector) = ObjectSelector::new(name.label.clone(), name.id.clone()) else {
            return unsuitable("give the object's label or its id; neither may be empty");
        };
        let mut on = Vec::new();
        for (member, token, epoch) in self.fleet.all_serving()? {
            let object = token
                .find(&selector)
                .await
                .map_err(|error| error::object(member.name(), &error))?;
            on.push((member, token, epoch, object));
        }
        let name = common_name(&on).unwrap_or_else(|| name.clone());
        Ok(Found { name, on })
    }

    /// Objects that do something else for Strongroom: adopted, with a framing of the adopter's choice, they
    /// would decrypt for him what they encrypted for that.
    fn refuse_reserved(&self, found: &Found<'_>) -> Result<(), KeyManagerError> {
        let reserved = self.shared.reserved();
        for (.., object) in &found.on {
            let label = object.label();
            let named = |name: &ObjectName| {
                let has_label = name.label.as_ref().is_none_or(|name| *name == label);
                let has_id = name.id.as_ref().is_none_or(|id| id == object.id());
                (name.label.is_some() || name.id.is_some()) && has_label && has_id
            };
            if objects::is_of_strongroom(&label) || reserved.iter().any(named) {
                return unsuitable(format!(
                    "the object {label:?} is one of Strongroom's own, and is not for other keys"
                ));
            }
        }
        Ok(())
    }

    /// One object is one key, whichever key manager over its token has it: its encryptions are counted once.
    fn refuse_taken(&self, found: &Found<'_>) -> Result<(), KeyManagerError> {
        let tokens = self.fleet.serials();
        for other in self.shared.open() {
            let is_self = other.description.id == self.description.id;
            if !is_self && other.fleet.serials().is_disjoint(&tokens) {
                continue;
            }
            for key in other.contents.load().all() {
                for version in &key.versions {
                    let same_label = version.row.label.is_some() && version.row.label == found.name.label;
                    let same_id = version.row.object_id.is_some() && version.row.object_id == found.name.id;
                    if same_label || same_id {
                        return unsuitable(format!("the object is one of key {} already", key.row.id));
                    }
                }
            }
        }
        Ok(())
    }

    /// A version over the object: a trial on the first token, and a proof on the others that theirs is the
    /// same key.
    async fn version(
        &self,
        key: &KeyId,
        tag: VersionTag,
        found: &Found<'_>,
        legacy: Option<Legacy>,
    ) -> Result<VersionRow, KeyManagerError> {
        let mut proof = Vec::new();
        for (member, token, epoch, object) in &found.on {
            let serving = (*member, token.clone(), *epoch);
            if proof.is_empty() {
                proof = objects::prove(&serving, object, key, tag).await?;
            } else {
                self.check_proof(&serving, object, key, tag, &proof).await?;
            }
        }
        Ok(VersionRow {
            tag,
            algorithm: Algorithm::Aes256Gcm,
            framing: legacy.map_or(Framing::Spec, |legacy| legacy.framing),
            label: found.name.label.clone(),
            object_id: found.name.id.clone(),
            legacy: legacy.map(|legacy| legacy.metadata),
            proof,
            created: self.shared.clock.now(),
        })
    }
}

fn check(legacy: Option<Legacy>, encrypt_with: EncryptWith) -> Result<(), KeyManagerError> {
    match encrypt_with {
        EncryptWith::NewObject if legacy.is_none() => {
            return unsuitable(
                "the adopted object would neither encrypt nor decrypt: name the legacy framing of what it \
                 encrypted, or let the same object encrypt",
            );
        }
        EncryptWith::SameObject { count_from } if count_from > KeyVersion::MAX_ENCRYPTIONS => {
            return unsuitable("a key encrypts 2^32 times at most; count from less");
        }
        _ => {}
    }
    let Some(legacy) = legacy else { return Ok(()) };
    if Format::of(&legacy.metadata) != Format::Legacy {
        return unsuitable("this metadata looks like Strongroom's own, so it could not be told from that");
    }
    if legacy.framing == Framing::Raw && !legacy.metadata.as_bytes().is_empty() {
        return unsuitable("the framing danger_raw has no place for metadata; it must be empty");
    }
    if legacy.framing == Framing::Raw && encrypt_with != EncryptWith::NewObject {
        // Whoever chooses the AAD chooses all of it there, and so could pass off what format 2 frames.
        return unsuitable(
            "with the framing danger_raw the old object would decrypt new ciphertexts under another AAD: let a \
             new object encrypt",
        );
    }
    Ok(())
}

/// Label and id as the tokens tell them, if all tell the same: more telling than what somebody typed.
fn common_name(on: &[(&Member, Token, u64, KeyObject)]) -> Option<ObjectName> {
    let (.., first) = on.first()?;
    let same = |(.., object): &(&Member, Token, u64, KeyObject)| {
        object.label() == first.label() && object.id() == first.id()
    };
    let label = first.label();
    // A label that is no UTF-8 cannot be searched for as text.
    let tellable =
        on.iter().all(same) && !label.is_empty() && !label.contains('\u{fffd}') && !first.id().is_empty();
    tellable.then(|| ObjectName {
        label: Some(label),
        id: Some(first.id().to_vec()),
    })
}
