//! Bodies of requests to the KMS endpoint: JSON, once the signature was verified.

use kms_api::request::{self, Request};
use kms_api::{Document, ErrorName, KmsError, Operation};

/// Checks and reading agree: what is valid reads as the typed request, and what is refused is
/// refused by one of two errors, in an answer that does not grow with the request.
pub fn kms_bodies(data: &[u8]) {
    let document = match Document::parse(data) {
        Ok(document) => document,
        Err(error) => return check_error(&error),
    };
    for operation in Operation::ALL {
        if let Err(error) = kms_api::validate(*operation, &document) {
            check_error(&error);
        }
    }
    macro_rules! check_all {
        ($($name:ident),+ $(,)?) => { $(check::<request::$name>(&document);)+ };
    }
    kms_api::for_each_request!(check_all);
}

fn check<R: Request>(document: &Document) {
    let valid = kms_api::validate(R::OPERATION, document);
    assert_eq!(
        kms_api::parse::<R>(document).err(),
        valid.err(),
        "{}",
        R::OPERATION
    );
}

fn check_error(error: &KmsError) {
    assert!(matches!(
        error.name(),
        ErrorName::SerializationException | ErrorName::ValidationException
    ));
    // Ten violations, each quoting at most 1024 characters of up to six bytes, and a constraint.
    assert!(error.to_json().len() < 10 * (6 * 1024 + 1024));
    assert!(Document::parse(&error.to_json()).is_ok());
}
