//! Secret access keys, and the signing keys derived from them.

use std::sync::Arc;

use ambient::{Random, RandomUnavailable};
use arc_swap::ArcSwap;
use crypto::{HmacKey, SecretBytes, constant_time_eq};
use zeroize::{Zeroize, Zeroizing};

use crate::authorization::{ALGORITHM, TERMINATOR};
use crate::canonical::hex_32;
use crate::date::AmzDate;
use crate::{Scope, limits};

/// A secret access key. The *string* is the key of the HMAC, it is not Base64-decoded
/// (XKS-CRED-01). Kept only as the ready HMAC key of `"AWS4" + secret`, so that deriving costs
/// the same for a secret of any length; wiped on drop; without `Debug`, `Clone` and
/// serialisation.
///
/// It also carries the few signing keys that verified requests left
/// ([`limits::DERIVED_KEYS`]): whoever drops the secret drops those too.
pub struct SecretAccessKey {
    key: HmacKey,
    derived: ArcSwap<Vec<Arc<Derived>>>,
}

/// A signing key and what it is good for.
pub(crate) struct Derived {
    date: [u8; 8],
    region: Box<str>,
    service: Box<str>,
    key: SigningKey,
}

impl SecretAccessKey {
    /// Takes over the secret and wipes the string.
    pub fn new(mut secret: String) -> Self {
        let made = Self::from_bytes(secret.as_bytes());
        secret.zeroize();
        made
    }

    /// From the bytes of the secret string, e.g. just unsealed; the caller wipes those.
    pub fn from_bytes(secret: &[u8]) -> Self {
        let mut key = SecretBytes::zeroed(4 + secret.len());
        key.expose_mut()
            .iter_mut()
            .zip(b"AWS4".iter().chain(secret))
            .for_each(|(to, from)| *to = *from);
        Self {
            key: HmacKey::new(key.expose()),
            derived: ArcSwap::default(),
        }
    }

    /// A random one that nobody knows; verification computes with it where there is none.
    pub(crate) fn dummy(random: &dyn Random) -> Result<Self, RandomUnavailable> {
        Ok(Self::from_bytes(SecretBytes::generate(random, 32)?.expose()))
    }

    /// The signing key that an earlier verified request left for this scope.
    pub(crate) fn remembered(&self, scope: &Scope<'_>) -> Option<Arc<Derived>> {
        self.derived
            .load()
            .iter()
            .find(|derived| derived.is_for(scope))
            .cloned()
    }

    /// Keeps a signing key for this scope, in place of the oldest if there are too many. Only
    /// after a signature was verified with it: else anybody could push others' keys out.
    pub(crate) fn remember(&self, scope: &Scope<'_>, key: SigningKey) {
        let new = Arc::new(Derived {
            date: scope.date,
            region: scope.region.into(),
            service: scope.service.into(),
            key,
        });
        self.derived.rcu(|old| {
            let others = old.iter().filter(|derived| !derived.is_for(scope)).cloned();
            let all = std::iter::once(new.clone()).chain(others);
            all.take(limits::DERIVED_KEYS).collect::<Vec<_>>()
        });
    }
}

impl Derived {
    fn is_for(&self, scope: &Scope<'_>) -> bool {
        self.date == scope.date && *self.region == *scope.region && *self.service == *scope.service
    }

    /// The key.
    pub(crate) fn key(&self) -> &SigningKey {
        &self.key
    }
}

/// A key derived for one scope. Wiped on drop.
pub struct SigningKey(HmacKey);

impl SigningKey {
    /// Four HMACs: date, Region, service, terminator.
    pub fn derive(secret: &SecretAccessKey, scope: &Scope<'_>) -> Self {
        Self::derive_counted(secret, scope, &mut Work::default())
    }

    pub(crate) fn derive_counted(secret: &SecretAccessKey, scope: &Scope<'_>, work: &mut Work) -> Self {
        Self(HmacKey::new(derive_bytes(secret, scope, work).as_slice()))
    }

    /// The signature of a string to sign.
    pub(crate) fn sign(&self, message: &StringToSign<'_>, work: &mut Work) -> [u8; 32] {
        message.hmac(&self.0, work)
    }

    /// Whether `signature` is that of `message`, compared in constant time.
    pub(crate) fn matches(&self, message: &StringToSign<'_>, signature: &[u8; 32], work: &mut Work) -> bool {
        let expected = self.sign(message, work);
        work.equal(&expected, signature)
    }
}

/// The bytes of a signing key.
pub(crate) fn derive_bytes(
    secret: &SecretAccessKey,
    scope: &Scope<'_>,
    work: &mut Work,
) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new(work.hmac(&secret.key, &[&scope.date]));
    for part in [scope.region, scope.service, TERMINATOR] {
        *key = work.hmac(&HmacKey::new(key.as_slice()), &[part.as_bytes()]);
    }
    key
}

/// What is signed: algorithm, date, scope and the hash of the canonical request.
pub(crate) struct StringToSign<'s> {
    pub(crate) date: AmzDate,
    pub(crate) scope: Scope<'s>,
    /// SHA-256 of the canonical request.
    pub(crate) canonical: [u8; 32],
}

impl StringToSign<'_> {
    fn hmac(&self, key: &HmacKey, work: &mut Work) -> [u8; 32] {
        // In one piece: each further piece costs the HMAC as much as some thirty bytes.
        let text: Vec<u8> = [
            ALGORITHM.as_bytes(),
            b"\n",
            self.date.as_bytes(),
            b"\n",
            &self.scope.date,
            b"/",
            self.scope.region.as_bytes(),
            b"/",
            self.scope.service.as_bytes(),
            b"/",
            TERMINATOR.as_bytes(),
            b"\n",
            &hex_32(&self.canonical),
        ]
        .concat();
        work.hmac(key, &[&text])
    }
}

/// Counts the operations whose number must not depend on a secret. Every HMAC and every
/// comparison of a signature in this crate goes through it, so tests see them all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    pub(crate) hmacs: u32,
    pub(crate) comparisons: u32,
}

impl Work {
    fn hmac(&mut self, key: &HmacKey, parts: &[&[u8]]) -> [u8; 32] {
        self.hmacs += 1;
        key.tag(parts)
    }

    fn equal(&mut self, a: &[u8; 32], b: &[u8; 32]) -> bool {
        self.comparisons += 1;
        constant_time_eq(a, b)
    }
}

#[cfg(test)]
mod tests;
