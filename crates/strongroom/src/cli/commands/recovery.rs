//! `recovery acknowledge`

use super::Call;
use super::status::text;
use crate::cli::args::RecoveryCommand;

pub(in crate::cli) async fn run(command: RecoveryCommand, call: Call<'_>) -> anyhow::Result<()> {
    match command {
        RecoveryCommand::Acknowledge => {
            let status = call.client.acknowledge_recovery().await?;
            call.output.show(&status, text)
        }
    }
}
