//! A line of the trail as `LookupEvents` tells it, and whether it is one that is looked for.

use ambient::Timestamp;
use serde::Deserialize;

use super::Query;

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
    /// The event of a line, if it is one that is looked for. A line that is no record, as a crash may
    /// leave one, is none.
    pub(super) fn matching(line: &[u8], query: &Query) -> Option<Self> {
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
        let event = Self {
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

/// The time that [`super::super::record::event_time`] wrote.
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
