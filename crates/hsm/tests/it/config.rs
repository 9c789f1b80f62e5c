//! Sections of the configuration that are refused, and what they are told.

use std::time::Duration;

use hsm::{HsmConfig, Replication};
use pkcs11::section::IsolationSetting;

fn parse(text: &str) -> Result<HsmConfig, String> {
    let config: HsmConfig = toml::from_str(text).map_err(|error| error.to_string())?;
    config.check().map_err(|error| error.to_string())?;
    Ok(config)
}

const TOKEN: &str = "[[tokens]]\nname = \"a\"\nlabel = \"one\"\n";

fn with(head: &str, tokens: &str) -> Result<HsmConfig, String> {
    parse(&format!(
        "name = \"luna\"\nmodule = \"/x.so\"\nprofile = \"luna\"\n{head}\n{tokens}"
    ))
}

#[test]
fn what_is_left_out_has_safe_defaults() {
    let config = with("", TOKEN).unwrap();
    assert_eq!(
        (config.isolation, config.replication),
        (IsolationSetting::Worker, Replication::None)
    );
    assert_eq!(
        (config.sessions, config.queue, config.deadline),
        (8, 256, Duration::from_millis(120))
    );
    assert!(!config.danger_allow_extractable && !config.allow_short_keys);
    // No worker, no module in this process behind somebody's back.
    let refused = config
        .token_config(&config.tokens[0], None)
        .err()
        .unwrap()
        .to_string();
    assert!(refused.contains("in-process"), "{refused}");
}

#[test]
fn a_section_made_here_is_one_that_says_no_more() {
    let mut said = with("", TOKEN).unwrap();
    let token = said.tokens.remove(0);
    let made = HsmConfig::of_one("luna".to_owned(), "/x.so".into(), "luna".to_owned(), token);
    assert_eq!(made, with("", TOKEN).unwrap());
}

#[test]
fn what_is_wrong_is_named_with_its_fix() {
    let twice = [TOKEN, TOKEN].concat();
    let many: String = (0..17)
        .map(|n| format!("[[tokens]]\nname = \"t{n}\"\nslot = {n}\n"))
        .collect();
    let cases = [
        ("sessions = 0", TOKEN, "sessions = 0 is not 1 to 256"),
        ("sessions = 257", TOKEN, "sessions = 257"),
        ("queue = 65537", TOKEN, "queue = 65537"),
        ("deadline = \"0ms\"", TOKEN, "between 1ms and 60s"),
        ("deadline = \"61s\"", TOKEN, "between 1ms and 60s"),
        ("deadline = 120", TOKEN, "deadline"),
        ("deadline = \"120\"", TOKEN, "with its unit"),
        ("isolation = \"none\"", TOKEN, "isolation"),
        ("colour = \"red\"", TOKEN, "colour"),
        ("tokens = []", "", "[[hsm.tokens]]"),
        ("", &many, "has 17 tokens"),
        ("", &twice, "two tokens are named"),
        ("", "[[tokens]]\nname = \"a,b\"\nslot = 1\n", "a-z A-Z 0-9"),
        (
            "",
            "[[tokens]]\nname = \"a\"\n",
            "exactly one of label, serial and slot",
        ),
        (
            "",
            "[[tokens]]\nname = \"a\"\nlabel = \"l\"\nslot = 1\n",
            "exactly one of",
        ),
        (
            "",
            "[[tokens]]\nname = \"a\"\nslot = 1\nprofile = \"lunar\"\n",
            "there is no profile \"lunar\"",
        ),
        (
            "",
            "[[tokens]]\nname = \"a\"\nslot = 1\nprofile = \"/none.toml\"\n",
            "cannot read the profile",
        ),
        ("wrapping_key = \"k\"", TOKEN, "wrapping_key has a meaning"),
        (
            "replication = \"wrapping-key\"",
            "[[tokens]]\nname = \"a\"\nslot = 1\nprofile = \"softhsm\"\n",
            "needs wrapping_key",
        ),
        (
            "replication = \"wrapping-key\"\nwrapping_key = \"k\"",
            TOKEN,
            "knows no way to wrap keys",
        ),
    ];
    for (head, tokens, says) in cases {
        let refused = with(head, tokens).unwrap_err();
        assert!(refused.contains(says), "{head}: {refused}");
    }
    let refused = parse(&format!(
        "name = \"-\"\nmodule = \"/x.so\"\nprofile = \"luna\"\n{TOKEN}"
    ))
    .unwrap_err();
    assert!(refused.contains("name"), "{refused}");
    let refused = parse(&format!("name = \"luna\"\nprofile = \"luna\"\n{TOKEN}")).unwrap_err();
    assert!(refused.contains("has no module"), "{refused}");
    let refused = parse(&format!("name = \"luna\"\nmodule = \"/x.so\"\n{TOKEN}")).unwrap_err();
    assert!(refused.contains("has no profile"), "{refused}");
}
