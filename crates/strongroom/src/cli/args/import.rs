//! The grammar of `strongroom import-sample-config`.

use std::path::PathBuf;

use clap::Args;

/// `import-sample-config`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The sample's settings.toml
    pub file: PathBuf,
    /// Do it, through the server; without this the plan is printed and nothing is changed
    #[arg(long)]
    pub apply: bool,
    /// What the [[hsm]] of the server's configuration is called
    #[arg(long, value_name = "NAME", default_value = "sample")]
    pub hsm: String,
    /// What encrypts from now on: a new key object for each key, or the sample's own
    #[arg(long, value_name = "OBJECT", default_value = "new-object", value_parser = ["new-object", "same-object"])]
    pub encrypt_with: String,
    /// Write the PIN of the settings to this new file (mode 0600), and name it in the plan
    #[arg(long, value_name = "FILE")]
    pub write_pin_file: Option<PathBuf>,
}
