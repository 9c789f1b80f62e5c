//! `credential add|list|retire`

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use admin::message::{ImportedCredential, IssuedCredential, NewCredential};
use ambient::{Clock, SystemClock};
use anyhow::{Context, bail};
use xks_api::console::ConsoleConfiguration;
use xks_api::credential::RawSecretAccessKey;
use xks_api::uri::UriPathPrefix;
use zeroize::Zeroizing;

use super::{Call, key_store, period, short};
use crate::cli::args::CredentialCommand;
use crate::cli::exit::UsageError;
use crate::cli::output::{fields, or_dash};

pub(in crate::cli) async fn run(command: CredentialCommand, call: Call<'_>) -> anyhow::Result<()> {
    match command {
        CredentialCommand::Add {
            key_store,
            expires,
            access_key_id,
            secret_file,
            console_file,
        } => {
            let import = match (access_key_id, secret_file) {
                (Some(access_key_id), Some(file)) => Some(ImportedCredential {
                    access_key_id,
                    secret_access_key: read_secret(&file)?,
                }),
                _ => None,
            };
            let expires = expires.as_deref().map(expiry).transpose()?;
            add(&call, &key_store, NewCredential { expires, import }, console_file).await
        }
        CredentialCommand::List { key_store } => {
            let all = call.client.credentials(&key_store).await?;
            call.output.show(&all, |all| key_store::credentials(all))
        }
        CredentialCommand::Retire {
            key_store,
            access_key_id,
        } => {
            let view = call.client.retire_credential(&key_store, &access_key_id).await?;
            call.output.show(&view, |view| {
                format!(
                    "{} is retired: AWS KMS can no longer use it\n",
                    view.access_key_id
                )
            })
        }
    }
}

async fn add(
    call: &Call<'_>,
    key_store: &str,
    new: NewCredential,
    console_file: Option<PathBuf>,
) -> anyhow::Result<()> {
    if console_file.is_some() && new.import.is_some() {
        let what = "--console-file holds a generated secret: it does not go with --secret-file";
        return Err(UsageError(what.to_owned()).into());
    }
    // Made before the credential is: a secret that cannot be written down would be lost.
    let mut file = console_file.as_deref().map(create_private).transpose()?;
    let mut issued = match call.client.add_credential(key_store, &new).await {
        Ok(issued) => issued,
        Err(error) => {
            if let Some(path) = &console_file {
                // Best effort: the error that matters is the call's.
                drop(std::fs::remove_file(path));
            }
            return Err(error.into());
        }
    };
    if let Some(file) = &mut file {
        write_console_file(file, &mut issued)?;
    }
    call.output
        .show(&issued, |issued| text(issued, console_file.as_deref()))
}

fn text(issued: &IssuedCredential, console_file: Option<&Path>) -> String {
    let mut pairs = vec![
        ("XksProxyUriPath", issued.uri_path.clone()),
        ("access key id", issued.access_key_id.clone()),
    ];
    let secret = issued.secret_access_key.as_deref();
    pairs.extend(secret.map(|secret| ("secret", secret.to_owned())));
    pairs.push(("expires", or_dash(issued.expires.as_deref().map(short))));
    let mut text = fields(&pairs);
    match console_file {
        Some(path) => text.push_str(&format!("\nthe secret is in {} alone\n", path.display())),
        None if secret.is_some() => {
            text.push_str("\nthe secret is shown this once; nobody can show it again\n");
        }
        None => {}
    }
    text
}

fn create_private(path: &Path) -> anyhow::Result<File> {
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.with_context(|| format!("cannot make the new file {}", path.display()))
}

/// Moves the secret into the file that the KMS console imports, so that it is shown nowhere.
fn write_console_file(file: &mut File, issued: &mut IssuedCredential) -> anyhow::Result<()> {
    let secret = issued
        .secret_access_key
        .take()
        .context("the answer has no secret")?;
    let configuration = ConsoleConfiguration {
        prefix: UriPathPrefix::from_uri_path(&issued.uri_path)?,
        access_key_id: issued.access_key_id.parse()?,
        secret_access_key: RawSecretAccessKey::new(secret)?,
    };
    file.write_all(configuration.to_json().expose())?;
    file.sync_all()
        .context("the secret was not written: retire this credential and add another")
}

/// One line, from a file or from standard input.
fn read_secret(path: &Path) -> anyhow::Result<String> {
    const MOST: u64 = 256;
    // Allocated once, so that no copy is left behind by growing.
    let mut text = Zeroizing::new(String::with_capacity(512));
    let read = if path == Path::new("-") {
        io::stdin().lock().take(MOST).read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(MOST).read_to_string(&mut text))
    };
    read.with_context(|| format!("cannot read the secret from {}", path.display()))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        bail!("{} holds no secret", path.display());
    }
    Ok(secret.to_owned())
}

/// `90d`, `12h`, `30m` from now, or a time as it is.
fn expiry(text: &str) -> anyhow::Result<String> {
    let Some(seconds) = period(text) else {
        if text.contains('T') {
            return Ok(text.to_owned());
        }
        let what = format!("--expires takes 90d, 12h or a time such as 2027-01-31T00:00:00Z, not {text:?}");
        return Err(UsageError(what).into());
    };
    let end = SystemClock.now().saturating_add(Duration::from_secs(seconds));
    Ok(end.to_string())
}
