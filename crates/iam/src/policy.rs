//! Policies: statements that allow or deny.

mod elements;
mod error;
mod parse;

use crate::arn::ArnPattern;
use crate::condition::Condition;
use crate::context::Context;
use crate::pattern::{Case, Template};
use crate::principal::pattern::{exempts, strongest};
use crate::principal::{Principal, PrincipalMatch, PrincipalPattern};
use crate::trace::Outcome;

pub use error::{PolicyError, Problem};

/// What a policy is attached to; the grammar and the limits differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyKind {
    /// A KMS key's policy.
    Key,
    /// A policy of a user, a group or a role.
    Identity,
    /// A permissions boundary.
    Boundary,
    /// A policy passed when a session was made.
    Session,
    /// A service control policy of an organization.
    ServiceControl,
    /// A role's trust policy: who may assume it.
    Trust,
    /// A VPC endpoint's policy.
    VpcEndpoint,
}

impl PolicyKind {
    /// Whether statements name principals.
    pub const fn names_principals(self) -> bool {
        matches!(self, Self::Key | Self::Trust | Self::VpcEndpoint)
    }
}

/// What a statement does when it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Permits.
    Allow,
    /// Refuses, whatever else permits.
    Deny,
}

/// A policy that was parsed and checked; see [`Policy::parse`].
#[derive(Debug)]
pub struct Policy {
    kind: PolicyKind,
    statements: Box<[Statement]>,
}

#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) sid: Option<Box<str>>,
    pub(crate) effect: Effect,
    principals: Principals,
    actions: Option<Matcher<ActionPattern>>,
    resources: Resources,
    conditions: Box<[Condition]>,
}

/// Whom a statement names.
#[derive(Debug)]
enum Principals {
    /// A policy of a principal's own: the principal.
    Attached,
    Only(Box<[PrincipalPattern]>),
    /// `NotPrincipal`, in denies only.
    AllBut(Box<[PrincipalPattern]>),
}

/// What a statement names.
#[derive(Debug)]
enum Resources {
    /// Trust policies name no resource: the role that they belong to.
    Attached,
    /// A key policy without `Resource` is accepted and has no effect.
    Missing,
    Named(Matcher<ArnPattern>),
}

/// A list of patterns, of which one must match or none may.
#[derive(Debug)]
enum Matcher<P> {
    Only(Box<[P]>),
    AllBut(Box<[P]>),
}

impl<P> Matcher<P> {
    fn matches(&self, is: impl Fn(&P) -> bool) -> bool {
        match self {
            Self::Only(patterns) => patterns.iter().any(is),
            Self::AllBut(patterns) => !patterns.iter().any(is),
        }
    }
}

/// `kms:GenerateDataKey*`: compared without case.
#[derive(Debug)]
struct ActionPattern(Template);

/// What statements are compared with.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'r> {
    pub(crate) principal: &'r Principal,
    pub(crate) has_boundary: bool,
    pub(crate) action: &'r str,
    pub(crate) resource: &'r str,
    pub(crate) context: &'r Context<'r>,
}

impl Policy {
    /// Parses and checks a policy document.
    ///
    /// # Errors
    /// [`PolicyError`], which says what is wrong and where. Too long a document is
    /// [`Problem::TooLarge`]; a set operator that KMS forbids is [`Problem::OverlyPermissiveCondition`].
    pub fn parse(text: &str, kind: PolicyKind) -> Result<Self, PolicyError> {
        parse::parse(text, kind)
    }

    /// What the policy is attached to.
    pub const fn kind(&self) -> PolicyKind {
        self.kind
    }

    /// Every principal that `Principal` and `NotPrincipal` elements name, so that whoever stores the
    /// policy can check that they exist.
    pub fn principals(&self) -> impl Iterator<Item = &PrincipalPattern> {
        self.statements
            .iter()
            .flat_map(|statement| match &statement.principals {
                Principals::Attached => [].iter(),
                Principals::Only(entries) | Principals::AllBut(entries) => entries.iter(),
            })
    }

    pub(crate) fn statements(&self) -> &[Statement] {
        &self.statements
    }
}

impl Statement {
    /// Whether the statement applies; if not, what of it does not.
    pub(crate) fn outcome(&self, subject: Subject<'_>) -> Outcome<'_> {
        let Some(actions) = &self.actions else {
            return Outcome::NoEffect;
        };
        if !actions.matches(|pattern| {
            pattern
                .0
                .matches(subject.action, Case::Insensitive, subject.context)
        }) {
            return Outcome::OtherAction;
        }
        let Some(principal) = self.principals.matches(subject) else {
            return Outcome::OtherPrincipal;
        };
        match &self.resources {
            Resources::Missing => return Outcome::NoEffect,
            Resources::Attached => {}
            Resources::Named(resources) => {
                if !resources.matches(|pattern| pattern.matches(subject.resource, subject.context)) {
                    return Outcome::OtherResource;
                }
            }
        }
        match self
            .conditions
            .iter()
            .find(|condition| !condition.holds(subject.context, self.effect))
        {
            Some(condition) => Outcome::ConditionFails {
                operator: &condition.operator().text,
                key: condition.written_key(),
            },
            None => Outcome::Applies(principal),
        }
    }
}

impl Principals {
    fn matches(&self, subject: Subject<'_>) -> Option<PrincipalMatch> {
        match self {
            Self::Attached => Some(PrincipalMatch::Direct),
            Self::Only(entries) => strongest(entries, subject.principal),
            Self::AllBut(entries) => {
                (!exempts(entries, subject.principal, subject.has_boundary)).then_some(PrincipalMatch::Broad)
            }
        }
    }
}
