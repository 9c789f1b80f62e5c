//! The configuration file, through the command that checks it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use strongroom::config::Config;

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
/// save for those that show a choice; a commented section is one as a whole.
#[test]
fn the_examples_commented_settings_exist() {
    let example = stdout(&["config", "example"]);
    let lines: Vec<&str> = example.lines().collect();
    let is_setting = |line: &str| {
        line.strip_prefix("# ").is_some_and(|rest| {
            rest.starts_with('[')
                || (rest.starts_with(|first: char| first.is_ascii_lowercase()) && rest.contains(" = "))
        })
    };
    let choices = [
        "address",
        "name",
        "uid",
        "role",
        "mtls.ca_files",
        "mtls.common_names",
    ];
    let (mut settings, mut sections) = (0, 0);
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let from = at;
        at += 1;
        if !is_setting(line) || line.contains("danger_plain_http = true") {
            continue;
        }
        if line.starts_with("# [") {
            sections += 1;
            at += lines[at..]
                .iter()
                .take_while(|line| line.starts_with('#'))
                .count();
        } else if choices.contains(&line[2..].split(' ').next().unwrap()) {
            continue;
        } else {
            settings += 1;
        }
        let uncommented: Vec<&str> = (lines.iter().enumerate())
            .map(
                |(number, line)| match (from..at).contains(&number) && is_setting(line) {
                    true => &line[2..],
                    false => line,
                },
            )
            .collect();
        // Without a look at the files, which are nobody's here.
        if let Err(error) = Config::parse(&uncommented.join("\n")) {
            panic!("line {}: {line}: {error:#}", from + 1);
        }
    }
    assert!(
        settings > 20 && sections >= 3,
        "{settings} settings, {sections} sections"
    );
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
    assert!(said.contains("seal: an HSM with 1 token"), "{said}");
    // What is there is looked at.
    let pin = dir.path().join("hsm.pin");
    fs::write(&pin, "12345678\n").unwrap();
    fs::set_permissions(&pin, fs::Permissions::from_mode(0o644)).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(
        &file,
        text.replace("/etc/strongroom/hsm.pin", pin.to_str().unwrap()),
    )
    .unwrap();
    let refused = stderr(&["config", "check", file.to_str().unwrap()], 1);
    assert!(
        refused.contains("[seal.hsm], token") && refused.contains("chmod 600"),
        "{refused}"
    );
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
