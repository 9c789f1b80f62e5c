//! The configuration file, through the command that checks it.

use std::fs;

use crate::support::certificates::Ca;
use crate::support::node::Node;
use crate::support::{json, stderr, stdout};

#[test]
fn the_example_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("strongroom.toml");
    fs::write(&file, stdout(&["config", "example"])).unwrap();
    let text = stdout(&["config", "check", file.to_str().unwrap()]);
    assert!(
        text.contains("is accepted") && text.contains("xks public on 0.0.0.0:8443"),
        "{text}"
    );
}

/// Each commented line of the example is a setting that exists and has the default that it shows,
/// save for those that show a choice.
#[test]
fn the_examples_commented_settings_exist() {
    let dir = tempfile::tempdir().unwrap();
    let example = stdout(&["config", "example"]);
    let setting = |line: &&str| {
        line.starts_with("# ") && line.contains(" = ") && !line.contains("danger_plain_http = true")
    };
    let settings: Vec<&str> = example.lines().filter(setting).collect();
    assert!(settings.len() > 20, "{settings:?}");
    for line in settings {
        let uncommented = example.replacen(line, line.trim_start_matches("# "), 1);
        let file = dir.path().join("one.toml");
        fs::write(&file, uncommented).unwrap();
        let name = line.trim_start_matches("# ").split(' ').next().unwrap();
        let tables_of_their_own = [
            "address",
            "name",
            "uid",
            "role",
            "mtls.ca_files",
            "mtls.common_names",
        ];
        if !tables_of_their_own.contains(&name) {
            stdout(&["config", "check", file.to_str().unwrap()]);
        }
    }
}

/// A table that is there as a whole or not at all: without a space behind `#`.
#[test]
fn the_examples_hsm_as_seal_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let example = stdout(&["config", "example"]);
    let whole = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with([' ', '#']) => format!("{rest}\n"),
        _ => format!("{line}\n"),
    };
    let text: String = example.lines().map(whole).collect();
    assert!(text.contains("\n[seal.hsm]\n") && text.contains("\n[[seal.hsm.tokens]]"));
    let file = dir.path().join("whole.toml");
    fs::write(&file, text).unwrap();
    let said = stdout(&["config", "check", file.to_str().unwrap()]);
    assert!(said.contains("hsm.pin does not exist (seal.hsm)"), "{said}");
}

#[test]
fn what_is_unknown_is_refused_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("strongroom.toml");
    for (text, expected) in [
        (
            "data_dir = \"/d\"\n[log]\nformt = \"json\"\n",
            &["line 3, column 1", "formt", "format"][..],
        ),
        (
            "data_dir = \"/d\"\nsurprise = 1\n",
            &["line 2, column 1", "surprise"],
        ),
        (
            "data_dir = \"/d\"\n[audit.limits]\nsegment_bytes = \"big\"\n",
            &["line 3, column 17", "big"],
        ),
        (
            "data_dir = \"/d\"\n[admin]\nshutdown_grace = \"10\"\n",
            &["line 3, column 18", "\"5s\""],
        ),
        (
            "data_dir = \"/d\"\n[[actors]]\nuid = 1\nname = \"a\"\nrole = \"king\"\n",
            &["line 5, column 8", "auditor"],
        ),
        ("data_dir = \n", &["line 1, column 12"]),
        ("[log]\n", &["data_dir"]),
        ("data_dir = \"here\"\n", &["absolute"]),
        (
            "data_dir = \"/d\"\n[[listeners.xks]]\nname = \"a\"\naddress = \"127.0.0.1:1\"\n",
            &["XKS-GEN-01"],
        ),
        (
            "data_dir = \"/d\"\n[[actors]]\nrole = \"admin\"\n",
            &["uid", "user"],
        ),
        (
            "data_dir = \"/d\"\n[proxy]\nmax_aad_bytes = 8191\n",
            &["max_aad_bytes", "8192"],
        ),
    ] {
        fs::write(&file, text).unwrap();
        let errors = stderr(&["config", "check", file.to_str().unwrap()], 1);
        for part in expected {
            assert!(errors.contains(part), "{part} in {errors}");
        }
    }
}

#[test]
fn files_that_are_there_are_read() {
    let node = Node::without_data();
    node.configure(&node.config("admin", ""));
    let config = node.path("config.toml");
    let config = config.to_str().unwrap();
    let checked = json(&["--json", "config", "check", config]);
    assert_eq!(checked.pointer("/accepted"), Some(&true.into()));
    // The key of another certificate.
    let other = Ca::new(node.dir(), "other-ca").issue(node.dir(), "other");
    fs::copy(other.key, &node.server.key).unwrap();
    let errors = stderr(&["config", "check", config], 1);
    assert!(errors.contains("private key"), "{errors}");
}

#[test]
fn dangers_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("strongroom.toml");
    let text = "data_dir = \"/d\"\n[[listeners.health]]\nname = \"probes\"\naddress = \"0.0.0.0:8081\"\n";
    fs::write(&file, text).unwrap();
    assert!(stderr(&["config", "check", file.to_str().unwrap()], 1).contains("danger_plain_http"));
    fs::write(&file, format!("{text}danger_plain_http = true\n")).unwrap();
    let checked = json(&["--json", "config", "check", file.to_str().unwrap()]);
    let danger = checked.pointer("/dangers/0").unwrap().as_str().unwrap();
    assert_eq!(danger, "listeners.health probes: danger_plain_http");
}
