//! The commands that speak to a running endpoint.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kms::control::message::{
    ClearFaults, CustomKeyStoreStatus, Explain, Explanation, Fault, ListenerStatus, NewFault, Reloaded,
    Status,
};

use super::client::Client;
use crate::cli::output::{counted, fields, or_dash, table};
use crate::cli::{ExplainArgs, FaultCommand, Output, UsageError, short};

/// A command's way to the endpoint and to the user.
pub(super) struct Call<'a> {
    client: Client,
    output: &'a Output,
}

/// Runs a command against the endpoint. One thread suffices for one connection.
pub(super) fn remote<'a, F>(
    socket: PathBuf,
    output: &'a Output,
    command: impl FnOnce(Call<'a>) -> F,
) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let client = Client::new(socket);
    runtime.block_on(command(Call { client, output }))
}

pub(super) async fn status(call: Call<'_>) -> anyhow::Result<()> {
    let status: Status = call.client.get("status").await?;
    call.output.show(&status, status_text)
}

fn status_text(status: &Status) -> String {
    let node = &status.node;
    let mut text = fields(&[
        ("version", status.version.clone()),
        ("process", format!("{}, since {}", node.pid, short(&node.started))),
        ("data", node.data_dir.clone()),
        ("KMS keys", status.keys.to_string()),
    ]);
    for line in &node.hardening {
        text.push_str(&format!("{line}\n"));
    }
    for alarm in &status.alarms {
        text.push_str(&format!("ALARM: {alarm}\n"));
    }
    for fault in &status.faults {
        let (store, fault) = (&fault.custom_key_store_name, &fault.fault);
        text.push_str(&format!("FAULT, as ordered: {store}: {fault}\n"));
    }
    for danger in &node.dangers {
        text.push_str(&format!("DANGER: {danger}\n"));
    }
    text.push('\n');
    text.push_str(&store_table(&status.custom_key_stores));
    text.push('\n');
    text.push_str(&listener_table(&node.listeners));
    text
}

fn store_table(stores: &[CustomKeyStoreStatus]) -> String {
    let rows: Vec<_> = stores
        .iter()
        .map(|store| {
            let state = match &store.connection_error {
                Some(code) => format!("{} ({code})", store.connection),
                None => store.connection.clone(),
            };
            vec![
                store.id.clone(),
                store.name.clone(),
                format!("{}/{}", store.account, store.region),
                state,
                counted(store.keys as u64, "key"),
                behind(store),
            ]
        })
        .collect();
    table(
        &[
            "custom key store",
            "name",
            "account/region",
            "state",
            "keys",
            "proxy or cluster",
        ],
        &rows,
        "there is no custom key store yet: aws kms create-custom-key-store",
    )
}

/// What is behind a custom key store: the address of its proxy, or its cluster and how its HSMs do.
fn behind(store: &CustomKeyStoreStatus) -> String {
    let Some(cluster) = &store.cluster else {
        return or_dash(store.proxy.clone());
    };
    let mut text = cluster.id.clone();
    for hsm in &cluster.hsms {
        text.push_str(&format!(", {}: {}", hsm.name, hsm.state));
    }
    if cluster.hsms.is_empty() {
        text.push_str(", not in the configuration");
    }
    text
}

fn listener_table(listeners: &[ListenerStatus]) -> String {
    let rows: Vec<_> = listeners
        .iter()
        .map(|listener| {
            vec![
                listener.name.clone(),
                listener.address.clone(),
                if listener.tls { "yes" } else { "no" }.to_owned(),
                or_dash(listener.certificate_expires.as_deref().map(short)),
            ]
        })
        .collect();
    table(
        &["listener", "address", "tls", "certificate until"],
        &rows,
        "no listener",
    )
}

pub(super) async fn reload(call: Call<'_>) -> anyhow::Result<()> {
    let reloaded: Reloaded = call.client.post("reload", &()).await?;
    call.output.show(&reloaded, |_| "reloaded\n".to_owned())
}

pub(super) async fn metrics(call: Call<'_>) -> anyhow::Result<()> {
    let text = call.client.get_text("metrics").await?;
    call.output.write(&text)
}

pub(super) async fn explain(arguments: ExplainArgs, call: Call<'_>) -> anyhow::Result<()> {
    let mut conditions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in &arguments.conditions {
        let (key, value) = split("--condition", pair)?;
        conditions.entry(key).or_default().push(value);
    }
    let context: Result<_, UsageError> = arguments
        .context
        .iter()
        .map(|pair| split("--context", pair))
        .collect();
    let question = Explain {
        principal: arguments.principal,
        action: arguments.action,
        key: arguments.key,
        region: arguments.region,
        encryption_context: context?,
        grant_tokens: arguments.grant_tokens,
        conditions,
    };
    let explanation: Explanation = call.client.post("explain", &question).await?;
    call.output.show(&explanation, |explanation| {
        let verdict = if explanation.allowed { "ALLOWED" } else { "DENIED" };
        let mut text = format!("{verdict}: {}\n", explanation.reason);
        for line in &explanation.considered {
            text.push_str(&format!("  {line}\n"));
        }
        text
    })
}

fn split(option: &str, pair: &str) -> Result<(String, String), UsageError> {
    match pair.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(UsageError(format!("{option} {pair:?} is not KEY=VALUE"))),
    }
}

pub(super) async fn fault(command: FaultCommand, call: Call<'_>) -> anyhow::Result<()> {
    let faults: Vec<Fault> = match command {
        FaultCommand::List => call.client.get("faults").await?,
        FaultCommand::Set {
            key_store,
            fault,
            duration,
        } => {
            let time = listener::units::parse_duration(&duration).ok_or_else(|| {
                UsageError(format!(
                    "--for {duration:?} is not a time with its unit, such as 30s or 5m"
                ))
            })?;
            let new = NewFault {
                custom_key_store: key_store,
                fault,
                milliseconds: Some(u64::try_from(time.as_millis())?),
            };
            call.client.post("faults", &new).await?
        }
        FaultCommand::Clear { key_store } => {
            let clear = ClearFaults {
                custom_key_store: key_store,
            };
            call.client.post("faults/clear", &clear).await?
        }
    };
    call.output.show(&faults, |faults| faults_text(faults))
}

fn faults_text(faults: &[Fault]) -> String {
    let row = |fault: &Fault| {
        let left = fault
            .milliseconds_left
            .map(|left| format!("{} s", left.div_ceil(1000)));
        vec![
            fault.custom_key_store_id.clone(),
            fault.custom_key_store_name.clone(),
            fault.fault.clone(),
            or_dash(left),
        ]
    };
    let rows: Vec<_> = faults.iter().map(row).collect();
    table(
        &["custom key store", "name", "fault", "time left"],
        &rows,
        "no fault is in force",
    )
}
