//! `audit verify|tail`: read the log's files, whether a server runs or not.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use audit::{Directory, Head, Medium, Reader, Record, Tail, VerifyOptions};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::cli::Output;
use crate::cli::args::AuditCommand;
use crate::cli::find::Place;
use crate::cli::output::counted;

/// How long a follower waits before it looks for new records.
const FOLLOW_INTERVAL: Duration = Duration::from_millis(200);

pub(in crate::cli) fn run(command: AuditCommand, place: &Place, output: &Output) -> anyhow::Result<()> {
    match command {
        AuditCommand::Verify { log_dir, head } => verify(&open(log_dir, place)?, head, output),
        AuditCommand::Tail {
            log_dir,
            lines,
            follow,
        } => tail(open(log_dir, place)?, lines, follow, output),
    }
}

fn open(log_dir: Option<PathBuf>, place: &Place) -> anyhow::Result<Arc<dyn Medium>> {
    let path = log_dir.unwrap_or_else(|| place.data_dir().log());
    let directory = open_directory(&path).with_context(|| {
        format!(
            "cannot read the audit log in {}: name its directory with --log-dir or --data-dir, and run this as a \
             user who may read it",
            path.display()
        )
    })?;
    Ok(Arc::new(directory))
}

fn open_directory(path: &Path) -> io::Result<Directory> {
    Directory::open_existing(path)
}

#[derive(Serialize)]
struct Verified {
    verified: bool,
    records: u64,
    /// To be noted elsewhere, and given to the next run.
    head: String,
    segments: usize,
    /// Whether a server was writing at that time.
    in_use: bool,
    unfinished_batch: bool,
}

fn verify(medium: &Arc<dyn Medium>, head: Option<Head>, output: &Output) -> anyhow::Result<()> {
    // Whoever writes holds the lock. With nobody writing, an unfinished batch is suspicious.
    let in_use = match medium.lock() {
        Ok(lock) => {
            drop(lock);
            false
        }
        Err(_) => true,
    };
    let options = VerifyOptions {
        expected: head,
        start: None,
        accept_torn_tail: in_use,
    };
    let verified = audit::verify(&**medium, &options, &mut |_| {}).context(
        "the audit log does not verify. If the server crashed, start it: it cuts an unfinished batch and says so. \
         Otherwise keep a copy of everything, and find out who could write these files",
    )?;
    let verified = Verified {
        verified: true,
        records: verified.head.records,
        head: verified.head.to_string(),
        segments: verified.segments,
        in_use,
        unfinished_batch: verified.tail != Tail::Clean,
    };
    output.show(&verified, |verified| {
        format!(
            "verified: {} in {}, every checksum and chain link\nhead: {}\nnote the head elsewhere, \
             and check with --head later that nothing was cut off\n",
            counted(verified.records, "record"),
            counted(verified.segments as u64, "segment"),
            verified.head
        )
    })
}

/// A record as it is printed.
#[derive(Serialize)]
struct Line<'a> {
    sequence: u64,
    id: String,
    time: String,
    record: &'a RawValue,
}

fn tail(medium: Arc<dyn Medium>, lines: usize, follow: bool, output: &Output) -> anyhow::Result<()> {
    // Reads the last segments, checking them, and keeps the end.
    let mut reader = Reader::open_near_end(medium, lines as u64)?;
    let mut newest = VecDeque::with_capacity(lines.min(1024));
    while let Some(record) = reader.next_record()? {
        newest.push_back(record);
        if newest.len() > lines {
            newest.pop_front();
        }
    }
    for record in newest {
        print(&record, output)?;
    }
    if !follow {
        return Ok(());
    }
    loop {
        while let Some(record) = reader.next_record()? {
            print(&record, output)?;
        }
        std::thread::sleep(FOLLOW_INTERVAL);
    }
}

fn print(record: &Record, output: &Output) -> anyhow::Result<()> {
    let payload = std::str::from_utf8(&record.payload)?;
    if output.is_json() {
        let raw: &RawValue = serde_json::from_str(payload)?;
        return output.json_line(&Line {
            sequence: record.sequence(),
            id: record.id.to_string(),
            time: record.time.to_string(),
            record: raw,
        });
    }
    output.write(&format!("{} {} {payload}\n", record.sequence(), record.time))
}
