//! What bears on a decision about a caller, in the terms of crate `iam`.

use ambient::Timestamp;
use iam::{Context, Inputs, NamedPolicy, Policy, keys};
use kms_api::Region;

use super::caller::{AttachedPolicy, Caller};
use crate::Origin;

/// A caller's policies, as [`iam::Inputs`] takes them.
pub(crate) struct Policies<'c> {
    /// Identity policies.
    pub(crate) identity: Vec<NamedPolicy<'c>>,
    /// The permissions boundary.
    pub(crate) boundary: Option<&'c Policy>,
    /// Session policies.
    pub(crate) session: Vec<NamedPolicy<'c>>,
    /// The service control policies of the account: one level, if there are any.
    service_control: Vec<NamedPolicy<'c>>,
}

impl<'c> Policies<'c> {
    /// The level of the account's service control policies, to be lent to [`Self::inputs`].
    pub(crate) fn service_control(&self) -> &[NamedPolicy<'c>] {
        &self.service_control
    }

    /// All of them, with no resource policy and no grants yet. `levels` is what
    /// [`Self::service_control`] gave, as the only one.
    pub(crate) fn inputs<'r>(&'r self, levels: &'r [&'r [NamedPolicy<'r>]; 1]) -> Inputs<'r>
    where
        'c: 'r,
    {
        Inputs {
            identity_policies: &self.identity,
            boundary: self.boundary,
            session_policies: &self.session,
            // An account without any is limited by none; an empty level would permit nothing.
            service_control_policies: if self.service_control.is_empty() {
                &[]
            } else {
                levels
            },
            ..Inputs::default()
        }
    }
}

impl Caller {
    /// This caller's policies.
    pub(crate) fn policies(&self) -> Policies<'_> {
        let session = self.session.as_ref().map(|session| session.policies.as_slice());
        Policies {
            identity: named(&self.permissions.identity),
            boundary: self
                .permissions
                .boundary
                .as_ref()
                .map(|boundary| &*boundary.policy),
            session: named(session.unwrap_or_default()),
            service_control: named(&self.permissions.service_control),
        }
    }

    /// What conditions may ask of the caller and of how the request came, whatever it asks for.
    pub(crate) fn context<'c>(
        &'c self,
        origin: &'c Origin,
        region: &'c Region,
        now: Timestamp,
    ) -> Context<'c> {
        let seconds = |at: Timestamp| i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
        let mut context = Context::new();
        context
            .principal(&self.principal)
            .text(keys::USER_ID, self.principal_id.as_str())
            .principal_tags(
                self.tags
                    .iter()
                    .map(|(key, value)| (key.as_str(), value.as_str())),
            )
            .text(keys::REQUESTED_REGION, region.as_str())
            .boolean(keys::SECURE_TRANSPORT, origin.tls.is_some())
            .boolean(keys::VIA_AWS_SERVICE, self.via_service.is_some())
            .now(seconds(now));
        if let Some(organization) = &self.organization {
            context.text(keys::PRINCIPAL_ORG_ID, organization.as_str());
        }
        if let Some(agent) = &origin.user_agent {
            context.text(keys::USER_AGENT, agent.as_str());
        }
        if let Some(session) = &self.session {
            context
                .date(keys::TOKEN_ISSUE_TIME, seconds(session.issued_at))
                .boolean(keys::MULTI_FACTOR_AUTH_PRESENT, false);
            if let Some(source) = &session.source_identity {
                context.other("aws:SourceIdentity", [source.clone()]);
            }
        }
        match self.via_service() {
            // The address is then the service's, and AWS does not tell it.
            Some(service) => {
                context.list(keys::CALLED_VIA, [service]);
            }
            None => {
                if let Some(address) = origin.source_ip {
                    context.address(keys::SOURCE_IP, address);
                }
            }
        }
        context
    }
}

fn named(policies: &[AttachedPolicy]) -> Vec<NamedPolicy<'_>> {
    policies
        .iter()
        .map(|AttachedPolicy { name, policy }| NamedPolicy { name, policy })
        .collect()
}
