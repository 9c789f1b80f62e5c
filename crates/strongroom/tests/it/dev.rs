//! `strongroom dev`: ends in ready, and what it prints works as printed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::process::Process;
use crate::support::{BINARY, command, json, text};

struct Dev {
    process: Process,
    lines: Vec<String>,
}

fn start(dir: &Path) -> Dev {
    let dir = dir.to_str().unwrap();
    let process = Process::spawn(command(&[
        "dev",
        "--data-dir",
        dir,
        "--xks-listen",
        "127.0.0.1:0",
        "--kms-listen",
        "127.0.0.1:0",
    ]));
    let lines = process.wait_for(|line| line.starts_with("ready: https://localhost:"));
    Dev { process, lines }
}

impl Dev {
    fn stop(mut self) {
        self.process.signal(Signal::INT);
        assert_eq!(self.process.wait_for_end().code(), Some(0));
    }

    fn lines_of<'a>(&'a self, program: &'a str) -> impl Iterator<Item = &'a String> {
        self.lines.iter().filter(move |line| line.starts_with(program))
    }
}

/// As somebody would who copies the line.
fn paste(line: &str) -> String {
    let output = Command::new("bash").args(["-c", line]).output().unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{line}\n{out}\n{err}");
    out.into_owned()
}

#[test]
fn what_dev_prints_works_as_printed() {
    // A directory that a shell would take apart.
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("it's here");
    let dev = start(&dir);

    let answers: Vec<Value> = dev
        .lines_of("curl ")
        .map(|line| serde_json::from_str(&paste(line)).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect();
    let [health, encrypted, decrypted] = answers.as_slice() else {
        panic!("three lines: {answers:?}");
    };
    assert_eq!(text(health, "/ekmFleetDetails/0/healthStatus"), "ACTIVE");
    assert!(text(encrypted, "/ciphertextDataIntegrityValue").len() == 44);
    assert_eq!(text(decrypted, "/plaintext"), "SGVsbG8gV29ybGQh");

    let commands: Vec<String> = dev.lines_of(BINARY).map(|line| paste(line)).collect();
    assert_eq!(commands.len(), 9, "{:?}", dev.lines);
    assert!(commands[0].contains("ready:") && commands[0].contains("dev (admin)"));
    assert!(commands[2].contains("BLOCKED: trying it out"));
    assert!(commands[4].contains("\"key-use\""), "{}", commands[4]);
    assert!(commands[5].contains("CONNECTED"), "{}", commands[5]);
    assert!(commands[6].starts_with("ALLOWED: "), "{}", commands[6]);
    assert!(commands[7].contains("unreachable"), "{}", commands[7]);
    assert_eq!(commands[8], "no fault is in force\n");
    dev.stop();
}

#[test]
fn dev_json_is_the_contract_that_tools_rely_on() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("dev");
    let dev = start(&dir);
    let file = dir.join("dev.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let contract: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let members = |pointer: &str| -> Vec<String> {
        let object = contract.pointer(pointer).unwrap().as_object().unwrap();
        object.keys().cloned().collect()
    };
    assert_eq!(members(""), ["admin", "kms", "pid", "xks"]);
    assert_eq!(
        members("/kms"),
        [
            "access_key_id",
            "account",
            "alias",
            "custom_key_store_id",
            "endpoint",
            "key_arn",
            "region",
            "secret_access_key",
            "xks_proxy_uri_endpoint"
        ]
    );
    assert!(text(&contract, "/kms/endpoint").starts_with("http://127.0.0.1:"));
    assert!(text(&contract, "/kms/custom_key_store_id").starts_with("cks-"));
    assert!(text(&contract, "/kms/key_arn").starts_with("arn:aws:kms:us-east-1:111122223333:key/"));
    assert_eq!(text(&contract, "/kms/alias"), "alias/demo");
    assert_eq!(text(&contract, "/kms/account"), "111122223333");
    assert_eq!(
        text(&contract, "/kms/xks_proxy_uri_endpoint"),
        "https://xks.localhost"
    );
    assert_eq!(
        members("/xks"),
        [
            "access_key_id",
            "ca_certificate",
            "endpoint",
            "external_key_id",
            "region",
            "secret_access_key",
            "uri_path"
        ]
    );
    assert!(text(&contract, "/xks/endpoint").starts_with("https://localhost:"));
    assert!(text(&contract, "/xks/uri_path").ends_with("/kms/xks/v1"));
    assert_eq!(text(&contract, "/xks/region"), "us-east-1");
    assert_eq!(
        Path::new(text(&contract, "/xks/ca_certificate")),
        dir.join("ca.pem")
    );
    let status = json(&["--json", "--socket", text(&contract, "/admin/socket"), "status"]);
    assert_eq!(status.pointer("/node/pid"), contract.pointer("/pid"));
    assert_eq!(status.pointer("/ready"), Some(&Value::Bool(true)));
    for secret in [
        "server.key",
        "seal.key",
        "store.db",
        "dev.json",
        "kms/seal.key",
        "kms/store.db",
        "kms/identities.toml",
    ] {
        let mode = fs::metadata(dir.join(secret)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    dev.stop();
}

#[test]
fn a_second_run_finds_everything_again() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("dev");
    let first = start(&dir);
    let before: Value = serde_json::from_slice(&fs::read(dir.join("dev.json")).unwrap()).unwrap();
    let ca = fs::read(dir.join("ca.pem")).unwrap();
    // A Decrypt line of the first run works in the second: same key, same credential.
    let decrypt = first.lines_of("curl ").nth(2).unwrap().clone();
    first.stop();

    let second = start(&dir);
    let after: Value = serde_json::from_slice(&fs::read(dir.join("dev.json")).unwrap()).unwrap();
    for same in [
        "/xks/uri_path",
        "/xks/access_key_id",
        "/xks/secret_access_key",
        "/xks/external_key_id",
        "/kms/access_key_id",
        "/kms/secret_access_key",
        "/kms/custom_key_store_id",
        "/kms/key_arn",
    ] {
        assert_eq!(before.pointer(same), after.pointer(same), "{same}");
    }
    assert_eq!(ca, fs::read(dir.join("ca.pem")).unwrap());
    let (old, new) = (text(&before, "/xks/endpoint"), text(&after, "/xks/endpoint"));
    let (old, new) = (old.replace("https://", ""), new.replace("https://", ""));
    let answer: Value = serde_json::from_str(&paste(&decrypt.replace(&old, &new))).unwrap();
    assert_eq!(text(&answer, "/plaintext"), "SGVsbG8gV29ybGQh");
    second.stop();
}

#[test]
fn a_throw_away_directory_goes_with_the_process() {
    let parent = tempfile::tempdir().unwrap();
    let mut command = command(&[
        "--json",
        "dev",
        "--xks-listen",
        "127.0.0.1:0",
        "--kms-listen",
        "127.0.0.1:0",
    ]);
    command.env("TMPDIR", parent.path());
    let mut process = Process::spawn(command);
    let line = process
        .wait_for(|line| line.contains("\"ready\":true"))
        .pop()
        .unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    assert!(Path::new(text(&line, "/dev_json")).starts_with(parent.path()));
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    process.signal(Signal::TERM);
    assert_eq!(process.wait_for_end().code(), Some(0));
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[test]
fn dev_stays_on_loopback() {
    for option in ["--xks-listen", "--kms-listen"] {
        let errors = crate::support::stderr(&["dev", option, "0.0.0.0:0"], 1);
        assert!(errors.contains(option) && errors.contains("loopback"), "{errors}");
    }
}

/// The self-check's Decrypt, seen on both sides under one id; and nothing that must not be seen.
#[test]
fn both_sides_log_a_request_under_one_id_and_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("dev");
    let dev = start(&dir);
    let member = |line: &str, name: &str| {
        let value = line.split_once(&format!(" {name}=\""))?.1;
        Some(value.split_once('"')?.0.to_owned())
    };
    let through_kms =
        |line: &str| line.contains(" kms: ") && member(line, "operation").as_deref() == Some("Decrypt");
    let log = dev.process.wait_for_log(through_kms);
    let kms = log.last().unwrap();
    let id = member(kms, "requestId").unwrap();
    let proxy = log
        .iter()
        .find(|line| line.contains(&format!("kmsRequestId=\"{id}\"")));
    let proxy = proxy.unwrap_or_else(|| panic!("{id} in {log:#?}"));
    assert_eq!(
        member(kms, "principal"),
        Some("arn:aws:iam::111122223333:user/dev".to_owned())
    );
    assert_eq!(member(kms, "principal"), member(proxy, "awsPrincipalArn"));
    assert_eq!(member(kms, "resource"), member(proxy, "kmsKeyArn"));
    assert_eq!(member(kms, "external_key"), Some("dev".to_owned()));

    let contract: Value = serde_json::from_slice(&fs::read(dir.join("dev.json")).unwrap()).unwrap();
    let plaintext = "SGVsbG8gV29ybGQh";
    for secret in [
        text(&contract, "/kms/secret_access_key"),
        text(&contract, "/xks/secret_access_key"),
        plaintext,
        "Hello World!",
    ] {
        assert!(log.iter().all(|line| !line.contains(secret)), "{secret}");
    }
    dev.stop();
}

/// Power goes at any time; what KMS has answered is there again.
#[test]
fn a_killed_run_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("dev");
    let contract = || -> Value { serde_json::from_slice(&fs::read(dir.join("dev.json")).unwrap()).unwrap() };
    let mut before = Value::Null;
    for _ in 0..3 {
        let mut dev = start(&dir);
        let now = contract();
        for member in ["/kms/custom_key_store_id", "/kms/key_arn", "/kms/access_key_id"] {
            assert!(
                before.is_null() || before.pointer(member) == now.pointer(member),
                "{member}"
            );
        }
        before = now;
        dev.process.signal(Signal::KILL);
        assert!(!dev.process.wait_for_end().success());
    }
}

#[test]
fn a_fault_to_order_shows_in_the_status_until_it_is_cleared() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("dev");
    let dev = start(&dir);
    let data = dir.join("kms").display().to_string();
    let kms = |arguments: &[&str]| json(&[&["--json", "--data-dir", &data, "kms"], arguments].concat());
    let set = kms(&["fault", "set", "dev", "slow=1s", "--for", "1h"]);
    assert_eq!(text(&set, "/0/fault"), "slow=1000ms");
    let left = set.pointer("/0/milliseconds_left").unwrap().as_u64().unwrap();
    assert!((1..=3_600_000).contains(&left), "{left}");
    assert_eq!(text(&kms(&["status"]), "/faults/0/custom_key_store_name"), "dev");
    assert_eq!(kms(&["fault", "clear", "dev"]), Value::Array(Vec::new()));
    assert_eq!(
        kms(&["status"]).pointer("/faults"),
        Some(&Value::Array(Vec::new()))
    );
    dev.stop();
}

#[test]
fn a_hang_up_reads_the_endpoints_identities_anew() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("dev");
    let dev = start(&dir);
    let identities = dir.join("kms/identities.toml");
    let text = fs::read_to_string(&identities).unwrap();
    let explain = |code| {
        let data = dir.join("kms").display().to_string();
        let user = "arn:aws:iam::111122223333:user/second";
        let arguments = ["--data-dir", &data, "kms", "explain", "--principal", user];
        let output = crate::support::run(&[&arguments[..], &["--action", "kms:CreateKey"]].concat());
        assert_eq!(output.status.code(), Some(code));
    };
    explain(1);
    fs::write(
        &identities,
        format!("{text}\n[[accounts.users]]\nname = \"second\"\n"),
    )
    .unwrap();
    dev.process.signal(Signal::HUP);
    dev.process.wait_for_log(|line| line.contains("were reloaded"));
    explain(0);
    dev.stop();
}
