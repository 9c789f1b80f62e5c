//! Names of condition operators.

use crate::condition::Quantifier;

/// An operator: what it compares, and how it treats several values or none.
#[derive(Debug)]
pub(crate) struct Operator {
    /// As written.
    pub(crate) text: Box<str>,
    pub(crate) kind: OperatorKind,
    pub(crate) quantifier: Quantifier,
    /// The suffix `IfExists`.
    pub(crate) if_exists: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperatorKind {
    StringEquals {
        negated: bool,
    },
    StringEqualsIgnoreCase {
        negated: bool,
    },
    StringLike {
        negated: bool,
    },
    Numeric(Comparison),
    Date(Comparison),
    Bool,
    Binary,
    IpAddress {
        negated: bool,
    },
    /// `ArnEquals` and `ArnLike` behave alike.
    Arn {
        negated: bool,
    },
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equals,
    NotEquals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

impl Operator {
    /// Reads `ForAnyValue:StringLikeIfExists` and the like; names are case-sensitive.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (quantifier, name) = match text.split_once(':') {
            Some(("ForAnyValue", name)) => (Quantifier::Any, name),
            Some(("ForAllValues", name)) => (Quantifier::All, name),
            Some(_) => return None,
            None => (Quantifier::One, text),
        };
        let (name, if_exists) = match name.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let kind = OperatorKind::parse(name)?;
        let valid = kind != OperatorKind::Null || (!if_exists && quantifier == Quantifier::One);
        valid.then(|| Self {
            text: text.into(),
            kind,
            quantifier,
            if_exists,
        })
    }
}

impl OperatorKind {
    fn parse(name: &str) -> Option<Self> {
        if let Some(comparison) = name.strip_prefix("Numeric") {
            return Comparison::parse(comparison).map(Self::Numeric);
        }
        if let Some(comparison) = name.strip_prefix("Date") {
            return Comparison::parse(comparison).map(Self::Date);
        }
        Some(match name {
            "StringEquals" => Self::StringEquals { negated: false },
            "StringNotEquals" => Self::StringEquals { negated: true },
            "StringEqualsIgnoreCase" => Self::StringEqualsIgnoreCase { negated: false },
            "StringNotEqualsIgnoreCase" => Self::StringEqualsIgnoreCase { negated: true },
            "StringLike" => Self::StringLike { negated: false },
            "StringNotLike" => Self::StringLike { negated: true },
            "Bool" => Self::Bool,
            "BinaryEquals" => Self::Binary,
            "IpAddress" => Self::IpAddress { negated: false },
            "NotIpAddress" => Self::IpAddress { negated: true },
            "ArnEquals" | "ArnLike" => Self::Arn { negated: false },
            "ArnNotEquals" | "ArnNotLike" => Self::Arn { negated: true },
            "Null" => Self::Null,
            _ => return None,
        })
    }
}

impl Comparison {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "Equals" => Self::Equals,
            "NotEquals" => Self::NotEquals,
            "LessThan" => Self::LessThan,
            "LessThanEquals" => Self::LessThanEquals,
            "GreaterThan" => Self::GreaterThan,
            "GreaterThanEquals" => Self::GreaterThanEquals,
            _ => return None,
        })
    }

    /// Whether `request` stands in this relation to `policy`. `NotEquals` is answered as `Equals`;
    /// negation is applied to all values together.
    pub(crate) fn holds<T: Ord>(self, request: &T, policy: &T) -> bool {
        match self {
            Self::Equals | Self::NotEquals => request == policy,
            Self::LessThan => request < policy,
            Self::LessThanEquals => request <= policy,
            Self::GreaterThan => request > policy,
            Self::GreaterThanEquals => request >= policy,
        }
    }
}
