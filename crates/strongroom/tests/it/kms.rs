//! The KMS endpoint as a process of its own: its configuration, its life, its control socket.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::process::Process;
use crate::support::{command, json, stderr, stdout, text};

/// `kms init` was run, nothing is served yet.
struct Endpoint {
    dir: TempDir,
}

impl Endpoint {
    fn new() -> Self {
        let endpoint = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        endpoint.configure("");
        stdout(&["kms", "init", "--config", endpoint.config().to_str().unwrap()]);
        endpoint
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn config(&self) -> PathBuf {
        self.path("kms.toml")
    }

    fn configure(&self, more: &str) {
        let text = format!(
            "data_dir = {:?}\n{more}\n[[listeners]]\nname = \"clients\"\naddress = \"127.0.0.1:0\"\n",
            self.path("data")
        );
        fs::write(self.config(), text).unwrap();
    }

    fn serve(&self) -> Process {
        let process = Process::spawn(command(&[
            "kms",
            "serve",
            "--config",
            self.config().to_str().unwrap(),
        ]));
        let lines = process.wait_for(|line| line == "ready");
        assert!(
            lines[0].starts_with("listening: kms clients on 127.0.0.1:"),
            "{lines:?}"
        );
        process
    }

    fn arguments<'a>(&self, data: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
        ["--json", "--data-dir", data, "kms"]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let data = self.path("data").display().to_string();
        json(&self.arguments(&data, arguments))
    }

    fn stderr(&self, arguments: &[&str], code: i32) -> String {
        let data = self.path("data").display().to_string();
        stderr(&self.arguments(&data, arguments), code)
    }
}

fn stop(mut process: Process) {
    process.signal(Signal::TERM);
    assert_eq!(process.wait_for_end().code(), Some(0));
}

#[test]
fn the_example_and_each_of_its_commented_settings_are_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kms.toml");
    let example = stdout(&["kms", "config", "example"]);
    fs::write(&file, &example).unwrap();
    let checked = stdout(&["kms", "config", "check", file.to_str().unwrap()]);
    assert!(checked.contains("clients on 127.0.0.1:8444"), "{checked}");
    assert!(checked.contains("strongroom kms init"), "{checked}");

    // All of them at once: then whole tables are uncommented too.
    let setting = |line: &&str| line.starts_with("# ") && (line.contains(" = ") || line.starts_with("# ["));
    let settings = example.lines().filter(setting).count();
    assert!(settings > 25, "{settings}");
    let uncomment = |line: &str| match setting(&line) {
        true => line.trim_start_matches("# ").to_owned(),
        false => line.to_owned(),
    };
    let all: Vec<String> = example.lines().map(uncomment).collect();
    fs::write(&file, all.join("\n")).unwrap();
    stdout(&["kms", "config", "check", file.to_str().unwrap()]);
}

/// A configuration with one cluster of one HSM.
fn cluster(hsm: &str) -> String {
    format!(
        "data_dir = \"/d\"\n[[clusters]]\nid = \"cluster-2222222222a\"\ntrust_anchor_file = \"/ca.crt\"\n\
         module = \"/m.so\"\nprofile = \"softhsm\"\n[[clusters.hsms]]\nname = \"a\"\n{hsm}\n"
    )
}

#[test]
fn what_is_unknown_or_unsafe_is_refused_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kms.toml");
    for (text, expected) in [
        (
            "data_dir = \"/d\"\n[kms]\nsurprise = 1\n",
            &["line 3, column 1", "surprise"][..],
        ),
        ("data_dir = \"/d\"\n[kms]\nregions = []\n", &["line 3", "Regions"]),
        ("data_dir = \"here\"\n", &["absolute"]),
        (
            "data_dir = \"/d\"\n[kms.trail]\nmax_files = 1\n",
            &["trail.max_files", "2 to 10000"],
        ),
        (
            "data_dir = \"/d\"\n[kms.quotas.operations]\nTeleport = 1\n",
            &["Teleport"],
        ),
        (
            "data_dir = \"/d\"\n[[listeners]]\nname = \"a\"\naddress = \"0.0.0.0:1\"\n",
            &["danger_plain_http"],
        ),
        (
            "data_dir = \"/d\"\n[[listeners]]\nname = \"a\"\naddress = \"127.0.0.1:1\"\n[[listeners]]\nname = \"a\"\n\
             address = \"127.0.0.1:2\"\n",
            &["two listeners"],
        ),
        (
            &cluster("slot = 1\nlabel = \"kms\""),
            &[
                "clusters \"cluster-",
                "token \"a\"",
                "exactly one of label, serial and slot",
            ],
        ),
        (
            &cluster("slot = 1\npin_file = \"/pin\""),
            &["HSM \"a\": remove pin_file"],
        ),
        (&cluster("slot = 1\npin = \"1234\""), &["unknown field", "pin"]),
        (
            &cluster("slot = 1\nprofile = \"lunar\""),
            &["no profile \"lunar\""],
        ),
    ] {
        fs::write(&file, text).unwrap();
        let errors = stderr(&["kms", "config", "check", file.to_str().unwrap()], 1);
        for part in expected {
            assert!(errors.contains(part), "{part} in {errors}");
        }
    }
}

#[test]
fn init_makes_everything_once_and_nothing_is_overwritten() {
    let endpoint = Endpoint::new();
    for (file, mode) in [
        ("data", 0o700),
        ("data/seal.key", 0o600),
        ("data/identities.toml", 0o600),
    ] {
        use std::os::unix::fs::PermissionsExt;
        let found = fs::metadata(endpoint.path(file)).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{file}");
    }
    let config = endpoint.config();
    let errors = stderr(&["kms", "init", "--config", config.to_str().unwrap()], 1);
    assert!(errors.contains("nothing is overwritten"), "{errors}");
    // Without its store an endpoint does not come up empty.
    fs::remove_file(endpoint.path("data/store.db")).unwrap();
    let errors = stderr(&["kms", "serve", "--config", config.to_str().unwrap()], 1);
    assert!(errors.contains("kms init"), "{errors}");
}

#[test]
fn the_control_socket_tells_reloads_and_refuses() {
    let endpoint = Endpoint::new();
    let errors = endpoint.stderr(&["status"], 3);
    assert!(errors.contains("strongroom kms serve"), "{errors}");

    let process = endpoint.serve();
    let status = endpoint.json(&["status"]);
    assert_eq!(status["keys"], 0);
    assert_eq!(status["custom_key_stores"], Value::Array(Vec::new()));
    assert_eq!(text(&status, "/node/listeners/0/name"), "clients");
    assert_eq!(status["node"]["listeners"][0]["tls"], Value::Bool(false));
    assert!(text(&status, "/node/hardening/0").contains("core dumps"));

    let errors = endpoint.stderr(&["fault", "set", "none", "unreachable"], 1);
    assert!(
        errors.contains("no external key store") && errors.contains("kms status"),
        "{errors}"
    );
    let errors = endpoint.stderr(&["fault", "set", "none", "tired"], 1);
    assert!(errors.contains("key-managers-unavailable"), "{errors}");
    let errors = endpoint.stderr(&["fault", "set", "none", "unreachable", "--for", "5"], 2);
    assert!(errors.contains("30s"), "{errors}");
    assert_eq!(endpoint.json(&["fault", "list"]), Value::Array(Vec::new()));

    let data = endpoint.path("data").display().to_string();
    let metrics = stdout(&["--data-dir", &data, "kms", "metrics"]);
    assert!(metrics.contains("# TYPE "), "{metrics}");

    explain(&endpoint);
    reload(&endpoint, &process);
    stop(process);
}

fn explain(endpoint: &Endpoint) {
    let principal = "arn:aws:iam::111122223333:user/admin";
    let ask = ["explain", "--principal", principal, "--action", "kms:CreateKey"];
    let explained = endpoint.json(&ask);
    assert_eq!(explained["allowed"], Value::Bool(true), "{explained}");
    assert!(explained.to_string().contains("Everything"), "{explained}");
    let data = endpoint.path("data").display().to_string();
    let arguments: Vec<&str> = ["--data-dir", &data, "kms"].into_iter().chain(ask).collect();
    let shown = stdout(&arguments);
    assert!(shown.starts_with("ALLOWED: "), "{shown}");

    let nobody = principal.replace("admin", "nobody");
    let errors = endpoint.stderr(
        &["explain", "--principal", &nobody, "--action", "kms:CreateKey"],
        1,
    );
    assert!(errors.contains("no such principal"), "{errors}");
    let more = [
        "--principal",
        principal,
        "--action",
        "kms:Encrypt",
        "--key",
        "alias/none",
    ];
    let errors = endpoint.stderr(&[&["explain"], &more[..]].concat(), 1);
    assert!(errors.contains("alias/none"), "{errors}");
    let errors = endpoint.stderr(&[&["explain"], &more[..], &["--context", "pair"]].concat(), 2);
    assert!(errors.contains("KEY=VALUE"), "{errors}");
}

/// Whole or not at all, from the command and by SIGHUP.
fn reload(endpoint: &Endpoint, process: &Process) {
    assert_eq!(endpoint.json(&["reload"])["reloaded"], Value::Bool(true));
    let identities = endpoint.path("data/identities.toml");
    let before = fs::read_to_string(&identities).unwrap();
    overwrite(&identities, &format!("{before}\nsurprise = 1\n"));
    let errors = endpoint.stderr(&["reload"], 1);
    assert!(errors.contains("surprise"), "{errors}");
    process.signal(Signal::HUP);
    process.wait_for_log(|line| line.contains("nothing was reloaded"));
    overwrite(&identities, &before);
    endpoint.configure("[kms]\nregions = [\"eu-west-1\"]");
    let errors = endpoint.stderr(&["reload"], 1);
    assert!(errors.contains("only a restart changes [kms]"), "{errors}");
    endpoint.configure("");
    process.signal(Signal::HUP);
    process.wait_for_log(|line| line.contains("were reloaded"));
}

/// Keeps the mode.
fn overwrite(path: &Path, content: &str) {
    fs::write(path, content).unwrap();
}

#[test]
fn only_one_endpoint_uses_a_directory() {
    let endpoint = Endpoint::new();
    let process = endpoint.serve();
    let errors = stderr(
        &["kms", "serve", "--config", endpoint.config().to_str().unwrap()],
        1,
    );
    assert!(errors.contains("another server uses"), "{errors}");
    stop(process);
}
