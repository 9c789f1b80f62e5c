//! Encrypt.

use std::borrow::Cow;

use crypto::SecretBytes;
use serde::Deserialize;

use super::{CDIV_ALGORITHM, ENCRYPTION_ALGORITHM, MalformedResponse};
use crate::error::XksError;
use crate::json::{self, SecretJson, Value};
use crate::metadata::{RawMetadata, RequestMetadata};
use crate::uri::Operation;
use crate::wire::{self, Faults, Text, faults};
use crate::{CiphertextMetadata, Iv, SizeLimits, TAG_BYTES};

/// A request to encrypt.
pub struct EncryptRequest<'a> {
    /// What KMS reports.
    pub metadata: RequestMetadata<'a>,
    /// What to encrypt; possibly empty, within the limits. Never logged (XKS-ENC-02).
    pub plaintext: SecretBytes,
    /// The additional authenticated data; absent and empty are different.
    pub aad: Option<Vec<u8>>,
    /// Whether a CDIV (SHA-256) must be returned (XKS-ENC-07).
    pub cdiv: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestBody<'a> {
    #[serde(borrow, default, deserialize_with = "wire::object")]
    request_metadata: Option<RawMetadata<'a>>,
    #[serde(borrow, default, deserialize_with = "wire::present")]
    plaintext: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "wire::present")]
    encryption_algorithm: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "wire::present")]
    additional_authenticated_data: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "wire::present")]
    ciphertext_data_integrity_value_algorithm: Option<Text<'a>>,
}

static PLAINTEXT: Faults = faults!("plaintext");
static ALGORITHM: Faults = faults!("encryptionAlgorithm");
static AAD: Faults = faults!("additionalAuthenticatedData");
static CDIV: Faults = faults!("ciphertextDataIntegrityValueAlgorithm");

impl<'a> EncryptRequest<'a> {
    /// Reads a request body. Errors as in the table of [`message`](super).
    pub fn parse(body: &'a [u8], limits: &SizeLimits) -> Result<Self, XksError> {
        let raw: RequestBody<'a> = wire::request(body)?;
        let metadata = RequestMetadata::from_raw(raw.request_metadata, Operation::Encrypt)?;
        check_algorithm(raw.encryption_algorithm.as_ref())?;
        let cdiv = match &raw.ciphertext_data_integrity_value_algorithm {
            None => false,
            Some(algorithm) if algorithm.as_str() == CDIV_ALGORITHM => true,
            Some(_) => return Err(CDIV.value()),
        };
        let aad = parse_aad(raw.additional_authenticated_data.as_ref(), limits)?;
        let plaintext = raw.plaintext.ok_or_else(|| PLAINTEXT.missing())?;
        let plaintext = wire::secret(plaintext.as_str(), limits.plaintext(), &PLAINTEXT)?;
        Ok(Self {
            metadata,
            plaintext,
            aad,
            cdiv,
        })
    }

    /// The request body.
    pub fn to_json(&self) -> SecretJson {
        json::secret_object(&[
            Some(("requestMetadata", Value::Object(&self.metadata.members()))),
            self.aad
                .as_ref()
                .map(|aad| ("additionalAuthenticatedData", Value::Base64(aad))),
            Some(("plaintext", Value::Base64(self.plaintext.expose()))),
            Some(("encryptionAlgorithm", Value::Text(ENCRYPTION_ALGORITHM))),
            self.cdiv.then_some((
                "ciphertextDataIntegrityValueAlgorithm",
                Value::Text(CDIV_ALGORITHM),
            )),
        ])
    }
}

/// Whether this is the one algorithm of version 1.
pub(super) fn check_algorithm(algorithm: Option<&Text<'_>>) -> Result<(), XksError> {
    match algorithm {
        None => Err(ALGORITHM.missing()),
        Some(algorithm) if algorithm.as_str() == ENCRYPTION_ALGORITHM => Ok(()),
        Some(_) => Err(ALGORITHM.value()),
    }
}

/// The AAD within its limit.
pub(super) fn parse_aad(aad: Option<&Text<'_>>, limits: &SizeLimits) -> Result<Option<Vec<u8>>, XksError> {
    aad.map(|aad| wire::bytes(aad.as_str(), limits.aad(), &AAD))
        .transpose()
}

/// What came of it (XKS-ENC-08). No `Debug`: ciphertext is not logged either.
#[derive(Clone, PartialEq, Eq)]
pub struct EncryptResponse<'a> {
    /// As long as the plaintext (XKS-ENC-09), without the tag (XKS-ENC-14).
    pub ciphertext: Cow<'a, [u8]>,
    /// Left out of the response if empty.
    pub ciphertext_metadata: CiphertextMetadata,
    /// The IV that the key manager chose.
    pub iv: Iv,
    /// The authentication tag.
    pub tag: [u8; TAG_BYTES],
    /// The [`cdiv`](crate::cdiv::cdiv), if the request asked for it.
    pub cdiv: Option<[u8; 32]>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResponseBody<'a> {
    #[serde(borrow)]
    ciphertext: Text<'a>,
    #[serde(borrow, default)]
    ciphertext_metadata: Option<Text<'a>>,
    #[serde(borrow)]
    initialization_vector: Text<'a>,
    #[serde(borrow)]
    authentication_tag: Text<'a>,
    #[serde(borrow, default)]
    ciphertext_data_integrity_value: Option<Text<'a>>,
}

impl EncryptResponse<'_> {
    /// The response body.
    pub fn to_json(&self) -> Vec<u8> {
        let metadata = self.ciphertext_metadata.as_bytes();
        json::object(&[
            Some(("ciphertext", Value::Base64(&self.ciphertext))),
            (!metadata.is_empty()).then_some(("ciphertextMetadata", Value::Base64(metadata))),
            Some(("initializationVector", Value::Base64(self.iv.as_bytes()))),
            Some(("authenticationTag", Value::Base64(&self.tag))),
            self.cdiv
                .as_ref()
                .map(|cdiv| ("ciphertextDataIntegrityValue", Value::Base64(cdiv))),
        ])
    }

    /// Reads a response to an encryption of `plaintext_len` bytes. The ciphertext must be as long,
    /// and IV, tag, metadata and CDIV must have their sizes. Whether the CDIV is right is for the
    /// caller to compute.
    pub fn parse(body: &[u8], plaintext_len: usize) -> Result<EncryptResponse<'static>, MalformedResponse> {
        let raw: ResponseBody<'_> = wire::response(body)?;
        let ciphertext = wire::exact(raw.ciphertext.as_str(), plaintext_len)?;
        let cdiv = raw.ciphertext_data_integrity_value;
        Ok(EncryptResponse {
            ciphertext: Cow::Owned(ciphertext),
            ciphertext_metadata: match raw.ciphertext_metadata {
                Some(text) => wire::ciphertext_metadata(text.as_str()).ok_or(MalformedResponse)?,
                None => CiphertextMetadata::default(),
            },
            iv: wire::iv(raw.initialization_vector.as_str()).ok_or(MalformedResponse)?,
            tag: wire::array(raw.authentication_tag.as_str()).ok_or(MalformedResponse)?,
            cdiv: cdiv
                .map(|cdiv| wire::array(cdiv.as_str()).ok_or(MalformedResponse))
                .transpose()?,
        })
    }
}
