//! What can go wrong, by what the caller or the operator would do about it.

use std::io;
use std::path::PathBuf;

/// The store refused or failed. Never carries a parameter's value, only SQL error texts.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another writer held the database for longer than we wait (5 s), or every reader is in use.
    /// Trying again later may work.
    #[error(
        "the database is busy: another process or a long transaction holds it; try again, and check that \
         only one server uses this data directory"
    )]
    Busy,
    /// The disk or the quota is full; nothing was written.
    #[error("the disk that holds the database is full: free some space, then try again")]
    Full,
    /// The file is no database, or damaged.
    #[error("the database is damaged ({detail}): stop, keep a copy of it, and restore a backup")]
    Corrupt {
        /// SQLite's words.
        detail: String,
    },
    /// A newer release has written this database.
    #[error(
        "the database is newer than this program (\"{owner}\" is at version {found}, known is {known}): use \
         the newer release, or restore the backup made before the upgrade"
    )]
    Newer {
        /// Whose migrations.
        owner: String,
        /// The version in the database.
        found: i64,
        /// The newest version that this program knows; 0 for an owner that it does not know.
        known: u32,
    },
    /// A migration that has run does not read as it did then.
    #[error(
        "migration {version} of \"{owner}\" is not the one that made this database: use an unaltered release"
    )]
    MigrationChanged {
        /// Whose migrations.
        owner: &'static str,
        /// Which step.
        version: u32,
    },
    /// The file is not a plain file of our own with mode 0600.
    #[error("{path}: {problem}")]
    Unsafe {
        /// The database file.
        path: PathBuf,
        /// What is wrong, and the next step.
        problem: &'static str,
    },
    /// A row with this key is already there, or another constraint of the table was broken.
    #[error("the row conflicts with one that exists ({detail})")]
    Conflict {
        /// The constraint, in SQLite's words.
        detail: String,
    },
    /// A column does not hold what the code expects there: the table was edited by other means.
    #[error("column {column} does not hold {expected}")]
    Column {
        /// Index of the column in the row, from 0.
        column: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// The answer did not come within the limit that the caller set.
    #[error("the database did not answer in time")]
    TimedOut,
    /// The store was closed.
    #[error("the database is closed")]
    Closed,
    /// The file system failed.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Input or output failed inside the database engine.
    #[error("the database could not read or write its file ({detail}): check the disk and the file's owner")]
    Disk {
        /// SQLite's words.
        detail: String,
    },
    /// Anything else: SQL that does not fit the database.
    #[error("the database refused a statement")]
    Statement(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => Self::Closed,
            sqlx::Error::Database(database) => {
                let code = database.code().and_then(|code| code.parse().ok());
                let detail = database.message().to_owned();
                match code.map(|code: u32| code & 0xff) {
                    Some(5 | 6) => Self::Busy,
                    Some(13) => Self::Full,
                    Some(11 | 26) => Self::Corrupt { detail },
                    Some(8 | 10 | 14) => Self::Disk { detail },
                    Some(19) => Self::Conflict { detail },
                    _ => Self::Statement(error.into()),
                }
            }
            _ => Self::Statement(error.into()),
        }
    }
}
