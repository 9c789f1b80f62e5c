//! `cargo xtask conformance`: which test holds which requirement of the XKS Proxy API.
//!
//! The requirements are data (`xtask/requirements.toml`); the tests are asked of the compiled
//! test binaries, so a name that the compiler does not see does not count. `--check` fails when
//! the page is stale; both ways fail when something the proxy must or should do has no test.

mod page;
mod requirements;
mod tests_by_name;

use std::fs;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::shell;
use requirements::Requirements;
use tests_by_name::NamedTest;

/// How to run the chore.
#[derive(Args)]
pub(crate) struct Options {
    /// Write nothing; fail if docs/conformance.md is not what would be written
    #[arg(long)]
    pub(crate) check: bool,
}

/// Writes or checks the page.
pub(crate) fn run(options: &Options) -> Result<()> {
    let requirements = Requirements::load()?;
    let tests = tests_by_name::compiled()?;
    refuse_unknown_ids(&requirements, &tests)?;
    let text = page::render(&requirements, &tests);
    let path = shell::root()?.join("docs/conformance.md");
    if options.check {
        let written = fs::read_to_string(&path).unwrap_or_default();
        if written != text {
            bail!("docs/conformance.md is stale; run `cargo xtask conformance` and commit it");
        }
    } else {
        fs::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote docs/conformance.md");
    }
    refuse_gaps(&requirements, &tests)
}

/// A test named after a requirement that does not exist is a slip of the pen.
fn refuse_unknown_ids(requirements: &Requirements, tests: &[NamedTest]) -> Result<()> {
    let unknown: Vec<&str> = tests
        .iter()
        .filter(|test| !requirements.contains(&test.group, test.number))
        .map(|test| test.function.as_str())
        .collect();
    if !unknown.is_empty() {
        bail!(
            "no requirement has the id in the name of: {}; correct the test's name",
            unknown.join(", ")
        );
    }
    Ok(())
}

fn refuse_gaps(requirements: &Requirements, tests: &[NamedTest]) -> Result<()> {
    let gaps = gaps(requirements, tests);
    if !gaps.is_empty() {
        bail!(
            "{} requirements have no test: {}; write tests named xks_<group>_<number>_...",
            gaps.len(),
            gaps.join(", ")
        );
    }
    Ok(())
}

fn gaps(requirements: &Requirements, tests: &[NamedTest]) -> Vec<String> {
    let binding = requirements
        .iter()
        .filter(|(_, requirement)| requirement.binds_the_proxy());
    let untested = binding.filter(|(group, requirement)| {
        !tests
            .iter()
            .any(|test| test.group == group.name && test.number == requirement.number)
    });
    untested
        .map(|(group, requirement)| requirement.id(group))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirements() -> Requirements {
        Requirements::parse(
            "[[group]]\nname = \"enc\"\ntitle = \"Encrypt\"\nrequirements = [\n\
             { number = 1, level = \"MUST\", who = \"proxy\", text = \"one\" },\n\
             { number = 2, level = \"MAY\", who = \"proxy\", text = \"two | too\" },\n\
             { number = 3, level = \"MUST\", who = \"kms\", text = \"three\" },\n]\n",
        )
        .unwrap()
    }

    fn test(function: &str) -> NamedTest {
        NamedTest::parse("proxy", function).unwrap()
    }

    #[test]
    fn what_binds_the_proxy_and_has_no_test_is_a_gap() {
        assert_eq!(gaps(&requirements(), &[]), ["XKS-ENC-01"]);
        assert!(gaps(&requirements(), &[test("a::xks_enc_01_works")]).is_empty());
        assert!(refuse_gaps(&requirements(), &[test("xks_enc_02_x")]).is_err());
    }

    #[test]
    fn a_name_without_requirement_is_refused() {
        assert!(refuse_unknown_ids(&requirements(), &[test("xks_enc_03_fine")]).is_ok());
        assert!(refuse_unknown_ids(&requirements(), &[test("xks_enc_04_typo")]).is_err());
        assert!(refuse_unknown_ids(&requirements(), &[test("xks_dec_01_typo")]).is_err());
    }

    #[test]
    fn the_page_names_every_test_and_every_gap() {
        let page = page::render(&requirements(), &[test("wire::xks_enc_01_works")]);
        assert!(
            page.contains("| XKS-ENC-01 | MUST | one | proxy: `xks_enc_01_works` |"),
            "{page}"
        );
        assert!(page.contains("| XKS-ENC-02 | MAY | two \\| too | – |"), "{page}");
        assert!(page.contains("| XKS-ENC-03 | MUST | three | (kms) |"), "{page}");
    }

    #[test]
    fn the_projects_own_requirements_are_well_formed() {
        let all = Requirements::load().unwrap();
        assert!(all.iter().count() > 100);
        assert!(all.contains("cdiv", 1));
    }
}
