//! `/v1/keys`

use std::time::Duration;

use warden::{AdoptedObject, CiphertextMetadata, EncryptWith, Framing, KeyState, Legacy, ObjectName};

use super::call::{Call, Reply, parsed};
use crate::error::{ErrorCode, Refusal};
use crate::message::{AdoptKey, NewKey, ScheduleDeletion};

/// As long as AWS KMS waits by default.
const USUAL_WAIT: Duration = Duration::from_hours(30 * 24);
/// Longer than any module allows.
const MAX_NAME_BYTES: usize = 255;
const ALL_USES: &str = "encrypt,decrypt";

/// All of them, or those of one key manager.
pub(super) fn list(call: &Call<'_>, manager: Option<&str>) -> Result<Reply, Refusal> {
    Reply::json(&call.warden.keys(manager)?)
}

/// One.
pub(super) fn show(call: &Call<'_>, key: &str) -> Result<Reply, Refusal> {
    Reply::json(&call.warden.key(key)?)
}

/// Makes one.
pub(super) async fn create(call: &Call<'_>) -> Result<Reply, Refusal> {
    let new: NewKey = call.input()?;
    if let Some(kind) = &new.kind {
        check_kind(call, &new.key_manager, kind)?;
    }
    let usage = parsed(new.usage.as_deref().unwrap_or(ALL_USES))?;
    let key = call
        .warden
        .create_key(call.actor, &new.key_manager, &new.name, usage);
    Reply::json(&key.await?)
}

/// Who names a virtual HSM does not mean an HSM that has the name. One that is not there is told later.
fn check_kind(call: &Call<'_>, key_manager: &str, kind: &str) -> Result<(), Refusal> {
    let managers = call.warden.key_managers();
    let named = managers
        .iter()
        .find(|manager| manager.id == key_manager || manager.name == key_manager);
    match named {
        Some(manager) if manager.kind != kind => Err(Refusal::new(
            ErrorCode::Invalid,
            format!("{key_manager} is of the kind {}, not {kind}", manager.kind),
        )),
        _ => Ok(()),
    }
}

/// Takes over an object of an HSM.
pub(super) async fn adopt(call: &Call<'_>, manager: &str) -> Result<Reply, Refusal> {
    let object = object(call.input()?)?;
    Reply::json(&call.warden.adopt_key(call.actor, manager, object).await?)
}

fn object(new: AdoptKey) -> Result<AdoptedObject, Refusal> {
    let named =
        |text: &String| (1..=MAX_NAME_BYTES).contains(&text.len()) && !text.contains(char::is_control);
    if !new.label.iter().all(named) {
        return Err(invalid(
            "an object's label has 1 to 255 bytes, without control characters",
        ));
    }
    let id = new.object_id.as_deref().map(|text| {
        let id = crypto::unhex(text).filter(|id| (1..=MAX_NAME_BYTES).contains(&id.len()));
        id.ok_or_else(|| invalid("an object's id is 1 to 255 bytes in lower-case hexadecimal digits"))
    });
    Ok(AdoptedObject {
        usage: parsed(new.usage.as_deref().unwrap_or(ALL_USES))?,
        encrypt_with: encrypt_with(&new)?,
        legacy: legacy(new.legacy_framing.as_deref(), new.legacy_metadata.as_deref())?,
        object: ObjectName {
            id: id.transpose()?,
            label: new.label,
        },
        name: new.name,
    })
}

fn legacy(framing: Option<&str>, metadata: Option<&str>) -> Result<Option<Legacy>, Refusal> {
    let Some(framing) = framing else {
        return match metadata {
            None => Ok(None),
            Some(_) => Err(invalid("legacy metadata needs a legacy framing beside it")),
        };
    };
    let framing = Framing::parse(framing)
        .ok_or_else(|| invalid("a legacy framing is one of: aws-sample  spec  danger_raw"))?;
    let metadata = crypto::unhex(metadata.unwrap_or_default())
        .and_then(|bytes| CiphertextMetadata::from_slice(&bytes).ok())
        .ok_or_else(|| invalid("legacy metadata is at most 20 bytes in lower-case hexadecimal digits"))?;
    Ok(Some(Legacy { framing, metadata }))
}

fn encrypt_with(new: &AdoptKey) -> Result<EncryptWith, Refusal> {
    let usual = if new.legacy_framing.is_some() {
        "new-object"
    } else {
        "same-object"
    };
    match (new.encrypt_with.as_deref().unwrap_or(usual), new.count_from) {
        ("new-object", None) => Ok(EncryptWith::NewObject),
        ("new-object", Some(_)) => Err(invalid("a new object's encryptions are counted from 0")),
        ("same-object", count_from) => Ok(EncryptWith::SameObject {
            count_from: count_from.unwrap_or(EncryptWith::USUAL_COUNT),
        }),
        _ => Err(invalid(
            "what encrypts from now on is one of: new-object  same-object",
        )),
    }
}

fn invalid(message: &str) -> Refusal {
    Refusal::new(ErrorCode::Invalid, message)
}

/// Lets one be used again.
pub(super) async fn enable(call: &Call<'_>, key: &str) -> Result<Reply, Refusal> {
    set_state(call, key, KeyState::Enabled).await
}

/// Stops every use of one.
pub(super) async fn disable(call: &Call<'_>, key: &str) -> Result<Reply, Refusal> {
    set_state(call, key, KeyState::Disabled).await
}

async fn set_state(call: &Call<'_>, key: &str, state: KeyState) -> Result<Reply, Refusal> {
    Reply::json(&call.warden.set_key_state(call.actor, key, state).await?)
}

/// Makes a new version of one.
pub(super) async fn rotate(call: &Call<'_>, key: &str) -> Result<Reply, Refusal> {
    Reply::json(&call.warden.rotate_key(call.actor, key).await?)
}

/// Ends every use of one, and destroys it after a waiting period.
pub(super) async fn schedule_deletion(call: &Call<'_>, key: &str) -> Result<Reply, Refusal> {
    let schedule: ScheduleDeletion = call.input()?;
    let wait = schedule.wait_seconds.map_or(USUAL_WAIT, Duration::from_secs);
    let scheduled = call.warden.schedule_key_deletion(call.actor, key, wait);
    Reply::json(&scheduled.await?)
}

/// Keeps one that is pending deletion.
pub(super) async fn cancel_deletion(call: &Call<'_>, key: &str) -> Result<Reply, Refusal> {
    Reply::json(&call.warden.cancel_key_deletion(call.actor, key).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adopted(text: &str) -> Result<AdoptedObject, String> {
        object(serde_json::from_str(text).unwrap()).map_err(|refusal| refusal.into_body().message)
    }

    #[test]
    fn what_encrypts_after_an_adoption_depends_on_what_was_before() {
        let legacy = adopted(r#"{"name":"k","label":"l","legacy_framing":"aws-sample"}"#).unwrap();
        assert_eq!(legacy.encrypt_with, EncryptWith::NewObject);
        assert_eq!(legacy.legacy.unwrap().framing, Framing::AwsSample);
        let plain = adopted(r#"{"name":"k","object_id":"0aff"}"#).unwrap();
        let count_from = EncryptWith::USUAL_COUNT;
        assert_eq!(plain.encrypt_with, EncryptWith::SameObject { count_from });
        assert_eq!(plain.object.id.as_deref(), Some(&[0x0a, 0xff][..]));
        let told = r#"{"name":"k","label":"l","legacy_framing":"spec","legacy_metadata":"6d",
                       "encrypt_with":"same-object","count_from":7}"#;
        let told = adopted(told).unwrap();
        assert_eq!(told.encrypt_with, EncryptWith::SameObject { count_from: 7 });
        assert_eq!(told.legacy.unwrap().metadata.as_bytes(), b"m");
    }

    #[test]
    fn what_cannot_be_is_told_by_name() {
        let long = "l".repeat(256);
        for (members, word) in [
            (r#""label":"""#.to_owned(), "label"),
            (format!(r#""label":"{long}""#), "label"),
            (r#""label":"a\nb""#.to_owned(), "label"),
            (r#""object_id":"xyz""#.to_owned(), "id"),
            (r#""object_id":"""#.to_owned(), "id"),
            (r#""label":"l","legacy_framing":"raw""#.to_owned(), "danger_raw"),
            (r#""label":"l","legacy_metadata":"00""#.to_owned(), "framing"),
            (
                format!(
                    r#""label":"l","legacy_framing":"spec","legacy_metadata":"{}""#,
                    "00".repeat(21)
                ),
                "20 bytes",
            ),
            (r#""label":"l","encrypt_with":"both""#.to_owned(), "same-object"),
            (
                r#""label":"l","encrypt_with":"new-object","count_from":1"#.to_owned(),
                "counted",
            ),
        ] {
            let refused = adopted(&format!(r#"{{"name":"k",{members}}}"#)).unwrap_err();
            assert!(refused.contains(word), "{members}: {refused}");
        }
    }
}
