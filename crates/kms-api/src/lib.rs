//! The AWS KMS API (version 2014-11-01, AWS JSON 1.1) as types: what may be said, and nothing else.
//!
//! What this crate promises:
//! - It is pure: bytes in, values out. No input or output, no clock; randomness is an argument.
//! - [`schema`] knows every operation of the API, also those that this project leaves out, with each
//!   member, constraint and error. A request breaks a constraint in AWS's words.
//! - [`parse`] gives a typed request only for a body that keeps every constraint, so a value of one
//!   of these types needs no second check: a [`request::Encrypt`] has 1 to 4096 bytes of plaintext.
//! - Plaintext lives in [`crypto::SecretBytes`], on its way in and out; a [`Document`] is wiped.
//! - An error message may quote what its caller sent, but never a member that the model marks
//!   sensitive.
//!
//! What a request means (whether a key exists, who may use it) is the business of crate `kms`.

mod context;
mod document;
mod enums;
mod error;
mod json;
pub mod name;
mod operation;
pub mod request;
pub mod response;
pub mod schema;
mod text_enum;

pub use context::EncryptionContext;
pub use document::{Document, MAX_DEPTH, MAX_VALUES, Text, Value};
pub use enums::{
    ConnectionErrorCode, ConnectionState, CustomKeyStoreType, DataKeySpec, DryRunModifier,
    EncryptionAlgorithm, ExpirationModel, GrantOperation, ImportState, IncludeKeyMaterial,
    KeyEncryptionMechanism, KeyManager, KeyMaterialState, KeySpec, KeyState, KeyUsage, Origin, ResourceOwner,
    RotationType, UsageOperation, XksProxyConnectivity,
};
pub use error::{ErrorName, KmsError};
pub use name::{
    AccountId, AliasArn, AliasName, KeyArn, KeyId, KeyReference, MalformedReference, Region, RequestedKey,
};
pub use operation::Operation;
pub use schema::{parse, validate};
pub use text_enum::UnknownValue;

/// The content type of every request and answer.
pub const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// The service name in the SigV4 credential scope.
pub const SIGNING_SERVICE: &str = "kms";
