//! The passwords of `kmsuser` as a store keeps them: sealed, the one in force and, while it is being
//! changed, the one that takes its place. So whatever instant the process ends at, the right one is
//! among them.

use std::sync::Arc;

use ambient::{Random, RandomUnavailable};
use crypto::SecretBytes;

use crate::clusters::Passwords;
use crate::state::CustomKeyStore;

/// Characters of a password that KMS makes: the most that `KeyStorePassword` may have, 192 bits.
const LENGTH: usize = 32;
/// 64 of them, so that each is as likely.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A password that nobody knows.
pub(super) fn fresh(random: &dyn Random) -> Result<SecretBytes, RandomUnavailable> {
    let mut password = SecretBytes::generate(random, LENGTH)?;
    for byte in password.expose_mut() {
        let letter = ALPHABET.get(usize::from(*byte % 64));
        *byte = letter.copied().unwrap_or_default();
    }
    Ok(password)
}

/// The secret of a store: the length of the current password in one byte, that password, and the next
/// one if there is one. `None` for a password of more than 255 bytes, which the API does not take.
pub(super) fn to_secret(passwords: &Passwords) -> Option<Arc<SecretBytes>> {
    let current = passwords.current.expose();
    let next = passwords.next.as_ref().map_or(&[][..], |next| next.expose());
    let mut bytes = SecretBytes::zeroed(1 + current.len() + next.len());
    let (length, rest) = bytes.expose_mut().split_first_mut()?;
    *length = u8::try_from(current.len()).ok()?;
    let (first, second) = rest.split_at_mut(current.len());
    first.copy_from_slice(current);
    second.copy_from_slice(next);
    Some(Arc::new(bytes))
}

/// The passwords of a store.
pub(super) fn of(store: &CustomKeyStore) -> Option<Passwords> {
    let (length, rest) = store.secret.expose().split_first()?;
    let (current, next) = rest.split_at_checked(usize::from(*length))?;
    let secret = |bytes: &[u8]| Arc::new(SecretBytes::new(bytes.to_vec()));
    Some(Passwords {
        current: secret(current),
        next: (!next.is_empty()).then(|| secret(next)),
    })
}
