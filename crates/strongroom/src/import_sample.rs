//! `import-sample-config`: from AWS's sample of an XKS proxy (`aws-samples/aws-kms-xks-proxy`) to here, with
//! the same keys, paths, external key ids and credentials, and without encrypting anything anew.
//!
//! What is known of the sample was read in its source: the settings that it reads, that it takes the
//! module's first slot, that an external key id is the label of a key object, and how it frames additional
//! data ([`key_manager::Framing::AwsSample`]).

mod apply;
mod plan;
mod settings;
mod words;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use zeroize::Zeroizing;

use crate::cli::{ImportArgs, Output};
pub(crate) use apply::apply;
pub(crate) use plan::Plan;
use settings::Settings;

/// Reads the settings and plans; writes the PIN file if that is asked for.
pub(crate) fn prepare(args: &ImportArgs) -> anyhow::Result<Plan> {
    let settings = Settings::read(&args.file)?;
    let plan = Plan::new(&settings, args)?;
    if let Some(file) = &args.write_pin_file {
        write_pin(file, &settings)?;
    }
    Ok(plan)
}

/// What would be done.
pub(crate) fn show(plan: &Plan, args: &ImportArgs, output: &Output) -> anyhow::Result<()> {
    output.show(&words::Shown::new(plan), |_| words::text(plan, args))
}

/// The PIN moves from the settings to a file of its owner's alone; it is shown nowhere.
fn write_pin(path: &Path, settings: &Settings) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| {
            format!(
                "cannot make the PIN file {}; if it is there already, leave out --write-pin-file",
                path.display()
            )
        })?;
    let mut line = Zeroizing::new(Vec::with_capacity(settings.pkcs11.user_pin.expose().len() + 1));
    line.extend_from_slice(settings.pkcs11.user_pin.expose().as_bytes());
    line.push(b'\n');
    file.write_all(&line)
        .and_then(|()| file.sync_all())
        .with_context(|| format!("cannot write the PIN file {}", path.display()))
}
