//! What people would rather look at than read: ticks, bars, progress.

use std::io::{self, IsTerminal, Write};

/// How the standard output can be drawn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    terminal: bool,
}

/// How something came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mark {
    /// As it should be.
    Ok,
    /// It works, and somebody should know.
    Note,
    /// It does not.
    Failed,
    /// It was not tried.
    Skipped,
}

impl Style {
    pub(crate) fn of_stdout() -> Self {
        Self {
            terminal: io::stdout().is_terminal(),
        }
    }

    #[cfg(test)]
    pub(crate) const fn plain() -> Self {
        Self { terminal: false }
    }

    /// A tick where there is a terminal, a word of four letters where there is none.
    pub(crate) const fn mark(self, mark: Mark) -> &'static str {
        match (self.terminal, mark) {
            (true, Mark::Ok) => "\u{1b}[32m\u{2714}\u{1b}[0m",
            (true, Mark::Note) => "\u{1b}[33m\u{25b2}\u{1b}[0m",
            (true, Mark::Failed) => "\u{1b}[31m\u{2718}\u{1b}[0m",
            (true, Mark::Skipped) => "\u{b7}",
            (false, Mark::Ok) => "ok  ",
            (false, Mark::Note) => "note",
            (false, Mark::Failed) => "FAIL",
            (false, Mark::Skipped) => "-   ",
        }
    }

    /// A bar of at most `width` columns that shows `part` of `whole`, in eighths of a column; of `#`
    /// where there is no terminal.
    pub(crate) fn bar(self, part: f64, whole: f64, width: usize) -> String {
        const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
        let share = if whole > 0.0 {
            (part / whole).clamp(0.0, 1.0)
        } else {
            0.0
        };
        if !self.terminal {
            return "#".repeat((share * width as f64).round() as usize);
        }
        let eighths = (share * width as f64 * 8.0).round() as usize;
        let rest = EIGHTHS.get(eighths % 8).copied().unwrap_or_default();
        format!("{}{rest}", "█".repeat(eighths / 8))
    }
}

/// One line on standard error that says how far something is, written over and over; nothing if that
/// is no terminal.
pub(crate) struct Progress {
    shown: bool,
}

impl Progress {
    /// `wanted` unless the output is for a program.
    pub(crate) fn new(wanted: bool) -> Self {
        Self {
            shown: wanted && io::stderr().is_terminal(),
        }
    }

    /// `done` of `all`, and what is being done.
    pub(crate) fn at(&self, done: f64, all: f64, what: &str) {
        if !self.shown {
            return;
        }
        let bar = Style { terminal: true }.bar(done, all, 30);
        let percent = if all > 0.0 { done / all * 100.0 } else { 0.0 };
        self.write(&format!(
            "\r\u{1b}[K▕{bar:<30}▏ {:3.0} %  {what}",
            percent.clamp(0.0, 100.0)
        ));
    }

    fn write(&self, text: &str) {
        let mut stderr = io::stderr().lock();
        // With standard error gone there is nobody left to tell.
        let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            self.write("\r\u{1b}[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        assert_eq!(Style::plain().bar(1.0, 2.0, 10), "#####");
        let terminal = Style { terminal: true };
        assert_eq!(terminal.bar(1.0, 1.0, 3), "███");
        assert_eq!(terminal.bar(1.0, 16.0, 2), "▏");
        for nothing in [terminal.bar(0.0, 1.0, 9), terminal.bar(1.0, 0.0, 9)] {
            assert_eq!(nothing, "");
        }
    }
}
