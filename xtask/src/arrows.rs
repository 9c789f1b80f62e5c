//! `cargo xtask arrows`: holds the workspace's dependencies, as `cargo metadata` tells them,
//! against the table of crates in `docs/architecture.md`, and against the list of crates from
//! elsewhere that only some of ours may use. Normal and build dependencies count; tests may use
//! more.

mod page;
mod reserved;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::shell;
use page::Row;
use reserved::RESERVED;

/// Crates that every other may use.
const OPEN_TO_ALL: &[&str] = &["ambient", "crypto"];

/// Crates for development only: they may use everything, nothing shipped may use them outside
/// its tests.
const DEVELOPMENT: &[&str] = &["testkit", "software-hsm", "pkcs11-shim", "xtask", "bench", "fuzz"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `None` for a normal dependency, otherwise `dev` or `build`.
    kind: Option<String>,
    /// Set for a dependency inside the workspace.
    path: Option<String>,
}

/// Prints how many arrows were checked, or every one that the table does not declare.
pub(crate) fn run() -> Result<()> {
    let mut command = shell::cargo(["metadata", "--format-version", "1", "--no-deps"])?;
    let text = shell::read(&mut command, "mend the manifest named above")?;
    let metadata: Metadata = serde_json::from_str(&text).context("cargo metadata has an unknown shape")?;
    let table = page::table()?;
    let violations: Vec<String> = metadata
        .packages
        .iter()
        .flat_map(|package| violations(&table, package))
        .collect();
    if !violations.is_empty() {
        bail!(
            "undeclared dependencies:\n  {}\nRemove the dependency, or make the case for it in {} \
             (xtask/src/arrows/reserved.rs for crates from elsewhere)",
            violations.join("\n  "),
            page::PATH
        );
    }
    println!("{} crates hold to the table", metadata.packages.len());
    Ok(())
}

fn violations(table: &[Row], package: &Package) -> Vec<String> {
    let name = package.name.as_str();
    if DEVELOPMENT.contains(&name) {
        return Vec::new();
    }
    let Some(row) = table.iter().find(|row| row.name == name) else {
        return vec![format!("{name}: not in the table")];
    };
    let shipped = package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind.as_deref() != Some("dev"));
    shipped
        .filter_map(|dependency| violation(row, dependency))
        .collect()
}

fn violation(row: &Row, dependency: &Dependency) -> Option<String> {
    let (from, to) = (row.name.as_str(), dependency.name.as_str());
    if dependency.path.is_some() {
        let declared = OPEN_TO_ALL.contains(&to) || row.may_use.allows(to);
        return (!declared).then(|| format!("{from} -> {to}: not in the table"));
    }
    let rule = RESERVED
        .iter()
        .find(|rule| rule.crates.contains(&to) && !rule.only.contains(&from))?;
    Some(format!("{from} -> {to}: {}", rule.because))
}

#[cfg(test)]
mod tests {
    use super::*;
    use page::MayUse;

    fn package(name: &str, dependencies: &[(&str, Option<&str>, bool)]) -> Package {
        let dependencies = dependencies.iter().map(|(name, kind, inside)| Dependency {
            name: (*name).to_owned(),
            kind: kind.map(str::to_owned),
            path: inside.then(String::new),
        });
        Package {
            name: name.to_owned(),
            dependencies: dependencies.collect(),
        }
    }

    fn violations(package: &Package) -> Vec<String> {
        let row = |name: &str, may_use: &[&str]| Row {
            name: name.to_owned(),
            may_use: MayUse::These(may_use.iter().map(|name| (*name).to_owned()).collect()),
        };
        let table = [
            row("proxy", &["warden", "listener"]),
            row("kms", &["listener"]),
            row("warden", &[]),
            row("sigv4", &[]),
            row("seal", &[]),
        ];
        super::violations(&table, package)
    }

    #[test]
    fn the_page_has_a_row_for_what_is_open_to_all() {
        let table = page::table().unwrap();
        assert!(
            OPEN_TO_ALL
                .iter()
                .all(|name| table.iter().any(|row| row.name == *name))
        );
    }

    #[test]
    fn declared_and_open_arrows_pass() {
        let fine = package(
            "proxy",
            &[
                ("warden", None, true),
                ("crypto", None, true),
                ("hyper", None, false),
            ],
        );
        assert!(violations(&fine).is_empty());
    }

    #[test]
    fn an_undeclared_arrow_is_found_unless_it_is_for_tests() {
        assert_eq!(
            violations(&package("kms", &[("warden", None, true)])),
            ["kms -> warden: not in the table"]
        );
        assert_eq!(
            violations(&package("kms", &[("warden", Some("build"), true)])).len(),
            1
        );
        assert!(violations(&package("kms", &[("warden", Some("dev"), true)])).is_empty());
        assert_eq!(violations(&package("proxy", &[("testkit", None, true)])).len(), 1);
    }

    #[test]
    fn a_new_crate_needs_a_row() {
        assert_eq!(
            violations(&package("newcomer", &[])),
            ["newcomer: not in the table"]
        );
    }

    #[test]
    fn crates_with_a_rule_stay_where_they_belong() {
        assert_eq!(
            violations(&package("warden", &[("hyper", None, false)])),
            ["warden -> hyper: only the fronts know HTTP"]
        );
        assert!(violations(&package("sigv4", &[("http", None, false)])).is_empty());
        assert_eq!(violations(&package("sigv4", &[("hyper", None, false)])).len(), 1);
        assert_eq!(
            violations(&package("seal", &[("aws-lc-rs", None, false)])).len(),
            1
        );
    }
}
