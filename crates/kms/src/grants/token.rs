//! Grant tokens: names of grants that are not secret and permit nothing by themselves. At AWS a token
//! lets a grant be used before it is known everywhere; here a grant is in force at once.

use ambient::{Random, RandomUnavailable};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kms_api::{ErrorName, KeyArn, KmsError};

const VERSION: &str = "grant-token-1";

/// What a token names.
pub(super) struct Token {
    pub(super) key: KeyArn,
    pub(super) grant: String,
}

/// A new token of a grant; no two are the same.
pub(super) fn make(random: &dyn Random, key: &str, grant: &str) -> Result<String, RandomUnavailable> {
    let salt: [u8; 16] = random.bytes()?;
    let salt = crypto::hex(&salt);
    Ok(STANDARD.encode(format!("{VERSION} {key} {grant} {salt}")))
}

/// What a token names, or `InvalidGrantTokenException`.
pub(super) fn parse(token: &str) -> Result<Token, KmsError> {
    read(token).ok_or_else(invalid)
}

/// `InvalidGrantTokenException`.
pub(super) fn invalid() -> KmsError {
    KmsError::new(
        ErrorName::InvalidGrantTokenException,
        "The request was rejected because the specified grant token is not valid.",
    )
}

/// Whether all of them are tokens. What they name may be gone by now.
pub(crate) fn check(tokens: &[String]) -> Result<(), KmsError> {
    tokens.iter().try_for_each(|token| parse(token).map(|_| ()))
}

fn read(token: &str) -> Option<Token> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    let mut words = text.split(' ');
    let (version, key, grant, salt) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let valid =
        version == VERSION && super::checked_id(grant).is_ok() && salt.len() == 32 && words.next().is_none();
    let key = key.parse().ok()?;
    valid.then(|| Token {
        key,
        grant: grant.to_owned(),
    })
}
