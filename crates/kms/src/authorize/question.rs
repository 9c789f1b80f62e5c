//! A question to crate `iam`: who, what, on what, and every policy and grant that bears on it.

use std::collections::BTreeMap;

use ambient::Timestamp;
use iam::{AccessRequest, GrantOperation, Inputs, PrincipalPattern, ResourcePolicy, Target};
use kms_api::Region;

use super::{Extras, Resource, context};
use crate::call::Origin;
use crate::identity::Caller;
use crate::state::record::GrantPrincipal;
use crate::state::{Grant, Key};

/// A question.
pub(crate) struct Question<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) origin: &'a Origin,
    pub(crate) region: &'a Region,
    pub(crate) now: Timestamp,
    /// With its `kms:`.
    pub(crate) action: &'a str,
    pub(crate) resource: Resource<'a>,
    pub(crate) extras: &'a Extras<'a>,
    pub(crate) say: Say<'a>,
    /// Further condition keys, by name, that somebody wants to see the effect of.
    pub(crate) conditions: Option<&'a BTreeMap<String, Vec<String>>>,
}

/// What of a key has a say.
#[derive(Clone, Copy)]
pub(crate) enum Say<'a> {
    /// Its policy and its grants.
    Policy,
    /// For retiring it, this grant alone.
    Retiring(&'a Grant),
}

impl Question<'_> {
    /// Puts everything together and hands it to whoever decides or explains.
    pub(crate) fn ask<R>(&self, look: impl FnOnce(&AccessRequest<'_>, &Inputs<'_>) -> R) -> R {
        let Self { caller, resource, .. } = self;
        let alias;
        let account = match resource {
            Resource::Key(key) => key.record.realm.account,
            Resource::Alias(realm, _) => realm.account,
            Resource::Any => caller.account,
        }
        .to_string();
        let arn = match resource {
            Resource::Key(key) => &key.arn,
            Resource::Alias(realm, name) => {
                alias = realm.arn(name);
                alias.as_str()
            }
            Resource::Any => "*",
        };
        let context = context::of(self, &account);
        let request = AccessRequest {
            principal: &caller.principal,
            action: self.action,
            target: Target {
                arn,
                account: &account,
            },
            context: &context,
            new_grant: self.extras.new_grant,
        };
        let retiring = self.retiring();
        let grants: Vec<&iam::Grant> = match (self.say, resource) {
            (Say::Retiring(_), _) => retiring.iter().collect(),
            (Say::Policy, Resource::Key(key)) => of_caller(key, caller),
            (Say::Policy, Resource::Alias(..) | Resource::Any) => Vec::new(),
        };
        let policies = caller.policies();
        let levels = [policies.service_control()];
        let inputs = Inputs {
            resource_policy: match (self.say, resource) {
                (Say::Retiring(_), _) => ResourcePolicy::GrantsOnly,
                (Say::Policy, Resource::Key(key)) => match &key.policy {
                    Some(policy) => ResourcePolicy::Policy(policy),
                    None => ResourcePolicy::Unreadable,
                },
                (Say::Policy, Resource::Alias(..) | Resource::Any) => ResourcePolicy::NotAsked,
            },
            grants: &grants,
            ..policies.inputs(&levels)
        };
        look(&request, &inputs)
    }

    /// Permissions to retire a grant, in the form of grants.
    fn retiring(&self) -> Vec<iam::Grant> {
        let Say::Retiring(Grant { record, decides }) = self.say else {
            return Vec::new();
        };
        let by_grant = decides
            .iter()
            .filter(|grant| grant.operations().contains(GrantOperation::RetireGrant));
        let issuing = PrincipalPattern::Account(record.issuing_account.as_str().into());
        let others = record
            .retiring
            .iter()
            .filter_map(GrantPrincipal::pattern)
            .chain([issuing]);
        by_grant
            .map(|grant| grant.grantee().clone())
            .chain(others)
            .map(|who| {
                let operations = [GrantOperation::RetireGrant].into_iter().collect();
                iam::Grant::new(&record.id, who, operations)
            })
            .collect()
    }
}

/// The grants whose grantee is the caller, their role, or their account.
fn of_caller<'k>(key: &'k Key, caller: &Caller) -> Vec<&'k iam::Grant> {
    if key.grants.len() == 0 {
        return Vec::new();
    }
    let (arn, role) = (caller.principal.arn(), caller.principal.principal_arn());
    let partition = arn.split(':').nth(1).unwrap_or_default();
    let account = format!("arn:{partition}:iam::{}:root", caller.account);
    let mut names = vec![arn.to_owned(), role.to_owned(), account];
    names.dedup();
    let mut grants = Vec::new();
    for name in names {
        let grantee = GrantPrincipal::Aws(name);
        grants.extend(
            key.grants
                .of_grantee(&grantee)
                .filter_map(|grant| grant.decides.as_ref()),
        );
    }
    grants
}
