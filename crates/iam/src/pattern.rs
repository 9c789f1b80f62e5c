//! Text patterns of the policy language: wildcards and policy variables, compiled.

use crate::context::Context;

/// A text with, where its place in the policy allows them, wildcards and policy variables.
#[derive(Debug)]
pub(crate) struct Template {
    pieces: Box<[Piece]>,
    has_variables: bool,
}

#[derive(Debug)]
enum Piece {
    Text(Box<str>),
    /// `?`
    One,
    /// `*`
    Many,
    Variable(Variable),
}

/// `${key}` or `${key, 'default'}`. The name of the key is in lower case.
#[derive(Debug)]
struct Variable {
    key: Box<str>,
    default: Option<Box<str>>,
}

/// What a place in the policy lets a text contain.
#[derive(Clone, Copy)]
pub(crate) struct Syntax {
    /// `*` and `?` are wildcards.
    pub wildcards: bool,
    /// `${…}` is a policy variable (policies of version 2012-10-17).
    pub variables: bool,
}

/// How letters compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Sensitive,
    /// ASCII letters only.
    Insensitive,
}

/// `${` without `}`, or what stands between them is no policy variable.
#[derive(Debug)]
pub(crate) struct InvalidVariable;

impl Template {
    pub(crate) fn parse(text: &str, syntax: Syntax) -> Result<Self, InvalidVariable> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            let (_, behind) = rest.split_at(character.len_utf8());
            rest = behind;
            let piece = match character {
                '*' if syntax.wildcards => Piece::Many,
                '?' if syntax.wildcards => Piece::One,
                '$' if syntax.variables && behind.starts_with('{') => {
                    let (inside, behind) = behind.split_once('}').ok_or(InvalidVariable)?;
                    rest = behind;
                    match inside.strip_prefix('{').ok_or(InvalidVariable)? {
                        escaped @ ("*" | "?" | "$") => {
                            literal.push_str(escaped);
                            continue;
                        }
                        variable => Piece::Variable(Variable::parse(variable)?),
                    }
                }
                other => {
                    literal.push(other);
                    continue;
                }
            };
            push_text(&mut pieces, &mut literal);
            // Two stars are one star; keeping one bounds the work of a match.
            if !matches!((pieces.last(), &piece), (Some(Piece::Many), Piece::Many)) {
                pieces.push(piece);
            }
        }
        push_text(&mut pieces, &mut literal);
        let has_variables = pieces.iter().any(|piece| matches!(piece, Piece::Variable(_)));
        Ok(Self {
            pieces: pieces.into(),
            has_variables,
        })
    }

    /// `*`
    pub(crate) fn anything() -> Self {
        Self {
            pieces: Box::new([Piece::Many]),
            has_variables: false,
        }
    }

    pub(crate) fn has_variables(&self) -> bool {
        self.has_variables
    }

    pub(crate) fn has_wildcards(&self) -> bool {
        self.pieces
            .iter()
            .any(|piece| matches!(piece, Piece::One | Piece::Many))
    }

    /// Whether all of `text` matches. A policy variable without a value is equal to nothing and like
    /// nothing (IAM User Guide, *Policy variables with no value*).
    pub(crate) fn matches(&self, text: &str, case: Case, context: &Context<'_>) -> bool {
        if !self.has_variables {
            return match &*self.pieces {
                [] => text.is_empty(),
                [Piece::Many] => true,
                [Piece::Text(exact)] => same(exact, text, case),
                pieces => glob(|index| pieces.get(index).map(Piece::fixed), text, case),
            };
        }
        let mut resolved = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            match piece {
                Piece::Variable(variable) => match context.variable(&variable.key) {
                    Some(value) => resolved.push(Resolved::Text(value)),
                    None => match &variable.default {
                        Some(default) => resolved.push(Resolved::Text((&**default).into())),
                        None => return false,
                    },
                },
                Piece::Text(text) => resolved.push(Resolved::Text((&**text).into())),
                Piece::One => resolved.push(Resolved::One),
                Piece::Many => resolved.push(Resolved::Many),
            }
        }
        glob(|index| resolved.get(index).map(Resolved::fixed), text, case)
    }

    /// The whole text, when it has no wildcards and its variables have values.
    pub(crate) fn resolve(&self, context: &Context<'_>) -> Option<String> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Variable(variable) => match context.variable(&variable.key) {
                    Some(value) => text.push_str(&value),
                    None => text.push_str(variable.default.as_deref()?),
                },
                Piece::One | Piece::Many => return None,
            }
        }
        Some(text)
    }
}

impl Variable {
    fn parse(text: &str) -> Result<Self, InvalidVariable> {
        let (key, default) = match text.split_once(',') {
            Some((key, default)) => {
                let default = default.trim();
                let inside = default
                    .strip_prefix('\'')
                    .and_then(|text| text.strip_suffix('\''));
                (key.trim(), Some(inside.ok_or(InvalidVariable)?.into()))
            }
            None => (text.trim(), None),
        };
        match key.split_once(':') {
            Some((vendor, name)) if !vendor.is_empty() && !name.is_empty() => Ok(Self {
                key: key.to_lowercase().into(),
                default,
            }),
            _ => Err(InvalidVariable),
        }
    }
}

fn push_text(pieces: &mut Vec<Piece>, literal: &mut String) {
    if !literal.is_empty() {
        pieces.push(Piece::Text(std::mem::take(literal).into()));
    }
}

/// A piece without variables.
enum Fixed<'a> {
    Text(&'a str),
    One,
    Many,
}

impl Piece {
    fn fixed(&self) -> Fixed<'_> {
        match self {
            Self::Text(text) => Fixed::Text(text),
            Self::One => Fixed::One,
            Self::Many => Fixed::Many,
            // Never asked: templates with variables are resolved first. Matches the empty text only.
            Self::Variable(_) => Fixed::Text(""),
        }
    }
}

enum Resolved<'a> {
    Text(std::borrow::Cow<'a, str>),
    One,
    Many,
}

impl Resolved<'_> {
    fn fixed(&self) -> Fixed<'_> {
        match self {
            Self::Text(text) => Fixed::Text(text),
            Self::One => Fixed::One,
            Self::Many => Fixed::Many,
        }
    }
}

/// Matches pieces from left to right and, where that fails, lets the last star take one character
/// more. What stands between two stars has a fixed length, so an earlier star need not be tried again:
/// the work is at most the length of the text times the length of the longest stretch without a star.
fn glob<'p>(piece: impl Fn(usize) -> Option<Fixed<'p>>, text: &str, case: Case) -> bool {
    let (mut index, mut rest) = (0, text);
    let mut star: Option<(usize, &str)> = None;
    loop {
        let matched = match piece(index) {
            None if rest.is_empty() => return true,
            None => None,
            Some(Fixed::Many) => {
                star = Some((index + 1, rest));
                Some(rest)
            }
            Some(Fixed::One) => without_first(rest),
            Some(Fixed::Text(literal)) => without_prefix(rest, literal, case),
        };
        if let Some(behind) = matched {
            (index, rest) = (index + 1, behind);
            continue;
        }
        let Some((behind_star, taken)) = star else {
            return false;
        };
        let Some(more) = without_first(taken) else {
            return false;
        };
        star = Some((behind_star, more));
        (index, rest) = (behind_star, more);
    }
}

fn without_first(text: &str) -> Option<&str> {
    let mut characters = text.chars();
    characters.next().map(|_| characters.as_str())
}

fn without_prefix<'t>(text: &'t str, prefix: &str, case: Case) -> Option<&'t str> {
    let (head, behind) = text.split_at_checked(prefix.len())?;
    same(prefix, head, case).then_some(behind)
}

fn same(left: &str, right: &str, case: Case) -> bool {
    match case {
        Case::Sensitive => left == right,
        Case::Insensitive => left.eq_ignore_ascii_case(right),
    }
}
