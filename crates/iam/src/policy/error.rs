//! What can be wrong with a policy.

use std::fmt;

use thiserror::Error;

/// A policy document that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{problem}{}", Place(*statement))]
pub struct PolicyError {
    /// What is wrong.
    pub problem: Problem,
    /// In which statement, counted from 0, if in one.
    pub statement: Option<usize>,
}

/// What is wrong with a policy. The texts contain nothing of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// More characters than a policy of its kind may have.
    #[error("The policy is longer than its kind may be")]
    TooLarge,
    /// Not JSON, a name twice in one object, or nested too deeply.
    #[error("The policy is not well-formed JSON (line {line}, column {column})")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// More question marks than [`QUESTION_MARKS`](crate::limits::QUESTION_MARKS).
    #[error("The policy has too many question marks")]
    TooManyWildcards,
    /// A character outside of tab, line feed, carriage return and U+0020 to U+00FF.
    #[error("The policy contains a character that policies may not contain")]
    Character,
    /// The policy or a statement is not an object, or has an element of the wrong type.
    #[error("An element of the policy has the wrong type")]
    WrongType,
    /// An element that the language does not have.
    #[error("The policy contains an element that is not known")]
    UnknownElement,
    /// An element that policies of this kind do not have.
    #[error("The policy contains an element that policies of its kind do not have")]
    ProhibitedElement,
    /// An element with its negation, such as `Action` with `NotAction`.
    #[error("A statement has an element together with its negation")]
    Both,
    /// An element is missing.
    #[error("A statement lacks an element that policies of its kind must have")]
    MissingElement,
    /// A list without entries.
    #[error("A list in the policy is empty")]
    EmptyList,
    /// `Version` is neither `2012-10-17` nor `2008-10-17`.
    #[error("The policy's version is not known")]
    Version,
    /// `Effect` is neither `Allow` nor `Deny`.
    #[error("A statement's effect is neither Allow nor Deny")]
    Effect,
    /// `Sid` has characters that it may not have, or another statement has it.
    #[error("A statement's Sid is not valid")]
    Sid,
    /// A principal of no known form.
    #[error("A principal is not valid")]
    Principal,
    /// `NotPrincipal` with `Allow`, which is not supported.
    #[error("NotPrincipal must be used with the effect Deny")]
    NotPrincipalAllows,
    /// An action that is neither `*` nor `service:action`.
    #[error("An action is not valid")]
    Action,
    /// A resource that is neither `*` nor an ARN, or has a wildcard for its service.
    #[error("A resource must be an ARN or \"*\", and name its service in full")]
    Resource,
    /// An unknown operator, or a name of a condition key without its service.
    #[error("A condition is not valid")]
    Condition,
    /// A value that its operator cannot read.
    #[error("A value of a condition is not of the operator's type")]
    ConditionValue,
    /// `ForAllValues` with a single-valued key: it holds for requests without the key.
    #[error(
        "OverlyPermissiveCondition: the set operator ForAllValues with a single-valued condition key also matches \
         requests that lack the encryption context or tag, or have another one. Remove ForAllValues"
    )]
    OverlyPermissiveCondition,
}

struct Place(Option<usize>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(statement) => write!(f, " (statement {})", statement + 1),
            None => Ok(()),
        }
    }
}
