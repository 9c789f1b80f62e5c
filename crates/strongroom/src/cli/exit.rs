//! Exit codes, and what a failure prints.

use std::io;
use std::process::ExitCode;

use admin::{ClientError, ErrorBody};

use super::Output;
use crate::kms;
use crate::told::told;

/// How the process ends. The numbers are documented in `--help`; scripts rely on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Refused or failed.
    Failed = 1,
    /// The command line is wrong; clap ends the process with the same number.
    Usage = 2,
    /// No server answers on the socket.
    Unreachable = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The command line is well formed, but what it says cannot be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// Prints a failure and chooses the exit code.
pub(super) fn report(result: anyhow::Result<()>, output: &Output) -> Exit {
    let Err(error) = result else { return Exit::Ok };
    if is_broken_pipe(&error) {
        // Whoever read our output has had enough, as `head` does.
        return Exit::Ok;
    }
    let (exit, body) = classify(&error);
    output.error(&body);
    exit
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn classify(error: &anyhow::Error) -> (Exit, ErrorBody) {
    if let Some(usage) = error.downcast_ref::<UsageError>() {
        return (Exit::Usage, ErrorBody::local("usage", usage.to_string()));
    }
    if let Some(error) = error.downcast_ref::<kms::ClientError>() {
        let text = error.to_string();
        return match error {
            kms::ClientError::Unreachable { .. } => {
                (Exit::Unreachable, ErrorBody::local("unreachable", text))
            }
            kms::ClientError::Refused(body) => (Exit::Failed, body.clone()),
            kms::ClientError::Protocol(_) => (Exit::Failed, ErrorBody::local("failed", text)),
        };
    }
    match error.downcast_ref::<ClientError>() {
        Some(ClientError::Refused(body)) => (Exit::Failed, body.clone()),
        Some(unreachable @ ClientError::Unreachable { .. }) => (
            Exit::Unreachable,
            ErrorBody::local("unreachable", unreachable.to_string()),
        ),
        Some(error @ ClientError::Reference(_)) => {
            (Exit::Usage, ErrorBody::local("usage", error.to_string()))
        }
        Some(ClientError::Protocol(_)) | None => (Exit::Failed, ErrorBody::local("failed", told(error))),
    }
}
