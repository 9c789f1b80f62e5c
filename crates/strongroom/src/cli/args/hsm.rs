//! The grammar of `strongroom hsm`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `hsm`
#[derive(Debug, Subcommand)]
pub enum HsmCommand {
    /// Make the key manager of an [[hsm]] that the server's configuration names
    Create {
        /// Its name in the configuration
        name: String,
    },
    /// List the HSMs of the server, or the slots and tokens of a PKCS#11 module
    List(ListArgs),
    /// Try everything that the server will need of an HSM, and tell what to mend
    Check(HsmArgs),
    /// Measure operations a second, by sessions and size
    Bench(BenchArgs),
}

/// `hsm list`
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Ask this PKCS#11 module instead of a server: its slots, tokens and mechanisms
    #[arg(long, value_name = "PATH")]
    pub module: Option<PathBuf>,
    /// List the keys too, of the token that this PIN opens; it is presented once
    #[arg(long, value_name = "FILE", requires = "module")]
    pub pin_file: Option<PathBuf>,
    /// Which token: its label, serial:SERIAL or slot:NUMBER [default: the only one]
    #[arg(long, value_name = "TOKEN", requires = "module")]
    pub token: Option<String>,
    /// What is particular about the product: a built-in profile or a file [default: by the module's
    /// own words]
    #[arg(long, value_name = "PROFILE", requires = "module")]
    pub profile: Option<String>,
}

/// Which HSM: of a configuration, or a token of a module.
#[derive(Debug, Args)]
pub struct HsmArgs {
    /// Which [[hsm]] of the configuration [default: all]
    #[arg(requires = "config")]
    pub name: Option<String>,
    /// The server's configuration file
    #[arg(long, value_name = "FILE", required_unless_present = "module")]
    pub config: Option<PathBuf>,
    /// A PKCS#11 module that no configuration names yet
    #[arg(long, value_name = "PATH", conflicts_with = "config")]
    pub module: Option<PathBuf>,
    /// Which of its tokens: its label, serial:SERIAL or slot:NUMBER [default: the only one]
    #[arg(long, value_name = "TOKEN", requires = "module")]
    pub token: Option<String>,
    /// The file with the PIN
    #[arg(long, value_name = "FILE", requires = "module")]
    pub pin_file: Option<PathBuf>,
    /// What is particular about the product: a built-in profile or a file [default: by the module's
    /// own words]
    #[arg(long, value_name = "PROFILE", requires = "module")]
    pub profile: Option<String>,
}

/// `hsm bench`
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Which one
    #[command(flatten)]
    pub hsm: HsmArgs,
    /// How long to measure, all together
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// With how many sessions
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "1,2,4,8,16",
          value_parser = clap::value_parser!(u16).range(1..=256))]
    pub sessions: Vec<u16>,
    /// With plaintexts of how many bytes
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "32,1024,4300",
          value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub sizes: Vec<u32>,
    /// Measure in this process alone, not in a worker as well
    #[arg(long)]
    pub in_process_only: bool,
}
