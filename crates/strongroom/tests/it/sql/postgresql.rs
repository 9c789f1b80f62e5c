//! A PostgreSQL server of one test: its own cluster in a temporary directory, reached over a Unix
//! socket in there, and gone with the test, whichever way that ends.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::statements::Statement;

/// PostgreSQL will not run as root; Debian's package brings this account.
const ACCOUNT: &str = "postgres";
/// No step comes near; a machine that is slower is stuck.
const LIMIT: Duration = Duration::from_secs(60);
const NEXT: &str = "run cargo xtask test, which installs PostgreSQL (Debian: apt-get install postgresql)";
/// What the store can bind and read.
const TYPES: &[&str] = &["bigint", "text", "bytea"];

/// A running server. Dropping it stops it.
pub(super) struct PostgreSql {
    directory: tempfile::TempDir,
    programs: PathBuf,
    server: Child,
}

impl PostgreSql {
    pub(super) fn start() -> Self {
        let programs = programs();
        // Not below TMPDIR: another account must get there, and a socket's path is short.
        let directory = tempfile::Builder::new()
            .prefix("strongroom-sql-")
            .tempdir_in("/tmp")
            .unwrap();
        if is_root() {
            let mut chown = Command::new("chown");
            finished(chown.arg(ACCOUNT).arg(directory.path()));
        }
        finished(
            limited(&programs.join("initdb"), directory.path())
                .arg("--pgdata")
                .arg(directory.path().join("data"))
                .args(["--username", ACCOUNT, "--auth", "trust", "--encoding", "UTF8"])
                .args(["--locale", "C", "--no-sync", "--no-instructions"]),
        );
        let mut started = Self {
            server: serve(&programs, directory.path()),
            directory,
            programs,
        };
        started.wait_until_ready();
        started
    }

    fn wait_until_ready(&mut self) {
        let log = BufReader::new(self.server.stderr.take().unwrap());
        let (ready, told) = mpsc::channel();
        // Reads on to the server's end, so that the pipe never fills.
        thread::spawn(move || {
            let mut lines = String::new();
            for line in log.lines().map_while(Result::ok) {
                if line.contains("database system is ready to accept connections") {
                    let _ = ready.send(Ok(()));
                }
                lines.push_str(&line);
                lines.push('\n');
            }
            let _ = ready.send(Err(lines));
        });
        match told.recv_timeout(LIMIT) {
            Ok(Ok(())) => {}
            Ok(Err(lines)) => panic!("PostgreSQL does not start: {lines}"),
            Err(_) => panic!("PostgreSQL is not ready after {LIMIT:?}"),
        }
    }

    /// Runs a script of SQL and psql's own commands, and returns its rows; or PostgreSQL's message.
    pub(super) fn run(&self, script: &str) -> Result<String, String> {
        let mut psql = limited(&self.programs.join("psql"), self.directory.path())
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args([
                "--set",
                "ON_ERROR_STOP=1",
                "--username",
                ACCOUNT,
                "--dbname",
                "postgres",
            ])
            .arg("--host")
            .arg(self.directory.path())
            .args(["--file", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = psql.stdin.take().unwrap();
        input.write_all(script.as_bytes()).unwrap();
        drop(input);
        let output = psql.wait_with_output().unwrap();
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap())
        } else {
            Err(said(&output))
        }
    }

    /// Prepares and plans a statement without running it, and looks at the types of what goes in
    /// and what comes out. Planning counts: only it looks for the index of an ON CONFLICT.
    pub(super) fn check(&self, statement: &Statement) -> Result<(), String> {
        let sql = &statement.sql;
        let values = match statement.parameters() {
            0 => String::new(),
            count => format!("({})", vec!["NULL"; count].join(", ")),
        };
        let rows = self.run(&format!(
            "PREPARE statement AS {sql};\n\
             SELECT 'a parameter|' || unnest(parameter_types) FROM pg_prepared_statements;\n\
             {sql} \\gdesc\n\
             \\o /dev/null\n\
             EXPLAIN EXECUTE statement {values};\n"
        ))?;
        for (name, kind) in rows.lines().filter_map(|row| row.rsplit_once('|')) {
            let what = if name == "a parameter" { name } else { "a result" };
            if !TYPES.contains(&kind) {
                return Err(format!(
                    "{what} is {kind}, which the store does not know ({name})"
                ));
            }
        }
        Ok(())
    }
}

impl Drop for PostgreSql {
    fn drop(&mut self) {
        let stopped = limited(&self.programs.join("pg_ctl"), self.directory.path())
            .args(["stop", "--mode", "immediate", "--silent", "--pgdata"])
            .arg(self.directory.path().join("data"))
            .output();
        if !stopped.is_ok_and(|output| output.status.success()) {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
    }
}

fn serve(programs: &Path, directory: &Path) -> Child {
    // A signal at the death of this thread: a test that is killed leaves no server behind.
    Command::new("setpriv")
        .args(["--pdeathsig", "QUIT"])
        .args(account())
        .arg(programs.join("postgres"))
        .arg("-D")
        .arg(directory.join("data"))
        .arg("-k")
        .arg(directory)
        .args([
            "-c",
            "listen_addresses=",
            "-c",
            "fsync=off",
            "-c",
            "shared_buffers=16MB",
        ])
        .args(["-c", "lc_messages=C", "-c", "statement_timeout=60s"])
        // Not the statements that this test has refused; that the server is ready, yes.
        .args([
            "-c",
            "log_min_messages=log",
            "-c",
            "log_min_error_statement=panic",
        ])
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("setpriv: {error}"))
}

/// Where Debian keeps the programs of the newest version, which are not on the PATH; elsewhere the
/// directory on the PATH that has `initdb`.
fn programs() -> PathBuf {
    let installed = fs::read_dir("/usr/lib/postgresql").ok();
    let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = installed
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("bin/initdb").exists())
        .max_by_key(version)
        .map(|path| path.join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    newest
        .or_else(|| std::env::split_paths(&path).find(|directory| directory.join("initdb").exists()))
        .unwrap_or_else(|| panic!("PostgreSQL is not installed: {NEXT}"))
}

/// A program of PostgreSQL's under the account that may run it, ended when it takes too long.
fn limited(program: &Path, directory: &Path) -> Command {
    let mut command = Command::new("timeout");
    command
        .args(["--kill-after=10", &LIMIT.as_secs().to_string()])
        .arg("setpriv")
        .args(account())
        .arg(program)
        // Its own directory may be closed to that account.
        .current_dir(directory)
        .env("LC_ALL", "C")
        .env("PGCONNECT_TIMEOUT", "30");
    command
}

fn account() -> &'static [&'static str] {
    if is_root() {
        &["--reuid", ACCOUNT, "--regid", ACCOUNT, "--clear-groups"]
    } else {
        &["--no-new-privs"]
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn finished(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; {NEXT}"));
    assert!(output.status.success(), "{command:?}: {}; {NEXT}", said(&output));
}

fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    format!("{text} ({})", output.status)
}
