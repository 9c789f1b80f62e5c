//! The AWS SDK for Rust against a KMS endpoint: round trips, wrong contexts and every refusal that
//! the fixtures name.
//!
//! usage: kms-client FIXTURES.json
//!
//! Prints one line for each failed check and a count at the end; ends with status 1 if any failed.

mod checks;
mod fixtures;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, EncryptionAlgorithmSpec, KeyState};
use aws_sdk_kms::{Client, Config};

use crate::checks::{Checks, code};
use crate::fixtures::{Fixtures, Key, Refused};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let path = std::env::args()
        .nth(1)
        .context("usage: kms-client FIXTURES.json")?;
    let fixtures = Fixtures::read(&path)?;
    let client = client(&fixtures);
    let mut checks = Checks::default();
    for key in &fixtures.keys {
        round_trips(&client, key, &mut checks).await;
        wrong_contexts(&client, key, &mut checks).await;
    }
    administration(&client, &fixtures, &mut checks).await;
    unknown_names(&client, &mut checks).await;
    for refused in &fixtures.refused {
        refusals(&client, refused, &mut checks).await;
    }
    Ok(checks.report("AWS SDK for Rust"))
}

/// As an application makes one, apart from the transport: no TLS on loopback.
fn client(fixtures: &Fixtures) -> Client {
    let kms = &fixtures.kms;
    let credentials = Credentials::new(&kms.access_key_id, &kms.secret_access_key, None, None, "fixtures");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(kms.region.clone()))
        .endpoint_url(&kms.endpoint)
        .credentials_provider(credentials)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

/// The context of every round trip.
const CONTEXT: [(&str, &str); 2] = [("project", "nile"), ("purpose", "Größe 7")];

async fn round_trips(client: &Client, key: &Key, checks: &mut Checks) {
    for plaintext in [b"x".to_vec(), vec![7; 4096]] {
        let name = format!("{}: {} bytes", key.name, plaintext.len());
        let mut request = client
            .encrypt()
            .key_id(&key.alias)
            .plaintext(Blob::new(plaintext.clone()));
        for (name, value) in CONTEXT {
            request = request.encryption_context(name, value);
        }
        let Some(encrypted) = checks.ok(&name, request.send().await) else {
            continue;
        };
        checks.that(
            &name,
            encrypted.key_id() == Some(key.arn.as_str()),
            encrypted.key_id(),
        );
        checks.that(
            &name,
            encrypted.encryption_algorithm() == Some(&EncryptionAlgorithmSpec::SymmetricDefault),
            encrypted.encryption_algorithm(),
        );
        // Without a key id: the ciphertext names its key.
        let mut request = client.decrypt().set_ciphertext_blob(encrypted.ciphertext_blob);
        for (name, value) in CONTEXT {
            request = request.encryption_context(name, value);
        }
        if let Some(decrypted) = checks.ok(&name, request.send().await) {
            checks.that(
                &name,
                decrypted.plaintext() == Some(&Blob::new(plaintext)),
                "plaintext",
            );
            checks.that(
                &name,
                decrypted.key_id() == Some(key.arn.as_str()),
                decrypted.key_id(),
            );
        }
    }
    data_keys(client, key, checks).await;
}

async fn data_keys(client: &Client, key: &Key, checks: &mut Checks) {
    let name = format!("{}: data key", key.name);
    let request = client
        .generate_data_key()
        .key_id(&key.arn)
        .key_spec(DataKeySpec::Aes256);
    let Some(generated) = checks.ok(&name, request.send().await) else {
        return;
    };
    checks.that(
        &name,
        generated
            .plaintext()
            .is_some_and(|blob| blob.as_ref().len() == 32),
        "length",
    );
    let request = client
        .decrypt()
        .key_id(&key.arn)
        .set_ciphertext_blob(generated.ciphertext_blob.clone());
    if let Some(decrypted) = checks.ok(&name, request.send().await) {
        checks.that(&name, decrypted.plaintext == generated.plaintext, "plaintext");
    }
    let request = client
        .re_encrypt()
        .set_ciphertext_blob(generated.ciphertext_blob)
        .destination_key_id(&key.arn)
        .destination_encryption_context("moved", "yes");
    let name = format!("{}: re-encryption", key.name);
    if let Some(moved) = checks.ok(&name, request.send().await) {
        checks.that(
            &name,
            moved.source_key_id() == Some(key.arn.as_str()),
            moved.source_key_id(),
        );
        let request = client
            .decrypt()
            .set_ciphertext_blob(moved.ciphertext_blob)
            .encryption_context("moved", "yes");
        if let Some(decrypted) = checks.ok(&name, request.send().await) {
            checks.that(&name, decrypted.plaintext == generated.plaintext, "plaintext");
        }
    }
}

async fn wrong_contexts(client: &Client, key: &Key, checks: &mut Checks) {
    let name = format!("{}: wrong context", key.name);
    let request = client
        .encrypt()
        .key_id(&key.arn)
        .plaintext(Blob::new("secret"))
        .encryption_context("project", "nile");
    let Some(encrypted) = checks.ok(&name, request.send().await) else {
        return;
    };
    let blob = encrypted.ciphertext_blob.unwrap_or_else(|| Blob::new(""));
    for context in [None, Some(("project", "Nile")), Some(("Project", "nile"))] {
        let mut request = client.decrypt().ciphertext_blob(blob.clone());
        if let Some((name, value)) = context {
            request = request.encryption_context(name, value);
        }
        checks.refused(&name, request.send().await, &key.wrong_context);
    }
}

async fn administration(client: &Client, fixtures: &Fixtures, checks: &mut Checks) {
    for key in &fixtures.keys {
        let name = format!("{}: description", key.name);
        let answer = client.describe_key().key_id(&key.alias).send().await;
        let metadata = checks.ok(&name, answer).and_then(|answer| answer.key_metadata);
        checks.that(
            &name,
            metadata.as_ref().and_then(|it| it.key_state()) == Some(&KeyState::Enabled),
            &metadata,
        );
        checks.that(
            &name,
            metadata.as_ref().and_then(|it| it.origin()).map(|it| it.as_str()) == Some(key.origin.as_str()),
            &metadata,
        );
    }
    let mut listed = Vec::new();
    let mut pages = client.list_keys().limit(1).into_paginator().items().send();
    while let Some(entry) = pages.next().await {
        if let Some(entry) = checks.ok("the list of keys", entry) {
            listed.push(entry.key_arn.unwrap_or_default());
        } else {
            break;
        }
    }
    for key in &fixtures.keys {
        checks.that("the list of keys", listed.contains(&key.arn), &listed);
    }
}

async fn unknown_names(client: &Client, checks: &mut Checks) {
    for name in ["alias/no-such-alias", "01234567-89ab-cdef-0123-456789abcdef"] {
        let answer = client
            .encrypt()
            .key_id(name)
            .plaintext(Blob::new("x"))
            .send()
            .await;
        let typed = answer
            .as_ref()
            .err()
            .and_then(|error| error.as_service_error())
            .is_some_and(|error| error.is_not_found_exception());
        checks.that(name, typed, answer.as_ref().err().map(code));
    }
}

async fn refusals(client: &Client, refused: &Refused, checks: &mut Checks) {
    let Refused {
        name,
        key,
        error,
        says,
        says_to_decrypt,
        ..
    } = refused;
    let request = client.encrypt().key_id(key).plaintext(Blob::new("x"));
    checks.refused_saying(&format!("{name}: Encrypt"), request.send().await, error, says);
    let request = client
        .generate_data_key()
        .key_id(key)
        .key_spec(DataKeySpec::Aes256);
    checks.refused_saying(
        &format!("{name}: GenerateDataKey"),
        request.send().await,
        error,
        says,
    );
    let request = client.decrypt().ciphertext_blob(Blob::new(refused.ciphertext()));
    checks.refused_saying(
        &format!("{name}: Decrypt"),
        request.send().await,
        error,
        says_to_decrypt,
    );
}
