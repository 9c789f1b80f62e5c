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
    /// AWS's side. Absent in files of releases that had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms: Option<Kms>,
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

/// What a client of the KMS endpoint needs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kms {
    /// `http://127.0.0.1:<port>`.
    pub endpoint: String,
    /// The Region to sign for.
    pub region: String,
    /// The user's access key.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// The user's account.
    pub account: String,
    /// The external key store over our own proxy.
    pub custom_key_store_id: String,
    /// The KMS key in it.
    pub key_arn: String,
    /// That key's alias.
    pub alias: String,
    /// The proxy as the custom key store knows it: without a port, as at AWS.
    pub xks_proxy_uri_endpoint: String,
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
