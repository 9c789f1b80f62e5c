//! Key objects in a session: found, made, wrapped, ended.

use std::sync::Arc;

use cryptoki::error::Error;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, SessionState};

use super::{Shared, Trouble};
use crate::error::TokenError;
use crate::gcm;
use crate::module::lock;
use crate::object::{KeyObject, NewObject, ObjectSelector, Proof, READ};
use crate::profile::Wrapping;
use crate::return_codes::Meaning;

/// Most objects that a list may have.
const MAX_LISTED: usize = 100_000;

/// Most handles remembered; more than that are not, and are searched for each time.
const MAX_HANDLES: usize = 100_000;

/// A handle that was found.
pub(crate) struct Known {
    /// The module's, then.
    generation: u64,
    pub(crate) handle: ObjectHandle,
    /// What its object has decrypted since: it is these keys' object.
    proofs: Vec<Arc<Proof>>,
}

/// Most proofs remembered of one object; two key versions over one object have two.
const MAX_PROOFS: usize = 4;

/// Searches for the one object, whether its handle is known or not, and remembers it if it may be
/// used.
pub(super) fn find(
    session: &Session,
    shared: &Shared,
    generation: u64,
    selector: &ObjectSelector,
) -> Result<(ObjectHandle, KeyObject), Trouble> {
    let handle = {
        let mut found = session.iter_objects(&selector.template())?;
        let Some(first) = found.next().transpose()? else {
            return Err(object_gone());
        };
        if found.next().transpose()?.is_some() {
            return Err(TokenError::Ambiguous.into());
        }
        first
    };
    let key = describe(session, handle, selector)?.suitable(&shared.requirements, &shared.profile)?;
    remember(shared, generation, selector, handle);
    Ok((handle, key))
}

/// Nothing matches; judged as a module would put it, so that the token is asked whether it is there.
fn object_gone() -> Trouble {
    Trouble::Said(Error::Pkcs11(
        cryptoki::error::RvError::ObjectHandleInvalid,
        cryptoki::context::Function::FindObjects,
    ))
}

fn remember(shared: &Shared, generation: u64, selector: &ObjectSelector, handle: ObjectHandle) {
    let mut handles = lock(&shared.handles);
    if handles.len() < MAX_HANDLES || handles.contains_key(selector) {
        let known = Known {
            generation,
            handle,
            proofs: Vec::new(),
        };
        handles.insert(selector.clone(), known);
    }
}

/// The handle of `key`: remembered, or found again. What is found must be what it was, and give the
/// proof of it, if there is one, before it is used for anything else.
pub(super) fn handle(
    session: &Session,
    shared: &Shared,
    generation: u64,
    key: &KeyObject,
) -> Result<ObjectHandle, Trouble> {
    let known = lock(&shared.handles)
        .get(key.selector())
        .filter(|known| known.generation == generation)
        .map(|known| (known.handle, known.is_proved(key)));
    let handle = match known {
        Some((handle, true)) => return Ok(handle),
        Some((handle, false)) => handle,
        None => {
            let (handle, found) = find(session, shared, generation, key.selector())?;
            if !found.is_same(key) {
                lock(&shared.handles).remove(key.selector());
                return Err(TokenError::ObjectGone.into());
            }
            handle
        }
    };
    if let Some(proof) = key.proof() {
        prove(session, shared, handle, proof)?;
        let mut handles = lock(&shared.handles);
        if let Some(known) = handles.get_mut(key.selector())
            && (known.generation, known.handle) == (generation, handle)
        {
            known.proofs.truncate(MAX_PROOFS - 1);
            known.proofs.insert(0, Arc::clone(proof));
        }
    }
    Ok(handle)
}

impl Known {
    fn is_proved(&self, key: &KeyObject) -> bool {
        key.proof().is_none_or(|proof| self.proofs.contains(proof))
    }
}

/// Whether the object is the key that made the proof.
fn prove(session: &Session, shared: &Shared, handle: ObjectHandle, proof: &Proof) -> Result<(), Trouble> {
    let trouble = match gcm::decrypt(session, handle, &shared.profile, &proof.sealed, &proof.aad) {
        Ok(opened) if *opened.expose() == *proof.plaintext => return Ok(()),
        Ok(_) => return Err(TokenError::AnotherKey.into()),
        Err(trouble) => trouble,
    };
    let Trouble::Said(Error::Pkcs11(code, _)) = &trouble else {
        return Err(trouble);
    };
    match shared.profile.meaning(*code) {
        Meaning::NotAuthentic => Err(TokenError::AnotherKey.into()),
        // Where the login is lost, that is what is wrong.
        Meaning::Ambiguous if !is_public(session) && probe(session, shared).is_ok() => {
            Err(TokenError::AnotherKey.into())
        }
        _ => Err(trouble),
    }
}

/// Whether nobody is logged in, as far as the token tells.
pub(super) fn is_public(session: &Session) -> bool {
    let state = session.get_session_info().map(|info| info.session_state());
    matches!(state, Ok(SessionState::RwPublic | SessionState::RoPublic))
}

fn describe(
    session: &Session,
    handle: ObjectHandle,
    selector: &ObjectSelector,
) -> Result<KeyObject, Trouble> {
    let told = session.get_attributes(handle, READ)?;
    Ok(KeyObject::read(selector.clone(), told))
}

/// All secret keys that have a name.
pub(super) fn list(session: &Session) -> Result<Vec<KeyObject>, Trouble> {
    let handles = session
        .iter_objects(&[Attribute::Class(ObjectClass::SECRET_KEY)])?
        .take(MAX_LISTED)
        .collect::<Result<Vec<_>, _>>()?;
    let mut keys = Vec::with_capacity(handles.len());
    for handle in handles {
        let told = session.get_attributes(handle, READ)?;
        if let Some(selector) = selector_of(&told) {
            keys.push(KeyObject::read(selector, told));
        }
    }
    Ok(keys)
}

fn selector_of(told: &[Attribute]) -> Option<ObjectSelector> {
    let label = told.iter().find_map(|attribute| match attribute {
        Attribute::Label(label) => String::from_utf8(label.clone()).ok().filter(|l| !l.is_empty()),
        _ => None,
    });
    let id = told.iter().find_map(|attribute| match attribute {
        Attribute::Id(id) => Some(id.clone()).filter(|id| !id.is_empty()),
        _ => None,
    });
    ObjectSelector::new(label, id)
}

/// A new object; refused if one of its label or id is there, for neither would be found again.
pub(super) fn generate(
    session: &Session,
    shared: &Shared,
    generation: u64,
    object: &NewObject,
) -> Result<KeyObject, Trouble> {
    let selector = object.selector()?;
    refuse_namesake(session, object)?;
    let handle = session.generate_key(&Mechanism::AesKeyGen, &object.template(true))?;
    adopt(session, shared, generation, &selector, handle)
}

fn refuse_namesake(session: &Session, object: &NewObject) -> Result<(), Trouble> {
    let names = [
        ObjectSelector::label(&object.label),
        ObjectSelector::id(&object.id),
    ];
    for selector in names.into_iter().flatten() {
        if session
            .iter_objects(&selector.template())?
            .next()
            .transpose()?
            .is_some()
        {
            return Err(TokenError::Ambiguous.into());
        }
    }
    Ok(())
}

/// What was just made, described; destroyed again if it is not what was ordered.
fn adopt(
    session: &Session,
    shared: &Shared,
    generation: u64,
    selector: &ObjectSelector,
    handle: ObjectHandle,
) -> Result<KeyObject, Trouble> {
    let key = describe(session, handle, selector)
        .and_then(|key| Ok(key.suitable(&shared.requirements, &shared.profile)?));
    match &key {
        Ok(_) => remember(shared, generation, selector, handle),
        Err(_) => {
            let _ = session.destroy_object(handle);
        }
    }
    key
}

/// `key` under the wrapping key `under`.
pub(super) fn wrap(
    session: &Session,
    shared: &Shared,
    generation: u64,
    under: &KeyObject,
    key: &KeyObject,
) -> Result<Vec<u8>, Trouble> {
    let mechanism = wrapping(shared)?;
    let under = handle(session, shared, generation, under)?;
    let key = handle(session, shared, generation, key)?;
    Ok(session.wrap_key(&mechanism, under, key)?)
}

/// What [`wrap`] gave, as an object of this token.
pub(super) fn unwrap(
    session: &Session,
    shared: &Shared,
    generation: u64,
    under: &KeyObject,
    wrapped: &[u8],
    object: &NewObject,
) -> Result<KeyObject, Trouble> {
    let mechanism = wrapping(shared)?;
    let selector = object.selector()?;
    let under = handle(session, shared, generation, under)?;
    refuse_namesake(session, object)?;
    let handle = session.unwrap_key(&mechanism, under, wrapped, &object.template(false))?;
    adopt(session, shared, generation, &selector, handle)
}

fn wrapping(shared: &Shared) -> Result<Mechanism<'static>, TokenError> {
    match shared.profile.wrapping() {
        Some(Wrapping::AesKeyWrap) => Ok(Mechanism::AesKeyWrap),
        Some(Wrapping::AesKeyWrapPad) => Ok(Mechanism::AesKeyWrapPad),
        None => Err(TokenError::Unsuitable(
            "the profile names no way to wrap keys".to_owned(),
        )),
    }
}

/// Whether the token does AES-GCM now: with a key of the session, which leaves nothing behind.
pub(super) fn probe(session: &Session, shared: &Shared) -> Result<(), Trouble> {
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Token(false),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::ValueLen(32.into()),
        Attribute::Encrypt(true),
        Attribute::Decrypt(true),
    ];
    let key = session.generate_key(&Mechanism::AesKeyGen, &template)?;
    let result = round_trip(session, shared, key);
    let _ = session.destroy_object(key);
    result
}

fn round_trip(session: &Session, shared: &Shared, key: ObjectHandle) -> Result<(), Trouble> {
    const MESSAGE: &[u8] = b"strongroom probe";
    let profile = &shared.profile;
    let sealed = gcm::encrypt(session, key, profile, shared.random.as_ref(), MESSAGE, MESSAGE)?;
    let opened = gcm::decrypt(session, key, profile, &sealed, MESSAGE)?;
    if opened.expose() == MESSAGE {
        Ok(())
    } else {
        Err(TokenError::TrialFailed.into())
    }
}
