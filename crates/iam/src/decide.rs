//! The decision (IAM User Guide, *Policy evaluation logic*; AWS KMS Developer Guide, *Key policies*,
//! *Allowing users in other accounts to use a KMS key*, *Grants*).
//!
//! 1. An explicit deny in any policy refuses.
//! 2. Service control policies and the VPC endpoint's policy must each permit.
//! 3. Something must allow: the key policy names the caller; or it names the caller's account and an
//!    identity policy of the caller allows; or a grant permits. A caller of another account needs an
//!    identity policy even where the key policy names them, and only some actions reach across accounts.
//! 4. The permissions boundary and the session policy must permit as well, except where the key policy
//!    names the user or the session itself, in the same account.

mod verdict;

use self::verdict::{Granted, Verdict, Verdicts, refuse_denies};
use crate::context::Context;
use crate::decision::{Decision, Denial, DenialReason, Grounds, PolicySource, StatementRef};
use crate::grant::{Grant, GrantOperation, NewGrant};
use crate::policy::{Policy, Subject};
use crate::principal::{Principal, PrincipalKind};
use crate::trace::{Considered, Explanation, GrantOutcome, Silent, Trace};

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct AccessRequest<'r> {
    /// Who asks.
    pub principal: &'r Principal,
    /// The action with its service: `kms:Encrypt`.
    pub action: &'r str,
    /// On what.
    pub target: Target<'r>,
    /// What else is known.
    pub context: &'r Context<'r>,
    /// For `kms:CreateGrant`: what is to be granted.
    pub new_grant: Option<NewGrant<'r>>,
}

/// The resource of a request.
#[derive(Clone, Copy, Debug)]
pub struct Target<'r> {
    /// Its ARN, or `*` for an action that has no resource.
    pub arn: &'r str,
    /// The 12 digits of the account that owns it.
    pub account: &'r str,
}

/// A policy with the name that an explanation has for it.
#[derive(Clone, Copy, Debug)]
pub struct NamedPolicy<'r> {
    /// The name.
    pub name: &'r str,
    /// The policy.
    pub policy: &'r Policy,
}

/// The policy of the resource.
#[derive(Clone, Copy, Debug, Default)]
pub enum ResourcePolicy<'r> {
    /// The action asks none: identity policies alone decide.
    #[default]
    NotAsked,
    /// A key policy, or a role's trust policy.
    Policy(&'r Policy),
    /// The resource's policy has no say about this action; grants have. So it is with
    /// `kms:RetireGrant`.
    GrantsOnly,
    /// There is no such resource. It allows nobody.
    NoSuchResource,
    /// The policy cannot be read. It allows nobody, and nor do grants.
    Unreadable,
}

/// The policies and grants that bear on a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inputs<'r> {
    /// The policy of the resource.
    pub resource_policy: ResourcePolicy<'r>,
    /// The caller's identity policies, those of groups and roles included.
    pub identity_policies: &'r [NamedPolicy<'r>],
    /// The caller's permissions boundary.
    pub boundary: Option<&'r Policy>,
    /// The policies passed when the session was made; with several, one must permit.
    pub session_policies: &'r [NamedPolicy<'r>],
    /// Service control policies, a list for each level from the organization's root down to the
    /// account. Each level must permit.
    pub service_control_policies: &'r [&'r [NamedPolicy<'r>]],
    /// The policy of the VPC endpoint through which the request came.
    pub vpc_endpoint_policy: Option<&'r Policy>,
    /// The grants on the key; those of other principals may be left out.
    pub grants: &'r [&'r Grant],
}

/// Decides.
pub fn decide<'r>(request: &AccessRequest<'r>, inputs: &Inputs<'r>) -> Decision<'r> {
    Evaluation {
        request,
        inputs,
        trace: Silent,
    }
    .decide()
}

/// Decides, and tells what each statement and grant had to say.
pub fn explain<'r>(request: &AccessRequest<'r>, inputs: &Inputs<'r>) -> Explanation<'r> {
    let mut evaluation = Evaluation {
        request,
        inputs,
        trace: Vec::new(),
    };
    let decision = evaluation.decide();
    Explanation {
        decision,
        considered: evaluation.trace,
    }
}

struct Evaluation<'e, 'r, T> {
    request: &'e AccessRequest<'r>,
    inputs: &'e Inputs<'r>,
    trace: T,
}

impl<'r, T: Trace<'r>> Evaluation<'_, 'r, T> {
    fn decide(&mut self) -> Decision<'r> {
        let verdicts = self.verdicts();
        let foreign = self.request.principal.kind() != PrincipalKind::Service
            && self.request.principal.account() != self.request.target.account
            && !matches!(self.inputs.resource_policy, ResourcePolicy::NotAsked);
        let result = if foreign {
            self.other_account(&verdicts)
        } else {
            self.same_account(&verdicts)
        };
        match result {
            Ok(grounds) => Decision::Allowed(grounds),
            Err(reason) => Decision::Denied(Denial {
                reason,
                foreign,
                caller: self.request.principal.arn(),
                action: self.request.action,
                resource: self.request.target.arn,
            }),
        }
    }

    fn verdicts(&mut self) -> Verdicts<'r> {
        let inputs = self.inputs;
        Verdicts {
            service_control: self.service_control(),
            vpc_endpoint: inputs
                .vpc_endpoint_policy
                .map(|policy| self.one(PolicySource::VpcEndpoint, policy)),
            resource: match inputs.resource_policy {
                ResourcePolicy::Policy(policy) => self.one(PolicySource::Resource, policy),
                ResourcePolicy::NotAsked
                | ResourcePolicy::GrantsOnly
                | ResourcePolicy::NoSuchResource
                | ResourcePolicy::Unreadable => Verdict::default(),
            },
            identity: self.all(PolicySource::Identity, inputs.identity_policies),
            boundary: inputs
                .boundary
                .map(|policy| self.one(PolicySource::Boundary, policy)),
            session: (!inputs.session_policies.is_empty())
                .then(|| self.all(PolicySource::Session, inputs.session_policies)),
            granted: self.granted(),
        }
    }

    fn service_control(&mut self) -> Option<Verdict<'r>> {
        let mut together: Option<Verdict<'r>> = None;
        for level in self.inputs.service_control_policies {
            let verdict = self.all(PolicySource::ServiceControl, level);
            together = Some(match together {
                None => verdict,
                Some(above) => Verdict {
                    deny: above.deny.or(verdict.deny),
                    direct: above.direct.and(verdict.direct),
                    ..Verdict::default()
                },
            });
        }
        together
    }

    fn one(&mut self, source: PolicySource, policy: &'r Policy) -> Verdict<'r> {
        self.all(source, &[NamedPolicy { name: "", policy }])
    }

    fn all(&mut self, source: PolicySource, policies: &[NamedPolicy<'r>]) -> Verdict<'r> {
        let subject = Subject {
            principal: self.request.principal,
            has_boundary: self.inputs.boundary.is_some(),
            action: self.request.action,
            resource: self.request.target.arn,
            context: self.request.context,
        };
        let mut verdict = Verdict::default();
        for NamedPolicy { name, policy } in policies {
            for (index, statement) in policy.statements().iter().enumerate() {
                let outcome = statement.outcome(subject);
                let reference = StatementRef {
                    source,
                    policy: name,
                    index,
                    sid: statement.sid.as_deref(),
                };
                verdict.add(reference, statement.effect, outcome);
                self.trace.note(Considered::Statement {
                    statement: reference,
                    effect: statement.effect,
                    outcome,
                });
            }
        }
        verdict
    }

    fn granted(&mut self) -> Granted<'r> {
        let mut granted = Granted::default();
        let counted = matches!(
            self.inputs.resource_policy,
            ResourcePolicy::Policy(_) | ResourcePolicy::GrantsOnly
        );
        if !counted {
            return granted;
        }
        let AccessRequest {
            principal,
            action,
            context,
            new_grant,
            ..
        } = *self.request;
        let operation = action.strip_prefix("kms:").and_then(GrantOperation::from_name);
        for grant in self.inputs.grants {
            let outcome = grant.outcome(principal, operation, new_grant, context);
            match outcome {
                GrantOutcome::Applies => granted.caller = granted.caller.or(Some(grant.id())),
                GrantOutcome::AppliesToAccount => granted.account = granted.account.or(Some(grant.id())),
                GrantOutcome::OtherOperation
                | GrantOutcome::OtherGrantee
                | GrantOutcome::WiderThanParent
                | GrantOutcome::ConstraintFails => {}
            }
            self.trace.note(Considered::Grant {
                id: grant.id(),
                outcome,
            });
        }
        granted
    }

    fn same_account(&self, verdicts: &Verdicts<'r>) -> Result<Grounds<'r>, DenialReason<'r>> {
        refuse_denies(&[verdicts.denies_of_caller(), verdicts.resource.deny])?;
        verdicts.organization_permits()?;
        let root = self.request.principal.kind() == PrincipalKind::Root;
        let no_identity = DenialReason::NoAllow(PolicySource::Identity);
        let grounds = match self.inputs.resource_policy {
            ResourcePolicy::NotAsked if root => return Ok(Grounds::OwnAccount),
            ResourcePolicy::NotAsked => verdicts
                .identity
                .allow()
                .map(Grounds::Identity)
                .ok_or(no_identity)?,
            ResourcePolicy::Unreadable => return Err(DenialReason::UnreadableResourcePolicy),
            ResourcePolicy::Policy(_) | ResourcePolicy::GrantsOnly | ResourcePolicy::NoSuchResource => {
                match verdicts.resource.direct {
                    Some(statement) if root => return Ok(Grounds::RootUser(statement)),
                    Some(statement) => return Ok(Grounds::ResourcePolicy(statement)),
                    None => verdicts.less_than_direct()?,
                }
            }
        };
        verdicts.session_permits()?;
        Ok(grounds)
    }

    /// What the caller's own account says comes first, so that nothing of the answer depends on whether
    /// the other account has such a resource.
    fn other_account(&self, verdicts: &Verdicts<'r>) -> Result<Grounds<'r>, DenialReason<'r>> {
        let Verdicts {
            resource,
            identity,
            granted,
            ..
        } = verdicts;
        refuse_denies(&[verdicts.denies_of_caller()])?;
        verdicts.organization_permits()?;
        let root = self.request.principal.kind() == PrincipalKind::Root;
        let reaches = reaches_other_accounts(self.request.action);
        if let Some(grant) = granted.caller.filter(|_| reaches && resource.deny.is_none()) {
            verdicts.session_permits()?;
            return Ok(Grounds::Grant(grant));
        }
        if identity.allow().is_none() && !root {
            return Err(DenialReason::NoAllow(PolicySource::Identity));
        }
        verdicts.session_permits()?;
        if !reaches || resource.deny.is_some() {
            return Err(DenialReason::OtherAccount { deny: resource.deny });
        }
        match (resource.allow(), identity.allow()) {
            (Some(resource), Some(identity)) => Ok(Grounds::Delegated { resource, identity }),
            (Some(resource), None) => Ok(Grounds::RootUser(resource)),
            (None, _) => granted
                .account
                .map(Grounds::Grant)
                .ok_or(DenialReason::OtherAccount { deny: None }),
        }
    }
}

/// Whether an action on another account's resource can be permitted at all. Of KMS's actions only
/// these; permissions for the others have no effect for principals of other accounts.
fn reaches_other_accounts(action: &str) -> bool {
    let Some(name) = action.strip_prefix("kms:") else {
        return true;
    };
    GrantOperation::from_name(name).is_some()
        || matches!(name, "GetKeyRotationStatus" | "ListGrants" | "RevokeGrant")
}
