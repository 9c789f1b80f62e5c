//! What is wrong with a file, and where; short, and without a secret.

use std::ops::Range;

use toml::Spanned;

/// Why a file is refused. It shows no part of the file but names, and never a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct IdentityFileError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong, and where that helps, what would be right.
    pub problem: String,
}

/// A problem and the bytes of the file that it is about.
pub(super) struct Problem(pub(super) Range<usize>, pub(super) String);

pub(super) type Checked<T> = Result<T, Problem>;

impl Problem {
    pub(super) fn at<T>(place: &Spanned<T>, problem: impl Into<String>) -> Self {
        Self(place.span(), problem.into())
    }

    pub(super) fn in_text(self, text: &str) -> IdentityFileError {
        let before = text.get(..self.0.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        IdentityFileError {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            problem: cut(self.1),
        }
    }
}

/// The most that is said of a problem, in bytes.
const MAX_PROBLEM_BYTES: usize = 512;

fn cut(mut problem: String) -> String {
    if problem.len() > MAX_PROBLEM_BYTES {
        problem.truncate(problem.floor_char_boundary(MAX_PROBLEM_BYTES - 3));
        problem.push_str("...");
    }
    problem
}

/// A parser's message without the string that it quotes: somebody may have written a secret where
/// something else belongs.
pub(super) fn without_values(message: &str) -> String {
    let quoted = message
        .find(" string \"")
        .zip(message.rfind("\", expected"))
        .filter(|(start, end)| start < end);
    match quoted {
        Some((start, end)) => {
            let (before, rest) = message.split_at_checked(start).unwrap_or((message, ""));
            let after = rest.get(end - start + 1..).unwrap_or_default();
            format!("{before} string{after}")
        }
        None => message.to_owned(),
    }
}
