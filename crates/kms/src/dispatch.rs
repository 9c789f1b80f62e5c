//! From an operation to its handler.

use crypto::SecretBytes;
use kms_api::{Document, ErrorName, schema};

use crate::call::Call;
use crate::error::Failure;

/// Checks a request against the API's schema, has the operation's handler answer it, and gives the
/// answer's body.
pub(crate) async fn dispatch(call: &mut Call<'_>, document: Document) -> Result<SecretBytes, Failure> {
    schema::validate(call.operation, &document)?;
    let message = format!("{} is not supported by this endpoint.", call.operation);
    Err(Failure::new(ErrorName::UnsupportedOperationException, message))
}
