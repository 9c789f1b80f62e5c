//! What a key object in a cluster is known by, as the key's row keeps it.

use serde::{Deserialize, Serialize};

use crate::clusters::Encrypted;

/// What the key object encrypted when it was made. Nothing of it is secret; the row's tag keeps it the
/// key's. In a row: IV, tag and ciphertext in hexadecimal digits, with dots between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct KeyProof(pub(crate) Encrypted);

impl From<KeyProof> for String {
    fn from(KeyProof(made): KeyProof) -> Self {
        [&made.iv, &made.tag[..], &made.ciphertext]
            .map(crypto::hex)
            .join(".")
    }
}

impl TryFrom<String> for KeyProof {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let parse = || {
            let mut parts = text.split('.').map(crypto::unhex);
            let (iv, tag, ciphertext) = (parts.next()??, parts.next()??, parts.next()??);
            let tag = tag.try_into().ok()?;
            let made = Encrypted { iv, tag, ciphertext };
            parts.next().is_none().then_some(Self(made))
        };
        parse().ok_or("the proof of a key object is none")
    }
}
