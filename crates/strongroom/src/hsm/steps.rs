//! The steps of a check: told as they are done, and kept for the end.

use serde::Serialize;

use super::list::plain;
use crate::cli::Output;
use crate::cli::picture::{Mark, Progress, Style};

/// One thing tried.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Step {
    hsm: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    step: &'static str,
    result: Mark,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// Why a step failed, and what to do about it; alone, it is an error with its next step.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct Failure {
    pub(crate) what: String,
    pub(crate) fix: String,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            fix: fix.into(),
        }
    }
}

/// Everything that was tried so far, and where it is told.
pub(crate) struct Steps {
    output: Output,
    style: Style,
    progress: Option<Progress>,
    hsm: String,
    token: Option<String>,
    done: Vec<Step>,
}

impl Steps {
    pub(crate) fn new(output: Output) -> Self {
        Self {
            output,
            style: Style::of_stdout(),
            progress: None,
            hsm: String::new(),
            token: None,
            done: Vec::new(),
        }
    }

    /// From here on it is about this HSM, and this token of it.
    pub(crate) fn about(&mut self, hsm: &str, token: Option<&str>, words: &str) -> anyhow::Result<()> {
        self.hsm = hsm.to_owned();
        self.token = token.map(ToOwned::to_owned);
        let heading = match token {
            Some(token) => format!("\n{hsm}, token {token}: {words}\n"),
            None => format!("\n{hsm}: {words}\n"),
        };
        self.say(&heading)
    }

    /// Says what is being tried, to people who wait.
    pub(crate) fn trying(&mut self, what: &str, share: f64) {
        let progress = self
            .progress
            .get_or_insert_with(|| Progress::new(!self.output.is_json()));
        progress.at(share, 1.0, what);
    }

    pub(crate) fn ok(&mut self, step: &'static str, detail: impl Into<String>) -> anyhow::Result<()> {
        self.add(step, Mark::Ok, &detail.into(), None)
    }

    pub(crate) fn note(&mut self, step: &'static str, note: Failure) -> anyhow::Result<()> {
        self.add(step, Mark::Note, &note.what, Some(note.fix))
    }

    pub(crate) fn skipped(&mut self, step: &'static str, why: impl Into<String>) -> anyhow::Result<()> {
        self.add(step, Mark::Skipped, &why.into(), None)
    }

    pub(crate) fn failed(&mut self, step: &'static str, failure: Failure) -> anyhow::Result<()> {
        self.add(step, Mark::Failed, &failure.what, Some(failure.fix))
    }

    /// As the result says; gives what came of it.
    pub(crate) fn result<T>(
        &mut self,
        step: &'static str,
        result: Result<(T, String), Failure>,
    ) -> anyhow::Result<Option<T>> {
        match result {
            Ok((value, detail)) => self.ok(step, detail).map(|()| Some(value)),
            Err(failure) => self.failed(step, failure).map(|()| None),
        }
    }

    /// How many failed, and of how many.
    pub(crate) fn failures(&self) -> (usize, usize) {
        let failed = self.done.iter().filter(|step| step.result == Mark::Failed);
        (failed.count(), self.done.len())
    }

    /// All of them, for programs.
    pub(crate) fn all(&self) -> &[Step] {
        &self.done
    }

    fn add(
        &mut self,
        step: &'static str,
        result: Mark,
        detail: &str,
        fix: Option<String>,
    ) -> anyhow::Result<()> {
        let detail = plain(detail);
        let mut text = format!("  {} {step:<34} {detail}", self.style.mark(result));
        text.truncate(text.trim_end().len());
        text.push('\n');
        if let Some(fix) = &fix {
            text.push_str(&format!("       -> {fix}\n"));
        }
        self.done.push(Step {
            hsm: self.hsm.clone(),
            token: self.token.clone(),
            step,
            result,
            detail,
            fix,
        });
        self.say(&text)
    }

    fn say(&mut self, text: &str) -> anyhow::Result<()> {
        // Wipes its line.
        self.progress = None;
        if self.output.is_json() {
            return Ok(());
        }
        self.output.write(text)
    }
}
