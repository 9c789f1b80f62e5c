//! Whether a caller may do what he asks for. Handlers ask here and nowhere else.
//!
//! What this does not do yet: evaluate policies and grants. Every authenticated caller is allowed
//! what he asks for on keys of his own account, and nothing on those of another.

use std::collections::BTreeMap;
use std::sync::Arc;

use kms_api::{EncryptionContext, ErrorName, KmsError};

use crate::call::Call;
use crate::state::{Key, Realm};

/// What an action is about.
#[derive(Clone, Copy)]
pub(crate) enum Resource<'a> {
    /// A KMS key.
    Key(&'a Arc<Key>),
    /// An alias, by its name with its `alias/`.
    Alias(&'a Realm, &'a str),
    /// Whatever has no resource of its own (`kms:CreateKey`, `kms:ListKeys`): `*`.
    Any,
}

/// What the conditions of policies and the constraints of grants may look at beside caller, action
/// and resource.
#[derive(Clone, Default)]
pub(crate) struct Extras<'a> {
    /// `kms:EncryptionContext:…`, `kms:EncryptionContextKeys`.
    pub(crate) encryption_context: Option<&'a EncryptionContext>,
    /// `kms:EncryptionAlgorithm`.
    pub(crate) encryption_algorithm: Option<&'a str>,
    /// Grant tokens of the request.
    pub(crate) grant_tokens: &'a [String],
    /// `kms:RequestAlias`: the alias that the request named the key by, with its `alias/`.
    pub(crate) request_alias: Option<&'a str>,
    /// `aws:RequestTag/…`: the tags that the request brings.
    pub(crate) request_tags: Option<BTreeMap<String, String>>,
    /// Other condition keys by their names (`kms:KeySpec`), with their values as text.
    pub(crate) conditions: Vec<(&'static str, Vec<String>)>,
}

/// The proof that one action was allowed. It is consumed by what acts on it.
#[must_use]
pub(crate) struct Authorized {
    key: Option<Arc<Key>>,
}

impl Authorized {
    /// The key that the action is about, as it was when it was allowed.
    pub(crate) fn into_key(self) -> Option<Arc<Key>> {
        self.key
    }
}

impl Call<'_> {
    /// Whether the caller may do `action` (`Encrypt`, without `kms:`): the proof, or
    /// `AccessDeniedException`.
    pub(crate) fn authorize(
        &mut self,
        action: &str,
        resource: &Resource<'_>,
        _extras: &Extras<'_>,
    ) -> Result<Authorized, KmsError> {
        let key = match resource {
            Resource::Key(key) => Some(Arc::clone(key)),
            Resource::Alias(..) | Resource::Any => None,
        };
        let foreign = key
            .as_ref()
            .is_some_and(|key| key.record.realm.account != self.realm.account);
        if foreign {
            let message = format!(
                "User: {} is not authorized to perform: kms:{action}",
                self.caller.arn
            );
            return Err(KmsError::new(ErrorName::AccessDeniedException, message));
        }
        Ok(Authorized { key })
    }
}
