//! The parameters of AssumeRole, held against the API's constraints.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::StsError;
use crate::front::query::Parameters;
use crate::identity::USUAL_SESSION;

/// Session policies by ARN, at most.
const MAX_POLICY_ARNS: usize = 10;
/// Session tags, at most.
const MAX_TAGS: usize = 50;

/// A request of AssumeRole that keeps every constraint.
pub(super) struct AssumeRole<'r> {
    pub(super) role_arn: &'r str,
    pub(super) session_name: &'r str,
    pub(super) duration: Duration,
    /// Whether the duration was asked for.
    pub(super) duration_given: bool,
    pub(super) external_id: Option<&'r str>,
    pub(super) source_identity: Option<&'r str>,
    pub(super) policy: Option<&'r str>,
    pub(super) policy_arns: Vec<&'r str>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) transitive_tag_keys: Vec<String>,
}

impl<'r> AssumeRole<'r> {
    pub(super) fn read(parameters: &'r Parameters) -> Result<Self, StsError> {
        let required = |name: &'static str, shown: &str| {
            parameters.get(name).ok_or_else(|| {
                StsError::validation(format!(
                    "1 validation error detected: Value null at '{shown}' failed to satisfy constraint: Member \
                     must not be null"
                ))
            })
        };
        let role_arn = required("RoleArn", "roleArn")?;
        length(role_arn, "roleArn", 20..=2_048)?;
        let session_name = required("RoleSessionName", "roleSessionName")?;
        text(session_name, "roleSessionName", 2..=64, "[\\w+=,.@-]*", b"+=,.@-")?;
        let external_id = parameters.get("ExternalId");
        if let Some(id) = external_id {
            text(id, "externalId", 2..=1_224, "[\\w+=,.@:\\/-]*", b"+=,.@:/-")?;
        }
        let source_identity = parameters.get("SourceIdentity");
        if let Some(identity) = source_identity {
            text(identity, "sourceIdentity", 2..=64, "[\\w+=,.@-]*", b"+=,.@-")?;
        }
        let policy = parameters.get("Policy");
        if let Some(policy) = policy {
            length(policy, "policy", 1..=2_048)?;
        }
        let policy_arns = parameters.fields("PolicyArns", "arn");
        most("policyArns", policy_arns.len(), MAX_POLICY_ARNS)?;
        let (tags, transitive_tag_keys) = tags(parameters)?;
        let duration = parameters.get("DurationSeconds").map(duration).transpose()?;
        Ok(Self {
            role_arn,
            session_name,
            duration: duration.unwrap_or(USUAL_SESSION),
            duration_given: duration.is_some(),
            external_id,
            source_identity,
            policy,
            policy_arns,
            tags,
            transitive_tag_keys,
        })
    }
}

fn duration(text: &str) -> Result<Duration, StsError> {
    let seconds: u64 = text
        .parse()
        .map_err(|_| StsError::new(400, "MalformedInput", "DurationSeconds is not a whole number"))?;
    let broken_bound = match seconds {
        0..900 => "have value greater than or equal to 900",
        900..=43_200 => return Ok(Duration::from_secs(seconds)),
        _ => "have value less than or equal to 43200",
    };
    Err(broken(&seconds.to_string(), "durationSeconds", broken_bound))
}

fn tags(parameters: &Parameters) -> Result<(BTreeMap<String, String>, Vec<String>), StsError> {
    let keys = parameters.fields("Tags", "Key");
    let values = parameters.fields("Tags", "Value");
    most("tags", keys.len(), MAX_TAGS)?;
    if keys.len() != values.len() {
        return Err(StsError::validation("Every tag has a Key and a Value"));
    }
    let mut tags = BTreeMap::new();
    let mut folded = BTreeSet::new();
    for (key, value) in keys.into_iter().zip(values) {
        length(key, "tags.key", 1..=128)?;
        length(value, "tags.value", 0..=256)?;
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(StsError::validation("Tag keys that begin with aws: are reserved"));
        }
        // Keys differ by more than their case.
        if !folded.insert(key.to_lowercase()) {
            let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(StsError::new(400, "InvalidParameterValue", message));
        }
        tags.insert(key.to_owned(), value.to_owned());
    }
    let transitive = parameters.list("TransitiveTagKeys");
    most("transitiveTagKeys", transitive.len(), MAX_TAGS)?;
    if transitive.iter().any(|key| !tags.contains_key(*key)) {
        let message = "The specified transitive tag key must be included in the requested tags.";
        return Err(StsError::new(400, "InvalidParameterValue", message));
    }
    Ok((tags, transitive.into_iter().map(str::to_owned).collect()))
}

fn length(text: &str, name: &str, allowed: RangeInclusive<usize>) -> Result<(), StsError> {
    let count = text.chars().count();
    if count < *allowed.start() {
        let constraint = format!("have length greater than or equal to {}", allowed.start());
        return Err(broken(text, name, &constraint));
    }
    if count > *allowed.end() {
        let constraint = format!("have length less than or equal to {}", allowed.end());
        return Err(broken(text, name, &constraint));
    }
    Ok(())
}

/// Letters, digits, `_` and what else is named.
fn text(
    text: &str,
    name: &str,
    allowed: RangeInclusive<usize>,
    pattern: &str,
    more: &[u8],
) -> Result<(), StsError> {
    length(text, name, allowed)?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || more.contains(&byte);
    if text.bytes().all(fits) {
        return Ok(());
    }
    Err(broken(
        text,
        name,
        &format!("satisfy regular expression pattern: {pattern}"),
    ))
}

fn most(name: &str, count: usize, most: usize) -> Result<(), StsError> {
    if count > most {
        let constraint = format!("have length less than or equal to {most}");
        return Err(broken(&count.to_string(), name, &constraint));
    }
    Ok(())
}

fn broken(value: &str, name: &str, constraint: &str) -> StsError {
    let value = value.get(..value.floor_char_boundary(256)).unwrap_or(value);
    StsError::validation(format!(
        "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must \
         {constraint}"
    ))
}
