//! What commands print: JSON for scripts, aligned text for people.

use std::io::{self, Write};

use admin::ErrorBody;
use serde::Serialize;

/// Where a command prints to, and how.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
}

impl Output {
    /// JSON if asked, text otherwise.
    pub const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether one JSON value is wanted.
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a value: as JSON, or as `text` makes it.
    pub fn show<T: Serialize>(&self, value: &T, text: impl FnOnce(&T) -> String) -> anyhow::Result<()> {
        if self.json {
            let mut line = serde_json::to_string_pretty(value)?;
            line.push('\n');
            self.write(&line)
        } else {
            self.write(&text(value))
        }
    }

    /// Prints one JSON value on one line, for endless streams.
    pub fn json_line<T: Serialize>(&self, value: &T) -> anyhow::Result<()> {
        let mut line = serde_json::to_string(value)?;
        line.push('\n');
        self.write(&line)
    }

    /// Prints text as it is.
    pub fn write(&self, text: &str) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(())
    }

    /// Says on standard error how far something is, to people.
    pub(super) fn progress(&self, text: &str) {
        if !self.json {
            // With standard error gone there is nobody left to tell.
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }

    /// Prints an error to standard error.
    pub(super) fn error(&self, body: &ErrorBody) {
        let text = if self.json {
            serde_json::to_string(body).unwrap_or_default()
        } else if let Some(next) = &body.next {
            format!("error: {}\nnext: {next}", body.message)
        } else {
            format!("error: {}", body.message)
        };
        // With standard error gone there is nobody left to tell.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}

/// Columns aligned by spaces, headings in capitals; one line says so if there is nothing.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>], nothing: &str) -> String {
    if rows.is_empty() {
        return format!("{nothing}\n");
    }
    let headings: Vec<String> = headings.iter().map(|heading| heading.to_uppercase()).collect();
    let widths: Vec<usize> = (0..headings.len())
        .map(|column| {
            std::iter::once(&headings)
                .chain(rows)
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in std::iter::once(&headings).chain(rows) {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// `name: value` lines with the values aligned.
pub(crate) fn fields(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0) + 1;
    pairs
        .iter()
        .map(|(name, value)| format!("{:width$}  {value}\n", format!("{name}:")))
        .collect()
}

/// `1 key`, `2 keys`.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// A list in one cell; `-` if it is empty.
pub(crate) fn list(items: &[String]) -> String {
    if items.is_empty() {
        "-".to_owned()
    } else {
        items.join(", ")
    }
}

/// An optional cell.
pub(crate) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        let all = [0, 1, 2].map(|number| counted(number, "key"));
        assert_eq!(all, ["0 keys", "1 key", "2 keys"]);
    }

    #[test]
    fn tables_align_without_trailing_spaces() {
        let rows = [
            vec!["a".into(), "first".into()],
            vec!["longer".into(), String::new()],
        ];
        assert_eq!(
            table(&["id", "name"], &rows, "none"),
            "ID      NAME\na       first\nlonger\n"
        );
        assert_eq!(table(&["id"], &[], "no keys yet"), "no keys yet\n");
    }
}
