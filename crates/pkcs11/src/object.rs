//! Key objects, and what is done with them.

use std::sync::Arc;

use crypto::{SecretBytes, sha256};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass};

use crate::config::Requirements;
use crate::error::TokenError;
use crate::profile::Profile;

/// Longest label or id, in bytes.
const MAX_NAME: usize = 4096;

/// Which secret key object: by `CKA_LABEL`, by `CKA_ID`, or by both.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectSelector {
    label: Option<String>,
    id: Option<Vec<u8>>,
}

impl ObjectSelector {
    /// By label and id, at least one of which is given and not empty; `None` otherwise, and for
    /// names longer than 4096 bytes.
    pub fn new(label: Option<String>, id: Option<Vec<u8>>) -> Option<Self> {
        let fits = |len: usize| (1..=MAX_NAME).contains(&len);
        let label_fits = label.as_ref().is_none_or(|label| fits(label.len()));
        let id_fits = id.as_ref().is_none_or(|id| fits(id.len()));
        let named = label.is_some() || id.is_some();
        (named && label_fits && id_fits).then_some(Self { label, id })
    }

    /// By label alone; `None` as for [`Self::new`].
    pub fn label(label: &str) -> Option<Self> {
        Self::new(Some(label.to_owned()), None)
    }

    /// By id alone; `None` as for [`Self::new`].
    pub fn id(id: &[u8]) -> Option<Self> {
        Self::new(None, Some(id.to_vec()))
    }

    pub(crate) fn parts(&self) -> (Option<&str>, Option<&[u8]>) {
        (self.label.as_deref(), self.id.as_deref())
    }

    pub(crate) fn template(&self) -> Vec<Attribute> {
        let mut template = vec![Attribute::Class(ObjectClass::SECRET_KEY)];
        template.extend(
            self.label
                .as_ref()
                .map(|label| Attribute::Label(label.clone().into_bytes())),
        );
        template.extend(self.id.as_ref().map(|id| Attribute::Id(id.clone())));
        template
    }
}

/// What a key object is to be called. The token makes it: AES, 32 bytes, sensitive, non-extractable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewObject {
    /// `CKA_LABEL`.
    pub label: String,
    /// `CKA_ID`; not empty.
    pub id: Vec<u8>,
    /// Whether a wrapping key of the token may take it to another one: then it is extractable in
    /// that way, and [`Requirements::danger_allow_extractable`] is needed to use it.
    pub wrappable: bool,
    /// What it may be used for.
    pub usage: Usage,
}

/// What a key object may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Encryption and decryption of messages.
    Messages,
    /// Decryption of messages alone.
    DecryptOnly,
    /// Nothing: the object stays and is idle.
    Nothing,
    /// Wrapping and unwrapping of other keys.
    Wrapping,
}

impl Usage {
    pub(crate) fn attributes(self) -> [Attribute; 4] {
        [
            Attribute::Encrypt(self == Self::Messages),
            Attribute::Decrypt(matches!(self, Self::Messages | Self::DecryptOnly)),
            Attribute::Wrap(self == Self::Wrapping),
            Attribute::Unwrap(self == Self::Wrapping),
        ]
    }
}

impl NewObject {
    /// The template of an object of the token; `made_here` unless it is unwrapped.
    pub(crate) fn template(&self, made_here: bool) -> Vec<Attribute> {
        let mut template = vec![
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::AES),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(self.wrappable),
            Attribute::Label(self.label.clone().into_bytes()),
            Attribute::Id(self.id.clone()),
        ];
        if made_here {
            template.push(Attribute::ValueLen(32.into()));
        }
        template.extend(self.usage.attributes());
        template
    }

    pub(crate) fn selector(&self) -> Result<ObjectSelector, TokenError> {
        ObjectSelector::new(Some(self.label.clone()), Some(self.id.clone()))
            .ok_or_else(|| TokenError::Unsuitable("its label or id is empty or too long".to_owned()))
    }
}

/// What AES-GCM gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// As long as the plaintext.
    pub ciphertext: Vec<u8>,
    /// 12 or 16 bytes.
    pub iv: Vec<u8>,
    /// The authentication tag.
    pub tag: [u8; 16],
}

/// What AES-GCM gave, decrypted again at once.
pub struct Tried {
    /// What it gave.
    pub sealed: Sealed,
    /// [`Sealed::digest`], taken after the encryption and before the trial, where the session is:
    /// if that of what arrived is another, it was altered after the trial.
    pub digest: [u8; 32],
    /// What the trial gave: equal to the plaintext, for the caller's own look.
    pub opened: SecretBytes,
}

impl Sealed {
    /// SHA-256 over IV, ciphertext and tag, in this order.
    pub fn digest(&self) -> [u8; 32] {
        sha256(&[&self.iv, &self.ciphertext, &self.tag])
    }
}

/// What the right key encrypted once: an object that decrypts it is that key, whatever it is called.
/// Nothing of it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What the key made of the plaintext.
    pub sealed: Sealed,
    /// Additional authenticated data.
    pub aad: Vec<u8>,
    /// What it encrypted.
    pub plaintext: Vec<u8>,
}

/// A secret key object that exists and may be used: a cheap clone, and no handle. The handle is the
/// token's business, for it changes when the token comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyObject {
    attributes: Arc<Attributes>,
    proof: Option<Arc<Proof>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) selector: ObjectSelector,
    pub(crate) label: Vec<u8>,
    pub(crate) id: Vec<u8>,
    pub(crate) is_aes: bool,
    pub(crate) bytes: usize,
    pub(crate) sensitive: bool,
    pub(crate) extractable: bool,
    pub(crate) never_extractable: bool,
    pub(crate) local: bool,
    pub(crate) encrypt: bool,
    pub(crate) decrypt: bool,
    pub(crate) wrap: bool,
    pub(crate) unwrap: bool,
}

/// What is read of every object.
pub(crate) const READ: &[AttributeType] = &[
    AttributeType::Label,
    AttributeType::Id,
    AttributeType::KeyType,
    AttributeType::ValueLen,
    AttributeType::Sensitive,
    AttributeType::Extractable,
    AttributeType::NeverExtractable,
    AttributeType::Local,
    AttributeType::Encrypt,
    AttributeType::Decrypt,
    AttributeType::Wrap,
    AttributeType::Unwrap,
];

impl KeyObject {
    /// From what the token told. What it did not tell counts as the worse: extractable, unusable.
    pub(crate) fn read(selector: ObjectSelector, told: Vec<Attribute>) -> Self {
        let mut object = Attributes {
            selector,
            label: Vec::new(),
            id: Vec::new(),
            is_aes: false,
            bytes: 0,
            sensitive: false,
            extractable: true,
            never_extractable: false,
            local: false,
            encrypt: false,
            decrypt: false,
            wrap: false,
            unwrap: false,
        };
        for attribute in told {
            match attribute {
                Attribute::Label(label) => object.label = label,
                Attribute::Id(id) => object.id = id,
                Attribute::KeyType(kind) => object.is_aes = kind == KeyType::AES,
                Attribute::ValueLen(len) => object.bytes = usize::try_from(*len).unwrap_or(0),
                Attribute::Sensitive(is) => object.sensitive = is,
                Attribute::Extractable(is) => object.extractable = is,
                Attribute::NeverExtractable(is) => object.never_extractable = is,
                Attribute::Local(is) => object.local = is,
                Attribute::Encrypt(is) => object.encrypt = is,
                Attribute::Decrypt(is) => object.decrypt = is,
                Attribute::Wrap(is) => object.wrap = is,
                Attribute::Unwrap(is) => object.unwrap = is,
                _ => {}
            }
        }
        Self::of(object)
    }

    pub(crate) fn of(object: Attributes) -> Self {
        Self {
            attributes: Arc::new(object),
            proof: None,
        }
    }

    /// The same object, which has to give this proof in every session that searches for it anew, before
    /// it is used: a name can be given to another object while nobody looks.
    #[must_use]
    pub fn proved_by(&self, proof: Proof) -> Self {
        Self {
            attributes: Arc::clone(&self.attributes),
            proof: Some(Arc::new(proof)),
        }
    }

    pub(crate) const fn proof(&self) -> Option<&Arc<Proof>> {
        self.proof.as_ref()
    }

    pub(crate) fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// The object, if it is what `requirements` want.
    pub(crate) fn suitable(self, requirements: &Requirements, profile: &Profile) -> Result<Self, TokenError> {
        let object = &self.attributes;
        let unsuitable = |why: String| Err(TokenError::Unsuitable(why));
        if !object.is_aes {
            return unsuitable("it is no AES key".to_owned());
        }
        let short = requirements.allow_short_keys && matches!(object.bytes, 16 | 24);
        let untold = profile.unwrapped_length_untold() && object.bytes == 0 && !object.local;
        if object.bytes != 32 && !short && !untold {
            return unsuitable(format!("it has {} bytes, not 32", object.bytes));
        }
        if requirements.danger_allow_extractable {
            return Ok(self);
        }
        if object.extractable {
            return unsuitable("it is extractable".to_owned());
        }
        if !object.sensitive {
            return unsuitable("it is not sensitive".to_owned());
        }
        Ok(self)
    }

    /// Whether `other`, found later under the same name, is the object that this one was.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let (one, other) = (&self.attributes, &other.attributes);
        one.label == other.label && one.id == other.id && one.bytes == other.bytes
    }

    /// About how many bytes it takes.
    pub(crate) fn weight(&self) -> usize {
        let (label, id) = self.attributes.selector.parts();
        let named = label.map_or(0, str::len) + id.map_or(0, <[u8]>::len);
        let proof = self.proof.as_ref().map_or(0, |proof| {
            size_of::<Proof>() + proof.sealed.ciphertext.len() + proof.aad.len() + proof.plaintext.len()
        });
        size_of::<Attributes>() + named + self.attributes.label.len() + self.attributes.id.len() + proof
    }

    pub(crate) fn selector(&self) -> &ObjectSelector {
        &self.attributes.selector
    }

    /// `CKA_LABEL`; bytes that are no UTF-8 are replaced.
    pub fn label(&self) -> String {
        String::from_utf8_lossy(&self.attributes.label).into_owned()
    }

    /// `CKA_ID`.
    pub fn id(&self) -> &[u8] {
        &self.attributes.id
    }

    /// Whether it is an AES key.
    pub fn is_aes(&self) -> bool {
        self.attributes.is_aes
    }

    /// Its length in bytes; 0 where the token does not tell ([`Profile::unwrapped_length_untold`]).
    pub fn bytes(&self) -> usize {
        self.attributes.bytes
    }

    /// `CKA_SENSITIVE`: never shown in the clear.
    pub fn is_sensitive(&self) -> bool {
        self.attributes.sensitive
    }

    /// `CKA_EXTRACTABLE`: may leave wrapped.
    pub fn is_extractable(&self) -> bool {
        self.attributes.extractable
    }

    /// `CKA_NEVER_EXTRACTABLE`: never was extractable.
    pub fn was_never_extractable(&self) -> bool {
        self.attributes.never_extractable
    }

    /// `CKA_LOCAL`: made in this token.
    pub fn is_local(&self) -> bool {
        self.attributes.local
    }

    /// `CKA_ENCRYPT`, when it was found.
    pub fn can_encrypt(&self) -> bool {
        self.attributes.encrypt
    }

    /// `CKA_DECRYPT`, when it was found.
    pub fn can_decrypt(&self) -> bool {
        self.attributes.decrypt
    }

    /// `CKA_WRAP` and `CKA_UNWRAP`, when it was found.
    pub fn can_wrap(&self) -> bool {
        self.attributes.wrap && self.attributes.unwrap
    }
}
