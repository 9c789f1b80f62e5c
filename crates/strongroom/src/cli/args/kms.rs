//! The grammar of `strongroom kms`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ConfigCommand;

/// `kms`
#[derive(Debug, Subcommand)]
pub enum KmsCommand {
    /// Make the data directory, the seal key, the store and a first identity
    Init {
        /// The configuration that names them; without it, the usual places in --data-dir
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Run the KMS endpoint
    Serve {
        /// The configuration file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// The configuration file of the KMS endpoint
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Tell how the endpoint fares and what it serves
    Status,
    /// Tell whether a principal may do something, and which statement says so
    Explain(ExplainArgs),
    /// Faults to order, for tests of applications
    #[command(subcommand)]
    Fault(FaultCommand),
    /// Read the configuration, the identities and the certificates anew
    Reload,
    /// Print the metrics, as Prometheus takes them
    Metrics,
}

/// `kms explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Who: the ARN of a user or role of the identities file
    #[arg(long, value_name = "ARN")]
    pub principal: String,
    /// What: kms:Decrypt
    #[arg(long, value_name = "ACTION")]
    pub action: String,
    /// On which key: its id, ARN, alias name or alias ARN; none for actions such as kms:ListKeys
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// In which AWS Region
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    pub region: String,
    /// One pair of the encryption context (may be repeated)
    #[arg(long = "context", value_name = "KEY=VALUE")]
    pub context: Vec<String>,
    /// A grant token (may be repeated)
    #[arg(long = "grant-token", value_name = "TOKEN")]
    pub grant_tokens: Vec<String>,
    /// A condition key and its value, such as kms:ViaService=s3.us-east-1.amazonaws.com (may be
    /// repeated)
    #[arg(long = "condition", value_name = "KEY=VALUE")]
    pub conditions: Vec<String>,
}

/// `kms fault`
#[derive(Debug, Subcommand)]
pub enum FaultCommand {
    /// Make a custom key store fail for a while
    Set {
        /// The custom key store's id or name
        key_store: String,
        /// How: slow=200ms, unreachable, bad-certificate, throttled, malformed, corrupted,
        /// key-managers-unavailable, or the name of an error of the XKS Proxy API, such as
        /// InternalException
        fault: String,
        /// For how long: 30s, 5m
        #[arg(long = "for", value_name = "TIME", default_value = "5m")]
        duration: String,
    },
    /// List the faults in force
    List,
    /// End faults before their time
    Clear {
        /// Only those of this custom key store, by id or name
        key_store: Option<String>,
    },
}
