//! Whether a caller may do what he asks for. Handlers ask here and nowhere else.
//!
//! A decision is made of the key's policy and grants, and of the caller's own policies, by crate
//! `iam`; what conditions may look at is put together in `authorize/context.rs`. Each decision and
//! its grounds go to the log.

mod context;
mod question;

use std::collections::BTreeMap;
use std::sync::Arc;

use iam::{Decision, NewGrant};
use kms_api::{EncryptionContext, ErrorName, KmsError};

use crate::call::Call;
use crate::grants;
use crate::state::{Grant, Key, Realm};

pub(crate) use question::{Question, Say};

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
    /// `aws:RequestTag/…`, `aws:TagKeys`: the tags that the request brings.
    pub(crate) request_tags: Option<BTreeMap<String, String>>,
    /// What CreateGrant asks for. Its constraint stands in for the encryption context.
    pub(crate) new_grant: Option<NewGrant<'a>>,
    /// Other condition keys by their names (`kms:KeySpec`), with their values as text.
    pub(crate) conditions: Vec<(&'static str, Vec<String>)>,
}

/// The proof that one action was allowed. It is consumed by what acts on it.
#[must_use]
pub(crate) struct Authorized<'a> {
    key: Option<Arc<Key>>,
    /// What was asked, to be asked again; nothing of a grant that is to be retired, whose parties
    /// never change.
    asked: Option<(&'static str, Extras<'a>)>,
}

impl Authorized<'_> {
    /// The key that the action is about, as it was when it was allowed.
    pub(crate) fn into_key(self) -> Option<Arc<Key>> {
        self.key
    }

    /// As [`Self::into_key`], borrowed.
    pub(crate) const fn key(&self) -> Option<&Arc<Key>> {
        self.key.as_ref()
    }
}

impl Call<'_> {
    /// Whether the caller may do `action` (`Encrypt`, without `kms:`): the proof, or
    /// `AccessDeniedException`. A grant token that is none is `InvalidGrantTokenException`, which only
    /// who may do it is told; a good one permits nothing, for grants are in force at once.
    pub(crate) fn authorize<'a>(
        &self,
        action: &'static str,
        resource: &Resource<'_>,
        extras: &Extras<'a>,
    ) -> Result<Authorized<'a>, KmsError> {
        self.asked(action, resource, extras, Say::Policy)?;
        grants::check_tokens(extras.grant_tokens)?;
        Ok(Authorized {
            key: match resource {
                Resource::Key(key) => Some(Arc::clone(key)),
                Resource::Alias(..) | Resource::Any => None,
            },
            asked: Some((action, extras.clone())),
        })
    }

    /// Whether what was allowed is still allowed, now that the key may be another than it was: its
    /// policy, its tags, its aliases, its grants.
    pub(crate) fn authorize_again(
        &self,
        authorized: &Authorized<'_>,
        key: &Arc<Key>,
    ) -> Result<(), KmsError> {
        let unchanged = authorized.key().is_some_and(|before| Arc::ptr_eq(before, key));
        match &authorized.asked {
            Some((action, extras)) if !unchanged => {
                self.asked(action, &Resource::Key(key), extras, Say::Policy)
            }
            _ => Ok(()),
        }
    }

    /// Whether the caller may retire a grant: its retiring principal may, its grantee if the grant
    /// says so, and the account that created it. Key policies have no say.
    pub(crate) fn authorize_retiring(
        &self,
        key: &Arc<Key>,
        grant: &Grant,
    ) -> Result<Authorized<'static>, KmsError> {
        let say = Say::Retiring(grant);
        self.asked("RetireGrant", &Resource::Key(key), &Extras::default(), say)?;
        Ok(Authorized {
            key: Some(Arc::clone(key)),
            asked: None,
        })
    }

    fn asked(
        &self,
        action: &str,
        resource: &Resource<'_>,
        extras: &Extras<'_>,
        say: Say<'_>,
    ) -> Result<(), KmsError> {
        let question = Question {
            caller: &self.caller,
            origin: &self.origin,
            region: &self.realm.region,
            now: self.now,
            action: &format!("kms:{action}"),
            resource: *resource,
            extras,
            say,
            conditions: None,
        };
        question.ask(|request, inputs| {
            let (id, caller) = (self.request_id.as_str(), self.caller.arn.as_str());
            let (action, resource) = (request.action, request.target.arn);
            match iam::decide(request, inputs) {
                Decision::Allowed(grounds) => {
                    tracing::debug!(id, caller, action, resource, %grounds, "allowed");
                    Ok(())
                }
                Decision::Denied(denial) => {
                    tracing::info!(id, caller, action, resource, reason = %denial.reason, "denied");
                    // The same words as for a key that is not there.
                    if request.target.account != request.principal.account() {
                        return Err(self.hidden());
                    }
                    Err(KmsError::new(ErrorName::AccessDeniedException, denial.message()))
                }
            }
        })
    }
}
