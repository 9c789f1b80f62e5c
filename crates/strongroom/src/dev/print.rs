//! What to type next. Every line works as printed.

use std::path::Path;

use serde_json::Value;

use super::contract::{Contract, Kms};
use super::proof::{Proved, decrypt_body, encrypt_body, health_body};

/// The instructions; the last line is the one to wait for.
pub(super) fn instructions(contract: &Contract, proved: &Proved, dir: &Path) -> anyhow::Result<String> {
    let program = std::env::current_exe()?;
    let command = format!(
        "{} --data-dir {}",
        quoted(&program.display().to_string()),
        quoted(&dir.display().to_string())
    );
    let kms = format!(
        "{} kms --data-dir {}",
        quoted(&program.display().to_string()),
        quoted(&super::kms::data_dir(dir).display().to_string())
    );
    let key = format!("keys/{}", contract.xks.external_key_id);
    let health = curl(contract, "health", &health_body());
    let encrypt = curl(contract, &format!("{key}/encrypt"), &encrypt_body());
    let decrypt = curl(
        contract,
        &format!("{key}/decrypt"),
        &decrypt_body(&proved.encrypted),
    );
    let aws = contract
        .kms
        .as_ref()
        .map_or_else(String::new, |kms| aws_lines(kms, dir));
    let explain = contract
        .kms
        .as_ref()
        .map_or_else(String::new, |made| explain_line(&kms, made));
    let dev_json = Contract::path(dir);
    Ok(format!(
        "Strongroom runs on loopback with a throw-away CA. One Encrypt and one Decrypt are proved, over HTTPS at the\n\
         XKS proxy and through the KMS endpoint.\n\
         \n\
         {aws}\
         Ask the proxy for its health, encrypt, and decrypt, as AWS KMS does:\n\n{health}\n\n{encrypt}\n\n{decrypt}\n\
         \n\
         Look at it, throw the switch and take it back:\n\n\
         {command} status\n\
         {command} key-store show dev\n\
         {command} key-store block dev --reason 'trying it out'\n\
         {command} key-store unblock dev\n\
         {command} audit tail\n\
         {kms} status\n\
         {explain}\
         {kms} fault set dev unreachable --for 10s\n\
         {kms} fault clear\n\
         \n\
         For tools: {}\n\
         End it with Ctrl-C.\n\
         \n\
         ready: {}{}\n",
        dev_json.display(),
        contract.xks.endpoint,
        contract.xks.uri_path,
    ))
}

/// Why the user may.
fn explain_line(command: &str, made: &Kms) -> String {
    let (account, alias) = (&made.account, &made.alias);
    let user = super::kms::NAME;
    format!(
        "{command} explain --principal arn:aws:iam::{account}:user/{user} --action kms:Decrypt --key {alias}\n"
    )
}

/// The whole way: a client of AWS KMS, its endpoint, the proxy, the key manager.
fn aws_lines(kms: &Kms, dir: &Path) -> String {
    let aws = format!("aws --endpoint-url {} kms", quoted(&kms.endpoint));
    let file = dir.join("hello.encrypted").display().to_string();
    let context = "--encryption-context project=nile,department=marketing";
    format!(
        "Use the key as any client of AWS KMS does, with the AWS CLI (version 1 or 2):\n\n\
         export AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={} AWS_SESSION_TOKEN= AWS_DEFAULT_REGION={}\n\n\
         {aws} describe-key --key-id {alias}\n\n\
         printf 'Hello World!' | {aws} encrypt --key-id {alias} --plaintext fileb:///dev/stdin {context} \
         --query CiphertextBlob --output text | base64 --decode > {}\n\n\
         {aws} decrypt --ciphertext-blob {} {context} --query Plaintext --output text | base64 --decode; echo\n\n\
         {aws} generate-data-key --key-id {alias} --key-spec AES_256\n\n",
        quoted(&kms.access_key_id),
        quoted(&kms.secret_access_key),
        quoted(&kms.region),
        quoted(&file),
        quoted(&format!("fileb://{file}")),
        alias = kms.alias,
    )
}

fn curl(contract: &Contract, resource: &str, body: &Value) -> String {
    let xks = &contract.xks;
    // The header is what curl would send; naming it makes every curl since 7.75 sign it with its
    // port, as it is sent.
    let host = xks.endpoint.strip_prefix("https://").unwrap_or(&xks.endpoint);
    format!(
        "curl --silent --show-error --write-out '\\n' --aws-sigv4 'aws:amz:{}:{}' --user {} --cacert {} -H 'Host: {host}' \
         -H 'Content-Type: application/json' -X POST -d {} {}",
        xks.region,
        xks_api::SIGNING_SERVICE,
        quoted(&format!("{}:{}", xks.access_key_id, xks.secret_access_key)),
        quoted(&xks.ca_certificate.display().to_string()),
        quoted(&body.to_string()),
        quoted(&format!("{}{}/{resource}", xks.endpoint, xks.uri_path)),
    )
}

/// For a POSIX shell: as it is if nothing in it is special, otherwise in single quotes.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:+=".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_read_otherwise_is_quoted() {
        for (text, expected) in [
            ("/tmp/x-1.pem", "/tmp/x-1.pem"),
            ("/tmp/two words", "'/tmp/two words'"),
            ("it's", "'it'\\''s'"),
            ("", "''"),
            ("$HOME", "'$HOME'"),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
