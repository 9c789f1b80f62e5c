//! Decrypt.

use crypto::SecretBytes;
use serde::Deserialize;

use super::encrypt::{check_algorithm, parse_aad};
use super::{ENCRYPTION_ALGORITHM, MalformedResponse};
use crate::error::{ErrorName, XksError};
use crate::json::{self, SecretJson, Value};
use crate::metadata::{RawMetadata, RequestMetadata};
use crate::uri::Operation;
use crate::wire::{self, Faults, Text, faults};
use crate::{CiphertextMetadata, Iv, SizeLimits, TAG_BYTES};

/// A request to decrypt. No `Debug`: ciphertext is not logged either.
#[derive(Clone, PartialEq, Eq)]
pub struct DecryptRequest<'a> {
    /// What KMS reports.
    pub metadata: RequestMetadata<'a>,
    /// What to decrypt, without the tag; possibly empty, within the limits.
    pub ciphertext: Vec<u8>,
    /// The IV of the encryption.
    pub iv: Iv,
    /// The tag of the encryption.
    pub tag: [u8; TAG_BYTES],
    /// The metadata that came with the ciphertext; empty if there was none.
    pub ciphertext_metadata: CiphertextMetadata,
    /// The additional authenticated data; absent and empty are different.
    pub aad: Option<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestBody<'a> {
    #[serde(borrow, default, deserialize_with = "wire::object")]
    request_metadata: Option<RawMetadata<'a>>,
    #[serde(borrow, default, deserialize_with = "wire::present")]
    ciphertext: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "wire::present")]
    encryption_algorithm: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "wire::present")]
    initialization_vector: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "wire::present")]
    authentication_tag: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "wire::present")]
    ciphertext_metadata: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "wire::present")]
    additional_authenticated_data: Option<Text<'a>>,
}

static CIPHERTEXT: Faults = faults!("ciphertext");
static IV: Faults = faults!("initializationVector");
static TAG: Faults = faults!("authenticationTag");
static METADATA: Faults = faults!("ciphertextMetadata");

impl<'a> DecryptRequest<'a> {
    /// Reads a request body. Errors as in the table of [`message`](super).
    pub fn parse(body: &'a [u8], limits: &SizeLimits) -> Result<Self, XksError> {
        let raw: RequestBody<'a> = wire::request(body)?;
        let metadata = RequestMetadata::from_raw(raw.request_metadata, Operation::Decrypt)?;
        check_algorithm(raw.encryption_algorithm.as_ref())?;
        let ciphertext = raw.ciphertext.ok_or_else(|| CIPHERTEXT.missing())?;
        let iv = raw.initialization_vector.ok_or_else(|| IV.missing())?;
        let tag = raw.authentication_tag.ok_or_else(|| TAG.missing())?;
        Ok(Self {
            metadata,
            aad: parse_aad(raw.additional_authenticated_data.as_ref(), limits)?,
            ciphertext: wire::bytes(ciphertext.as_str(), limits.plaintext(), &CIPHERTEXT)?,
            ciphertext_metadata: parse_metadata(raw.ciphertext_metadata.as_ref())?,
            iv: wire::iv(iv.as_str()).ok_or_else(|| wrong_value(&iv, &[12, 16], &IV))?,
            tag: wire::array(tag.as_str()).ok_or_else(|| wrong_value(&tag, &[TAG_BYTES], &TAG))?,
        })
    }

    /// The request body.
    pub fn to_json(&self) -> Vec<u8> {
        let ciphertext_metadata = self.ciphertext_metadata.as_bytes();
        json::object(&[
            Some(("requestMetadata", Value::Object(&self.metadata.members()))),
            self.aad
                .as_ref()
                .map(|aad| ("additionalAuthenticatedData", Value::Base64(aad))),
            Some(("encryptionAlgorithm", Value::Text(ENCRYPTION_ALGORITHM))),
            Some(("ciphertext", Value::Base64(&self.ciphertext))),
            (!ciphertext_metadata.is_empty())
                .then_some(("ciphertextMetadata", Value::Base64(ciphertext_metadata))),
            Some(("initializationVector", Value::Base64(self.iv.as_bytes()))),
            Some(("authenticationTag", Value::Base64(&self.tag))),
        ])
    }
}

fn parse_metadata(text: Option<&Text<'_>>) -> Result<CiphertextMetadata, XksError> {
    let Some(text) = text else {
        return Ok(CiphertextMetadata::default());
    };
    wire::ciphertext_metadata(text.as_str()).ok_or_else(|| match wire::decoded_len(text.as_str()) {
        Some(len) if len > CiphertextMetadata::MAX_BYTES => METADATA.size(ErrorName::ValidationException),
        Some(_) | None => METADATA.not_base64(),
    })
}

/// Why an IV or a tag was refused: it has another size than these, or is not Base64.
fn wrong_value(text: &Text<'_>, sizes: &[usize], faults: &Faults) -> XksError {
    match wire::decoded_len(text.as_str()) {
        Some(len) if !sizes.contains(&len) => faults.size(ErrorName::InvalidCiphertextException),
        Some(_) | None => faults.not_base64(),
    }
}

/// What came of it. Never logged (XKS-DEC-07).
pub struct DecryptResponse {
    /// As long as the ciphertext (XKS-DEC-06).
    pub plaintext: SecretBytes,
}

#[derive(Deserialize)]
struct ResponseBody<'a> {
    #[serde(borrow)]
    plaintext: Text<'a>,
}

impl DecryptResponse {
    /// The response body, in a buffer that wipes itself.
    pub fn to_json(&self) -> SecretJson {
        json::secret_object(&[Some(("plaintext", Value::Base64(self.plaintext.expose())))])
    }

    /// Reads a response to a decryption of `ciphertext_len` bytes; the plaintext must be as long.
    pub fn parse(body: &[u8], ciphertext_len: usize) -> Result<Self, MalformedResponse> {
        let raw: ResponseBody<'_> = wire::response(body)?;
        let plaintext = wire::exact_secret(raw.plaintext.as_str(), ciphertext_len)?;
        Ok(Self { plaintext })
    }
}
