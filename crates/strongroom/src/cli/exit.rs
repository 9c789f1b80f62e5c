//! Exit codes, and what a failure prints.

use std::io;
use std::process::ExitCode;

use admin::{ClientError, ErrorBody};

use super::Output;
use crate::hsm::steps::Failure;
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

/// What the server says, after what the command was at.
fn within(error: &anyhow::Error, body: &ErrorBody) -> ErrorBody {
    let mut body = body.clone();
    let at = error.chain().take_while(|cause| !cause.is::<ClientError>());
    let at: Vec<String> = at.map(ToString::to_string).collect();
    if !at.is_empty() {
        body.message = format!("{}: {}", at.join(": "), body.message);
    }
    body
}

fn classify(error: &anyhow::Error) -> (Exit, ErrorBody) {
    if let Some(usage) = error.downcast_ref::<UsageError>() {
        return (Exit::Usage, ErrorBody::local("usage", usage.to_string()));
    }
    if let Some(failure) = error.downcast_ref::<Failure>() {
        let mut body = ErrorBody::local("failed", told(error));
        body.next = Some(failure.fix.clone());
        return (Exit::Failed, body);
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
        Some(ClientError::Refused(body)) => (Exit::Failed, within(error, body)),
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

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn what_the_server_refused_is_told_with_what_the_command_was_at() {
        let refused = || ClientError::Refused(ErrorBody::local("conflict", "no such object".to_owned()));
        let plain = classify(&anyhow::Error::new(refused())).1;
        assert_eq!(plain.message, "no such object");
        let at = Err::<(), _>(refused())
            .context("the key \"foo\" was not adopted")
            .unwrap_err();
        let (exit, body) = classify(&at);
        assert_eq!((exit, body.error.as_str()), (Exit::Failed, "conflict"));
        assert_eq!(body.message, "the key \"foo\" was not adopted: no such object");
    }

    #[test]
    fn a_failure_is_told_with_its_next_step() {
        let body = classify(&Failure::new("no module", "install it").into()).1;
        assert_eq!(
            (body.message.as_str(), body.next.as_deref()),
            ("no module", Some("install it"))
        );
    }
}
