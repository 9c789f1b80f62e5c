//! Software HSMs for the binary under test: sections of configurations, and requests under their keys.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use testkit::hsm::SoftwareHsm;

use super::command;

/// For a listener: a software HSM takes its time to log in, here the more so.
pub(crate) const PATIENT: &str = "deadlines.first_request = \"20s\"\ndeadlines.later_request = \"20s\"";

/// A `[[hsm]]` over these tokens.
pub(crate) fn section(hsm: &SoftwareHsm, name: &str, labels: &[&str], more: &str) -> String {
    let tokens: String = labels
        .iter()
        .map(|label| {
            format!(
                "[[hsm.tokens]]\nname = {label:?}\nlabel = {label:?}\npin_file = {:?}\n",
                hsm.pin_file()
            )
        })
        .collect();
    format!(
        "\n[[hsm]]\nname = {name:?}\nmodule = {:?}\nprofile = {:?}\ndeadline = \"20s\"\n{more}\n{tokens}",
        hsm.product().module(),
        hsm.product().profile(),
    )
}

/// Writes a configuration with these sections and nothing else.
pub(crate) fn config(hsm: &SoftwareHsm, sections: &str) -> PathBuf {
    let file = hsm.path().join("config.toml");
    std::fs::write(
        &file,
        format!("data_dir = \"/nonexistent/strongroom\"\n{sections}"),
    )
    .unwrap();
    file
}

/// Runs a command that loads the module itself.
pub(crate) fn run(hsm: &SoftwareHsm, arguments: &[&str]) -> Output {
    let (variable, value) = hsm.environment();
    command(arguments).env(variable, value).output().unwrap()
}

/// What it printed as JSON, and its exit code.
pub(crate) fn run_json(hsm: &SoftwareHsm, arguments: &[&str]) -> (Value, i32) {
    let all: Vec<&str> = ["--json"].into_iter().chain(arguments.iter().copied()).collect();
    let output = run(hsm, &all);
    let errors = String::from_utf8_lossy(&output.stderr);
    let value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{errors}"));
    (value, output.status.code().unwrap())
}

/// The objects of a token, as OpenSC's tool lists them.
pub(crate) fn objects(hsm: &SoftwareHsm, label: &str) -> String {
    hsm.pkcs11_tool(label, &["--list-objects"])
}

/// A path as a command's argument.
pub(crate) fn argument(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The body of a Decrypt. All values base64.
pub(crate) fn decrypt_body(encrypted: &Value, aad: Option<&str>) -> Value {
    let mut body = json!({
        "requestMetadata": {
            "awsPrincipalArn": "arn:aws:iam::111122223333:user/alice",
            "kmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/1234abcd",
            "kmsOperation": "Decrypt",
            "kmsRequestId": "4112f4d6-db54-4af4-ae30-c55a22a8dfae",
        },
        "encryptionAlgorithm": "AES_GCM",
    });
    for name in [
        "ciphertext",
        "initializationVector",
        "authenticationTag",
        "ciphertextMetadata",
    ] {
        if let Some(value) = encrypted.get(name) {
            body[name] = value.clone();
        }
    }
    if let Some(aad) = aad {
        body["additionalAuthenticatedData"] = aad.into();
    }
    body
}
