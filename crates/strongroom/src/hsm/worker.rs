//! `pkcs11-worker`: the process in which a vendor's module runs, started by a server for itself.

use std::sync::Arc;

use ambient::{Clock, Random, SystemClock, SystemRandom};
use pkcs11::WorkerCommand;

/// The hidden subcommand.
const SUBCOMMAND: &str = "pkcs11-worker";

/// This very program, as a worker. It is named through `/proc`, so that an update of its file does not
/// give a running server workers of another version.
pub(crate) fn command() -> WorkerCommand {
    WorkerCommand {
        program: "/proc/self/exe".into(),
        arguments: vec![SUBCOMMAND.into()],
        environment: Vec::new(),
    }
}

/// Serves the process that started us. Reads no configuration, starts no runtime.
pub(crate) fn run() -> anyhow::Result<()> {
    // Before a PIN or a plaintext comes in. What could not be done is seen in the server's own status,
    // which has the same limits.
    let _ = seal::harden::process();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    Ok(pkcs11::worker::run(&clock, &random)?)
}
