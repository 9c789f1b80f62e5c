//! CloudTrail: a record of every authenticated call, allowed or not, and of what KMS does by itself.
//!
//! Records are JSON lines in files of a directory, rotated by size and age and bounded in number.
//! A call never waits for the disk: a thread writes. What could not be written, because too many
//! records waited or because the disk is full, is lost, counted ([`Trail::counts`]) and told in
//! the log; KMS goes on, as it does at AWS, where the trail is not in the path of a call either.
//!
//! - Plaintext, ciphertext, key policies read, passwords, credentials and grant tokens are in no
//!   record: `elements.rs` lists what is shown.
//! - A call across accounts is recorded in both, under one `sharedEventID`; a denial in the
//!   caller's alone. The other account sees `AWSAccount` and a principal id, not the caller's name.

mod elements;
mod files;
mod lookup;
mod notes;
mod record;
mod settings;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ambient::{Clock, Random};

pub(crate) use elements::{is_read_only, request_parameters, response_elements};
pub use lookup::{Attribute, Event, Found, LookupError, MAX_PAGE, Query};
pub use notes::Notes;
pub use record::{ApiCall, Service, ServiceEvent, TlsDetails};
pub(crate) use record::{error_code, event_time};
pub use settings::{TrailSettingError, TrailSettings};
pub use writer::TrailCounts;

use crate::id::uuid;
use files::Files;
use record::Ids;
use writer::{Shared, Writer};

/// The trail of one endpoint.
pub struct Trail {
    writer: Writer,
    shared: Arc<Shared>,
    random: Arc<dyn Random>,
    directory: PathBuf,
    /// One look through the files at a time: each holds a whole file in memory.
    looking: Arc<tokio::sync::Semaphore>,
}

/// Why there is no trail.
#[derive(Debug, thiserror::Error)]
pub enum TrailError {
    /// A setting is out of bounds.
    #[error(transparent)]
    Settings(#[from] TrailSettingError),
    /// The directory or its newest file cannot be used.
    #[error("the trail's directory {directory}: {source}")]
    Io {
        /// The directory.
        directory: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl Trail {
    /// Opens the trail in a directory and starts its thread. Blocks shortly for files.
    pub fn open(
        directory: &Path,
        settings: &TrailSettings,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, TrailError> {
        settings.check()?;
        let shared = Arc::new(Shared::default());
        let writer = Files::open(directory, settings, clock.now())
            .and_then(|files| Writer::start(files, settings, clock, Arc::clone(&shared)))
            .map_err(|source| TrailError::Io {
                directory: directory.to_owned(),
                source,
            })?;
        Ok(Self {
            writer,
            shared,
            random,
            directory: directory.to_owned(),
            looking: Arc::new(tokio::sync::Semaphore::new(1)),
        })
    }

    /// Records a call, in the caller's account and in those whose resources it used.
    pub fn api_call(&self, call: &ApiCall<'_>) {
        let others = call.other_accounts();
        let shared = (!others.is_empty()).then(|| self.fresh_id(call.request_id));
        let shared = shared.as_deref();
        let event = call.event_id;
        self.writer.submit(call.line(call.account, Ids { event, shared }));
        for account in others {
            let event = &self.fresh_id(call.request_id);
            self.writer.submit(call.line(account, Ids { event, shared }));
        }
    }

    /// Records something that KMS did by itself.
    pub fn service_event(&self, event: &ServiceEvent<'_>) {
        let id = self.fresh_id(event.key_arn);
        let ids = Ids {
            event: &id,
            shared: None,
        };
        self.writer.submit(event.line(ids));
    }

    /// A record is worth more than its id: without randomness it has another's.
    fn fresh_id(&self, instead: &str) -> String {
        uuid(self.random.as_ref()).unwrap_or_else(|_| instead.to_owned())
    }

    /// What happened to records so far.
    pub fn counts(&self) -> TrailCounts {
        self.shared.counts()
    }

    /// Resolves when every record submitted before was written or lost.
    pub async fn flush(&self) {
        self.writer.flush().await;
    }
}
