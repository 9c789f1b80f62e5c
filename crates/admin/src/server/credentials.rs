//! `/v1/key-stores/{store}/credentials`

use ambient::Timestamp;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use xks_api::uri::BASE_PATH;

use super::call::{Call, Reply};
use crate::error::{ErrorCode, Refusal};
use crate::generate::Credential;
use crate::message::{IssuedCredential, NewCredential};

/// All of them, without secrets.
pub(super) async fn list(call: &Call<'_>, store: &str) -> Result<Reply, Refusal> {
    Reply::json(&call.warden.credentials(store).await?)
}

/// Adds one. A generated secret is in this answer and nowhere else.
pub(super) async fn add(call: &Call<'_>, store: &str) -> Result<Reply, Refusal> {
    let new: NewCredential = call.input()?;
    let expires = new.expires.as_deref().map(parse_time).transpose()?;
    let key_store = call.warden.key_store(store).await?;
    let credential = Credential::new(call.random, new.import)?;
    let added = call.warden.add_credential(
        call.actor,
        store,
        warden::NewCredential {
            access_key_id: credential.access_key_id.as_str().to_owned(),
            secret: credential.secret_bytes(),
            expires,
        },
    );
    let view = added.await?;
    let secret = credential
        .generated
        .then(|| credential.secret.expose().to_owned());
    Reply::secret(&IssuedCredential {
        key_store: key_store.id,
        uri_path: format!("{}{BASE_PATH}", key_store.path_prefix),
        access_key_id: view.access_key_id,
        secret_access_key: secret,
        expires: view.expires,
    })
}

/// Ends one.
pub(super) async fn retire(call: &Call<'_>, store: &str, access_key_id: &str) -> Result<Reply, Refusal> {
    Reply::json(
        &call
            .warden
            .retire_credential(call.actor, store, access_key_id)
            .await?,
    )
}

fn parse_time(text: &str) -> Result<Timestamp, Refusal> {
    let wrong = || {
        Refusal::new(
            ErrorCode::Invalid,
            "`expires` is not a time such as 2027-01-31T00:00:00Z",
        )
    };
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| wrong())?;
    let seconds = u64::try_from(time.unix_timestamp()).map_err(|_| wrong())?;
    Ok(Timestamp::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_carry_their_offset() {
        let expected = Timestamp::from_secs(1_715_774_400);
        assert_eq!(parse_time("2024-05-15T12:00:00Z").unwrap(), expected);
        assert_eq!(parse_time("2024-05-15T14:00:00+02:00").unwrap(), expected);
        for wrong in [
            "",
            "2024-05-15",
            "2024-05-15T12:00:00",
            "1969-12-31T23:59:59Z",
            "90d",
        ] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }
}
