//! The process of a worker, as its server sees it.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;

use crate::config::WorkerCommand;

/// Variables that every worker gets where they are set: how libraries and their settings are found.
const ALWAYS: [&str; 2] = ["HOME", "LD_LIBRARY_PATH"];

/// A process that does not outlive this.
pub(super) struct Process(Option<Child>);

impl Process {
    /// Starts it, with the variables named in `environment`; what comes back is our end of its socket.
    pub(super) fn start(command: &WorkerCommand, environment: &[String]) -> io::Result<(Self, UnixStream)> {
        let (ours, theirs) = UnixStream::pair()?;
        let names = ALWAYS
            .iter()
            .map(std::ffi::OsStr::new)
            .chain(environment.iter().map(std::ffi::OsStr::new))
            .chain(command.environment.iter().map(std::ffi::OsString::as_os_str));
        let kept = names.filter_map(|name| Some((name, std::env::var_os(name)?)));
        let child = Command::new(&command.program)
            .args(&command.arguments)
            .env_clear()
            .envs(kept)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            // A terminal's signals are for the server.
            .process_group(0)
            .spawn()?;
        ours.set_nonblocking(true)?;
        Ok((Self(Some(child)), ours))
    }

    /// Kills it if it still runs, waits for its end, and says what that was.
    pub(super) fn end(mut self) -> String {
        let Some(mut child) = self.0.take() else {
            return "has ended".to_owned();
        };
        // One that has ended keeps its own status.
        let _ = child.kill();
        match child.wait() {
            Ok(status) => said(status),
            Err(error) => format!("ended, and how is not known: {error}"),
        }
    }

    /// Its number.
    pub(super) fn id(&self) -> u32 {
        self.0.as_ref().map_or(0, Child::id)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            // Whoever drops may be an async worker.
            let _ = thread::Builder::new().spawn(move || child.wait());
        }
    }
}

fn said(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("was ended by signal {signal}"),
        (None, Some(code)) => format!("ended with exit status {code}"),
        (None, None) => "ended".to_owned(),
    }
}
