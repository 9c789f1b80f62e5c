//! `LookupEvents`: the records of an account and Region, newest first, from the files themselves, so
//! that what a restart left is found too and nothing is kept in memory twice.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ambient::Timestamp;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kms_api::{AccountId, Region};
use serde::Deserialize;

use super::Trail;
use super::files;

/// Records on one page, at most (`MaxResults`).
pub const MAX_PAGE: usize = 50;

/// What events are looked for by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attribute {
    /// `eventID`.
    EventId,
    /// `eventName`.
    EventName,
    /// `readOnly`: `true` or `false`.
    ReadOnly,
    /// The user's or the role session's name.
    Username,
    /// The type of a resource.
    ResourceType,
    /// The ARN of a resource, or its last part.
    ResourceName,
    /// `eventSource`.
    EventSource,
    /// The access key that signed.
    AccessKeyId,
}

impl Attribute {
    /// From its name in the API.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "EventId" => Self::EventId,
            "EventName" => Self::EventName,
            "ReadOnly" => Self::ReadOnly,
            "Username" => Self::Username,
            "ResourceType" => Self::ResourceType,
            "ResourceName" => Self::ResourceName,
            "EventSource" => Self::EventSource,
            "AccessKeyId" => Self::AccessKeyId,
            _ => return None,
        })
    }
}

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

/// What `LookupEvents` tells of a record.
#[derive(Clone, Debug)]
pub struct Event {
    /// `eventID`.
    pub id: String,
    /// `eventName`.
    pub name: String,
    /// `readOnly`.
    pub read_only: bool,
    /// The access key that signed, if one did.
    pub access_key_id: Option<String>,
    /// `eventTime`.
    pub at: Timestamp,
    /// `eventSource`.
    pub source: String,
    /// The user's or the role session's name.
    pub username: Option<String>,
    /// Type and name of each resource.
    pub resources: Vec<(String, String)>,
    /// The record as it was written.
    pub record: String,
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
        if let Some(event) = matching(line, query) {
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

/// What a look-up needs to know of a record.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    #[serde(rename = "eventID")]
    event_id: String,
    event_name: String,
    event_source: String,
    event_time: String,
    aws_region: String,
    read_only: bool,
    recipient_account_id: String,
    user_identity: Identity,
    #[serde(default)]
    resources: Vec<LineResource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    #[serde(rename = "type")]
    kind: Option<String>,
    principal_id: Option<String>,
    user_name: Option<String>,
    access_key_id: Option<String>,
}

#[derive(Deserialize)]
struct LineResource {
    #[serde(rename = "ARN")]
    arn: String,
    #[serde(rename = "type")]
    kind: String,
}

/// The event of a line, if it is one that is looked for. A line that is no record, as a crash may
/// leave one, is none.
fn matching(line: &[u8], query: &Query) -> Option<Event> {
    let line = std::str::from_utf8(line).ok()?.trim_end();
    // Most lines of another account are told by this, without being parsed.
    let account = query.account.to_string();
    if !line.contains(&account) {
        return None;
    }
    let record: Line = serde_json::from_str(line).ok()?;
    if record.recipient_account_id != account || record.aws_region != query.region.as_str() {
        return None;
    }
    let at = parse_time(&record.event_time)?;
    if query.start.is_some_and(|start| at < start) || query.end.is_some_and(|end| at > end) {
        return None;
    }
    let username = record.user_identity.name();
    let event = Event {
        id: record.event_id,
        name: record.event_name,
        read_only: record.read_only,
        access_key_id: record.user_identity.access_key_id,
        at,
        source: record.event_source,
        username,
        resources: record
            .resources
            .into_iter()
            .map(|resource| (resource.kind, resource.arn))
            .collect(),
        record: line.to_owned(),
    };
    let wanted = query.attribute.as_ref();
    wanted
        .is_none_or(|(attribute, value)| event.has(*attribute, value))
        .then_some(event)
}

impl Identity {
    fn name(&self) -> Option<String> {
        match self.kind.as_deref()? {
            "Root" => Some("root".to_owned()),
            "AssumedRole" => {
                let (_, session) = self.principal_id.as_deref()?.split_once(':')?;
                Some(session.to_owned())
            }
            _ => self.user_name.clone(),
        }
    }
}

impl Event {
    fn has(&self, attribute: Attribute, value: &str) -> bool {
        match attribute {
            Attribute::EventId => self.id == value,
            Attribute::EventName => self.name == value,
            Attribute::ReadOnly => (if self.read_only { "true" } else { "false" }) == value,
            Attribute::Username => self.username.as_deref() == Some(value),
            Attribute::EventSource => self.source == value,
            Attribute::AccessKeyId => self.access_key_id.as_deref() == Some(value),
            Attribute::ResourceType => self.resources.iter().any(|(kind, _)| kind == value),
            Attribute::ResourceName => self.resources.iter().any(|(_, arn)| {
                // The ARN whole, or what follows its fifth colon with or without its kind.
                let name = arn.splitn(6, ':').last().unwrap_or_default();
                arn == value || name == value || name.split_once('/').is_some_and(|(_, id)| id == value)
            }),
        }
    }
}

/// The time that [`super::record::event_time`] wrote.
fn parse_time(text: &str) -> Option<Timestamp> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if year < 1970 || !(1..=12).contains(&month) {
        return None;
    }
    // Days-from-civil after Howard Hinnant's public-domain description.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day.checked_sub(1)?;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = (era * 146_097 + day_of_era).checked_sub(719_468)?;
    Some(Timestamp::from_secs(
        days * 86_400 + hour * 3_600 + minute * 60 + second,
    ))
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
