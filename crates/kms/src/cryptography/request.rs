//! What the cryptographic operations check alike.

use kms_api::request::Recipient;
use kms_api::{DryRunModifier, EncryptionAlgorithm, EncryptionContext, ErrorName, KmsError, RequestedKey};

use super::layers::invalid_ciphertext;
use crate::authorize::{Extras, Resource};
use crate::call::Call;
use crate::ciphertext::Parsed;
use crate::error::Failure;
use crate::keys::{Admitted, Forms, Found};
use crate::state::Realm;

/// What a caller is told of a ciphertext whose key he does not name and may not use.
const HIDDEN: &str = "The ciphertext refers to a customer master key that does not exist, does not exist in \
    this region, or you are not allowed to access.";

/// What a request says about one use of a key, for policies and grants.
pub(super) struct Use<'a> {
    /// `kms:` and this.
    pub(super) action: &'static str,
    pub(super) context: &'a EncryptionContext,
    pub(super) algorithm: Option<EncryptionAlgorithm>,
    pub(super) grant_tokens: &'a [String],
    /// `kms:ReEncryptOnSameKey`.
    pub(super) on_same_key: Option<bool>,
}

/// Asks whether the caller may use a key so, and whether its state lets it be used.
pub(super) fn admitted(call: &mut Call<'_>, found: &Found, asked: &Use<'_>) -> Result<Admitted, Failure> {
    let algorithm = asked.algorithm.unwrap_or(EncryptionAlgorithm::SymmetricDefault);
    let same_key = asked
        .on_same_key
        .map(|same| ("kms:ReEncryptOnSameKey", vec![same.to_string()]));
    let extras = Extras {
        encryption_context: Some(asked.context),
        encryption_algorithm: Some(algorithm.as_str()),
        grant_tokens: asked.grant_tokens,
        request_alias: found.alias.as_ref().map(|alias| alias.as_str()),
        conditions: same_key.into_iter().collect(),
        ..Extras::default()
    };
    let authorized = call.authorize(asked.action, &Resource::Key(&found.key), &extras)?;
    let admitted = call.admit(authorized)?;
    if algorithm != EncryptionAlgorithm::SymmetricDefault {
        let message = format!("Algorithm {algorithm} and key spec SYMMETRIC_DEFAULT are incompatible.");
        return Err(Failure::new(ErrorName::InvalidKeyUsageException, message));
    }
    Ok(admitted)
}

/// The end of a trial that would have succeeded.
pub(crate) fn unless_dry_run(dry_run: bool) -> Result<(), KmsError> {
    if !dry_run {
        return Ok(());
    }
    Err(KmsError::new(
        ErrorName::DryRunOperationException,
        "The request would have succeeded, but the DryRun option is set.",
    ))
}

/// Nitro enclaves sign attestation documents with a certificate of AWS's; nothing here can be one.
pub(super) fn no_recipient(recipient: Option<&Recipient>) -> Result<(), KmsError> {
    if recipient.is_none() {
        return Ok(());
    }
    Err(KmsError::new(
        ErrorName::ValidationException,
        "The attestation document of the recipient cannot be verified.",
    ))
}

/// A ciphertext and its key; the ciphertext is absent in a trial that ignores it.
pub(super) struct Source<'a> {
    pub(super) found: Found,
    pub(super) parsed: Option<Parsed<'a>>,
    /// Whether the request names the key.
    named: bool,
    /// Whether the ciphertext is under another key than the one that is named. That is told only to
    /// who may use the named one: to others it would tell that there is such a key.
    of_another: bool,
}

/// How a request says what to decrypt.
pub(super) struct Ciphertext<'a> {
    pub(super) blob: Option<&'a [u8]>,
    /// The key that it must be under.
    pub(super) key_id: Option<&'a RequestedKey>,
    pub(super) dry_run: bool,
    pub(super) modifiers: &'a [DryRunModifier],
}

impl<'a> Source<'a> {
    /// Finds the key of a ciphertext.
    pub(super) fn find(call: &mut Call<'_>, ciphertext: &Ciphertext<'a>) -> Result<Self, Failure> {
        let ignored = ciphertext.modifiers.contains(&DryRunModifier::IgnoreCiphertext);
        if ignored && !ciphertext.dry_run {
            return Err(invalid("DryRunModifiers are valid only with DryRun."));
        }
        match (ciphertext.blob, ciphertext.key_id) {
            (_, None) if ignored => Err(invalid("IGNORE_CIPHERTEXT needs a key identifier.")),
            (_, Some(key_id)) if ignored => Ok(Self {
                found: call.find(key_id, Forms::KeyOrAlias)?,
                parsed: None,
                named: true,
                of_another: false,
            }),
            (None, _) => Err(invalid("CiphertextBlob is missing.")),
            (Some(blob), key_id) => Self::of_blob(call, blob, key_id),
        }
    }

    fn of_blob(call: &mut Call<'_>, blob: &'a [u8], key_id: Option<&RequestedKey>) -> Result<Self, Failure> {
        let parsed = Parsed::parse(blob).map_err(|_| Failure::from(invalid_ciphertext()));
        if let Some(key_id) = key_id {
            let found = call.look_up(key_id, Forms::KeyOrAlias);
            // That another account has no such key must look as if it had one.
            let (found, parsed) = match found {
                Err(error) if error.name() != ErrorName::AccessDeniedException => return Err(error.into()),
                found => {
                    let parsed = parsed?;
                    (found?, parsed)
                }
            };
            let arn = parsed.header.key();
            call.note(&found.key);
            return Ok(Self {
                of_another: found.key.name != *arn,
                found,
                parsed: Some(parsed),
                named: true,
            });
        }
        let parsed = parsed?;
        let arn = parsed.header.key();
        let realm = Realm::new(arn.account(), arn.region().clone());
        let found = call.key(&realm, arn.id()).ok();
        let found = found
            .filter(|_| realm.region == call.realm.region)
            .ok_or_else(hidden)?;
        call.note(&found.key);
        Ok(Self {
            found,
            parsed: Some(parsed),
            named: false,
            of_another: false,
        })
    }

    /// As [`admitted`]. A caller who does not name the key is not told that it exists.
    pub(super) fn admitted(&self, call: &mut Call<'_>, asked: &Use<'_>) -> Result<Admitted, Failure> {
        let admitted = admitted(call, &self.found, asked).map_err(|failure| {
            if !self.named && failure.0.name() == ErrorName::AccessDeniedException {
                hidden()
            } else {
                failure
            }
        })?;
        if self.of_another {
            return Err(Failure::new(
                ErrorName::IncorrectKeyException,
                "The key ID in the request does not identify a CMK that can perform this operation.",
            ));
        }
        Ok(admitted)
    }
}

fn hidden() -> Failure {
    Failure::new(ErrorName::AccessDeniedException, HIDDEN)
}

fn invalid(message: &'static str) -> Failure {
    Failure::new(ErrorName::ValidationException, message)
}
