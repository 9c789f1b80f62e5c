//! The files: `cloudtrail-0000000042.jsonl`, one record a line, the highest number being written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ambient::Timestamp;

use super::TrailSettings;

const PREFIX: &str = "cloudtrail-";
const SUFFIX: &str = ".jsonl";

/// The file being written, and how many others may stay.
pub(super) struct Files {
    directory: PathBuf,
    max_bytes: u64,
    max_age: Duration,
    max_files: usize,
    current: Option<Current>,
    /// The number of the next file.
    next: u64,
}

struct Current {
    file: File,
    /// Bytes of whole records in it.
    len: u64,
    opened_at: Timestamp,
}

impl Files {
    /// Makes the directory if it is not there, and goes on with its newest file.
    pub(super) fn open(directory: &Path, settings: &TrailSettings, now: Timestamp) -> io::Result<Self> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(directory)?;
        let newest = numbers(directory)?.last().copied();
        let mut files = Self {
            directory: directory.to_owned(),
            max_bytes: settings.max_file_bytes,
            max_age: settings.max_file_age,
            max_files: settings.max_files,
            current: None,
            next: newest.map_or(1, |newest| newest.saturating_add(1)),
        };
        match newest {
            Some(number) => files.current = Some(Current::resume(&path(directory, number), now)?),
            None => files.rotate(now)?,
        }
        Ok(files)
    }

    /// Writes whole records, each with its line feed. After an error none of them is in the file.
    pub(super) fn write(&mut self, records: &[u8], now: Timestamp) -> io::Result<()> {
        let full = |current: &Current| {
            current.len >= self.max_bytes || now.saturating_since(current.opened_at) >= self.max_age
        };
        if self.current.as_ref().is_none_or(full) {
            self.rotate(now)?;
        }
        match &mut self.current {
            Some(current) => current.write(records),
            None => Err(io::Error::other("no file is open")),
        }
    }

    /// Bytes that the current file takes before it is full; 0 if the next write opens another.
    pub(super) fn room(&self) -> u64 {
        let len = |current: &Current| current.len;
        self.max_bytes
            .saturating_sub(self.current.as_ref().map_or(0, len))
    }

    /// Asks the disk to keep what was written.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.current
            .as_ref()
            .map_or(Ok(()), |current| current.file.sync_data())
    }

    fn rotate(&mut self, now: Timestamp) -> io::Result<()> {
        // What cannot be synced stays written; the new file is not held up by it.
        let _ = self.sync();
        self.current = None;
        let numbers = numbers(&self.directory)?;
        let surplus = (numbers.len() + 1).saturating_sub(self.max_files);
        for number in numbers.iter().take(surplus) {
            fs::remove_file(path(&self.directory, *number))?;
        }
        // Whatever number somebody gave a file: ours comes behind it.
        let behind = numbers.last().map_or(0, |newest| newest.saturating_add(1));
        self.next = self.next.max(behind);
        let file = OpenOptions::new()
            .create_new(true)
            .append(true)
            .read(true)
            .mode(0o600)
            .open(path(&self.directory, self.next))?;
        self.next = self.next.saturating_add(1);
        self.current = Some(Current {
            file,
            len: 0,
            opened_at: now,
        });
        Ok(())
    }
}

impl Current {
    /// Goes on with a file that an earlier process left; a record that it did not finish is ended,
    /// so that readers skip it alone.
    fn resume(path: &Path, now: Timestamp) -> io::Result<Self> {
        // Not through a link that somebody else made.
        let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let mut options = OpenOptions::new();
        let mut file = options.append(true).read(true).custom_flags(flags).open(path)?;
        let mut len = file.metadata()?.len();
        if len > 0 {
            file.seek(SeekFrom::Start(len - 1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
                len += 1;
            }
        }
        Ok(Self {
            file,
            len,
            opened_at: now,
        })
    }

    fn write(&mut self, records: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(records);
        match written {
            Ok(()) => self.len += records.len() as u64,
            // A disk that fills up takes a part; half a record would spoil the next one. Should
            // even that fail, the next record's line is spoilt too and readers skip it.
            Err(_) => self.file.set_len(self.len)?,
        }
        written
    }
}

/// The numbers of the files in a directory, ascending.
pub(super) fn numbers(directory: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let digits = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
        numbers.extend(
            digits
                .filter(|digits| digits.len() == 10)
                .and_then(|digits| digits.parse::<u64>().ok()),
        );
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The path of a file.
pub(super) fn path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{PREFIX}{number:010}{SUFFIX}"))
}
