//! The architecture's table of crates, read from the page itself.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::shell;

/// Where the table is.
pub(super) const PATH: &str = "docs/architecture.md";
const HEADING: &str = "| crate | carries | may use |";

/// A crate and the workspace crates it may use, those open to all apart.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) may_use: MayUse,
}

#[derive(Debug, PartialEq)]
pub(super) enum MayUse {
    All,
    These(Vec<String>),
}

impl MayUse {
    pub(super) fn allows(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.iter().any(|allowed| allowed == name),
        }
    }
}

/// The rows of the page.
pub(super) fn table() -> Result<Vec<Row>> {
    let path = shell::root()?.join(PATH);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let rows = parse(&text).with_context(|| format!("{PATH} has no well-formed table `{HEADING}`"))?;
    ensure!(!rows.is_empty(), "the table in {PATH} is empty");
    Ok(rows)
}

fn parse(page: &str) -> Option<Vec<Row>> {
    let lines = page.lines().skip_while(|line| line.trim() != HEADING).skip(2);
    lines.take_while(|line| line.starts_with('|')).map(row).collect()
}

/// One line: "| `name` | what it carries | one, another |"; a dash for none, "all" for all.
fn row(line: &str) -> Option<Row> {
    let cells: Vec<&str> = line.trim().trim_matches('|').split(" | ").collect();
    let name = cells.first()?.trim().trim_matches('`').to_owned();
    let may_use = match cells.last()?.trim() {
        "–" => MayUse::These(Vec::new()),
        "all" => MayUse::All,
        names => MayUse::These(names.split(", ").map(str::to_owned).collect()),
    };
    (cells.len() == 3).then_some(Row { name, may_use })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_found_between_the_text() {
        let page = "# A\n\n| crate | carries | may use |\n|---|---|---|\n| `a` | this | – |\n\
                    | `b` | that, and more | a, c |\n| `c` | x | all |\n\ntext\n| `d` | no | – |\n";
        let rows = parse(page).unwrap();
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[1].name, "b");
        assert!(rows[1].may_use.allows("c") && !rows[1].may_use.allows("d"));
        assert!(rows[2].may_use.allows("d") && !rows[0].may_use.allows("b"));
        assert_eq!(
            parse("| crate | carries | may use |\n|---|---|---|\n| a |\n"),
            None
        );
    }
}
