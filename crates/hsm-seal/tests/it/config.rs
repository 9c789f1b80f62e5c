//! `[seal.hsm]`: what is refused, and what it says.

use std::time::Duration;

use hsm_seal::{HsmSealConfig, OnLoss};
use pkcs11::section::IsolationSetting;

const MINIMAL: &str = "module = \"/m.so\"\nprofile = \"softhsm\"\n";
const TOKEN: &str = "[[tokens]]\nname = \"a\"\nlabel = \"a\"\n";

fn parse(text: &str) -> Result<HsmSealConfig, String> {
    let config: HsmSealConfig = toml::from_str(text).map_err(|error| error.to_string())?;
    config.check().map_err(|error| error.to_string())?;
    Ok(config)
}

#[test]
fn the_defaults_are_the_careful_ones() {
    let config = parse(&format!("{MINIMAL}{TOKEN}")).unwrap();
    assert_eq!(config.isolation, IsolationSetting::Worker);
    assert_eq!(config.on_loss, OnLoss::Seal);
    assert_eq!(config.loss_after, Duration::from_secs(30));
    assert_eq!(config.deadline, Duration::from_secs(5));
}

#[test]
fn what_is_wrong_is_named() {
    let token = |name: &str, which: &str| format!("[[tokens]]\nname = {name:?}\n{which}\n");
    let tokens = |count: usize| -> String {
        let one = |number: usize| token(&format!("t{number}"), &format!("slot = {number}"));
        (0..count).map(one).collect()
    };
    let bad = [
        ("tokens = []".to_owned(), "1 to 8"),
        (tokens(9), "1 to 8"),
        (token("a", ""), "exactly one of"),
        (token("a", "label = \"x\"\nslot = 1"), "exactly one of"),
        (token("a b", "slot = 1"), "is none"),
        (token("", "slot = 1"), "is none"),
        (token(&"n".repeat(33), "slot = 1"), "is none"),
        (
            token("a", "slot = 1") + &token("a", "slot = 2"),
            "two tokens are named",
        ),
        (token("a", "slot = 1") + &token("b", "slot = 1"), "named twice"),
        (token("a", "slot = 1\nprofile = \"none\""), "there is no profile"),
        (token("a", "slot = 1\npin_file = \"pin\""), "not an absolute path"),
        (token("a", "slot = 1\nmodule = \"m.so\""), "not an absolute path"),
        (format!("deadline = \"0s\"\n{TOKEN}"), "deadline"),
        (format!("deadline = \"61s\"\n{TOKEN}"), "deadline"),
        (format!("loss_after = \"99ms\"\n{TOKEN}"), "loss_after"),
        (format!("loss_after = \"86401s\"\n{TOKEN}"), "loss_after"),
        (format!("loss_after = \"5\"\n{TOKEN}"), "with its unit"),
        (format!("object = {{}}\n{TOKEN}"), "a label or an id"),
        (
            format!("object = {{ label = \"\" }}\n{TOKEN}"),
            "a label or an id",
        ),
        (
            format!("object = {{ label = {:?} }}\n{TOKEN}", "l".repeat(256)),
            "1 to 255",
        ),
        (format!("object = {{ id = \"xy\" }}\n{TOKEN}"), "hexadecimal"),
        (format!("typo = 1\n{TOKEN}"), "unknown field"),
    ];
    for (text, expected) in bad {
        let said = parse(&format!("{MINIMAL}{text}")).map(drop).unwrap_err();
        assert!(said.contains(expected), "{text}: {said}");
    }
    for good in [
        tokens(8),
        token(&"n".repeat(32), "slot = 1"),
        format!("deadline = \"60s\"\nloss_after = \"86400s\"\n{TOKEN}"),
        format!("loss_after = \"100ms\"\n{TOKEN}"),
        format!(
            "object = {{ label = {:?}, id = \"00ff\" }}\n{TOKEN}",
            "l".repeat(255)
        ),
    ] {
        parse(&format!("{MINIMAL}{good}")).unwrap();
    }
}
