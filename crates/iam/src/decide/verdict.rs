//! What policies and grants say together, before it is weighed.

use crate::decision::{DenialReason, Grounds, PolicySource, StatementRef};
use crate::policy::Effect;
use crate::principal::PrincipalMatch;
use crate::trace::Outcome;

/// What policies of one kind say together: the first of each that applies.
#[derive(Clone, Copy, Default)]
pub(super) struct Verdict<'p> {
    pub(super) deny: Option<StatementRef<'p>>,
    pub(super) direct: Option<StatementRef<'p>>,
    pub(super) broad: Option<StatementRef<'p>>,
    pub(super) account: Option<StatementRef<'p>>,
}

impl<'p> Verdict<'p> {
    pub(super) fn add(&mut self, statement: StatementRef<'p>, effect: Effect, outcome: Outcome<'p>) {
        let Outcome::Applies(principal) = outcome else {
            return;
        };
        let place = match (effect, principal) {
            (Effect::Deny, _) => &mut self.deny,
            (Effect::Allow, PrincipalMatch::Direct) => &mut self.direct,
            (Effect::Allow, PrincipalMatch::Broad) => &mut self.broad,
            (Effect::Allow, PrincipalMatch::Account) => &mut self.account,
        };
        place.get_or_insert(statement);
    }

    pub(super) fn allow(&self) -> Option<StatementRef<'p>> {
        self.direct.or(self.broad).or(self.account)
    }
}

/// What the grants say together.
#[derive(Clone, Copy, Default)]
pub(super) struct Granted<'p> {
    pub(super) caller: Option<&'p str>,
    pub(super) account: Option<&'p str>,
}

/// All verdicts on a request. `None`: there is no such policy, so it limits nothing.
pub(super) struct Verdicts<'p> {
    /// The first level that does not permit, or the first deny.
    pub(super) service_control: Option<Verdict<'p>>,
    pub(super) vpc_endpoint: Option<Verdict<'p>>,
    pub(super) resource: Verdict<'p>,
    pub(super) identity: Verdict<'p>,
    pub(super) boundary: Option<Verdict<'p>>,
    pub(super) session: Option<Verdict<'p>>,
    pub(super) granted: Granted<'p>,
}

impl<'p> Verdicts<'p> {
    pub(super) fn denies_of_caller(&self) -> Option<StatementRef<'p>> {
        let deny = |verdict: &Option<Verdict<'p>>| verdict.and_then(|verdict| verdict.deny);
        deny(&self.service_control)
            .or_else(|| deny(&self.vpc_endpoint))
            .or(self.identity.deny)
            .or_else(|| deny(&self.boundary))
            .or_else(|| deny(&self.session))
    }

    /// What allows a caller of the resource's account whom its policy does not name by their own ARN.
    pub(super) fn less_than_direct(&self) -> Result<Grounds<'p>, DenialReason<'p>> {
        if let Some(statement) = self.resource.broad {
            return Ok(Grounds::ResourcePolicy(statement));
        }
        let identity = self.identity.allow();
        if let (Some(resource), Some(identity)) = (self.resource.account, identity) {
            return Ok(Grounds::Delegated { resource, identity });
        }
        if let Some(grant) = self
            .granted
            .caller
            .or(self.granted.account.filter(|_| identity.is_some()))
        {
            return Ok(Grounds::Grant(grant));
        }
        let left_to_identity = self.resource.account.is_some() || self.granted.account.is_some();
        Err(DenialReason::NoAllow(if left_to_identity {
            PolicySource::Identity
        } else {
            PolicySource::Resource
        }))
    }

    pub(super) fn organization_permits(&self) -> Result<(), DenialReason<'p>> {
        permits(self.service_control.as_ref(), PolicySource::ServiceControl)?;
        permits(self.vpc_endpoint.as_ref(), PolicySource::VpcEndpoint)
    }

    pub(super) fn session_permits(&self) -> Result<(), DenialReason<'p>> {
        permits(self.boundary.as_ref(), PolicySource::Boundary)?;
        permits(self.session.as_ref(), PolicySource::Session)
    }
}

pub(super) fn refuse_denies<'p>(denies: &[Option<StatementRef<'p>>]) -> Result<(), DenialReason<'p>> {
    match denies.iter().flatten().next() {
        Some(deny) => Err(DenialReason::ExplicitDeny(*deny)),
        None => Ok(()),
    }
}

/// Whether a policy that only limits permits; one that is not there limits nothing.
pub(super) fn permits<'p>(
    verdict: Option<&Verdict<'p>>,
    source: PolicySource,
) -> Result<(), DenialReason<'p>> {
    match verdict {
        Some(verdict) if verdict.allow().is_none() => Err(DenialReason::NoAllow(source)),
        _ => Ok(()),
    }
}
