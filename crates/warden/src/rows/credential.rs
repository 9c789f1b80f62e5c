//! `warden_credential`.

use ambient::Random;
use crypto::Fields;
use seal::{Keyring, ResealFailed, RowRefusal};
use store::{Row, StoreError, Value};

use super::TaggedRow;

/// Writes when a credential was last used; decides nothing, so it is under no tag.
pub(crate) const LAST_USE: &str = "UPDATE warden_credential SET last_use = $1 WHERE access_key_id = $2";

/// A credential of a key store. Only `retired` may change, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CredentialRow {
    pub(crate) access_key_id: String,
    pub(crate) key_store: String,
    /// An envelope under the root; its context is [`CredentialRow::context`].
    pub(crate) secret: Vec<u8>,
    pub(crate) created: u64,
    pub(crate) expires: Option<u64>,
    pub(crate) retired: Option<u64>,
    pub(crate) generation: u64,
    /// Seconds since 1970. The one column that decides nothing.
    pub(crate) last_use: Option<u64>,
}

impl CredentialRow {
    /// What the secret's envelope is bound to.
    pub(crate) fn context(key_store: &str, access_key_id: &str) -> Fields {
        Fields::new("strongroom credential secret v1")
            .text(key_store)
            .text(access_key_id)
    }

    /// The same for this row.
    pub(crate) fn own_context(&self) -> Fields {
        Self::context(&self.key_store, &self.access_key_id)
    }
}

impl TaggedRow for CredentialRow {
    const TABLE: &'static str = "warden_credential";
    const SELECT: &'static str = "SELECT access_key_id, key_store, secret, created, expires, retired, \
        generation, tag, last_use FROM warden_credential ORDER BY access_key_id";
    const INSERT: &'static str = "INSERT INTO warden_credential (access_key_id, key_store, secret, \
        created, expires, retired, generation, tag) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    const UPDATE: &'static str =
        "UPDATE warden_credential SET retired = $2, generation = $3, tag = $4 WHERE access_key_id = $1";
    const RESEAL: &'static str =
        "UPDATE warden_credential SET secret = $2, tag = $3 WHERE access_key_id = $1";
    const KEY_COLUMNS: &'static [usize] = &[0];
    const TAG_COLUMN: usize = 7;
    const ENVELOPE_COLUMN: Option<usize> = Some(2);

    fn read(row: &Row) -> Result<Self, StoreError> {
        let optional = |column| match row.opt_int(column)? {
            None => Ok(None),
            Some(_) => row.unsigned(column).map(Some),
        };
        Ok(Self {
            access_key_id: row.text(0)?.to_owned(),
            key_store: row.text(1)?.to_owned(),
            secret: row.blob(2)?.to_vec(),
            created: row.unsigned(3)?,
            expires: optional(4)?,
            retired: optional(5)?,
            generation: row.unsigned(6)?,
            // Whatever somebody else wrote here, it refuses nobody.
            last_use: optional(8).unwrap_or_default(),
        })
    }

    fn key(&self) -> String {
        self.access_key_id.clone()
    }

    fn generation(&self) -> u64 {
        self.generation
    }

    fn set_generation(&mut self, generation: u64) {
        self.generation = generation;
    }

    fn fields(&self) -> Fields {
        let number = |value: Option<u64>| value.map(u64::to_be_bytes);
        Fields::new("strongroom warden_credential v1")
            .text(&self.access_key_id)
            .text(&self.key_store)
            .bytes(&self.secret)
            .number(self.created)
            .optional(number(self.expires).as_ref().map(<[u8; 8]>::as_slice))
            .optional(number(self.retired).as_ref().map(<[u8; 8]>::as_slice))
            .number(self.generation)
    }

    fn inserted(&self) -> Vec<Value<'_>> {
        vec![
            (&self.access_key_id).into(),
            (&self.key_store).into(),
            (&self.secret).into(),
            self.created.into(),
            self.expires.into(),
            self.retired.into(),
            self.generation.into(),
        ]
    }

    fn resealed(&self) -> Vec<Value<'_>> {
        vec![(&self.access_key_id).into(), (&self.secret).into()]
    }

    fn reseal(
        &mut self,
        keyring: &Keyring,
        random: &dyn Random,
    ) -> Result<Result<(), RowRefusal>, ResealFailed> {
        let context = self.own_context();
        let secret = match keyring.open(&context, &self.secret) {
            Ok(secret) => secret,
            Err(refused) => return Ok(Err(refused.into())),
        };
        let sealed = keyring.seal(random, &context, secret.expose());
        self.secret = sealed.map_err(|error| ResealFailed(error.to_string()))?;
        Ok(Ok(()))
    }

    fn updated(&self) -> Vec<Value<'_>> {
        vec![
            (&self.access_key_id).into(),
            self.retired.into(),
            self.generation.into(),
        ]
    }
}
