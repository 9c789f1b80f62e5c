//! Decisions, their grounds, and AWS's words for a denial.

use std::fmt;

/// Whether a request is permitted, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision<'p> {
    /// Permitted.
    Allowed(Grounds<'p>),
    /// Refused.
    Denied(Denial<'p>),
}

impl<'p> Decision<'p> {
    /// Whether the request is permitted.
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }

    /// The grounds of the permission, or the denial.
    ///
    /// # Errors
    /// The [`Denial`] of a request that is refused.
    pub const fn into_result(self) -> Result<Grounds<'p>, Denial<'p>> {
        match self {
            Self::Allowed(grounds) => Ok(grounds),
            Self::Denied(denial) => Err(denial),
        }
    }
}

/// What permits a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grounds<'p> {
    /// A statement of the resource's policy that names the caller.
    ResourcePolicy(StatementRef<'p>),
    /// The resource's policy leaves it to the caller's account, and an identity policy permits.
    Delegated {
        /// The statement of the resource's policy.
        resource: StatementRef<'p>,
        /// The statement of the identity policy.
        identity: StatementRef<'p>,
    },
    /// The resource's policy permits the caller's account, whose root user calls.
    RootUser(StatementRef<'p>),
    /// An identity policy, where no resource policy is asked.
    Identity(StatementRef<'p>),
    /// The account's root user, where no resource policy is asked.
    OwnAccount,
    /// A grant, by its id.
    Grant(&'p str),
}

/// A statement of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementRef<'p> {
    /// What the policy is.
    pub source: PolicySource,
    /// The name of the policy, where there are several of its kind; else empty.
    pub policy: &'p str,
    /// The place of the statement, from 0.
    pub index: usize,
    /// Its Sid.
    pub sid: Option<&'p str>,
}

/// What a policy that decides is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicySource {
    /// A service control policy.
    ServiceControl,
    /// The VPC endpoint's policy.
    VpcEndpoint,
    /// The policy of the resource: a key policy, or a role's trust policy.
    Resource,
    /// An identity policy.
    Identity,
    /// The permissions boundary.
    Boundary,
    /// A session policy.
    Session,
}

impl PolicySource {
    /// AWS's words, as they stand in messages.
    const fn words(self) -> &'static str {
        match self {
            Self::ServiceControl => "service control policy",
            Self::VpcEndpoint => "VPC endpoint policy",
            Self::Resource => "resource-based policy",
            Self::Identity => "identity-based policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
        }
    }
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenialReason<'p> {
    /// A statement denies.
    ExplicitDeny(StatementRef<'p>),
    /// No policy of this kind allows.
    NoAllow(PolicySource),
    /// The resource's policy could not be read.
    UnreadableResourcePolicy,
    /// Another account's resource, which does not exist, does not allow, or denies.
    OtherAccount {
        /// What denies there, for those who may know.
        deny: Option<StatementRef<'p>>,
    },
}

/// A refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Denial<'p> {
    /// Why.
    pub reason: DenialReason<'p>,
    /// The resource is another account's.
    pub(crate) foreign: bool,
    pub(crate) caller: &'p str,
    pub(crate) action: &'p str,
    pub(crate) resource: &'p str,
}

impl Denial<'_> {
    /// The message of `AccessDeniedException`. Of another account's resource the same is said whatever
    /// the reason, so that it does not show whether there is one.
    pub fn message(&self) -> String {
        let Self {
            reason,
            foreign,
            caller,
            action,
            resource,
        } = self;
        let who = format!("User: {caller} is not authorized to perform: {action}");
        match reason {
            DenialReason::OtherAccount { .. } => hidden(&who),
            _ if *foreign => hidden(&who),
            DenialReason::ExplicitDeny(statement) => {
                let source = statement.source.words();
                let article = if statement.source == PolicySource::Identity {
                    "an"
                } else {
                    "a"
                };
                format!("{who} on resource: {resource} with an explicit deny in {article} {source}")
            }
            DenialReason::NoAllow(source) => {
                let source = source.words();
                format!("{who} on resource: {resource} because no {source} allows the {action} action")
            }
            DenialReason::UnreadableResourcePolicy => {
                let source = PolicySource::Resource.words();
                format!("{who} on resource: {resource} because no {source} allows the {action} action")
            }
        }
    }
}

fn hidden(who: &str) -> String {
    format!(
        "{who} on this resource because the resource does not exist in this Region, no resource-based policies \
         allow access, or a resource-based policy explicitly denies access"
    )
}

impl fmt::Display for StatementRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source.words())?;
        if !self.policy.is_empty() {
            write!(f, " {}", self.policy)?;
        }
        write!(f, ", statement {}", self.index + 1)?;
        match self.sid {
            Some(sid) => write!(f, " ({sid})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Grounds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResourcePolicy(statement) | Self::Identity(statement) => statement.fmt(f),
            Self::Delegated { resource, identity } => write!(f, "{identity}, as {resource} lets it"),
            Self::RootUser(statement) => write!(f, "root user, as {statement} lets it"),
            Self::OwnAccount => f.write_str("root user of the account"),
            Self::Grant(id) => write!(f, "grant {id}"),
        }
    }
}

impl fmt::Display for DenialReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExplicitDeny(statement) => write!(f, "explicit deny: {statement}"),
            Self::NoAllow(source) => write!(f, "no {} allows", source.words()),
            Self::UnreadableResourcePolicy => f.write_str("the resource's policy could not be read"),
            Self::OtherAccount {
                deny: Some(statement),
            } => write!(f, "explicit deny of the other account: {statement}"),
            Self::OtherAccount { deny: None } => {
                f.write_str("the other account's resource policy does not allow")
            }
        }
    }
}
