//! `dev.json`: where a `strongroom dev` is and how to sign for it. A stable contract for tools;
//! members may be added, none is renamed or removed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::data_dir::write_private;

/// The whole file. Mode 0600, for it holds a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// The XKS proxy's side.
    pub xks: Xks,
    /// The management API.
    pub admin: Admin,
    /// The process that serves.
    pub pid: u32,
}

/// What a client of the XKS proxy needs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Xks {
    /// `https://localhost:<port>`.
    pub endpoint: String,
    /// The path prefix with `/kms/xks/v1`.
    pub uri_path: String,
    /// The credential's public part.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// The Region to sign for.
    pub region: String,
    /// The external key.
    pub external_key_id: String,
    /// PEM file of the CA to trust.
    pub ca_certificate: PathBuf,
}

/// Where the management API is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admin {
    /// The Unix socket.
    pub socket: PathBuf,
}

impl Contract {
    /// The file in a data directory.
    pub fn path(dir: &Path) -> PathBuf {
        dir.join("dev.json")
    }

    /// The contract of an earlier run; `None` if there is none that can be read.
    pub fn read(dir: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(Self::path(dir)).ok()?).ok()
    }

    /// Replaces the file in one step.
    pub fn write(&self, dir: &Path) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec_pretty(self).context("cannot print dev.json")?;
        text.push(b'\n');
        write_private(&Self::path(dir), &text)
    }
}
