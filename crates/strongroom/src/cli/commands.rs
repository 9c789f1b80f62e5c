//! What each command does. Those that change or show a server's state speak to it over its socket.

pub(super) mod audit;
pub(super) mod credential;
pub(super) mod hsm;
pub(super) mod import;
pub(super) mod key;
pub(super) mod key_store;
pub(super) mod recovery;
pub(super) mod root;
pub(super) mod status;
pub(super) mod vhsm;

use admin::Client;

use super::Output;
use super::find::Place;

/// A command's way to the server and to the user.
pub(crate) struct Call<'a> {
    pub(crate) client: Client,
    pub(crate) output: &'a Output,
}

/// Runs a command against the server. One thread suffices for one connection.
pub(super) fn remote<'a, F>(
    place: &Place,
    output: &'a Output,
    command: impl FnOnce(Call<'a>) -> F,
) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let client = Client::new(place.socket());
    runtime.block_on(command(Call { client, output }))
}

/// `None` where an option was not given at all.
fn unless_empty(list: Vec<String>) -> Option<Vec<String>> {
    (!list.is_empty()).then_some(list)
}

/// A time to the second: nobody reads microseconds in a table.
pub(crate) fn short(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => time.to_owned(),
    }
}
