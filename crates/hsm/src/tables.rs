//! The tables and every statement on them.

use store::{Migration, Migrations};

/// The tables of this crate.
pub const MIGRATIONS: Migrations = Migrations {
    owner: "hsm",
    steps: &[Migration {
        version: 1,
        name: "HSMs, their keys and key versions",
        sql: "CREATE TABLE hsm (
                  id TEXT PRIMARY KEY,
                  name TEXT NOT NULL UNIQUE,
                  created_at BIGINT NOT NULL,
                  manifest TEXT NOT NULL,
                  generation BIGINT NOT NULL,
                  tag {{BLOB}} NOT NULL
              );
              CREATE TABLE hsm_key (
                  id TEXT PRIMARY KEY,
                  hsm_id TEXT NOT NULL REFERENCES hsm (id),
                  name TEXT NOT NULL,
                  front TEXT NOT NULL,
                  usage TEXT NOT NULL,
                  created_at BIGINT NOT NULL,
                  state TEXT NOT NULL,
                  deletion_at BIGINT,
                  versions TEXT NOT NULL,
                  making TEXT,
                  remaining TEXT NOT NULL,
                  generation BIGINT NOT NULL,
                  tag {{BLOB}} NOT NULL
              );
              CREATE INDEX hsm_key_of ON hsm_key (hsm_id);
              CREATE TABLE hsm_key_version (
                  key_id TEXT NOT NULL REFERENCES hsm_key (id),
                  version_tag TEXT NOT NULL,
                  algorithm TEXT NOT NULL,
                  framing TEXT NOT NULL,
                  label TEXT,
                  object_id {{BLOB}},
                  legacy {{BLOB}},
                  proof {{BLOB}} NOT NULL,
                  created_at BIGINT NOT NULL,
                  tag {{BLOB}} NOT NULL,
                  PRIMARY KEY (key_id, version_tag)
              );",
    }],
};

pub(crate) const HSM: &str = "hsm";
pub(crate) const KEY: &str = "hsm_key";
pub(crate) const VERSION: &str = "hsm_key_version";

pub(crate) const SELECT_HSMS: &str =
    "SELECT id, name, created_at, manifest, generation, tag FROM hsm ORDER BY created_at, id";
pub(crate) const SELECT_HSM: &str =
    "SELECT id, name, created_at, manifest, generation, tag FROM hsm WHERE id = $1";
pub(crate) const SELECT_NAMED: &str = "SELECT id FROM hsm WHERE name = $1";
pub(crate) const INSERT_HSM: &str =
    "INSERT INTO hsm (id, name, created_at, manifest, generation, tag) VALUES ($1, $2, $3, $4, $5, $6)";
pub(crate) const UPDATE_HSM: &str = "UPDATE hsm SET manifest = $2, generation = $3, tag = $4 WHERE id = $1";
/// What of each row names the root that it depends on.
pub(crate) const HSM_ROOTS: &str = "SELECT id, tag FROM hsm ORDER BY id";
/// The same for keys.
pub(crate) const KEY_ROOTS: &str = "SELECT id, tag FROM hsm_key ORDER BY id";
/// The same for key versions.
pub(crate) const VERSION_ROOTS: &str = "SELECT key_id, tag FROM hsm_key_version ORDER BY key_id, version_tag";

pub(crate) const SELECT_KEYS: &str = "SELECT id, hsm_id, name, front, usage, created_at, state, deletion_at, \
    versions, making, remaining, generation, tag FROM hsm_key WHERE hsm_id = $1 ORDER BY id";
pub(crate) const INSERT_KEY: &str = "INSERT INTO hsm_key (id, hsm_id, name, front, usage, created_at, state, \
    deletion_at, versions, making, remaining, generation, tag) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
pub(crate) const UPDATE_KEY: &str = "UPDATE hsm_key SET state = $2, deletion_at = $3, versions = $4, \
    making = $5, remaining = $6, generation = $7, tag = $8 WHERE id = $1";
/// In the order in which the references allow it.
pub(crate) const DELETE_KEY: [&str; 2] = [
    "DELETE FROM hsm_key_version WHERE key_id = $1",
    "DELETE FROM hsm_key WHERE id = $1",
];

pub(crate) const SELECT_VERSIONS: &str = "SELECT v.key_id, v.version_tag, v.algorithm, v.framing, v.label, \
    v.object_id, v.legacy, v.proof, v.created_at, v.tag FROM hsm_key_version v \
    JOIN hsm_key k ON k.id = v.key_id WHERE k.hsm_id = $1";
pub(crate) const INSERT_VERSION: &str = "INSERT INTO hsm_key_version (key_id, version_tag, algorithm, framing, \
    label, object_id, legacy, proof, created_at, tag) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
pub(crate) const RETAG_VERSION: &str =
    "UPDATE hsm_key_version SET tag = $3 WHERE key_id = $1 AND version_tag = $2";

/// A whole HSM, in the order in which the references allow it.
pub(crate) const DELETE: [&str; 3] = [
    "DELETE FROM hsm_key_version WHERE key_id IN (SELECT id FROM hsm_key WHERE hsm_id = $1)",
    "DELETE FROM hsm_key WHERE hsm_id = $1",
    "DELETE FROM hsm WHERE id = $1",
];
