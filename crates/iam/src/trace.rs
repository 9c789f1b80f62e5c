//! Why a decision came out as it did: every statement and grant that was considered.

use std::fmt;

use crate::decision::{Decision, StatementRef};
use crate::policy::Effect;
use crate::principal::PrincipalMatch;

/// What a statement had to say about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'p> {
    /// It applies, because it names the caller so.
    Applies(PrincipalMatch),
    /// It has no action or no resource.
    NoEffect,
    /// It names other actions.
    OtherAction,
    /// It names other principals.
    OtherPrincipal,
    /// It names other resources.
    OtherResource,
    /// A condition does not hold.
    ConditionFails {
        /// The operator, as written.
        operator: &'p str,
        /// The condition key, as written.
        key: &'p str,
    },
}

/// What a grant had to say about a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantOutcome {
    /// It permits the request.
    Applies,
    /// It permits the caller's account, whose identity policies decide.
    AppliesToAccount,
    /// It is for another principal.
    OtherGrantee,
    /// It is for other operations.
    OtherOperation,
    /// The encryption context or the source is another one.
    ConstraintFails,
    /// The new grant would permit more than this one.
    WiderThanParent,
}

/// A statement or grant that was considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Considered<'p> {
    /// A statement.
    Statement {
        /// Which.
        statement: StatementRef<'p>,
        /// What it does if it applies.
        effect: Effect,
        /// Whether it applies.
        outcome: Outcome<'p>,
    },
    /// A grant.
    Grant {
        /// Its id.
        id: &'p str,
        /// Whether it permits.
        outcome: GrantOutcome,
    },
}

/// A decision with all that was considered, in the order of evaluation.
#[derive(Clone, Debug)]
pub struct Explanation<'p> {
    /// The decision.
    pub decision: Decision<'p>,
    /// Every statement and grant.
    pub considered: Vec<Considered<'p>>,
}

/// Where the evaluation tells what it considers.
pub(crate) trait Trace<'p> {
    fn note(&mut self, considered: Considered<'p>);
}

/// Nobody asked.
pub(crate) struct Silent;

impl Trace<'_> for Silent {
    fn note(&mut self, _: Considered<'_>) {}
}

impl<'p> Trace<'p> for Vec<Considered<'p>> {
    fn note(&mut self, considered: Considered<'p>) {
        self.push(considered);
    }
}

impl fmt::Display for Considered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Statement {
                statement,
                effect,
                outcome,
            } => {
                let effect = match effect {
                    Effect::Allow => "Allow",
                    Effect::Deny => "Deny",
                };
                write!(f, "{statement}: {effect} {outcome}")
            }
            Self::Grant { id, outcome } => write!(f, "grant {id}: {outcome}"),
        }
    }
}

impl fmt::Display for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applies(PrincipalMatch::Account) => f.write_str("applies to the caller's account"),
            Self::Applies(PrincipalMatch::Broad | PrincipalMatch::Direct) => f.write_str("applies"),
            Self::NoEffect => f.write_str("has no effect: it lacks an action or a resource"),
            Self::OtherAction => f.write_str("is for other actions"),
            Self::OtherPrincipal => f.write_str("is for other principals"),
            Self::OtherResource => f.write_str("is for other resources"),
            Self::ConditionFails { operator, key } => {
                write!(f, "does not apply: {operator} on {key} does not hold")
            }
        }
    }
}

impl fmt::Display for GrantOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Applies => "permits",
            Self::AppliesToAccount => "permits the caller's account",
            Self::OtherGrantee => "is for another principal",
            Self::OtherOperation => "is for other operations",
            Self::ConstraintFails => "does not permit: its constraint does not hold",
            Self::WiderThanParent => "does not permit: the new grant would permit more than it does",
        })
    }
}
