//! A server process whose output is read line by line.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Longer than anything takes, even on a machine that does much else.
const LIMIT: Duration = Duration::from_secs(120);

/// Killed when dropped.
pub(crate) struct Process {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Process {
    pub(crate) fn spawn(mut command: Command) -> Self {
        let command = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = lines(child.stdout.take().unwrap());
        let stderr = lines(child.stderr.take().unwrap());
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// A line of `/proc/<pid>/<file>` that begins with this name, without the name.
    pub(crate) fn proc_line(&self, file: &str, name: &str) -> String {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name} in {text}"))
            .trim()
            .to_owned()
    }

    /// The most memory that was resident so far, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let line = self.proc_line("status", "VmHWM:");
        let kilobytes: u64 = line.strip_suffix(" kB").unwrap().parse().unwrap();
        kilobytes * 1024
    }

    /// Waits for a line of standard output; returns all lines until then, it included.
    pub(crate) fn wait_for(&self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        self.wait(&self.stdout, wanted)
    }

    /// The same on standard error.
    pub(crate) fn wait_for_log(&self, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        self.wait(&self.stderr, wanted)
    }

    fn wait(&self, lines: &Receiver<String>, wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let mut seen = Vec::new();
        loop {
            match lines.recv_timeout(LIMIT) {
                Ok(line) => seen.push(line),
                Err(error) => {
                    let errors: Vec<String> = self.stderr.try_iter().collect();
                    panic!("{error}, after {seen:#?}; standard error: {errors:#?}");
                }
            }
            if seen.last().is_some_and(|line| wanted(line)) {
                return seen;
            }
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end; the limit is that of reading its output to the end.
    pub(crate) fn wait_for_end(&mut self) -> ExitStatus {
        while self.stderr.recv_timeout(LIMIT).is_ok() {}
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver): (Sender<String>, _) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            if sender.send(line).is_err() {
                // Nobody reads on, but the pipe must not fill up.
            }
        }
    });
    receiver
}
