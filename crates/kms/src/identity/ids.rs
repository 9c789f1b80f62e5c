//! Unique ids of principals and access key ids of sessions, in AWS's form: four letters that tell
//! the kind, then capital letters and the digits 2 to 7.

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The unique id of a user (`AIDA…`) or role (`AROA…`): made of its ARN, so that it is the same
/// after a restart, and 17 characters long as at AWS.
pub(super) fn principal_id(prefix: &str, arn: &str) -> String {
    let fields = crypto::Fields::new("strongroom kms principal id v1").text(arn);
    let digest = crypto::sha256(&[fields.as_bytes()]);
    id(prefix, digest.get(..17).unwrap_or_default())
}

/// A prefix and one character for each byte.
pub(super) fn id(prefix: &str, bytes: &[u8]) -> String {
    let character = |byte: &u8| {
        ALPHABET
            .get(usize::from(byte & 31))
            .map_or('A', |byte| char::from(*byte))
    };
    prefix.chars().chain(bytes.iter().map(character)).collect()
}
