//! Which rows there are, and at which generation each was written.
//!
//! A row's tag proves that we wrote it, not that it is the latest that we wrote: whoever can write
//! the database could put an older version back, or delete a row. The manifest lists every row with
//! its generation. It is cut into [`BUCKETS`] parts, each a tagged row, so that a change rewrites
//! one part and not the list of 100,000 keys; a head, tagged too, lists the parts. That the whole
//! database was put back cannot show, for there is nothing outside to hold it against.

use std::collections::{BTreeMap, BTreeSet};

use crypto::Fields;
use seal::{RowMac, RowRefusal, RowRefused};
use serde::{Deserialize, Serialize};
use store::{Row, Snapshot, StoreError, Transaction};

use super::table::{StoredRow, Table};

/// Parts of the manifest; their rows' ids are 1 and up, the head's is 0.
const BUCKETS: u8 = 255;
const HEAD: u64 = 0;
const TABLE: &str = "kms_manifest";
const SELECT: &str = "SELECT id, entries, generation, tag FROM kms_manifest ORDER BY id";
const WRITE: &str = "INSERT INTO kms_manifest (id, entries, generation, tag) VALUES ($1, $2, $3, $4) \
    ON CONFLICT (id) DO UPDATE SET entries = excluded.entries, generation = excluded.generation, \
    tag = excluded.tag";

/// Generations by name: of rows (`table/id`) in a part, of parts (their numbers) in the head.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Entries(BTreeMap<String, u64>);

/// What the store must hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manifest {
    head: Entries,
    parts: BTreeMap<u64, Entries>,
    /// The last change: the authentic number, for the store's own counter is not tagged.
    pub(crate) generation: u64,
}

/// Parts that one change has touched.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    parts: BTreeMap<u64, Entries>,
}

impl Manifest {
    /// Reads the manifest. A part that is not ours, or not the latest of ours, is named, and the
    /// rows that only it could vouch for are refused with it.
    pub(crate) async fn read(
        snapshot: &mut Snapshot,
        mac: &RowMac,
    ) -> Result<(Self, Vec<RowRefused>), StoreError> {
        let (mut manifest, mut refused) = (Self::default(), Vec::new());
        let mut generations = BTreeMap::new();
        for row in snapshot.query(SELECT, &[]).await? {
            match read_part(&row, mac) {
                Ok((HEAD, entries, generation)) => {
                    manifest.head = entries;
                    manifest.generation = generation;
                }
                Ok((part, entries, generation)) => {
                    generations.insert(part, generation);
                    manifest.parts.insert(part, entries);
                }
                Err(reason) => {
                    let id = row.int(0).map_or_else(|_| "?".to_owned(), |id| id.to_string());
                    refused.push(RowRefused::new(TABLE, &id, reason));
                }
            }
        }
        let known = &manifest.head.0;
        manifest.parts.retain(|part, _| {
            let reason = match (known.get(&part.to_string()), generations.get(part)) {
                (Some(expected), Some(found)) if expected == found => return true,
                (Some(_), _) => RowRefusal::Stale,
                (None, _) => RowRefusal::Unexpected,
            };
            refused.push(RowRefused::new(TABLE, &part.to_string(), reason));
            false
        });
        let named: BTreeSet<String> = refused.iter().map(|refused| refused.row.clone()).collect();
        let missing = known.keys().filter(|part| {
            !named.contains(*part) && part.parse().is_ok_and(|part| !manifest.parts.contains_key(&part))
        });
        refused.extend(missing.map(|part| RowRefused::new(TABLE, part, RowRefusal::Missing)));
        Ok((manifest, refused))
    }

    /// All rows of one table that are ours and the latest of ours; the others are named.
    pub(crate) async fn rows(
        &self,
        table: Table,
        snapshot: &mut Snapshot,
        mac: &RowMac,
    ) -> Result<(Vec<StoredRow>, Vec<RowRefused>), StoreError> {
        let (mut good, mut refused) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        for row in snapshot.query(table.select(), &[]).await? {
            let id = row.text(0).unwrap_or("?").to_owned();
            let read = StoredRow::authentic(table, &row, mac);
            match read.and_then(|row| self.expects(table, &row).map(|()| row)) {
                Ok(row) => good.push(row),
                Err(reason) => refused.push(RowRefused::new(table.name(), &id, reason)),
            }
            seen.insert(id);
        }
        let prefix = format!("{}/", table.name());
        let known = self.parts.values().flat_map(|part| part.0.keys());
        let missing = known
            .filter_map(|name| name.strip_prefix(&prefix))
            .filter(|id| !seen.contains(*id));
        refused.extend(missing.map(|id| RowRefused::new(table.name(), id, RowRefusal::Missing)));
        Ok((good, refused))
    }

    fn expects(&self, table: Table, row: &StoredRow) -> Result<(), RowRefusal> {
        let name = name(table, &row.id);
        let part = self.parts.get(&part_of(&name));
        match part.and_then(|part| part.0.get(&name)) {
            Some(generation) if *generation == row.generation => Ok(()),
            Some(_) => Err(RowRefusal::Stale),
            None => Err(RowRefusal::Unexpected),
        }
    }

    /// Notes in `touched` that a row is written at `generation`, or deleted (`None`).
    pub(crate) fn note(&self, touched: &mut Touched, table: Table, id: &str, generation: Option<u64>) {
        let name = name(table, id);
        let number = part_of(&name);
        let part = touched
            .parts
            .entry(number)
            .or_insert_with(|| self.parts.get(&number).cloned().unwrap_or_default());
        match generation {
            Some(generation) => drop(part.0.insert(name, generation)),
            None => drop(part.0.remove(&name)),
        }
    }

    /// Writes what changed in the transaction that writes the rows, and gives the manifest that
    /// holds once the transaction is durable.
    pub(crate) async fn write(
        &self,
        touched: &Touched,
        transaction: &mut Transaction,
        mac: &RowMac,
        generation: u64,
    ) -> Result<Entry, StoreError> {
        let mut head = self.head.clone();
        for (part, entries) in &touched.parts {
            write_part(transaction, mac, *part, entries, generation).await?;
            head.0.insert(part.to_string(), generation);
        }
        write_part(transaction, mac, HEAD, &head, generation).await?;
        Ok(Entry { head, generation })
    }

    /// Takes over what a transaction has made durable.
    pub(crate) fn apply(&mut self, touched: Touched, entry: Entry) {
        self.parts.extend(touched.parts);
        self.head = entry.head;
        self.generation = entry.generation;
    }
}

/// The head that a transaction wrote.
#[derive(Debug)]
pub(crate) struct Entry {
    head: Entries,
    generation: u64,
}

async fn write_part(
    transaction: &mut Transaction,
    mac: &RowMac,
    part: u64,
    entries: &Entries,
    generation: u64,
) -> Result<(), StoreError> {
    // A map of texts to numbers always serialises.
    let entries = serde_json::to_string(entries).unwrap_or_default();
    let tag = mac.tag(&fields(part, &entries, generation));
    let values = [part.into(), (&entries).into(), generation.into(), (&tag).into()];
    transaction.execute(WRITE, &values).await.map(drop)
}

fn read_part(row: &Row, mac: &RowMac) -> Result<(u64, Entries, u64), RowRefusal> {
    let unreadable = |_: StoreError| RowRefusal::Unreadable;
    let part = row.unsigned(0).map_err(unreadable)?;
    let entries = row.text(1).map_err(unreadable)?;
    let generation = row.unsigned(2).map_err(unreadable)?;
    let tag = row.blob(3).map_err(unreadable)?;
    mac.verify(&fields(part, entries, generation), tag)?;
    let entries = serde_json::from_str(entries).map_err(|_| RowRefusal::Unreadable)?;
    Ok((part, entries, generation))
}

fn fields(part: u64, entries: &str, generation: u64) -> Fields {
    Fields::new("strongroom kms_manifest v1")
        .number(part)
        .text(entries)
        .number(generation)
}

fn name(table: Table, id: &str) -> String {
    format!("{}/{id}", table.name())
}

/// Spreads rows evenly over the parts.
fn part_of(name: &str) -> u64 {
    let [first, ..] = crypto::sha256(&[name.as_bytes()]);
    u64::from(first % BUCKETS) + 1
}
