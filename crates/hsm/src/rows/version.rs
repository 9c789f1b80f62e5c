//! A row of `hsm_key_version`: immutable, and bound to the key's immutable properties.

use ambient::Timestamp;
use crypto::Fields;
use key_manager::{Algorithm, CiphertextMetadata, Framing, KeyManagerError, VersionTag};
use pkcs11::{ObjectSelector, Sealed};
use seal::{RowMac, RowRefusal};
use store::{Row, Transaction};

use super::{KeyRow, parse_tag};
use crate::{error, tables};

/// A key version: which object it is, and how it encrypts.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct VersionRow {
    pub(crate) tag: VersionTag,
    pub(crate) algorithm: Algorithm,
    pub(crate) framing: Framing,
    /// The label by which its object is found on every token.
    pub(crate) label: Option<String>,
    /// The id by which its object is found on every token.
    pub(crate) object_id: Option<Vec<u8>>,
    /// Of a legacy version: the metadata that the other product wrote.
    pub(crate) legacy: Option<CiphertextMetadata>,
    /// What the object encrypted when the version was made, IV ‖ ciphertext ‖ tag: an object that
    /// decrypts it is the same key.
    pub(crate) proof: Vec<u8>,
    pub(crate) created: Timestamp,
}

impl VersionRow {
    /// Key id, version tag, and the rest as far as it can be read.
    pub(crate) fn name(row: &Row) -> (String, String) {
        let text = |column| row.text(column).unwrap_or("?").to_owned();
        (text(0), text(1))
    }

    /// Reads a row and verifies that it is this key's; says whether its tag depends on an older root.
    pub(crate) fn verified(row: &Row, key: &KeyRow, mac: &RowMac) -> Result<(Self, bool), RowRefusal> {
        let version = Self::parse(row, key).ok_or(RowRefusal::Unreadable)?;
        let tag = row.blob(9).map_err(|_| RowRefusal::Unreadable)?;
        mac.verify(&version.fields(key), tag)?;
        Ok((version, mac.is_outdated(tag)))
    }

    fn parse(row: &Row, key: &KeyRow) -> Option<Self> {
        let legacy = match row.opt_blob(6).ok()? {
            Some(metadata) => Some(CiphertextMetadata::from_slice(metadata).ok()?),
            None => None,
        };
        let version = Self {
            tag: parse_tag(row.text(1).ok()?)?,
            algorithm: Algorithm::parse(row.text(2).ok()?)?,
            framing: Framing::parse(row.text(3).ok()?)?,
            label: row.opt_text(4).ok()?.map(ToOwned::to_owned),
            object_id: row.opt_blob(5).ok()?.map(ToOwned::to_owned),
            legacy,
            proof: row.blob(7).ok()?.to_vec(),
            created: Timestamp::from_micros(row.unsigned(8).ok()?),
        };
        (row.text(0).ok()? == key.id.as_str()).then_some(version)
    }

    /// Everything immutable about the version and its key.
    fn fields(&self, key: &KeyRow) -> Fields {
        Fields::new(tables::VERSION)
            .number(1)
            .text(key.hsm.as_str())
            .text(key.id.as_str())
            .text(key.front.as_str())
            .text(key.usage.as_str())
            .number(key.created.as_micros())
            .bytes(&self.tag.0)
            .text(self.algorithm.as_str())
            .text(self.framing.as_str())
            .optional(self.label.as_ref().map(String::as_bytes))
            .optional(self.object_id.as_deref())
            .optional(self.legacy.as_ref().map(CiphertextMetadata::as_bytes))
            .bytes(&self.proof)
            .number(self.created.as_micros())
    }

    /// Where its object is found.
    pub(crate) fn selector(&self) -> Option<ObjectSelector> {
        ObjectSelector::new(self.label.clone(), self.object_id.clone())
    }

    /// What the object encrypted when the version was made.
    pub(crate) fn sealed_proof(&self) -> Option<Sealed> {
        Self::parse_proof(&self.proof)
    }

    /// A proof as it was stored.
    pub(crate) fn parse_proof(proof: &[u8]) -> Option<Sealed> {
        let (rest, tag) = proof.split_last_chunk()?;
        let (iv, ciphertext) = rest.split_at_checked(rest.len().checked_sub(PROOF_PLAINTEXT.len())?)?;
        Some(Sealed {
            ciphertext: ciphertext.to_vec(),
            iv: iv.to_vec(),
            tag: *tag,
        })
    }

    /// A proof as it is stored.
    pub(crate) fn stored_proof(sealed: &Sealed) -> Vec<u8> {
        [sealed.iv.as_slice(), &sealed.ciphertext, &sealed.tag].concat()
    }

    /// What people find the object by.
    pub(crate) fn object(&self) -> String {
        let id = self.object_id.as_deref().map(crypto::hex);
        match (&self.label, id) {
            (Some(label), Some(id)) => format!("{label} (id {id})"),
            (Some(label), None) => label.clone(),
            (None, Some(id)) => format!("id {id}"),
            (None, None) => String::new(),
        }
    }

    pub(crate) async fn insert(
        &self,
        to: &mut Transaction,
        key: &KeyRow,
        mac: &RowMac,
    ) -> Result<(), KeyManagerError> {
        let (name, tag) = (self.tag.to_string(), mac.tag(&self.fields(key)));
        let values = [
            key.id.as_str().into(),
            (&name).into(),
            self.algorithm.as_str().into(),
            self.framing.as_str().into(),
            self.label.as_ref().into(),
            self.object_id.as_ref().into(),
            self.legacy.as_ref().map(CiphertextMetadata::as_bytes).into(),
            (&self.proof).into(),
            self.created.as_micros().into(),
            (&tag).into(),
        ];
        to.execute(tables::INSERT_VERSION, &values)
            .await
            .map_err(error::store)?;
        Ok(())
    }

    /// Tags the row under the current root.
    pub(crate) async fn retag(
        &self,
        to: &mut Transaction,
        key: &KeyRow,
        mac: &RowMac,
    ) -> Result<(), KeyManagerError> {
        let (name, tag) = (self.tag.to_string(), mac.tag(&self.fields(key)));
        let values = [key.id.as_str().into(), (&name).into(), (&tag).into()];
        to.execute(tables::RETAG_VERSION, &values)
            .await
            .map_err(error::store)?;
        Ok(())
    }
}

/// What a proof encrypts.
pub(crate) const PROOF_PLAINTEXT: &[u8; 32] = b"Strongroom proof of the same key";

/// The AAD of a version's proof. Neither it nor the plaintext is secret: whoever gets the proof decrypted
/// learns nothing.
pub(crate) fn proof_aad(key: &key_manager::KeyId, tag: VersionTag) -> Vec<u8> {
    let fields = Fields::new("strongroom hsm key version proof").number(1);
    fields.text(key.as_str()).bytes(&tag.0).as_bytes().to_vec()
}
