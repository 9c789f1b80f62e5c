//! From a document to a policy: the document and its statements.

use crate::json::Json;
use crate::limits::{DOCUMENT_BYTES, QUESTION_MARKS};
use crate::policy::elements;
use crate::policy::{
    Effect, Matcher, Policy, PolicyError, PolicyKind, Principals, Problem, Resources, Statement,
};

/// Reads a document.
pub(super) fn parse(text: &str, kind: PolicyKind) -> Result<Policy, PolicyError> {
    let document = |problem| PolicyError {
        problem,
        statement: None,
    };
    check_text(text, kind).map_err(document)?;
    let json = Json::parse(text).map_err(|error| {
        document(Problem::Json {
            line: error.line(),
            column: error.column(),
        })
    })?;
    if question_marks(&json) > QUESTION_MARKS {
        return Err(document(Problem::TooManyWildcards));
    }
    let Json::Object(members) = json else {
        return Err(document(Problem::WrongType));
    };
    let mut statement = None;
    let mut variables = false;
    for (name, value) in members {
        match (name.as_str(), value) {
            ("Version", Json::Text(version)) => match version.as_str() {
                "2012-10-17" => variables = true,
                "2008-10-17" => {}
                _ => return Err(document(Problem::Version)),
            },
            ("Id", Json::Text(_)) => {}
            ("Statement", value) => statement = Some(value),
            ("Version" | "Id", _) => return Err(document(Problem::WrongType)),
            _ => return Err(document(Problem::UnknownElement)),
        }
    }
    let statements = match statement.ok_or(document(Problem::MissingElement))? {
        Json::List(statements) if statements.is_empty() => return Err(document(Problem::EmptyList)),
        Json::List(statements) => statements,
        single => vec![single],
    };
    let grammar = Grammar { kind, variables };
    let mut parsed: Vec<Statement> = Vec::with_capacity(statements.len());
    let mut sids = std::collections::HashSet::new();
    for (index, json) in statements.into_iter().enumerate() {
        let within = |problem| PolicyError {
            problem,
            statement: Some(index),
        };
        let statement = grammar.statement(json).map_err(within)?;
        // Sids of key policies need not differ.
        if let Some(sid) = &statement.sid
            && kind != PolicyKind::Key
            && !sids.insert(sid.clone())
        {
            return Err(within(Problem::Sid));
        }
        parsed.push(statement);
    }
    Ok(Policy {
        kind,
        statements: parsed.into(),
    })
}

fn check_text(text: &str, kind: PolicyKind) -> Result<(), Problem> {
    if text.len() > DOCUMENT_BYTES || (kind == PolicyKind::Key && text.len() > kind.max_chars()) {
        return Err(Problem::TooLarge);
    }
    let counted = text
        .chars()
        .filter(|character| kind.counts_white_space() || !character.is_whitespace());
    if counted.count() > kind.max_chars() {
        return Err(Problem::TooLarge);
    }
    let permitted = |character| matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}');
    if text.chars().all(permitted) {
        Ok(())
    } else {
        Err(Problem::Character)
    }
}

/// In the texts, for in the document they can be written as escapes.
fn question_marks(json: &Json) -> usize {
    match json {
        Json::Text(text) => text.bytes().filter(|byte| *byte == b'?').count(),
        Json::List(values) => values.iter().map(question_marks).sum(),
        Json::Object(members) => members.iter().map(|(_, value)| question_marks(value)).sum(),
        Json::Null | Json::Bool(_) | Json::Number(_) => 0,
    }
}

/// What the kind and the version of a policy make of its statements.
#[derive(Clone, Copy)]
pub(super) struct Grammar {
    pub(super) kind: PolicyKind,
    /// `${…}` is a policy variable.
    pub(super) variables: bool,
}

/// The elements of a statement as they stand in the document.
#[derive(Default)]
struct Elements {
    sid: Option<Box<str>>,
    effect: Option<Effect>,
    principal: Option<(bool, Json)>,
    action: Option<(bool, Json)>,
    resource: Option<(bool, Json)>,
    condition: Option<Json>,
}

impl Grammar {
    fn statement(self, json: Json) -> Result<Statement, Problem> {
        let elements = self.elements(json)?;
        let effect = elements.effect.ok_or(Problem::MissingElement)?;
        Ok(Statement {
            sid: elements.sid,
            effect,
            principals: self.principals(elements.principal, effect)?,
            actions: match elements.action {
                Some((negated, json)) => Some(matcher(negated, elements::actions(&json)?)),
                None if self.kind == PolicyKind::Key => None,
                None => return Err(Problem::MissingElement),
            },
            resources: self.resources(elements.resource)?,
            conditions: match elements.condition {
                Some(json) => elements::conditions(&json, self.kind, self.variables)?,
                None => Box::default(),
            },
        })
    }

    fn elements(self, json: Json) -> Result<Elements, Problem> {
        let Json::Object(members) = json else {
            return Err(Problem::WrongType);
        };
        let mut elements = Elements::default();
        for (name, value) in members {
            match name.as_str() {
                "Sid" => elements.sid = Some(elements::sid(value, self.kind)?),
                "Effect" => elements.effect = Some(elements::effect(&value)?),
                "Principal" => either(&mut elements.principal, false, value)?,
                "NotPrincipal" => either(&mut elements.principal, true, value)?,
                "Action" => either(&mut elements.action, false, value)?,
                "NotAction" => either(&mut elements.action, true, value)?,
                "Resource" => either(&mut elements.resource, false, value)?,
                "NotResource" => either(&mut elements.resource, true, value)?,
                "Condition" => elements.condition = Some(value),
                _ => return Err(Problem::UnknownElement),
            }
        }
        Ok(elements)
    }

    fn principals(self, element: Option<(bool, Json)>, effect: Effect) -> Result<Principals, Problem> {
        match element {
            None if self.kind.names_principals() => Err(Problem::MissingElement),
            None => Ok(Principals::Attached),
            Some(_) if !self.kind.names_principals() => Err(Problem::ProhibitedElement),
            Some((false, json)) => Ok(Principals::Only(elements::principals(&json)?)),
            Some((true, _)) if self.kind == PolicyKind::Trust => Err(Problem::ProhibitedElement),
            Some((true, _)) if effect == Effect::Allow => Err(Problem::NotPrincipalAllows),
            Some((true, json)) => Ok(Principals::AllBut(elements::principals(&json)?)),
        }
    }

    fn resources(self, element: Option<(bool, Json)>) -> Result<Resources, Problem> {
        match (element, self.kind) {
            (None, PolicyKind::Trust) => Ok(Resources::Attached),
            (Some(_), PolicyKind::Trust) => Err(Problem::ProhibitedElement),
            (None, PolicyKind::Key) => Ok(Resources::Missing),
            (None, _) => Err(Problem::MissingElement),
            (Some((negated, json)), _) => Ok(Resources::Named(matcher(
                negated,
                elements::resources(&json, self.variables)?,
            ))),
        }
    }
}

fn matcher<P>(negated: bool, patterns: Box<[P]>) -> Matcher<P> {
    if negated {
        Matcher::AllBut(patterns)
    } else {
        Matcher::Only(patterns)
    }
}

/// Keeps an element or its negation; both at once are refused.
fn either(place: &mut Option<(bool, Json)>, negated: bool, value: Json) -> Result<(), Problem> {
    if place.is_some() {
        return Err(Problem::Both);
    }
    *place = Some((negated, value));
    Ok(())
}
