//! `hsm list`, `hsm check` and `hsm bench` on SoftHSM.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;
use serde_json::Value;
use testkit::hsm::{Product, SoftwareHsm};

use crate::support::hsm::{argument, config, objects, run, run_json, section};
use crate::support::process::Process;
use crate::support::{command, text};

fn softhsm(labels: &[&str]) -> SoftwareHsm {
    SoftwareHsm::new(Product::SoftHsm, labels)
}

fn step<'v>(steps: &'v Value, name: &str) -> &'v Value {
    let found = steps.as_array().unwrap().iter().find(|step| step["step"] == name);
    found.unwrap_or_else(|| panic!("no step {name} in {steps:#}"))
}

fn failed(steps: &Value) -> Vec<&Value> {
    steps
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["result"] == "failed")
        .collect()
}

#[test]
fn a_module_is_listed_with_what_is_usable_and_why_not() {
    let hsm = softhsm(&["one"]);
    hsm.make_key("one", "cards", "01");
    hsm.pkcs11_tool(
        "one",
        &[
            "--keygen",
            "--key-type",
            "AES:16",
            "--sensitive",
            "--label",
            "short",
            "--id",
            "02",
        ],
    );
    let module = hsm.product().module();
    let (list, code) = run_json(&hsm, &["hsm", "list", "--module", argument(&module)]);
    assert_eq!(code, 0);
    assert_eq!(text(&list, "/profile"), "softhsm");
    let slots = list["slots"].as_array().unwrap();
    let one = &slots.iter().find(|slot| slot["token"]["label"] == "one").unwrap()["token"];
    assert_eq!((&one["usable"], one.get("keys")), (&true.into(), None));
    let blank = &slots
        .iter()
        .find(|slot| slot["token"]["initialised"] == false)
        .unwrap()["token"];
    assert_eq!(blank["usable"], false);
    assert!(text(blank, "/findings/0/fix").contains("softhsm2-util --init-token"));

    let (variable, value) = hsm.environment();
    let pin = hsm.pin_file();
    let mut people = command(&["hsm", "list", "--module", argument(&module)]);
    let people = people
        .args(["--pin-file", argument(&pin)])
        .env(variable, value)
        .output()
        .unwrap();
    let people = String::from_utf8(people.stdout).unwrap();
    assert!(people.contains("[[hsm.tokens]]"), "{people}");
    let row = |label: &str| people.lines().find(|line| line.starts_with(label)).unwrap();
    assert!(row("cards").ends_with("yes"), "{people}");
    assert!(row("short").ends_with("no: not 256 bits"), "{people}");

    let refused = |arguments: &[&str]| {
        let refused = run(&hsm, &[&["hsm", "list", "--module"], arguments].concat());
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(refused.stderr).unwrap()
    };
    let missing = refused(&["/nonexistent/module.so"]);
    assert!(
        missing.contains("next: install the vendor's PKCS#11 library"),
        "{missing}"
    );
    let profile = refused(&[argument(&module), "--profile", "softhms"]);
    assert!(
        profile.contains("neither a built-in profile (softhsm, "),
        "{profile}"
    );
    let empty = format!(
        "slot:{}",
        slots
            .iter()
            .find(|slot| slot["token"]["initialised"] == false)
            .unwrap()["slot"]
    );
    let empty = refused(&[argument(&module), "--pin-file", argument(&pin), "--token", &empty]);
    assert!(empty.contains("not initialised"), "{empty}");
    fs::set_permissions(&pin, fs::Permissions::from_mode(0o644)).unwrap();
    let open = refused(&[argument(&module), "--pin-file", argument(&pin)]);
    assert!(open.contains("next: chmod 600"), "{open}");
    fs::set_permissions(&pin, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&pin, "not the PIN\n").unwrap();
    let wrong = refused(&[argument(&module), "--pin-file", argument(&pin)]);
    assert!(
        wrong.contains("refused the PIN") && wrong.contains("next: mend"),
        "{wrong}"
    );
    let unset = command(&["hsm", "list", "--module", argument(&module)])
        .env(variable, "/nonexistent")
        .output()
        .unwrap();
    let unset = String::from_utf8(unset.stderr).unwrap();
    assert!(
        unset.contains("C_Initialize was refused: CKR_GENERAL_ERROR"),
        "{unset}"
    );
}

/// As the server would run it and in the command's own process; the token is as empty afterwards.
#[test]
fn a_check_passes_and_leaves_nothing() {
    let hsm = softhsm(&["one"]);
    let kryoptic = SoftwareHsm::new(Product::Kryoptic, &["one"]);
    let file = config(&kryoptic, &section(&kryoptic, "luna", &["one"], ""));
    let (steps, code) = run_json(&kryoptic, &["hsm", "check", "--config", argument(&file)]);
    assert_eq!((failed(&steps), code), (vec![], 0));
    let codes = text(step(&steps, "return codes for that"), "/detail");
    assert!(codes.contains("CKR_ENCRYPTED_DATA_INVALID"), "{codes}");
    assert!(!objects(&kryoptic, "one").contains("Secret Key"));
    for isolation in ["worker", "in-process"] {
        let more = format!("isolation = {isolation:?}\nsessions = 4");
        let file = config(&hsm, &section(&hsm, "luna", &["one"], &more));
        let (steps, code) = run_json(&hsm, &["hsm", "check", "luna", "--config", argument(&file)]);
        assert_eq!((failed(&steps), code), (vec![], 0), "{isolation}");
        assert!(
            text(step(&steps, "the module loads"), "/detail")
                .contains(isolation.split('-').next_back().unwrap())
        );
        assert!(text(step(&steps, "additional data"), "/detail").contains("65543"));
        let codes = text(step(&steps, "return codes for that"), "/detail");
        assert_eq!(codes.matches("CKR_GENERAL_ERROR").count(), 4, "{codes}");
        assert!(text(step(&steps, "sessions"), "/detail").starts_with('4'));
        assert!(text(step(&steps, "deadline"), "/detail").contains("p99"));
        assert!(!objects(&hsm, "one").contains("Secret Key"));
    }
    let module = hsm.product().module();
    let pin = hsm.pin_file();
    let output = run(
        &hsm,
        &[
            "hsm",
            "check",
            "--module",
            argument(&module),
            "--pin-file",
            argument(&pin),
        ],
    );
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("all is as it should be"), "{said}");
}

#[test]
fn what_fails_names_what_to_mend() {
    let hsm = softhsm(&["one"]);
    let check = |sections: &str| {
        let file = config(&hsm, sections);
        let (steps, code) = run_json(&hsm, &["hsm", "check", "--config", argument(&file)]);
        assert_eq!(code, 1, "{steps:#}");
        let all = failed(&steps);
        assert_eq!(all.len(), 1, "{steps:#}");
        format!(
            "{}: {} -> {}",
            text(all[0], "/step"),
            text(all[0], "/detail"),
            text(all[0], "/fix")
        )
    };
    let good = section(&hsm, "luna", &["one"], "");
    let gone = check(&good.replace("label = \"one\"", "label = \"two\""));
    assert!(
        gone.starts_with("the token lets us in: there is no such token")
            && gone.contains("hsm list --module")
            && gone.contains("environment variables"),
        "{gone}"
    );
    let without = good.replace("pin_file", "# pin_file");
    let file = config(&hsm, &without);
    let (steps, _) = run_json(&hsm, &["hsm", "check", "--config", argument(&file)]);
    assert!(text(step(&steps, "a PIN file"), "/fix").contains("--pin-file"));
    let module = check(&good.replace("libsofthsm2.so", "libnothing.so"));
    assert!(
        module.contains("cannot be read") && module.contains("mend the path"),
        "{module}"
    );

    let pin = hsm.pin_file();
    fs::set_permissions(&pin, fs::Permissions::from_mode(0o644)).unwrap();
    let file = config(&hsm, &good);
    let open = run(&hsm, &["config", "check", argument(&file)]);
    let open = String::from_utf8(open.stderr).unwrap();
    assert!(
        open.contains("config.toml line 3: ") && open.contains("chmod 600"),
        "{open}"
    );
    assert!(check(&good).contains("chmod 600"));
    fs::set_permissions(&pin, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&pin, "wrong-pin").unwrap();
    let refused = check(&good);
    assert!(
        refused.contains("presented once") && refused.contains("wrong PINs lock"),
        "{refused}"
    );
}

/// A signal between two steps: the key that was made for the trial is gone again.
#[test]
fn an_interrupted_check_leaves_nothing() {
    let hsm = softhsm(&["one"]);
    let file = config(&hsm, &section(&hsm, "luna", &["one"], ""));
    let (variable, value) = hsm.environment();
    let mut check = command(&["hsm", "check", "--config", argument(&file)]);
    check.env(variable, value);
    let mut process = Process::spawn(check);
    process.wait_for(|line| line.contains("makes a key"));
    process.signal(Signal::INT);
    process.wait_for_log(|line| line.contains("interrupted; what it had made in the token was removed"));
    assert_eq!(process.wait_for_end().code(), Some(1));
    assert!(!objects(&hsm, "one").contains("Secret Key"));
}

/// A wrapping key is the same on each token, or it is found out.
#[test]
fn several_tokens_are_held_against_each_other() {
    let hsm = softhsm(&["one", "two"]);
    let wrapping = |label: &str, byte: u8| {
        let file = hsm.path().join("wrapping");
        fs::write(&file, [byte; 32]).unwrap();
        let write = [
            "--write-object",
            argument(&file),
            "--type",
            "secrkey",
            "--key-type",
            "AES:32",
        ];
        let name = ["--label", "wrap", "--id", "77", "--usage-wrap", "--sensitive"];
        hsm.pkcs11_tool(label, &[&write[..], &name[..]].concat());
        fs::remove_file(file).unwrap();
    };
    let more = "replication = \"wrapping-key\"\nwrapping_key = \"wrap\"\ndanger_allow_extractable = true\nsessions = 2";
    let check = |more: &str| {
        let file = config(&hsm, &section(&hsm, "luna", &["one", "two"], more));
        run_json(&hsm, &["hsm", "check", "--config", argument(&file)])
    };
    let (steps, code) = check("sessions = 2");
    assert_eq!(
        (text(step(&steps, "the same key on each"), "/result"), code),
        ("note", 0)
    );

    let (steps, _) = check(more);
    let missing = text(step(&steps, "wrapped under the wrapping key"), "/fix");
    assert!(missing.contains("under this label to every token"), "{missing}");

    wrapping("one", 1);
    wrapping("two", 2);
    let (steps, code) = check(more);
    let other = text(step(&steps, "wrapped under the wrapping key"), "/fix");
    assert!(
        other.contains("the same on every token") && code == 1,
        "{steps:#}"
    );

    hsm.pkcs11_tool(
        "two",
        &["--delete-object", "--type", "secrkey", "--label", "wrap"],
    );
    wrapping("two", 1);
    let (steps, code) = check(more);
    assert_eq!((failed(&steps), code), (vec![], 0));
    for label in ["one", "two"] {
        assert_eq!(objects(&hsm, label).matches("Secret Key").count(), 1);
    }
}

#[test]
fn a_bench_measures_every_combination_and_leaves_nothing() {
    let hsm = softhsm(&["one"]);
    let file = config(&hsm, &section(&hsm, "luna", &["one"], ""));
    let arguments = ["hsm", "bench", "--config", argument(&file), "--seconds", "1"];
    let few = ["--sessions", "1,2", "--sizes", "32,4300"];
    let (cells, code) = run_json(&hsm, &[&arguments[..], &few[..]].concat());
    let cells = cells.as_array().unwrap();
    assert_eq!((cells.len(), code), (16, 0));
    for cell in cells {
        assert!(cell["per_second"].as_f64().unwrap() > 0.0, "{cell}");
        assert!(cell["p99_us"].as_u64() >= cell["p50_us"].as_u64(), "{cell}");
    }
    let places = |place: &str| cells.iter().filter(|cell| cell["place"] == place).count();
    assert_eq!((places("in-process"), places("worker")), (8, 8));
    let plot = run(
        &hsm,
        &[&arguments[..], &["--sessions", "1", "--sizes", "32"]].concat(),
    );
    let plot = String::from_utf8(plot.stdout).unwrap();
    assert!(
        plot.contains("luna, token one: encrypt and try, 32 bytes") && plot.contains('#'),
        "{plot}"
    );
    assert!(!objects(&hsm, "one").contains("Secret Key"));
}

#[test]
fn a_worker_is_no_command_for_people() {
    let output = command(&["pkcs11-worker"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("started by its server")
    );
}
