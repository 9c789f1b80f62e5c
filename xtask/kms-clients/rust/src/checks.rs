//! Counting what held.

use std::fmt::Debug;
use std::process::ExitCode;

use aws_sdk_kms::error::{DisplayErrorContext, ProvideErrorMetadata};

/// Passed and failed checks.
#[derive(Default)]
pub(crate) struct Checks {
    passed: u32,
    failed: u32,
}

impl Checks {
    /// Counts one check; a failed one is shown with `found`.
    pub(crate) fn that(&mut self, name: &str, holds: bool, found: impl Debug) {
        if holds {
            self.passed += 1;
        } else {
            self.failed += 1;
            eprintln!("FAILED {name}: {found:?}");
        }
    }

    /// Counts an answer as a check and hands it on.
    pub(crate) fn ok<T, E: std::error::Error>(&mut self, name: &str, answer: Result<T, E>) -> Option<T> {
        match answer {
            Ok(answer) => {
                self.passed += 1;
                Some(answer)
            }
            Err(error) => {
                self.that(name, false, DisplayErrorContext(&error).to_string());
                None
            }
        }
    }

    /// The call must fail with the exception of this name.
    pub(crate) fn refused<T, E: ProvideErrorMetadata>(
        &mut self,
        name: &str,
        answer: Result<T, E>,
        exception: &str,
    ) {
        let found = answer.err().map(|error| code(&error));
        self.that(
            name,
            found.as_deref() == Some(exception),
            (found, "instead of", exception),
        );
    }

    /// The same, with a message that has `says` in it.
    pub(crate) fn refused_saying<T, E: ProvideErrorMetadata>(
        &mut self,
        name: &str,
        answer: Result<T, E>,
        exception: &str,
        says: &str,
    ) {
        let found = answer.as_ref().err().and_then(ProvideErrorMetadata::message);
        let holds = found.is_some_and(|message| message.contains(says));
        self.that(name, holds, (found, "without", says));
        self.refused(name, answer, exception);
    }

    /// Prints the count.
    pub(crate) fn report(&self, client: &str) -> ExitCode {
        println!("{client}: {} checks passed, {} failed", self.passed, self.failed);
        if self.failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// The exception's name as the SDK understood it.
pub(crate) fn code(error: &impl ProvideErrorMetadata) -> String {
    error.code().unwrap_or("no exception of the service").to_owned()
}
