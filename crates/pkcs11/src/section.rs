//! The part of a configuration that is about tokens, the same in every section that has some: how a
//! token is named, where its module runs, what a profile may be, which limits hold.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::config::{Isolation, MAX_SESSIONS, Pin, TokenSelector, WorkerCommand};
use crate::profile::Profile;

/// Most calls that may wait for a session of one token.
const MAX_QUEUE: usize = 65_536;
/// Longest deadline of one call.
const MAX_DEADLINE: Duration = Duration::from_secs(60);
/// Largest profile file, in bytes.
const MAX_PROFILE: u64 = 65_536;

/// One token. Exactly one of label, serial and slot says which.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSection {
    /// What it is called in status, log and errors.
    pub name: String,
    /// Its label.
    #[serde(default)]
    pub label: Option<String>,
    /// Its serial number; the surest.
    #[serde(default)]
    pub serial: Option<String>,
    /// Its slot's number.
    #[serde(default)]
    pub slot: Option<u64>,
    /// A file with the PIN of its user, readable by its owner alone; none where the token wants no login.
    #[serde(default)]
    pub pin_file: Option<PathBuf>,
    /// Its module, where that is another than the one its neighbours have.
    #[serde(default)]
    pub module: Option<PathBuf>,
    /// Its profile, where that is another than the one its neighbours have: the name of a built-in one, or
    /// a path (with a `/`) to a file with one.
    #[serde(default)]
    pub profile: Option<String>,
}

/// Where a vendor's module is to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IsolationSetting {
    /// In a process of its own, which is replaced when it crashes or hangs.
    #[default]
    Worker,
    /// In this process: faster, and a crash of the module is a crash of this program.
    InProcess,
}

/// What is wrong with a setting, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SectionError(String);

fn wrong<T>(what: impl Into<String>) -> Result<T, SectionError> {
    Err(SectionError(what.into()))
}

impl TokenSection {
    /// Which token of its module.
    ///
    /// # Errors
    /// Unless exactly one of label, serial and slot is given.
    pub fn selector(&self) -> Result<TokenSelector, SectionError> {
        match (&self.label, &self.serial, self.slot) {
            (Some(label), None, None) => Ok(TokenSelector::Label(label.clone())),
            (None, Some(serial), None) => Ok(TokenSelector::Serial(serial.clone())),
            (None, None, Some(slot)) => Ok(TokenSelector::Slot(slot)),
            _ => wrong(format!(
                "token {:?}: give exactly one of label, serial and slot",
                self.name
            )),
        }
    }

    /// Its module, or else the one that all tokens beside it have.
    ///
    /// # Errors
    /// If there is neither.
    pub fn module<'a>(&'a self, of_all: Option<&'a Path>) -> Result<&'a Path, SectionError> {
        match self.module.as_deref().or(of_all) {
            Some(module) => Ok(module),
            None => wrong(format!(
                "token {:?} has no module; give module = \"/path/to/the/vendor's.so\"",
                self.name
            )),
        }
    }

    /// What is said of its profile, or else of that of all tokens beside it: a name, or a path with a `/`.
    ///
    /// # Errors
    /// If there is neither.
    pub fn profile_name<'a>(&'a self, of_all: Option<&'a str>) -> Result<&'a str, SectionError> {
        match self.profile.as_deref().or(of_all) {
            Some(profile) => Ok(profile),
            None => wrong(format!(
                "token {:?} has no profile; give profile = one of {}, or the path of a profile",
                self.name,
                known()
            )),
        }
    }

    /// Its profile, or else the one that all tokens beside it have. Reads the file, where it is one.
    ///
    /// # Errors
    /// If there is neither, or it is not known, or its file cannot be read or holds none.
    pub fn profile(&self, of_all: Option<&str>) -> Result<Profile, SectionError> {
        let name = self.profile_name(of_all)?;
        if !name.contains('/') {
            let unknown = || {
                SectionError(format!(
                    "there is no profile {name:?}; there are {}, and paths with a /",
                    known()
                ))
            };
            return Profile::named(name).ok_or_else(unknown);
        }
        let text = read(Path::new(name))
            .map_err(|error| SectionError(format!("cannot read the profile {name}: {error}")))?;
        Profile::parse(&text).map_err(|error| SectionError(format!("the profile {name}: {error}")))
    }

    /// The PIN in its file; `None` where it has no file.
    ///
    /// # Errors
    /// Says what is wrong with the file, and nothing of its content.
    pub fn pin(&self) -> Result<Option<Pin>, SectionError> {
        let Some(path) = &self.pin_file else {
            return Ok(None);
        };
        let failed = |error| SectionError(format!("token {:?}: {}: {error}", self.name, path.display()));
        Pin::from_file(path).map(Some).map_err(failed)
    }
}

impl IsolationSetting {
    /// The same, with the command that starts this program's workers.
    ///
    /// # Errors
    /// If it is a worker that is wanted, and this program starts none.
    pub fn with(self, worker: Option<&WorkerCommand>) -> Result<Isolation, SectionError> {
        match (self, worker) {
            (Self::InProcess, _) => Ok(Isolation::InProcess),
            (Self::Worker, Some(worker)) => Ok(Isolation::Worker(worker.clone())),
            (Self::Worker, None) => wrong("this program starts no workers; use isolation = \"in-process\""),
        }
    }
}

/// Holds a token's limits to those that a configuration may set: 1 to 256 sessions, a queue of at most
/// 65,536 calls, a deadline of 1 ms to 60 s.
///
/// # Errors
/// Names the setting and what it may be.
pub fn check_limits(sessions: usize, queue: usize, deadline: Duration) -> Result<(), SectionError> {
    if !(1..=MAX_SESSIONS).contains(&sessions) {
        return wrong(format!("sessions = {sessions} is not 1 to {MAX_SESSIONS}"));
    }
    if queue > MAX_QUEUE {
        return wrong(format!("queue = {queue} is more than {MAX_QUEUE}"));
    }
    check_deadline(deadline)
}

/// Holds a deadline to 1 ms to 60 s.
///
/// # Errors
/// If it is another.
pub fn check_deadline(deadline: Duration) -> Result<(), SectionError> {
    if deadline.is_zero() || deadline > MAX_DEADLINE {
        return wrong("deadline is not between 1ms and 60s");
    }
    Ok(())
}

/// For `#[serde(deserialize_with)]`: `"120ms"` or `"2s"`, a whole number and its unit.
///
/// # Errors
/// If it is anything else.
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let parsed = text.split_at_checked(digits).and_then(|(number, unit)| {
        let number: u64 = number.parse().ok()?;
        match unit {
            "ms" => Some(Duration::from_millis(number)),
            "s" => Some(Duration::from_secs(number)),
            _ => None,
        }
    });
    parsed.ok_or_else(|| D::Error::custom("a duration with its unit, such as \"120ms\" or \"2s\""))
}

fn known() -> String {
    Profile::names().collect::<Vec<_>>().join(", ")
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?
        .take(MAX_PROFILE + 1)
        .read_to_string(&mut text)?;
    if read as u64 > MAX_PROFILE {
        return Err(io::Error::other("it is larger than 64 KiB"));
    }
    Ok(text)
}
