//! `LookupEvents`: the records of an account and Region, newest first, from the files themselves, so
//! that what a restart left is found too and nothing is kept in memory twice.

mod event;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ambient::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kms_api::{AccountId, Region};

pub use self::event::{Attribute, Event};
use super::Trail;
use super::files;

/// Records on one page, at most (`MaxResults`).
pub const MAX_PAGE: usize = 50;

/// What is looked for.
#[derive(Clone, Debug)]
pub struct Query {
    /// Whose records.
    pub account: AccountId,
    /// Of which Region.
    pub region: Region,
    /// An attribute and its value.
    pub attribute: Option<(Attribute, String)>,
    /// Not before this second.
    pub start: Option<Timestamp>,
    /// Not after this second.
    pub end: Option<Timestamp>,
    /// Records wanted, 1 to [`MAX_PAGE`].
    pub max_results: usize,
    /// Where an earlier page ended.
    pub next_token: Option<String>,
}

/// A page.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Newest first.
    pub events: Vec<Event>,
    /// Where the next page begins; absent at the end.
    pub next_token: Option<String>,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The token is not one of this query.
    #[error("the token is invalid, or belongs to another request")]
    Token,
    /// The files cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Trail {
    /// Looks records up, those just submitted included. Reads files in a thread of its own; one
    /// look-up at a time.
    pub async fn lookup(&self, query: Query) -> Result<Found, LookupError> {
        self.flush().await;
        // Never closed: an error cannot be. Held until the files are closed, also if the client
        // hangs up before.
        let one = Arc::clone(&self.looking).acquire_owned().await;
        let directory = self.directory.clone();
        let looking = move || {
            let found = look(&directory, &query);
            drop(one);
            found
        };
        tokio::task::spawn_blocking(looking)
            .await
            .unwrap_or_else(|error| Err(LookupError::Io(io::Error::other(error))))
    }
}

/// A place in the files: everything before byte `end` of file `number`, and all older files.
#[derive(Clone, Copy)]
struct Place {
    number: u64,
    end: u64,
}

fn look(directory: &Path, query: &Query) -> Result<Found, LookupError> {
    let from = query.next_token.as_deref().map(|token| read_token(token, query));
    let from = from.transpose()?;
    let mut found = Found::default();
    for number in files::numbers(directory)?.into_iter().rev() {
        let end = match from {
            Some(from) if number > from.number => continue,
            Some(from) if number == from.number => from.end,
            _ => u64::MAX,
        };
        let Some(text) = read(&files::path(directory, number), end)? else {
            continue;
        };
        if let Some(end) = look_in(&text, query, &mut found) {
            found.next_token = Some(write_token(Place { number, end }, query));
            return Ok(found);
        }
    }
    Ok(found)
}

/// Looks through the lines of a file from its end. Once the page is full and there is one more
/// record for it: the byte behind that record.
fn look_in(text: &[u8], query: &Query, found: &mut Found) -> Option<u64> {
    let mut end = text.len();
    while end > 0 {
        let before = text.get(..end - 1).unwrap_or_default();
        let start = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let line = text.get(start..end).unwrap_or_default();
        if let Some(event) = Event::matching(line, query) {
            if found.events.len() >= query.max_results {
                return u64::try_from(end).ok();
            }
            found.events.push(event);
        }
        end = start;
    }
    None
}

/// At most `end` bytes of a file, whole lines; `None` if it was removed in the meantime.
fn read(path: &PathBuf, end: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    file.take(end).read_to_end(&mut text)?;
    let whole = text
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    text.truncate(whole);
    Ok(Some(text))
}

/// A token carries the place and what the query was, so that it serves no other.
fn write_token(place: Place, query: &Query) -> String {
    let digest = digest(query);
    let digest = digest.get(..8).unwrap_or_default();
    URL_SAFE_NO_PAD.encode([&place.number.to_be_bytes()[..], &place.end.to_be_bytes(), digest].concat())
}

fn read_token(token: &str, query: &Query) -> Result<Place, LookupError> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| LookupError::Token)?;
    let (number, rest) = bytes.split_first_chunk::<8>().ok_or(LookupError::Token)?;
    let (end, of) = rest.split_first_chunk::<8>().ok_or(LookupError::Token)?;
    if Some(of) != digest(query).get(..8) {
        return Err(LookupError::Token);
    }
    Ok(Place {
        number: u64::from_be_bytes(*number),
        end: u64::from_be_bytes(*end),
    })
}

/// Of everything in a query but its page.
fn digest(query: &Query) -> [u8; 32] {
    let time = |time: Option<Timestamp>| time.map(|time| time.as_micros().to_be_bytes());
    let (start, end) = (time(query.start), time(query.end));
    let (attribute, value) = match &query.attribute {
        Some((attribute, value)) => (*attribute as u64 + 1, value.as_str()),
        None => (0, ""),
    };
    let fields = crypto::Fields::new("strongroom kms lookup token v1")
        .text(&query.account.to_string())
        .text(query.region.as_str())
        .number(attribute)
        .text(value)
        .optional(start.as_ref().map(|time| &time[..]))
        .optional(end.as_ref().map(|time| &time[..]));
    crypto::sha256(&[fields.as_bytes()])
}
