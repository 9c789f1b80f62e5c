//! `CloudTrail_20131101.LookupEvents` (AWS CloudTrail API Reference).

use ambient::Timestamp;
use iam::{AccessRequest, Target, decide};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Front;
use super::answer::Answer;
use super::record::Recorded;
use super::refusal::json_error;
use super::signature::Signed;
use crate::Origin;
use crate::trail::{Attribute, Event, Found, LookupError, MAX_PAGE, Notes, Query, Service};

/// The longest value of an attribute, in characters.
const MAX_VALUE_CHARS: usize = 2_000;

/// What is asked. Members that we do not know are ignored, as at AWS.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct LookupEvents {
    lookup_attributes: Option<Vec<LookupAttribute>>,
    start_time: Option<f64>,
    end_time: Option<f64>,
    event_category: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LookupAttribute {
    attribute_key: String,
    attribute_value: String,
}

/// An error's name and message.
type Refused = (&'static str, String);

impl Front {
    pub(super) async fn lookup_events(&self, signed: Signed, origin: Origin, request_id: &str) -> Answer {
        let result = self.look_up(&signed, &origin).await;
        let error = result.as_ref().err();
        let parameters = match (error, serde_json::from_slice(&signed.body)) {
            (None, Ok(Value::Object(members))) => lower_camel_case(members),
            _ => Value::Null,
        };
        let code = error.map(|(name, message)| {
            let code = if *name == ACCESS_DENIED {
                "AccessDenied"
            } else {
                *name
            };
            (code, message.as_str())
        });
        self.record(
            &signed,
            &origin,
            request_id,
            &Recorded {
                service: Service::CloudTrail,
                name: "LookupEvents",
                error: code,
                parameters,
                elements: Value::Null,
                notes: Notes::default(),
            },
        );
        match result {
            Ok(found) => Answer::json(200, page(&found).to_string().into_bytes().into()),
            Err((INTERNAL, message)) => Answer::json(500, json_error(INTERNAL, &message).into()),
            Err((name, message)) => Answer::json(400, json_error(name, &message).into()),
        }
    }

    async fn look_up(&self, signed: &Signed, origin: &Origin) -> Result<Found, Refused> {
        let caller = &signed.caller;
        self.kms
            .quotas()
            .charge_lookup(caller.account, &signed.region)
            .map_err(|_| ("ThrottlingException", "Rate exceeded".to_owned()))?;
        self.authorize_lookup(signed, origin)?;
        let request: LookupEvents = match signed.body.is_empty() {
            true => LookupEvents::default(),
            false => serde_json::from_slice(&signed.body)
                .map_err(|_| ("SerializationException", "A member has the wrong type".to_owned()))?,
        };
        let query = query(request, signed)?;
        self.kms.trail().lookup(query).await.map_err(|error| match error {
            LookupError::Token => ("InvalidNextTokenException", error.to_string()),
            LookupError::Io(error) => {
                tracing::error!(%error, "CloudTrail records cannot be read");
                (INTERNAL, "The records cannot be read".to_owned())
            }
        })
    }

    fn authorize_lookup(&self, signed: &Signed, origin: &Origin) -> Result<(), Refused> {
        let caller = &signed.caller;
        let policies = caller.policies();
        let context = caller.context(origin, &signed.region, self.kms.clock().now());
        let account = caller.account.to_string();
        let request = AccessRequest {
            principal: &caller.principal,
            action: "cloudtrail:LookupEvents",
            target: Target {
                arn: "*",
                account: &account,
            },
            context: &context,
            new_grant: None,
        };
        decide(&request, &policies.inputs(&[policies.service_control()]))
            .into_result()
            .map(|_| ())
            .map_err(|denial| (ACCESS_DENIED, denial.message()))
    }
}

const ACCESS_DENIED: &str = "AccessDeniedException";
const INTERNAL: &str = "InternalFailure";

fn query(request: LookupEvents, signed: &Signed) -> Result<Query, Refused> {
    let mut attributes = request.lookup_attributes.unwrap_or_default().into_iter();
    let attribute = attributes.next();
    if attributes.next().is_some() {
        let message = "At most one lookup attribute can be given".to_owned();
        return Err(("InvalidLookupAttributesException", message));
    }
    let attribute = attribute.map(attribute_of).transpose()?;
    if request
        .event_category
        .is_some_and(|category| category != "insight")
    {
        let message = "The only event category is insight".to_owned();
        return Err(("InvalidEventCategoryException", message));
    }
    let (start, end) = (request.start_time.map(time), request.end_time.map(time));
    if start.zip(end).is_some_and(|(start, end)| start > end) {
        let message = "The start time must not lie behind the end time".to_owned();
        return Err(("InvalidTimeRangeException", message));
    }
    let max_results = match request.max_results {
        None => MAX_PAGE,
        Some(count) => usize::try_from(count)
            .ok()
            .filter(|count| (1..=MAX_PAGE).contains(count))
            .ok_or_else(|| {
                (
                    "InvalidMaxResultsException",
                    format!("MaxResults is from 1 to {MAX_PAGE}"),
                )
            })?,
    };
    Ok(Query {
        account: signed.caller.account,
        region: signed.region.clone(),
        attribute,
        start,
        end,
        max_results,
        next_token: request.next_token,
    })
}

fn attribute_of(attribute: LookupAttribute) -> Result<(Attribute, String), Refused> {
    let value = attribute.attribute_value;
    let fits = (1..=MAX_VALUE_CHARS).contains(&value.chars().count());
    match Attribute::from_name(&attribute.attribute_key) {
        Some(key) if fits => Ok((key, value)),
        Some(_) => Err((
            "InvalidLookupAttributesException",
            format!("The value of a lookup attribute has 1 to {MAX_VALUE_CHARS} characters"),
        )),
        None => Err((
            "InvalidLookupAttributesException",
            "This is no key of a lookup attribute".to_owned(),
        )),
    }
}

/// Whole seconds: records have no finer times. Before 1970 is 1970.
fn time(seconds: f64) -> Timestamp {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates"
    )]
    Timestamp::from_secs(seconds as u64)
}

fn page(found: &Found) -> Value {
    let events: Vec<Value> = found.events.iter().map(event).collect();
    match &found.next_token {
        Some(token) => json!({"Events": events, "NextToken": token}),
        None => json!({"Events": events}),
    }
}

fn event(event: &Event) -> Value {
    let resources: Vec<Value> = event
        .resources
        .iter()
        .map(|(kind, name)| json!({"ResourceType": kind, "ResourceName": name}))
        .collect();
    let mut value = json!({
        "EventId": event.id,
        "EventName": event.name,
        "ReadOnly": if event.read_only { "true" } else { "false" },
        "EventTime": event.at.as_secs(),
        "EventSource": event.source,
        "Resources": resources,
        "CloudTrailEvent": event.record,
    });
    if let Some(members) = value.as_object_mut() {
        let optional = [
            ("AccessKeyId", &event.access_key_id),
            ("Username", &event.username),
        ];
        for (name, text) in optional {
            if let Some(text) = text {
                members.insert(name.to_owned(), text.as_str().into());
            }
        }
    }
    value
}

/// Names of the API as CloudTrail writes them.
fn lower_camel_case(members: serde_json::Map<String, Value>) -> Value {
    let lower = |name: &str| {
        let mut characters = name.chars();
        let first = characters.next().map(|first| first.to_ascii_lowercase());
        first.into_iter().chain(characters).collect::<String>()
    };
    let renamed = members.into_iter().map(|(name, value)| {
        let value = match value {
            Value::Array(items) => items
                .into_iter()
                .map(|item| match item {
                    Value::Object(members) => lower_camel_case(members),
                    other => other,
                })
                .collect(),
            other => other,
        };
        (lower(&name), value)
    });
    Value::Object(renamed.collect())
}
