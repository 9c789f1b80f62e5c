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

use admin::{Client, ClientError, ErrorBody};

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

/// What to do next, for a refusal of this kind where the server cannot say it.
fn next_step(error: ClientError, code: &str, next: &str) -> ClientError {
    match error {
        ClientError::Refused(body) if body.error == code => ClientError::Refused(ErrorBody {
            next: Some(next.to_owned()),
            ..body
        }),
        other => other,
    }
}

/// `None` where an option was not given at all.
fn unless_empty(list: Vec<String>) -> Option<Vec<String>> {
    (!list.is_empty()).then_some(list)
}

/// `90d`, `12h`, `30m` in seconds.
fn period(text: &str) -> Option<u64> {
    let (number, seconds) = [("d", 86_400), ("h", 3_600), ("m", 60)]
        .into_iter()
        .find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)))?;
    number.parse::<u64>().ok()?.checked_mul(seconds)
}

/// A time to the second: nobody reads microseconds in a table.
pub(crate) fn short(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => time.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_have_a_unit() {
        assert_eq!(period("90d"), Some(7_776_000));
        assert_eq!(period("12h"), Some(43_200));
        assert_eq!(period("30m"), Some(1_800));
        for other in ["2027-01-31T00:00:00Z", "90", "d", "-1d", "99999999999999999999d"] {
            assert_eq!(period(other), None, "{other}");
        }
    }
}
