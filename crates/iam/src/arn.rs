//! Amazon Resource Names, and patterns of them.

use crate::context::Context;
use crate::pattern::{Case, InvalidVariable, Syntax, Template};

/// How many colons separate the parts of an ARN; further ones belong to its last part.
const PARTS: usize = 6;

/// The parts of an ARN.
pub(crate) struct Arn<'a> {
    pub(crate) partition: &'a str,
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    pub(crate) resource: &'a str,
}

impl<'a> Arn<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(PARTS, ':');
        let prefix = parts.next()?;
        let arn = Self {
            partition: parts.next()?,
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        };
        let valid = prefix == "arn"
            && !arn.partition.is_empty()
            && !arn.service.is_empty()
            && !arn.resource.is_empty();
        valid.then_some(arn)
    }
}

/// A pattern whose wildcards stay within the part of the ARN in which they stand.
#[derive(Debug)]
pub(crate) enum ArnPattern {
    /// `*`
    Anything,
    Parts(Box<[Template; PARTS]>),
    /// A variable stands for a whole ARN, or for several parts.
    Whole(Template),
}

/// Why a text is no pattern of ARNs.
#[derive(Debug)]
pub(crate) enum InvalidArnPattern {
    NotAnArn,
    /// The service may not contain wildcards in `Resource` and `NotResource`.
    ServiceWildcard,
    Variable,
}

impl From<InvalidVariable> for InvalidArnPattern {
    fn from(_: InvalidVariable) -> Self {
        Self::Variable
    }
}

impl ArnPattern {
    /// Of `Resource` and `NotResource`: parts that are missing at the end match everything (IAM User
    /// Guide, *Resource*).
    pub(crate) fn resource(text: &str, variables: bool) -> Result<Self, InvalidArnPattern> {
        if text == "*" {
            return Ok(Self::Anything);
        }
        let syntax = Syntax {
            wildcards: true,
            variables,
        };
        let parts = split(text, variables);
        if parts.first() != Some(&"arn") || parts.len() < 3 {
            return Err(InvalidArnPattern::NotAnArn);
        }
        let mut templates = parts
            .iter()
            .map(|part| Template::parse(part, syntax))
            .collect::<Result<Vec<_>, _>>()?;
        templates.resize_with(PARTS, Template::anything);
        let service = templates.get(2).ok_or(InvalidArnPattern::NotAnArn)?;
        if service.has_wildcards()
            || service.has_variables()
            || service.matches("", Case::Sensitive, &Context::new())
        {
            return Err(InvalidArnPattern::ServiceWildcard);
        }
        parts_of(templates)
    }

    /// Of the operators `ArnEquals`, `ArnLike` and their negations, which behave alike.
    pub(crate) fn condition(text: &str, variables: bool) -> Result<Self, InvalidArnPattern> {
        if text == "*" {
            return Ok(Self::Anything);
        }
        let syntax = Syntax {
            wildcards: true,
            variables,
        };
        let parts = split(text, variables);
        if parts.len() < PARTS || parts.first() != Some(&"arn") {
            let whole = Template::parse(text, syntax)?;
            return if whole.has_variables() {
                Ok(Self::Whole(whole))
            } else {
                Err(InvalidArnPattern::NotAnArn)
            };
        }
        parts_of(
            parts
                .iter()
                .map(|part| Template::parse(part, syntax))
                .collect::<Result<Vec<_>, _>>()?,
        )
    }

    pub(crate) fn matches(&self, text: &str, context: &Context<'_>) -> bool {
        match self {
            Self::Anything => true,
            Self::Whole(template) => template.matches(text, Case::Sensitive, context),
            Self::Parts(templates) => {
                let mut parts = text.splitn(PARTS, ':');
                templates.iter().all(|template| {
                    parts
                        .next()
                        .is_some_and(|part| template.matches(part, Case::Sensitive, context))
                })
            }
        }
    }
}

fn parts_of(templates: Vec<Template>) -> Result<ArnPattern, InvalidArnPattern> {
    let parts: Box<[Template; PARTS]> = templates
        .into_boxed_slice()
        .try_into()
        .map_err(|_| InvalidArnPattern::NotAnArn)?;
    Ok(ArnPattern::Parts(parts))
}

/// Splits at the first five colons that do not stand inside `${…}`.
fn split(text: &str, variables: bool) -> Vec<&str> {
    let mut parts = Vec::with_capacity(PARTS);
    let (mut start, mut inside) = (0, false);
    for (at, character) in text.char_indices() {
        match character {
            '{' if variables && text.get(..at).is_some_and(|before| before.ends_with('$')) => inside = true,
            '}' => inside = false,
            ':' if !inside && parts.len() < PARTS - 1 => {
                parts.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..));
    parts
}
