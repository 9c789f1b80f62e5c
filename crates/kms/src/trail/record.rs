//! One record, in CloudTrail's shape (CloudTrail User Guide, *Record contents*).

use std::sync::Arc;

use ambient::Timestamp;
use kms_api::{AccountId, ErrorName};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::notes::{Notes, Resource};

/// The version of the shape that we write.
const EVENT_VERSION: &str = "1.08";
/// `requestParameters` and `responseElements` with more bytes than this are left out, as
/// CloudTrail does above 100 KB.
pub(super) const MAX_ELEMENT_BYTES: usize = 102_400;
/// What is kept of a user agent and of an error message, in bytes.
pub(super) const MAX_TEXT_BYTES: usize = 1_024;

/// The service that a call was made to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// AWS KMS.
    Kms,
    /// AWS STS.
    Sts,
    /// AWS CloudTrail.
    CloudTrail,
}

impl Service {
    /// As records name it.
    pub const fn source(self) -> &'static str {
        match self {
            Self::Kms => "kms.amazonaws.com",
            Self::Sts => "sts.amazonaws.com",
            Self::CloudTrail => "cloudtrail.amazonaws.com",
        }
    }
}

/// One call to an API, to be recorded.
#[derive(Clone, Debug)]
pub struct ApiCall<'a> {
    /// Whose API.
    pub service: Service,
    /// The operation.
    pub name: &'a str,
    /// The Region of the credential scope.
    pub region: &'a str,
    /// When it arrived.
    pub at: Timestamp,
    /// `userIdentity` for the caller's own account.
    pub identity: &'a Value,
    /// The caller's account.
    pub account: AccountId,
    /// `principalId`, for the copies that other accounts get.
    pub principal_id: &'a str,
    /// The client's address, or the service that called for it.
    pub source: &'a str,
    /// The header `User-Agent`.
    pub user_agent: &'a str,
    /// The error's name without its namespace, and its message.
    pub error: Option<(&'a str, &'a str)>,
    /// `null`, or an object with lower-camel-case names.
    pub request_parameters: Value,
    /// `null`, or an object with lower-camel-case names.
    pub response_elements: Value,
    /// Resources and additional data.
    pub notes: &'a Notes,
    /// `eventID` of the record for the caller's account.
    pub event_id: &'a str,
    /// `x-amzn-RequestId`.
    pub request_id: &'a str,
    /// Whether the operation changes nothing.
    pub read_only: bool,
    /// What TLS agreed on; `None` on plain HTTP.
    pub tls: Option<TlsDetails<'a>>,
}

/// `tlsDetails`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsDetails<'a> {
    /// `TLSv1.2` or `TLSv1.3`.
    pub tls_version: &'a str,
    /// The cipher suite's name in IANA's registry.
    pub cipher_suite: &'a str,
    /// The header `Host`.
    pub client_provided_host_header: &'a str,
}

/// Something that KMS did by itself.
#[derive(Clone, Debug)]
pub struct ServiceEvent<'a> {
    /// `RotateKey` or `DeleteKey`.
    pub name: &'static str,
    /// The key's Region.
    pub region: &'a str,
    /// The key's account.
    pub account: AccountId,
    /// The key.
    pub key_arn: &'a Arc<str>,
    /// When.
    pub at: Timestamp,
    /// `additionalEventData`.
    pub additional: Map<String, Value>,
    /// `serviceEventDetails`; `keyId` is added.
    pub details: Map<String, Value>,
}

/// The members, in the order in which CloudTrail writes them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    event_version: &'static str,
    user_identity: &'a Value,
    event_time: String,
    event_source: &'static str,
    event_name: &'a str,
    aws_region: &'a str,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: &'a str,
    user_agent: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'a str>,
    request_parameters: &'a Value,
    response_elements: &'a Value,
    #[serde(skip_serializing_if = "Map::is_empty")]
    additional_event_data: &'a Map<String, Value>,
    #[serde(rename = "requestID", skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(rename = "eventID")]
    event_id: &'a str,
    read_only: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<Value>,
    event_type: &'static str,
    management_event: bool,
    recipient_account_id: String,
    #[serde(rename = "sharedEventID", skip_serializing_if = "Option::is_none")]
    shared_event_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_event_details: Option<&'a Map<String, Value>>,
    event_category: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_details: Option<&'a TlsDetails<'a>>,
}

/// The ids of one record.
#[derive(Clone, Copy)]
pub(super) struct Ids<'a> {
    pub(super) event: &'a str,
    /// The same in every account's copy; absent if there is one record.
    pub(super) shared: Option<&'a str>,
}

impl ApiCall<'_> {
    /// The accounts, besides the caller's, that get a copy: those that own a resource of the call,
    /// unless the caller was denied, which is nobody else's business.
    pub(super) fn other_accounts(&self) -> Vec<AccountId> {
        let mut accounts = Vec::new();
        if self.is_denied() {
            return accounts;
        }
        for Resource { account, .. } in self.notes.resources() {
            if *account != self.account && !accounts.contains(account) {
                accounts.push(*account);
            }
        }
        accounts
    }

    fn is_denied(&self) -> bool {
        self.error
            .is_some_and(|(code, _)| code.starts_with("AccessDenied"))
    }

    /// The line for one account.
    pub(super) fn line(&self, recipient: AccountId, ids: Ids<'_>) -> Vec<u8> {
        let foreign;
        let identity = if recipient == self.account {
            self.identity
        } else {
            // Another account learns who called, and not what they are called there.
            foreign = json!({
                "type": "AWSAccount",
                "principalId": self.principal_id,
                "accountId": self.account.to_string(),
            });
            &foreign
        };
        // Who was denied what is another account's learns nothing of it from their own record either,
        // not even whether it is there.
        let hidden = self.is_denied() && self.notes.concern_others_than(self.account);
        let nothing = Notes::default();
        let notes = if hidden { &nothing } else { self.notes };
        let (error_code, error_message) = self.error.unzip();
        let (request, response) = (
            bounded(&self.request_parameters),
            bounded(&self.response_elements),
        );
        line(&Record {
            event_version: EVENT_VERSION,
            user_identity: identity,
            event_time: event_time(self.at),
            event_source: self.service.source(),
            event_name: self.name,
            aws_region: self.region,
            source_ip_address: self.source,
            user_agent: cut(self.user_agent),
            error_code,
            error_message: error_message.map(cut).filter(|message| !message.is_empty()),
            request_parameters: request.as_ref().unwrap_or(&self.request_parameters),
            response_elements: response.as_ref().unwrap_or(&self.response_elements),
            additional_event_data: notes.additional_data(),
            request_id: Some(self.request_id),
            event_id: ids.event,
            read_only: self.read_only,
            resources: resources(notes.resources()),
            event_type: "AwsApiCall",
            management_event: true,
            recipient_account_id: recipient.to_string(),
            shared_event_id: ids.shared,
            service_event_details: None,
            event_category: "Management",
            tls_details: self.tls.as_ref(),
        })
    }
}

impl ServiceEvent<'_> {
    /// The line for the key's account.
    pub(super) fn line(&self, ids: Ids<'_>) -> Vec<u8> {
        let identity = json!({"accountId": self.account.to_string(), "invokedBy": "AWS Internal"});
        let mut details = self.details.clone();
        let key_id = self.key_arn.rsplit('/').next().unwrap_or_default();
        details.insert("keyId".to_owned(), key_id.into());
        let resource = Resource {
            arn: Arc::clone(self.key_arn),
            account: self.account,
            kind: "AWS::KMS::Key",
        };
        line(&Record {
            event_version: EVENT_VERSION,
            user_identity: &identity,
            event_time: event_time(self.at),
            event_source: Service::Kms.source(),
            event_name: self.name,
            aws_region: self.region,
            source_ip_address: "AWS Internal",
            user_agent: "AWS Internal",
            error_code: None,
            error_message: None,
            request_parameters: &Value::Null,
            response_elements: &Value::Null,
            additional_event_data: &self.additional,
            request_id: None,
            event_id: ids.event,
            read_only: false,
            resources: resources(&[resource]),
            event_type: "AwsServiceEvent",
            management_event: true,
            recipient_account_id: self.account.to_string(),
            shared_event_id: ids.shared,
            service_event_details: Some(&details),
            event_category: "Management",
            tls_details: None,
        })
    }
}

fn line(record: &Record<'_>) -> Vec<u8> {
    // Maps with text keys and texts: this cannot fail, and an empty line would be skipped.
    let mut line = serde_json::to_vec(record).unwrap_or_default();
    line.push(b'\n');
    line
}

fn resources(resources: &[Resource]) -> Vec<Value> {
    let resource = |Resource { arn, account, kind }: &Resource| json!({"accountId": account.to_string(), "type": kind, "ARN": &**arn});
    resources.iter().map(resource).collect()
}

/// What stands for a value that is too long; `None` if it is not.
fn bounded(value: &Value) -> Option<Value> {
    let bytes = match value {
        Value::Null => 0,
        // A value that does not serialise is not one.
        value => serde_json::to_vec(value).map_or(0, |text| text.len()),
    };
    (bytes > MAX_ELEMENT_BYTES)
        .then(|| json!({"omitted": true, "originalSize": bytes, "reason": "The value is larger than 100 KB"}))
}

/// At most [`MAX_TEXT_BYTES`] of a text, whole characters.
fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT_BYTES))
        .unwrap_or(text)
}

/// `errorCode`: the name of the exception, except for denials.
pub(crate) const fn error_code(name: ErrorName) -> &'static str {
    match name {
        ErrorName::AccessDeniedException => "AccessDenied",
        other => other.as_str(),
    }
}

/// ISO 8601 in UTC, whole seconds: `2026-01-15T08:00:01Z`.
pub(crate) fn event_time(at: Timestamp) -> String {
    let (year, month, day, hour, minute, second) = at.civil();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// A date as CloudTrail writes those inside `responseElements`: `Oct 14, 2021, 5:39:50 PM`.
pub(crate) fn long_date(at: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (year, month, day, hour, minute, second) = at.civil();
    let month = MONTHS
        .get(usize::from(month).saturating_sub(1))
        .copied()
        .unwrap_or_default();
    let (half, hour) = (if hour < 12 { "AM" } else { "PM" }, (hour + 11) % 12 + 1);
    format!("{month} {day}, {year}, {hour}:{minute:02}:{second:02} {half}")
}
