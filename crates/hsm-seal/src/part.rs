//! A protected root key, as it lies in the store.
//!
//! `0x01 ‖ seal id (8) ‖ number of parts (1) ‖ part…`, and a part is `label ‖ id ‖ serial ‖ check ‖ root`:
//! the first three behind their lengths in one byte, an encrypted value as `length of the IV (1) ‖ IV ‖
//! tag (16) ‖ ciphertext`, of 16 bytes for the check and 32 for the root.

use crypto::Fields;
use pkcs11::{ObjectSelector, Sealed};
use seal::SealingKeyId;

use crate::config::MAX_TOKENS;

const FORMAT: u8 = 1;
/// What the check is of.
pub(crate) const CHECK: &[u8; 16] = b"strongroom check";
const ROOT_LEN: usize = 32;

/// A wrapping key as a part names it: its object, the token that it was on, and its check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WrappingKey {
    /// `CKA_LABEL`; empty if it is found by its id alone.
    pub(crate) label: String,
    /// `CKA_ID`; empty if it is found by its label alone.
    pub(crate) id: Vec<u8>,
    /// The token's serial number, for people: vendors' replication puts the object onto others.
    pub(crate) serial: String,
    pub(crate) check: Sealed,
}

/// One of the encryptions of a root key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) key: WrappingKey,
    pub(crate) root: Sealed,
}

impl WrappingKey {
    pub(crate) fn selector(&self) -> Option<ObjectSelector> {
        let label = Some(self.label.clone()).filter(|label| !label.is_empty());
        let id = Some(self.id.clone()).filter(|id| !id.is_empty());
        ObjectSelector::new(label, id)
    }

    /// For people.
    pub(crate) fn name(&self) -> String {
        if self.label.is_empty() {
            return format!("of the id {}", crypto::hex(&self.id));
        }
        // It comes from the store, which somebody else may have written.
        let printable = |c: char| if c.is_ascii_graphic() { c } else { '?' };
        self.label.chars().map(printable).collect()
    }

    /// What the check's tag covers. All but the check itself, so it is made first.
    pub(crate) fn check_aad(seal: SealingKeyId, label: &str, id: &[u8], serial: &str) -> Fields {
        Fields::new("strongroom hsm seal check")
            .number(1)
            .bytes(seal.as_bytes())
            .text(label)
            .bytes(id)
            .text(serial)
    }

    /// What a root's tag covers: the check's, and everything that the store has beside the root.
    pub(crate) fn root_aad(&self, seal: SealingKeyId, context: &Fields) -> Fields {
        Fields::new("strongroom hsm seal root")
            .number(1)
            .bytes(seal.as_bytes())
            .text(&self.label)
            .bytes(&self.id)
            .text(&self.serial)
            .bytes(context.as_bytes())
    }

    pub(crate) fn own_check_aad(&self, seal: SealingKeyId) -> Fields {
        Self::check_aad(seal, &self.label, &self.id, &self.serial)
    }
}

/// The bytes for the store; `None` if a name is longer than 255 bytes.
pub(crate) fn write(seal: SealingKeyId, parts: &[Part]) -> Option<Vec<u8>> {
    let mut bytes = vec![FORMAT];
    bytes.extend_from_slice(seal.as_bytes());
    bytes.push(u8::try_from(parts.len()).ok()?);
    for Part { key, root } in parts {
        for name in [key.label.as_bytes(), &key.id, key.serial.as_bytes()] {
            bytes.push(u8::try_from(name.len()).ok()?);
            bytes.extend_from_slice(name);
        }
        for sealed in [&key.check, root] {
            bytes.push(u8::try_from(sealed.iv.len()).ok()?);
            bytes.extend_from_slice(&sealed.iv);
            bytes.extend_from_slice(&sealed.tag);
            bytes.extend_from_slice(&sealed.ciphertext);
        }
    }
    Some(bytes)
}

/// The parts of what [`write`] made for this seal. Any input gives an answer.
pub(crate) fn read(seal: SealingKeyId, bytes: &[u8]) -> Option<Vec<Part>> {
    let mut rest = bytes;
    let [format] = *take(&mut rest)?;
    let id = SealingKeyId::from_bytes(*take(&mut rest)?);
    let [count] = *take(&mut rest)?;
    if format != FORMAT || id != seal || !(1..=MAX_TOKENS).contains(&usize::from(count)) {
        return None;
    }
    let parts: Option<Vec<Part>> = (0..count).map(|_| read_part(&mut rest)).collect();
    parts.filter(|_| rest.is_empty())
}

fn read_part(rest: &mut &[u8]) -> Option<Part> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let key = WrappingKey {
        label: text(named(rest)?)?,
        id: named(rest)?.to_vec(),
        serial: text(named(rest)?)?,
        check: sealed(rest, CHECK.len())?,
    };
    let root = sealed(rest, ROOT_LEN)?;
    Some(Part { key, root })
}

fn sealed(rest: &mut &[u8], len: usize) -> Option<Sealed> {
    let iv = named(rest)?.to_vec();
    let tag = *take(rest)?;
    let (ciphertext, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(Sealed {
        ciphertext: ciphertext.to_vec(),
        iv,
        tag,
    })
}

/// Bytes behind their length in one byte.
fn named<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let [len] = *take(rest)?;
    let (name, after) = rest.split_at_checked(usize::from(len))?;
    *rest = after;
    Some(name)
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(taken)
}

#[cfg(test)]
mod tests;
