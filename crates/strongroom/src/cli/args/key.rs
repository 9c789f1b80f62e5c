//! The grammar of `strongroom key`.

use clap::{Args, Subcommand};

/// `key`
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Create a 256-bit AES key
    Create {
        /// What to call it: 1 to 64 of a-z A-Z 0-9 . _ -
        name: String,
        #[command(flatten)]
        manager: KeptIn,
        /// What the key may do, for good
        #[arg(long, value_name = "USAGE", default_value = "encrypt,decrypt",
              value_parser = ["encrypt,decrypt", "encrypt", "decrypt", "none"])]
        usage: String,
    },
    /// List the keys
    List {
        #[command(flatten)]
        manager: OnlyIn,
    },
    /// Show one key, its versions, and what would stop without it
    Show {
        /// Its id or name
        key: String,
    },
    /// Let a disabled key be used again
    Enable {
        /// Its id or name
        key: String,
    },
    /// Stop every use of a key at once
    Disable {
        /// Its id or name
        key: String,
    },
    /// Make a new version, which encrypts from now on; older ones go on decrypting
    Rotate {
        /// Its id or name
        key: String,
    },
    /// Take over a key object of an HSM as it is
    Adopt(AdoptArgs),
    /// Stop every use of a key at once, and destroy it after a waiting period
    Delete {
        /// Its id or name
        key: String,
        /// The waiting period: 30d, 720h
        #[arg(long, value_name = "TIME", default_value = "30d")]
        after: String,
    },
    /// Keep a key that is pending deletion; it stays disabled
    Undelete {
        /// Its id or name
        key: String,
    },
}

/// Which key manager makes and keeps a key.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct KeptIn {
    /// The virtual HSM that makes and keeps it, by id or name
    #[arg(long, value_name = "VHSM")]
    pub vhsm: Option<String>,
    /// The HSM that makes and keeps it, by id or name
    #[arg(long, value_name = "HSM")]
    pub hsm: Option<String>,
}

/// Which key manager's keys to list.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct OnlyIn {
    /// Only those of this virtual HSM, by id or name
    #[arg(long, value_name = "VHSM")]
    pub vhsm: Option<String>,
    /// Only those of this HSM, by id or name
    #[arg(long, value_name = "HSM")]
    pub hsm: Option<String>,
}

/// `key adopt`
#[derive(Debug, Args)]
pub struct AdoptArgs {
    /// What to call the key: 1 to 64 of a-z A-Z 0-9 . _ -
    pub name: String,
    /// The HSM that has the object, by id or name
    #[arg(long, value_name = "HSM")]
    pub hsm: String,
    /// The object's label (CKA_LABEL)
    #[arg(long, value_name = "LABEL", required_unless_present = "object_id")]
    pub label: Option<String>,
    /// The object's id (CKA_ID), in hexadecimal digits
    #[arg(long, value_name = "HEX")]
    pub object_id: Option<String>,
    /// What the key may do, for good
    #[arg(long, value_name = "USAGE", default_value = "encrypt,decrypt",
          value_parser = ["encrypt,decrypt", "encrypt", "decrypt", "none"])]
    pub usage: String,
    /// How another product framed what it encrypted with the object, if that must still decrypt
    #[arg(long, value_name = "FRAMING", value_parser = ["aws-sample", "spec", "danger_raw"])]
    pub legacy_framing: Option<String>,
    /// The ciphertext metadata that it always wrote, in hexadecimal digits [default: none]
    #[arg(long, value_name = "HEX", requires = "legacy_framing")]
    pub legacy_metadata: Option<String>,
    /// What encrypts from now on [default: new-object with --legacy-framing, else same-object]
    #[arg(long, value_name = "WHICH", value_parser = ["new-object", "same-object"])]
    pub encrypt_with: Option<String>,
    /// How often the same object has encrypted until now, at most [default: 2147483648]
    #[arg(long, value_name = "N")]
    pub count_from: Option<u64>,
}
