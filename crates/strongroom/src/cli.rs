//! The command line: its grammar, and which command does what.

mod args;
mod commands;
mod exit;
mod find;
pub(crate) mod output;
pub(crate) mod picture;

pub use args::{
    BenchArgs, Cli, Command, ConfigCommand, DevArgs, ExplainArgs, FaultCommand, HsmArgs, HsmCommand,
    ImportArgs, KmsCommand, ListArgs,
};
pub(crate) use commands::{Call, short};
pub use exit::Exit;
pub(crate) use exit::UsageError;
pub use output::Output;

use crate::{config, dev, hsm, init, kms, serve};

/// Runs one command to its end.
pub fn run(cli: Cli) -> Exit {
    let mut output = Output::new(cli.json);
    let result = dispatch(cli, &mut output);
    exit::report(result, &output)
}

fn dispatch(cli: Cli, output: &mut Output) -> anyhow::Result<()> {
    let place = find::Place {
        data_dir: cli.data_dir,
        socket: cli.socket,
    };
    match cli.command {
        Command::Dev(args) => dev::run(&args, place.data_dir, output),
        Command::Init { config } => init::run(config.as_deref(), place.data_dir, output),
        Command::Serve { config } => serve::run(&config, output),
        Command::Config(command) => config::command(command, output),
        Command::Audit(command) => commands::audit::run(command, &place, output),
        Command::Status => commands::remote(&place, output, commands::status::run),
        Command::Vhsm(command) => commands::remote(&place, output, |call| commands::vhsm::run(command, call)),
        Command::Pkcs11Worker => hsm::worker::run(),
        Command::Hsm(command) => commands::hsm::run(command, &place, output),
        Command::Root(command) => commands::remote(&place, output, |call| commands::root::run(command, call)),
        Command::Seal(command) => {
            commands::remote(&place, output, |call| commands::root::seal(command, call))
        }
        Command::Key(command) => commands::remote(&place, output, |call| commands::key::run(command, call)),
        Command::KeyStore(command) => {
            commands::remote(&place, output, |call| commands::key_store::run(command, call))
        }
        Command::Credential(command) => {
            commands::remote(&place, output, |call| commands::credential::run(command, call))
        }
        Command::ImportSampleConfig(args) => commands::import::run(&args, &place, output),
        Command::Recovery(command) => {
            commands::remote(&place, output, |call| commands::recovery::run(command, call))
        }
        Command::Kms(command) => kms::run(command, place.kms(), output),
    }
}
