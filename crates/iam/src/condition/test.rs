//! The values that conditions compare with, compiled by type.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::arn::ArnPattern;
use crate::cidr::Cidr;
use crate::condition::operator::{Comparison, OperatorKind};
use crate::context::{Context, Scalar};
use crate::date;
use crate::decimal::Decimal;
use crate::json::Json;
use crate::pattern::{Case, Syntax, Template};

/// An operator with its values. Several values are alternatives: one must match, or with a negated
/// operator none may.
#[derive(Debug)]
pub(crate) enum Test {
    Text {
        negated: bool,
        values: Box<[Template]>,
    },
    TextIgnoringCase {
        negated: bool,
        values: Box<[Template]>,
    },
    Number {
        comparison: Comparison,
        values: Box<[Decimal]>,
    },
    Date {
        comparison: Comparison,
        values: Box<[Decimal]>,
    },
    Bool(Box<[Truth]>),
    Binary(Box<[Vec<u8>]>),
    Address {
        negated: bool,
        values: Box<[Cidr]>,
    },
    Arn {
        negated: bool,
        values: Box<[ArnPattern]>,
    },
    /// Whether the key must be absent.
    Null(Box<[bool]>),
}

/// A value of `Bool`, which may be a policy variable.
#[derive(Debug)]
pub(crate) enum Truth {
    Known(bool),
    Variable(Template),
}

/// A value that its operator cannot read.
#[derive(Debug)]
pub(crate) struct InvalidValue;

impl Test {
    /// Compiles the values of an operator. Policy variables stand in texts, ARNs and truth values.
    pub(crate) fn parse(kind: OperatorKind, values: &[&Json], variables: bool) -> Result<Self, InvalidValue> {
        let template = |wildcards: bool| {
            move |value: &str| {
                Template::parse(value, Syntax { wildcards, variables }).map_err(|_| InvalidValue)
            }
        };
        Ok(match kind {
            OperatorKind::StringEquals { negated } => Self::Text {
                negated,
                values: texts(values, template(false))?,
            },
            OperatorKind::StringLike { negated } => Self::Text {
                negated,
                values: texts(values, template(true))?,
            },
            OperatorKind::StringEqualsIgnoreCase { negated } => Self::TextIgnoringCase {
                negated,
                values: texts(values, template(false))?,
            },
            OperatorKind::Numeric(comparison) => Self::Number {
                comparison,
                values: scalars(values, Decimal::parse)?,
            },
            OperatorKind::Date(comparison) => Self::Date {
                comparison,
                values: scalars(values, date::parse)?,
            },
            OperatorKind::Bool => Self::Bool(each(values, |value| Truth::parse(value, variables))?),
            OperatorKind::Binary => Self::Binary(texts(values, |value| {
                STANDARD.decode(value).map_err(|_| InvalidValue)
            })?),
            OperatorKind::IpAddress { negated } => Self::Address {
                negated,
                values: texts(values, |value| Cidr::parse(value).ok_or(InvalidValue))?,
            },
            OperatorKind::Arn { negated } => Self::Arn {
                negated,
                values: texts(values, |value| {
                    ArnPattern::condition(value, variables).map_err(|_| InvalidValue)
                })?,
            },
            OperatorKind::Null => Self::Null(each(values, truth)?),
        })
    }

    pub(crate) fn is_negated(&self) -> bool {
        match self {
            Self::Text { negated, .. }
            | Self::TextIgnoringCase { negated, .. }
            | Self::Address { negated, .. }
            | Self::Arn { negated, .. } => *negated,
            Self::Number { comparison, .. } | Self::Date { comparison, .. } => {
                *comparison == Comparison::NotEquals
            }
            Self::Bool(_) | Self::Binary(_) | Self::Null(_) => false,
        }
    }

    /// Whether one value of the request passes. A value that the operator cannot read matches nothing,
    /// so it passes a negated operator and no other.
    pub(crate) fn holds(&self, value: &Scalar<'_>, context: &Context<'_>) -> bool {
        self.matches(value, context) != self.is_negated()
    }

    fn matches(&self, value: &Scalar<'_>, context: &Context<'_>) -> bool {
        match self {
            Self::Text { values, .. } => {
                let text = value.to_text();
                values
                    .iter()
                    .any(|template| template.matches(&text, Case::Sensitive, context))
            }
            Self::TextIgnoringCase { values, .. } => {
                let text = value.to_text();
                values.iter().any(|template| {
                    template
                        .resolve(context)
                        .is_some_and(|wanted| same_ignoring_case(&wanted, &text))
                })
            }
            Self::Number { comparison, values } => number(value)
                .is_some_and(|number| values.iter().any(|wanted| comparison.holds(&number, wanted))),
            Self::Date { comparison, values } => {
                date(value).is_some_and(|date| values.iter().any(|wanted| comparison.holds(&date, wanted)))
            }
            Self::Bool(values) => {
                boolean(value).is_some_and(|given| values.iter().any(|wanted| wanted.is(given, context)))
            }
            Self::Binary(values) => STANDARD
                .decode(&*value.to_text())
                .is_ok_and(|bytes| values.contains(&bytes)),
            Self::Address { values, .. } => {
                address(value).is_some_and(|address| values.iter().any(|range| range.contains(address)))
            }
            Self::Arn { values, .. } => {
                let text = value.to_text();
                values.iter().any(|pattern| pattern.matches(&text, context))
            }
            Self::Null(_) => false,
        }
    }
}

impl Truth {
    fn parse(value: &Json, variables: bool) -> Result<Self, InvalidValue> {
        if let Ok(known) = truth(value) {
            return Ok(Self::Known(known));
        }
        let Json::Text(text) = value else {
            return Err(InvalidValue);
        };
        let template = Template::parse(
            text,
            Syntax {
                wildcards: false,
                variables,
            },
        )
        .map_err(|_| InvalidValue)?;
        if template.has_variables() {
            Ok(Self::Variable(template))
        } else {
            Err(InvalidValue)
        }
    }

    fn is(&self, given: bool, context: &Context<'_>) -> bool {
        match self {
            Self::Known(known) => *known == given,
            Self::Variable(template) => template
                .resolve(context)
                .and_then(|text| text_truth(&text))
                .is_some_and(|wanted| wanted == given),
        }
    }
}

fn each<T>(
    values: &[&Json],
    read: impl Fn(&Json) -> Result<T, InvalidValue>,
) -> Result<Box<[T]>, InvalidValue> {
    values.iter().map(|value| read(value)).collect()
}

/// Values that must be JSON strings.
fn texts<T>(
    values: &[&Json],
    read: impl Fn(&str) -> Result<T, InvalidValue>,
) -> Result<Box<[T]>, InvalidValue> {
    each(values, |value| match value {
        Json::Text(text) => read(text),
        _ => Err(InvalidValue),
    })
}

/// Values that may be JSON numbers as well.
fn scalars<T>(values: &[&Json], read: impl Fn(&str) -> Option<T>) -> Result<Box<[T]>, InvalidValue> {
    each(values, |value| match value {
        Json::Text(text) | Json::Number(text) => read(text).ok_or(InvalidValue),
        _ => Err(InvalidValue),
    })
}

fn truth(value: &Json) -> Result<bool, InvalidValue> {
    match value {
        Json::Bool(value) => Ok(*value),
        Json::Text(text) => text_truth(text).ok_or(InvalidValue),
        _ => Err(InvalidValue),
    }
}

fn text_truth(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn number(value: &Scalar<'_>) -> Option<Decimal> {
    match value {
        Scalar::Number(number) => Some(*number),
        Scalar::Date(seconds) => Some(Decimal::whole(*seconds)),
        Scalar::Text(text) => Decimal::parse(text),
        Scalar::Bool(_) | Scalar::Address(_) => None,
    }
}

fn date(value: &Scalar<'_>) -> Option<Decimal> {
    match value {
        Scalar::Date(seconds) => Some(Decimal::whole(*seconds)),
        Scalar::Number(seconds) => Some(*seconds),
        Scalar::Text(text) => date::parse(text),
        Scalar::Bool(_) | Scalar::Address(_) => None,
    }
}

fn boolean(value: &Scalar<'_>) -> Option<bool> {
    match value {
        Scalar::Bool(value) => Some(*value),
        Scalar::Text(text) => text_truth(text),
        Scalar::Number(_) | Scalar::Date(_) | Scalar::Address(_) => None,
    }
}

fn address(value: &Scalar<'_>) -> Option<IpAddr> {
    match value {
        Scalar::Address(address) => Some(*address),
        Scalar::Text(text) => text.parse().ok(),
        Scalar::Bool(_) | Scalar::Number(_) | Scalar::Date(_) => None,
    }
}

fn same_ignoring_case(left: &str, right: &str) -> bool {
    left.chars()
        .flat_map(char::to_lowercase)
        .eq(right.chars().flat_map(char::to_lowercase))
}
