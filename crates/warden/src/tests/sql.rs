//! SQL that PostgreSQL also runs: a check of the texts.

use crate::manifest::Manifest;
use crate::rows::{BindingRow, CredentialRow, KeyStoreRow, LAST_USE, MIGRATIONS, TaggedRow};
use crate::settle;

fn statements() -> Vec<&'static str> {
    fn of<R: TaggedRow>() -> [&'static str; 4] {
        [R::SELECT, R::INSERT, R::UPDATE, R::RESEAL]
    }
    let rows = [of::<KeyStoreRow>(), of::<BindingRow>(), of::<CredentialRow>()].concat();
    let others = [
        Manifest::SELECT,
        Manifest::WRITE,
        settle::MARK,
        settle::SET_MARK,
        LAST_USE,
    ];
    [rows, others.to_vec()].concat()
}

#[test]
fn statements_use_what_both_databases_share() {
    for sql in statements() {
        assert!(sql.is_ascii());
        // Parameters are $1, $2 … without a gap, each once.
        let numbers: Vec<usize> = sql
            .split('$')
            .skip(1)
            .map(|rest| {
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                digits.parse().unwrap()
            })
            .collect();
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (1..=numbers.len()).collect::<Vec<_>>(), "{sql}");
        for only_sqlite in [
            "?",
            "\"",
            "`",
            "[",
            "REPLACE",
            "OR IGNORE",
            "ROWID",
            "GLOB",
            "IFNULL",
            "PRAGMA",
            ";",
            " INTEGER",
        ] {
            assert!(
                !sql.to_uppercase().contains(only_sqlite),
                "{only_sqlite} in {sql}"
            );
        }
    }
}

#[test]
fn columns_have_the_types_that_both_databases_share() {
    for step in MIGRATIONS.steps {
        for line in step.sql.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let words: Vec<_> = line.trim_end_matches(',').split(' ').collect();
            let known = match words.as_slice() {
                ["CREATE", "TABLE", name, "("] => name.starts_with("warden_"),
                [");"] => true,
                ["PRIMARY", "KEY", ..] => true,
                [_, "TEXT" | "BIGINT" | "{{BLOB}}", rest @ ..] => {
                    matches!(
                        rest,
                        [] | ["NOT", "NULL"] | ["NOT", "NULL", "UNIQUE"] | ["PRIMARY", "KEY"]
                    )
                }
                _ => false,
            };
            assert!(known, "{line}");
        }
    }
}
