//! The tables and every statement on them.

use store::{Migration, Migrations};

/// The tables of this crate.
pub const MIGRATIONS: Migrations = Migrations {
    owner: "virtual-hsm",
    steps: &[
        Migration {
            version: 1,
            name: "virtual HSMs, their keys and key versions",
            sql: FIRST,
        },
        Migration {
            version: 2,
            name: "when a key is destroyed",
            sql: "ALTER TABLE virtual_hsm_key ADD COLUMN deletion_at BIGINT;",
        },
    ],
};

const FIRST: &str = "CREATE TABLE virtual_hsm (
                  id TEXT PRIMARY KEY,
                  name TEXT NOT NULL UNIQUE,
                  created_at BIGINT NOT NULL,
                  kek_id TEXT NOT NULL,
                  kek {{BLOB}} NOT NULL,
                  manifest TEXT NOT NULL,
                  generation BIGINT NOT NULL,
                  tag {{BLOB}} NOT NULL
              );
              CREATE TABLE virtual_hsm_key (
                  id TEXT PRIMARY KEY,
                  hsm_id TEXT NOT NULL REFERENCES virtual_hsm (id),
                  name TEXT NOT NULL,
                  front TEXT NOT NULL,
                  usage TEXT NOT NULL,
                  canary BIGINT NOT NULL,
                  created_at BIGINT NOT NULL,
                  state TEXT NOT NULL,
                  versions TEXT NOT NULL,
                  generation BIGINT NOT NULL,
                  tag {{BLOB}} NOT NULL
              );
              CREATE INDEX virtual_hsm_key_of ON virtual_hsm_key (hsm_id);
              CREATE TABLE virtual_hsm_key_version (
                  key_id TEXT NOT NULL REFERENCES virtual_hsm_key (id),
                  version_tag TEXT NOT NULL,
                  algorithm TEXT NOT NULL,
                  framing TEXT NOT NULL,
                  fingerprint {{BLOB}} NOT NULL,
                  created_at BIGINT NOT NULL,
                  sealed {{BLOB}} NOT NULL,
                  PRIMARY KEY (key_id, version_tag)
              );";

pub(crate) const HSM: &str = "virtual_hsm";
pub(crate) const KEY: &str = "virtual_hsm_key";
pub(crate) const VERSION: &str = "virtual_hsm_key_version";

pub(crate) const SELECT_HSMS: &str = "SELECT id, name, created_at, kek_id, kek, manifest, generation, tag \
    FROM virtual_hsm ORDER BY created_at, id";
pub(crate) const SELECT_HSM: &str = "SELECT id, name, created_at, kek_id, kek, manifest, generation, tag \
    FROM virtual_hsm WHERE id = $1";
/// What of each row names the root that it depends on.
pub(crate) const HSM_ROOTS: &str = "SELECT id, tag, kek FROM virtual_hsm ORDER BY id";
/// The same for keys.
pub(crate) const KEY_ROOTS: &str = "SELECT id, tag FROM virtual_hsm_key ORDER BY id";
pub(crate) const INSERT_HSM: &str = "INSERT INTO virtual_hsm \
    (id, name, created_at, kek_id, kek, manifest, generation, tag) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
pub(crate) const UPDATE_HSM: &str = "UPDATE virtual_hsm \
    SET kek_id = $2, kek = $3, manifest = $4, generation = $5, tag = $6 WHERE id = $1";

pub(crate) const SELECT_KEYS: &str = "SELECT id, hsm_id, name, front, usage, canary, created_at, state, \
    versions, generation, tag, deletion_at FROM virtual_hsm_key WHERE hsm_id = $1 ORDER BY id";
pub(crate) const INSERT_KEY: &str = "INSERT INTO virtual_hsm_key (id, hsm_id, name, front, usage, canary, \
    created_at, state, versions, generation, tag) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
pub(crate) const UPDATE_KEY: &str = "UPDATE virtual_hsm_key \
    SET state = $2, versions = $3, generation = $4, tag = $5, deletion_at = $6 WHERE id = $1";
/// In the order in which the references allow it.
pub(crate) const DELETE_KEY: [&str; 2] = [
    "DELETE FROM virtual_hsm_key_version WHERE key_id = $1",
    "DELETE FROM virtual_hsm_key WHERE id = $1",
];

pub(crate) const SELECT_VERSIONS: &str = "SELECT v.key_id, v.version_tag, v.algorithm, v.framing, \
    v.fingerprint, v.created_at, v.sealed FROM virtual_hsm_key_version v \
    JOIN virtual_hsm_key k ON k.id = v.key_id WHERE k.hsm_id = $1";
pub(crate) const INSERT_VERSION: &str = "INSERT INTO virtual_hsm_key_version \
    (key_id, version_tag, algorithm, framing, fingerprint, created_at, sealed) \
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
pub(crate) const RESEAL_VERSION: &str =
    "UPDATE virtual_hsm_key_version SET sealed = $3 WHERE key_id = $1 AND version_tag = $2";

/// In the order in which the references allow it.
pub(crate) const DELETE: [&str; 3] = [
    "DELETE FROM virtual_hsm_key_version WHERE key_id IN (SELECT id FROM virtual_hsm_key WHERE hsm_id = $1)",
    "DELETE FROM virtual_hsm_key WHERE hsm_id = $1",
    "DELETE FROM virtual_hsm WHERE id = $1",
];
