//! Golden files of every `--help`, so that a change of the command line is seen in review.
//! `UPDATE_GOLDEN=1 cargo test -p strongroom help` writes them anew.

use std::fs;

use clap::CommandFactory;

use crate::support::{package, stderr, stdout};

const COMMANDS: &[&str] = &[
    "",
    "dev",
    "init",
    "serve",
    "status",
    "vhsm",
    "vhsm create",
    "vhsm list",
    "vhsm rotate-kek",
    "hsm",
    "hsm create",
    "hsm list",
    "hsm check",
    "hsm bench",
    "root",
    "root list",
    "root rotate",
    "root retire",
    "seal",
    "seal change",
    "key",
    "key create",
    "key list",
    "key show",
    "key enable",
    "key disable",
    "key rotate",
    "key adopt",
    "key delete",
    "key undelete",
    "key-store",
    "key-store create",
    "key-store list",
    "key-store show",
    "key-store bind",
    "key-store block",
    "key-store unblock",
    "credential",
    "credential add",
    "credential list",
    "credential retire",
    "audit",
    "audit verify",
    "audit tail",
    "config",
    "config check",
    "config example",
    "import-sample-config",
    "pkcs11-worker",
    "recovery",
    "recovery acknowledge",
    "kms",
    "kms init",
    "kms serve",
    "kms config",
    "kms config check",
    "kms config example",
    "kms status",
    "kms explain",
    "kms fault",
    "kms fault set",
    "kms fault list",
    "kms fault clear",
    "kms reload",
    "kms metrics",
];

#[test]
fn help_reads_as_recorded() {
    let dir = package().join("tests/it/golden/help");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    fs::create_dir_all(&dir).unwrap();
    for command in COMMANDS {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let text = stdout(&arguments);
        let name = if command.is_empty() {
            "strongroom".to_owned()
        } else {
            command.replace(' ', "-")
        };
        let file = dir.join(format!("{name}.txt"));
        if update {
            fs::write(&file, &text).unwrap();
        }
        let golden = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(text, golden, "{command}: differs from {}", file.display());
    }
}

#[test]
fn every_command_has_a_golden_file() {
    let mut names = Vec::new();
    collect(&strongroom::cli::Cli::command(), "", &mut names);
    for name in names {
        assert!(
            COMMANDS.contains(&name.as_str()),
            "{name} is not in the list above"
        );
    }
}

fn collect(command: &clap::Command, prefix: &str, names: &mut Vec<String>) {
    names.push(prefix.to_owned());
    for command in command.get_subcommands() {
        collect(command, format!("{prefix} {}", command.get_name()).trim(), names);
    }
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    for wrong in [
        &["nonsense"][..],
        &["key", "create", "k"],
        &["key", "create", "k", "--vhsm", "a", "--hsm", "b"],
        &["key", "adopt", "k", "--hsm", "h"],
        &["key", "delete", "k", "--after", "soon"],
        &["key-store", "block", "store"],
        &["credential", "add", "store", "--secret-file", "-"],
        &["--socket", "/a", "--data-dir", "/b", "status"],
    ] {
        assert!(stderr(wrong, 2).contains("error:"), "{wrong:?}");
    }
}
