//! The grammar of the command line. The texts here are what `--help` prints.

mod hsm;
mod import;
mod key;
mod kms;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use hsm::{BenchArgs, HsmArgs, HsmCommand, ListArgs};
pub use import::ImportArgs;
pub(super) use key::{AdoptArgs, KeptIn, KeyCommand};
pub use kms::{ExplainArgs, FaultCommand, KmsCommand};

const AFTER_HELP: &str = "\
Exit codes:
  0  done
  1  refused or failed; standard error says what to do next
  2  the command line is wrong
  3  no server answers on the socket";

/// Holds your keys for AWS KMS: an external key store with its XKS proxy and key managers; and AWS's
/// side of it, for tests without an AWS account.
#[derive(Debug, Parser)]
#[command(name = "strongroom", version, after_help = AFTER_HELP, max_term_width = 100)]
#[command(disable_help_subcommand = true, propagate_version = false)]
pub struct Cli {
    /// Print one JSON value instead of text for people
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// The server's data directory; its socket is DIR/admin.sock
    #[arg(long, global = true, value_name = "DIR", help_heading = "Global options")]
    pub data_dir: Option<PathBuf>,
    /// The server's management socket [default: DIR/admin.sock, or STRONGROOM_SOCKET; for `kms`
    /// STRONGROOM_KMS_SOCKET]
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        conflicts_with = "data_dir",
        help_heading = "Global options"
    )]
    pub socket: Option<PathBuf>,
    #[command(subcommand)]
    #[expect(missing_docs, reason = "clap would print it")]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start everything on loopback with a throw-away CA, prove it, and run until Ctrl-C
    Dev(DevArgs),
    /// Make the data directory, the seal key, the store, the audit log and the first root key
    Init {
        /// The configuration that names them; without it, the usual places in --data-dir
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Run the server
    Serve {
        /// The configuration file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Tell how the server fares and what it serves
    Status,
    /// Virtual HSMs: key managers in software
    #[command(subcommand)]
    Vhsm(VhsmCommand),
    /// HSMs, through their PKCS#11 modules
    #[command(subcommand)]
    Hsm(HsmCommand),
    /// Root keys, under which everything in the store is sealed
    #[command(subcommand)]
    Root(RootCommand),
    /// The seal, which protects the root keys
    #[command(subcommand)]
    Seal(SealCommand),
    /// Keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// External key stores, as AWS KMS sees them
    #[command(subcommand)]
    KeyStore(KeyStoreCommand),
    /// SigV4 credentials, with which AWS KMS signs its requests
    #[command(subcommand)]
    Credential(CredentialCommand),
    /// The audit log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The configuration file
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Move here from AWS's sample proxy (aws-kms-xks-proxy), with keys, paths, ids and credentials
    ImportSampleConfig(ImportArgs),
    /// After a restore from a backup
    #[command(subcommand)]
    Recovery(RecoveryCommand),
    /// The process in which a server runs a vendor's PKCS#11 module
    #[command(hide = true)]
    Pkcs11Worker,
    /// AWS's side: an endpoint with the API of AWS KMS that calls any XKS proxy
    #[command(subcommand)]
    Kms(KmsCommand),
}

/// `dev`
#[derive(Debug, Args)]
pub struct DevArgs {
    /// Where the XKS proxy listens; port 0 lets the system choose
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    pub xks_listen: SocketAddr,
    /// Where the KMS endpoint listens, with plain HTTP; port 0 lets the system choose
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8444")]
    pub kms_listen: SocketAddr,
}

/// `vhsm`
#[derive(Debug, Subcommand)]
pub enum VhsmCommand {
    /// Create a virtual HSM with a key-encryption key of its own
    Create {
        /// What to call it: 1 to 64 of a-z A-Z 0-9 . _ -
        name: String,
    },
    /// List the virtual HSMs
    List,
    /// Replace a virtual HSM's key-encryption key and seal its keys under the new one
    RotateKek {
        /// Its id or name
        vhsm: String,
    },
}

/// `root`
#[derive(Debug, Subcommand)]
pub enum RootCommand {
    /// List the root keys and what in the store still needs each
    List,
    /// Make a new root key and seal everything under it; requests are served meanwhile
    Rotate,
    /// Delete an older root key for good, once nothing in the store needs it
    Retire {
        /// Its id, from `root list`
        root: String,
    },
}

/// `seal`
#[derive(Debug, Subcommand)]
pub enum SealCommand {
    /// Make a new seal key and protect the root keys by it; the older one is kept
    Change {
        /// The kind of the new one, which the configuration must name; by default the kind in force
        #[arg(long, value_name = "KIND")]
        to: Option<SealKind>,
    },
}

/// A kind of seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SealKind {
    /// A key in a file
    KeyFile,
    /// A key in an HSM
    Hsm,
}

impl SealKind {
    /// As in the management API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeyFile => "key-file",
            Self::Hsm => "hsm",
        }
    }
}

/// `key-store`
#[derive(Debug, Subcommand)]
pub enum KeyStoreCommand {
    /// Create an external key store
    Create {
        /// What to call it: 1 to 64 of a-z A-Z 0-9 . _ -
        name: String,
        /// The URI path before /kms/xks/v1, such as /example; random unless chosen
        #[arg(long, value_name = "PREFIX")]
        path_prefix: Option<String>,
        /// Accept requests signed for this AWS Region only
        #[arg(long, value_name = "REGION")]
        region: Option<String>,
        /// Serve it on this listener only (may be repeated)
        #[arg(long = "listener", value_name = "NAME")]
        listeners: Vec<String>,
        /// Accept only clients with this certificate common name (may be repeated)
        #[arg(long = "common-name", value_name = "CN")]
        common_names: Vec<String>,
    },
    /// List the key stores
    List,
    /// Show one key store, its bindings and credentials
    Show {
        /// Its id or name
        key_store: String,
    },
    /// Let a key store use a key, under an external key id
    Bind {
        /// The key store's id or name
        key_store: String,
        /// The key's id or name
        key: String,
        /// The id to tell AWS KMS [default: random]
        #[arg(long, value_name = "ID")]
        external_key_id: Option<String>,
        /// Only for callers whose ARN fits this pattern, with * and ? (may be repeated)
        #[arg(long = "principal", value_name = "ARN")]
        principals: Vec<String>,
        /// Only for KMS keys whose ARN fits this pattern, with * and ? (may be repeated)
        #[arg(long = "kms-key", value_name = "ARN")]
        kms_keys: Vec<String>,
    },
    /// Stop every use at once, answers under way included
    Block {
        /// The key store's id or name
        key_store: String,
        /// Block this external key only
        #[arg(long, value_name = "ID")]
        external_key_id: Option<String>,
        /// Why; it stands in the audit log
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Allow use again
    Unblock {
        /// The key store's id or name
        key_store: String,
        /// Unblock this external key only
        #[arg(long, value_name = "ID")]
        external_key_id: Option<String>,
    },
}

/// `credential`
#[derive(Debug, Subcommand)]
pub enum CredentialCommand {
    /// Add a credential; a generated secret is shown this once
    Add {
        /// The key store's id or name
        key_store: String,
        /// When it ends: 90d, 12h, 30m or 2027-01-31T00:00:00Z [default: never]
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
        /// The access key id of an existing secret: 20 to 30 of A-Z 2-7
        #[arg(long, value_name = "ID", requires = "secret_file")]
        access_key_id: Option<String>,
        /// Read an existing secret from this file, or - for standard input
        #[arg(long, value_name = "PATH", requires = "access_key_id")]
        secret_file: Option<PathBuf>,
        /// Write what the AWS KMS console imports to this new file (mode 0600) instead of showing it
        #[arg(long, value_name = "PATH")]
        console_file: Option<PathBuf>,
    },
    /// List the credentials of a key store, without their secrets
    List {
        /// The key store's id or name
        key_store: String,
    },
    /// End a credential at once
    Retire {
        /// The key store's id or name
        key_store: String,
        /// Which one
        access_key_id: String,
    },
}

/// `audit`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Read the whole log and check every checksum and chain link
    Verify {
        /// The log's directory [default: DIR/audit of --data-dir]
        #[arg(long, value_name = "DIR")]
        log_dir: Option<PathBuf>,
        /// The log must still hold everything up to this head, noted from an earlier run
        #[arg(long, value_name = "RECORDS:CHAIN")]
        head: Option<audit::Head>,
    },
    /// Print the newest records
    Tail {
        /// The log's directory [default: DIR/audit of --data-dir]
        #[arg(long, value_name = "DIR")]
        log_dir: Option<PathBuf>,
        /// How many
        #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 10)]
        lines: usize,
        /// Go on with every new record until Ctrl-C
        #[arg(long, short)]
        follow: bool,
    },
}

/// `config`
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check a configuration file and the files that it names
    Check {
        /// The configuration file
        file: PathBuf,
    },
    /// Print an annotated configuration file to start from
    Example,
}

/// `recovery`
#[derive(Debug, Subcommand)]
pub enum RecoveryCommand {
    /// Accept that the store is older than the audit log says, and serve again
    Acknowledge,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
