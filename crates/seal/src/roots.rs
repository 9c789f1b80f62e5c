//! The root keys in the database, each protected by the seal.
//!
//! Roots are numbered 1, 2, 3 …; the highest number seals, all of them open. So "which is current"
//! is no column that somebody could turn back, and every column is bound into the envelope.

use ambient::{Random, RandomUnavailable, Timestamp};
use crypto::{Fields, Key256};
use store::{Migration, Migrations, Row, Snapshot, StoreError, Transaction};

use crate::{Boxed, EnvelopeError, Keyring, RowRefusal, RowRefused, SealingFailed, SealingKey, SealingKeyId};

/// The table of this crate.
pub const MIGRATIONS: Migrations = Migrations {
    owner: "seal",
    steps: &[Migration {
        version: 1,
        name: "root keys",
        sql: "CREATE TABLE seal_root (
                  id TEXT PRIMARY KEY,
                  number BIGINT NOT NULL UNIQUE,
                  created_at BIGINT NOT NULL,
                  seal_kind TEXT NOT NULL,
                  seal_id TEXT NOT NULL,
                  protected {{BLOB}} NOT NULL
              );",
    }],
};

const TABLE: &str = "seal_root";
const SELECT: &str =
    "SELECT id, number, created_at, seal_kind, seal_id, protected FROM seal_root ORDER BY number DESC";
const INSERT: &str = "INSERT INTO seal_root (id, number, created_at, seal_kind, seal_id, protected) \
    VALUES ($1, $2, $3, $4, $5, $6)";
const RESEAL: &str = "UPDATE seal_root SET seal_kind = $2, seal_id = $3, protected = $4 WHERE id = $1";
const DELETE: &str = "DELETE FROM seal_root WHERE id = $1";

/// How root keys are protected at rest: a key file, an HSM. Calls may take seconds, where a device
/// has to be asked; they happen at start and in administrative acts only.
pub trait Seal: Send + Sync {
    /// The kind, as it stands in the database and in `status`: `key-file`, `hsm`.
    fn kind(&self) -> &'static str;

    /// Which one of its kind.
    fn id(&self) -> SealingKeyId;

    /// Protects a root key, bound to `context`.
    fn protect<'a>(
        &'a self,
        random: &'a dyn Random,
        context: &'a Fields,
        root: &'a Key256,
    ) -> Boxed<'a, Result<Vec<u8>, ProtectFailed>>;

    /// Reveals a root key that this seal protected in the same context.
    fn reveal<'a>(
        &'a self,
        context: &'a Fields,
        protected: &'a [u8],
    ) -> Boxed<'a, Result<Key256, RevealFailed>>;

    /// Whether the seal could reveal now what it revealed or protected before. What is in memory
    /// always can.
    fn probe(&self) -> Boxed<'_, Result<(), RevealFailed>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// The seal protected nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtectFailed {
    /// No randomness, or the cipher failed.
    #[error(transparent)]
    Sealing(#[from] SealingFailed),
    /// The seal's device is not there, or is not the right one. Says what to do.
    #[error("the seal is not available: {0}")]
    Unavailable(String),
}

/// The seal revealed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevealFailed {
    /// Not protected by this seal, or altered.
    #[error("the protected root key was altered")]
    NotAuthentic,
    /// The seal's device is not there, or is not the right one: nothing is said against the root key.
    /// Says what to do.
    #[error("the seal is not available: {0}")]
    Unavailable(String),
}

impl From<EnvelopeError> for RevealFailed {
    fn from(_: EnvelopeError) -> Self {
        Self::NotAuthentic
    }
}

/// Root keys could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// There is none yet.
    #[error("there is no root key yet: run `strongroom init`")]
    NotInitialised,
    /// There is one already.
    #[error("there is a root key already: rotate it instead")]
    AlreadyInitialised,
    /// The roots are protected by another seal.
    #[error(
        "the root keys are protected by the seal {kind} {id}, not by the one configured: use the seal key \
         that belongs to this database"
    )]
    WrongSeal {
        /// Its kind.
        kind: String,
        /// Its id.
        id: String,
    },
    /// The current root cannot be retired, an unknown one neither.
    #[error("there is no older root {0}: only a root that is not current can be retired")]
    NotRetirable(SealingKeyId),
    /// A row was edited by hand. Nothing is opened: the newest root may be the one that is gone.
    #[error("{0}; restore the row from a backup")]
    Refused(RowRefused),
    /// The seal failed.
    #[error("the seal is not available: {0}")]
    SealUnavailable(String),
    /// No randomness, or the cipher failed.
    #[error(transparent)]
    Sealing(#[from] SealingFailed),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<RandomUnavailable> for RootsError {
    fn from(error: RandomUnavailable) -> Self {
        Self::Sealing(error.into())
    }
}

impl From<ProtectFailed> for RootsError {
    fn from(error: ProtectFailed) -> Self {
        match error {
            ProtectFailed::Sealing(error) => Self::Sealing(error),
            ProtectFailed::Unavailable(reason) => Self::SealUnavailable(reason),
        }
    }
}

/// What may be shown about a root key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Its id, which every envelope under it names.
    pub id: SealingKeyId,
    /// 1, 2, 3 …; the highest is current.
    pub number: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// The kind of the seal that protects it.
    pub seal_kind: String,
    /// That seal's id.
    pub seal_id: String,
}

/// Makes the first root key, in a transaction that the caller commits.
pub async fn create_first(
    transaction: &mut Transaction,
    seal: &dyn Seal,
    random: &dyn Random,
    now: Timestamp,
) -> Result<Keyring, RootsError> {
    if !rows(transaction).await?.is_empty() {
        return Err(RootsError::AlreadyInitialised);
    }
    let key = SealingKey::generate(random)?;
    insert(transaction, seal, random, now, 1, &key).await?;
    Ok(Keyring::new(key, Vec::new()))
}

/// Opens all root keys. One row that does not open refuses them all, for it may be the newest.
pub async fn load(reader: &mut Snapshot, seal: &dyn Seal) -> Result<Keyring, RootsError> {
    let mut roots = Vec::new();
    for (root, protected) in rows(reader).await? {
        roots.push(reveal(&root, &protected, seal).await?);
    }
    let mut roots = roots.into_iter();
    let current = roots.next().ok_or(RootsError::NotInitialised)?;
    Ok(Keyring::new(current, roots.collect()))
}

/// Adds a root key of this fresh `id`, which is current once the caller commits; the older ones
/// open what they sealed until that was sealed anew. The keyring returned replaces the one in memory.
pub async fn rotate(
    transaction: &mut Transaction,
    seal: &dyn Seal,
    random: &dyn Random,
    now: Timestamp,
    id: SealingKeyId,
) -> Result<Keyring, RootsError> {
    // Opening the others first shows that the seal is the right one.
    load(transaction, seal).await?;
    let newest = rows(transaction)
        .await?
        .first()
        .map_or(0, |(root, _)| root.number);
    let key = SealingKey::new(id, Key256::generate(random)?);
    insert(transaction, seal, random, now, newest.saturating_add(1), &key).await?;
    load(transaction, seal).await
}

/// Protects every root key by another seal. The old seal opens nothing of this database after the
/// commit, but still does of its backups.
pub async fn change_seal(
    transaction: &mut Transaction,
    old: &dyn Seal,
    new: &dyn Seal,
    random: &dyn Random,
) -> Result<(), RootsError> {
    let roots = rows(transaction).await?;
    if roots.is_empty() {
        return Err(RootsError::NotInitialised);
    }
    for (mut root, protected) in roots {
        let key = reveal(&root, &protected, old).await?;
        root.seal_kind = new.kind().to_owned();
        root.seal_id = new.id().to_string();
        let protected = new.protect(random, &context(&root), key.key()).await?;
        let id = root.id.to_string();
        let values = [
            (&id).into(),
            (&root.seal_kind).into(),
            (&root.seal_id).into(),
            (&protected).into(),
        ];
        transaction.execute(RESEAL, &values).await?;
    }
    Ok(())
}

/// Deletes an older root key. Whatever is still sealed under it is lost: seal it anew before.
pub async fn retire(transaction: &mut Transaction, id: SealingKeyId) -> Result<(), RootsError> {
    let roots = rows(transaction).await?;
    if !roots.iter().skip(1).any(|(root, _)| root.id == id) {
        return Err(RootsError::NotRetirable(id));
    }
    transaction.execute(DELETE, &[(&id.to_string()).into()]).await?;
    Ok(())
}

/// The root keys without their bytes, the current one first. As the rows say it: only
/// [`load`] proves them.
pub async fn list(reader: &mut Snapshot) -> Result<Vec<Root>, RootsError> {
    Ok(rows(reader).await?.into_iter().map(|(root, _)| root).collect())
}

async fn insert(
    transaction: &mut Transaction,
    seal: &dyn Seal,
    random: &dyn Random,
    now: Timestamp,
    number: u64,
    key: &SealingKey,
) -> Result<(), RootsError> {
    let root = Root {
        id: key.id(),
        number,
        created_at: now,
        seal_kind: seal.kind().to_owned(),
        seal_id: seal.id().to_string(),
    };
    let protected = seal.protect(random, &context(&root), key.key()).await?;
    let id = root.id.to_string();
    let values = [
        (&id).into(),
        number.into(),
        now.as_micros().into(),
        (&root.seal_kind).into(),
        (&root.seal_id).into(),
        (&protected).into(),
    ];
    transaction.execute(INSERT, &values).await?;
    Ok(())
}

async fn reveal(root: &Root, protected: &[u8], seal: &dyn Seal) -> Result<SealingKey, RootsError> {
    if root.seal_kind != seal.kind() || root.seal_id != seal.id().to_string() {
        return Err(RootsError::WrongSeal {
            kind: root.seal_kind.clone(),
            id: root.seal_id.clone(),
        });
    }
    match seal.reveal(&context(root), protected).await {
        Ok(key) => Ok(SealingKey::new(root.id, key)),
        Err(RevealFailed::NotAuthentic) => Err(refused(&root.id.to_string(), RowRefusal::NotAuthentic)),
        Err(RevealFailed::Unavailable(reason)) => Err(RootsError::SealUnavailable(reason)),
    }
}

async fn rows(reader: &mut Snapshot) -> Result<Vec<(Root, Vec<u8>)>, RootsError> {
    let rows = reader.query(SELECT, &[]).await?;
    rows.iter()
        .map(|row| parse(row).ok_or_else(|| refused(row.text(0).unwrap_or("?"), RowRefusal::Unreadable)))
        .collect()
}

fn parse(row: &Row) -> Option<(Root, Vec<u8>)> {
    let root = Root {
        id: SealingKeyId::from_hex(row.text(0).ok()?)?,
        number: row.unsigned(1).ok()?,
        created_at: Timestamp::from_micros(row.unsigned(2).ok()?),
        seal_kind: row.text(3).ok()?.to_owned(),
        seal_id: row.text(4).ok()?.to_owned(),
    };
    Some((root, row.blob(5).ok()?.to_vec()))
}

/// Every column but the protected bytes.
fn context(root: &Root) -> Fields {
    Fields::new("strongroom root key")
        .number(1)
        .bytes(root.id.as_bytes())
        .number(root.number)
        .number(root.created_at.as_micros())
        .text(&root.seal_kind)
        .text(&root.seal_id)
}

fn refused(row: &str, reason: RowRefusal) -> RootsError {
    RootsError::Refused(RowRefused::new(TABLE, row, reason))
}
