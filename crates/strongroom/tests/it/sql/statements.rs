//! Every SQL statement of every crate, read out of the sources: whoever writes one has it checked
//! without listing it anywhere.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use super::MIGRATIONS;
use proc_macro2::{TokenStream, TokenTree};
use store::Migration;

use crate::support::package;

/// A text that starts with one of these words, in capitals, is SQL.
const VERBS: &[&str] = &[
    "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "WITH", "VALUES", "CREATE", "ALTER", "DROP",
    "TRUNCATE", "VACUUM", "ANALYZE", "PRAGMA", "ATTACH", "EXPLAIN", "LOCK", "SET",
];
/// SQL in small letters is told from English by its second word.
const SMALL_VERBS: &[(&str, &str)] = &[
    ("select", "from"),
    ("insert", "into"),
    ("update", "set"),
    ("delete", "from"),
    ("create", "table"),
];
/// The store's own business with SQLite's file, and the runner's table, which is part of
/// `store::schema`.
const STORE_ONLY: &[&str] = &[
    "PRAGMA quick_check(1)",
    "CREATE TABLE IF NOT EXISTS store_migration ",
    "CREATE TABLE store_generation ",
];

/// One statement and where it stands.
pub(super) struct Statement {
    place: String,
    pub(super) sql: String,
}

impl Statement {
    /// A statement of a test.
    pub(super) fn here(sql: &str) -> Self {
        let place = "this test".to_owned();
        let sql = sql.to_owned();
        Self { place, sql }
    }

    /// The highest `n` among the parameters `$n`.
    pub(super) fn parameters(&self) -> usize {
        let number = |text: &str| {
            let end = text
                .find(|character: char| !character.is_ascii_digit())
                .unwrap_or(text.len());
            text[..end].parse().unwrap_or(0)
        };
        self.sql.split('$').skip(1).map(number).max().unwrap_or(0)
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.sql)
    }
}

/// What the crates may run, save migrations (the databases run those) and test code.
pub(super) fn of_all_crates() -> Vec<Statement> {
    let package = package();
    let crates = package.parent().unwrap();
    let mut found = Vec::new();
    for package in list(crates) {
        visit(&package.join("src"), crates, &mut found);
    }
    let owners = MIGRATIONS.iter().map(|migrations| migrations.owner);
    for owner in owners.chain(["store"]) {
        let prefix = format!("{owner}/src/");
        let any = found.iter().any(|statement| statement.place.starts_with(&prefix));
        assert!(any, "no statement found in crates/{owner}: the search is broken");
    }
    found
}

fn list(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

fn visit(directory: &Path, crates: &Path, found: &mut Vec<Statement>) {
    for path in list(directory) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" {
            visit(&path, crates, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let source = fs::read_to_string(&path).unwrap();
            let file = path.strip_prefix(crates).unwrap().display().to_string();
            in_source(&file, &source, found);
        }
    }
}

fn in_source(file: &str, source: &str, found: &mut Vec<Statement>) {
    let tokens: TokenStream = source.parse().unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut texts = Vec::new();
    collect(tokens, &mut texts);
    let statements = texts.into_iter().filter(|(_, sql)| is_statement(sql));
    found.extend(statements.map(|(line, sql)| Statement {
        place: format!("{file}:{line}"),
        sql,
    }));
}

/// The string literals in `tokens` with their lines; without those in attributes (documentation
/// comments are such) and in items under `#[cfg(test)]`.
fn collect(tokens: TokenStream, texts: &mut Vec<(usize, String)>) {
    let mut tokens = tokens.into_iter().peekable();
    let mut in_test = false;
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(mark) if mark.as_char() == '#' => {
                tokens.next_if(|next| next.to_string() == "!");
                let attribute = tokens.next_if(|next| matches!(next, TokenTree::Group(_)));
                let text = attribute.map(|group| group.to_string().replace(' ', ""));
                in_test |= text.as_deref() == Some("[cfg(test)]");
            }
            TokenTree::Punct(mark) if mark.as_char() == ';' => in_test = false,
            TokenTree::Group(group) if in_test => {
                in_test = group.delimiter() != proc_macro2::Delimiter::Brace;
            }
            TokenTree::Group(group) => collect(group.stream(), texts),
            TokenTree::Literal(literal) if !in_test => {
                let line = literal.span().start().line;
                texts.extend(value(&literal.to_string()).map(|text| (line, text)));
            }
            _ => {}
        }
    }
}

/// The text that a string literal stands for; `None` for every other literal. Escapes that have no
/// place in SQL (`\u{…}`) stay as they are.
fn value(literal: &str) -> Option<String> {
    if let Some(raw) = literal.strip_prefix('r') {
        let inner = raw.trim_matches('#').strip_prefix('"')?.strip_suffix('"')?;
        return Some(inner.to_owned());
    }
    let mut rest = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::new();
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let (escaped, after) = after.split_at(after.chars().next().map_or(0, char::len_utf8));
        rest = after;
        match escaped {
            "\n" => rest = after.trim_start(),
            "n" => text.push('\n'),
            "t" => text.push('\t'),
            "\"" | "\\" | "'" => text.push_str(escaped),
            other => {
                text.push('\\');
                text.push_str(other);
            }
        }
    }
    text.push_str(rest);
    Some(text)
}

fn is_statement(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let Some(first) = words.next() else { return false };
    let capitals = VERBS.contains(&first) && words.clone().next().is_some();
    let small = SMALL_VERBS.iter().any(|(verb, second)| {
        first.eq_ignore_ascii_case(verb) && words.clone().any(|word| word.eq_ignore_ascii_case(second))
    });
    let mut steps = MIGRATIONS.iter().flat_map(|migrations| migrations.steps);
    let is_step = steps.any(|step: &Migration| step.sql == text);
    (capitals || small) && !is_step && !STORE_ONLY.iter().any(|start| text.starts_with(start))
}

#[test]
fn statements_are_found_however_they_are_written() {
    let source = r####"
        //! SELECT in a comment
        /// DELETE FROM a comment
        #[doc = "SELECT 1 FROM attribute"]
        const A: &str = "SELECT a \
            FROM \"b\" WHERE c = $2 AND d = $11";
        const B: [&str; 2] = ["INSERT INTO b VALUES ($1)", r#"UPDATE b SET "c" = 'x\y'"#];
        impl X { fn f(&self) { self.0.query("delete from small where a = $1"); } }
        const NOT: &[&str] = &["DELETE", "Select one of these", "update the policy"];
        const BYTES: &[u8] = b"SELECT bytes";
        #[cfg(test)]
        mod tests { const C: &str = "SELECT in_a_test"; }
        #[cfg(test)]
        use x::y;
        const D: &str = "SELECT after_tests";
    "####;
    let mut found = Vec::new();
    in_source("x.rs", source, &mut found);
    let sql: Vec<&str> = found.iter().map(|statement| statement.sql.as_str()).collect();
    assert_eq!(
        sql,
        [
            "SELECT a FROM \"b\" WHERE c = $2 AND d = $11",
            "INSERT INTO b VALUES ($1)",
            "UPDATE b SET \"c\" = 'x\\y'",
            "delete from small where a = $1",
            "SELECT after_tests",
        ]
    );
    assert_eq!(found[0].parameters(), 11);
    assert_eq!(found[0].place, "x.rs:5");
    assert_eq!(found[4].parameters(), 0);
}
