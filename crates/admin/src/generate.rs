//! What XKS has a grammar for: taken over if given, drawn at random if not.

use ambient::{Random, RandomUnavailable};
use crypto::SecretBytes;
use xks_api::credential::{AccessKeyId, RawSecretAccessKey};
use xks_api::uri::{ExternalKeyId, UriPathPrefix};

use crate::error::{ErrorCode, Refusal};
use crate::message::ImportedCredential;

impl From<RandomUnavailable> for Refusal {
    fn from(error: RandomUnavailable) -> Self {
        Self::new(ErrorCode::Unavailable, error.to_string())
    }
}

/// The path prefix that was asked for, or one that nobody can guess.
pub(crate) fn path_prefix(random: &dyn Random, chosen: Option<&str>) -> Result<UriPathPrefix, Refusal> {
    match chosen {
        Some(text) => text.parse().map_err(|error| Refusal::invalid(&error)),
        None => Ok(UriPathPrefix::generate(random)?),
    }
}

/// The external key id that was asked for, or a random one of 24 hexadecimal digits.
pub(crate) fn external_key_id(random: &dyn Random, chosen: Option<&str>) -> Result<ExternalKeyId, Refusal> {
    let drawn = match chosen {
        Some(text) => text.to_owned(),
        None => crypto::hex(&random.bytes::<12>()?),
    };
    // Within the grammar, but a path segment that URL libraries take away (RFC 3986 section 5.2.4):
    // no client could reach the key.
    if matches!(drawn.as_str(), "." | "..") {
        return Err(Refusal::new(
            ErrorCode::Invalid,
            format!(
                "{drawn:?} cannot be an external key id: URL libraries remove such a segment from the path"
            ),
        ));
    }
    drawn.parse().map_err(|error| Refusal::invalid(&error))
}

/// A credential, and whether its secret is new and has to be shown.
pub(crate) struct Credential {
    pub(crate) access_key_id: AccessKeyId,
    pub(crate) secret: RawSecretAccessKey,
    pub(crate) generated: bool,
}

impl Credential {
    /// The one imported, or a fresh one.
    pub(crate) fn new(random: &dyn Random, import: Option<ImportedCredential>) -> Result<Self, Refusal> {
        let Some(mut import) = import else {
            return Ok(Self {
                access_key_id: AccessKeyId::generate(random)?,
                secret: RawSecretAccessKey::generate(random)?,
                generated: true,
            });
        };
        let access_key_id = import.access_key_id.parse();
        // `new` wipes what it is given.
        let secret = RawSecretAccessKey::new(std::mem::take(&mut import.secret_access_key));
        Ok(Self {
            access_key_id: access_key_id.map_err(|error| Refusal::invalid(&error))?,
            secret: secret.map_err(|error| Refusal::invalid(&error))?,
            generated: false,
        })
    }

    /// A copy of the secret, to be kept by the warden.
    pub(crate) fn secret_bytes(&self) -> SecretBytes {
        SecretBytes::new(self.secret.expose().as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambient::{FailingRandom, SeededRandom};

    #[test]
    fn what_is_chosen_follows_the_grammar_and_the_rest_is_random() {
        let random = SeededRandom::new(1);
        assert_eq!(
            path_prefix(&random, Some("/example")).unwrap().as_str(),
            "/example"
        );
        assert_eq!(path_prefix(&random, Some("")).unwrap().as_str(), "");
        assert!(path_prefix(&random, Some("/a?b")).is_err());
        let prefix = path_prefix(&random, None).unwrap();
        assert!(prefix.as_str().len() > 20 && prefix != path_prefix(&random, None).unwrap());

        assert!(external_key_id(&random, Some("a b")).is_err());
        for (id, bindable) in [(".", false), ("..", false), ("...", true), (".a", true)] {
            assert_eq!(external_key_id(&random, Some(id)).is_ok(), bindable, "{id}");
        }
        let id = external_key_id(&random, None).unwrap();
        assert!(id.as_str().len() == 24 && id != external_key_id(&random, None).unwrap());
        assert!(path_prefix(&FailingRandom, None).is_err());
        assert!(external_key_id(&FailingRandom, None).is_err());
    }

    #[test]
    fn an_imported_credential_is_checked_and_not_shown_again() {
        let import = |id: &str, secret: &str| {
            let import = ImportedCredential {
                access_key_id: id.into(),
                secret_access_key: secret.into(),
            };
            Credential::new(&FailingRandom, Some(import))
        };
        let (id, secret) = ("A".repeat(20), "s".repeat(43));
        let credential = import(&id, &secret).unwrap();
        assert!(!credential.generated);
        assert_eq!(credential.secret_bytes().expose(), secret.as_bytes());
        assert!(import("short", &secret).is_err());
        assert!(import(&id, "short").is_err());
        assert!(Credential::new(&SeededRandom::new(1), None).unwrap().generated);
        assert!(Credential::new(&FailingRandom, None).is_err());
    }
}
