//! `status`

use admin::message::Status;
use admin::{NodeStatus, SealStatus};
use warden::view::StatusView;

use super::{Call, short, vhsm};
use crate::cli::output::{counted, fields, table};

pub(in crate::cli) async fn run(call: Call<'_>) -> anyhow::Result<()> {
    call.output.show(&call.client.status().await?, text)
}

pub(super) fn text(status: &Status) -> String {
    let yes_or_no = if status.ready { "yes" } else { "NO" };
    let nobody = || "nobody: your uid is no actor of this server, so this is all you see".to_owned();
    let mut pairs = vec![
        ("ready", yes_or_no.to_owned()),
        ("version", status.version.clone()),
        ("you are", status.actor.clone().unwrap_or_else(nobody)),
    ];
    pairs.extend(status.seal.iter().map(|seal| ("seal", seal_state(seal))));
    pairs.extend(status.warden.iter().flat_map(counts));
    pairs.extend(status.node.iter().flat_map(process));
    let mut text = fields(&pairs);
    if let Some(seal) = &status.seal {
        text.push_str(&seal_problems(seal));
    }
    if let Some(view) = &status.warden {
        text.push_str(&keys(view));
    }
    if let Some(node) = &status.node {
        text.push_str(&node_text(node));
    }
    text
}

fn seal_state(seal: &SealStatus) -> String {
    let state = if seal.state == "sealed" {
        "SEALED"
    } else {
        &seal.state
    };
    format!("{} {}, {state} since {}", seal.kind, seal.id, short(&seal.since))
}

fn seal_problems(seal: &SealStatus) -> String {
    let mut text = String::new();
    if let Some(reason) = &seal.reason {
        text.push_str(&format!("SEALED: {reason}\n"));
    }
    // While sealed, the reason says as much.
    let problems = seal.tokens.iter().filter_map(|token| token.problem.as_ref());
    for problem in problems.filter(|_| seal.reason.is_none()) {
        text.push_str(&format!("SEAL: {problem}\n"));
    }
    text
}

fn counts(view: &StatusView) -> Vec<(&'static str, String)> {
    vec![
        ("standing", view.standing.clone()),
        ("key stores", view.key_stores.to_string()),
        ("keys", view.keys.to_string()),
        ("in flight", view.in_flight.to_string()),
        ("generation", view.generation.to_string()),
        (
            "audit log",
            format!("{}, {}", view.log_state, counted(view.log_records, "record")),
        ),
        ("log head", format!("{}:{}", view.log_records, view.log_head)),
    ]
}

fn process(node: &NodeStatus) -> Vec<(&'static str, String)> {
    vec![
        ("process", format!("{}, since {}", node.pid, short(&node.started))),
        ("data", node.data_dir.clone()),
    ]
}

fn keys(view: &StatusView) -> String {
    let mut text = String::new();
    for reason in &view.reasons {
        text.push_str(&format!("NOT READY: {reason}\n"));
    }
    for alarm in &view.alarms {
        text.push_str(&format!("ALARM: {}: {}\n", alarm.place, alarm.problem));
    }
    for manager in &view.key_managers {
        let (kind, name, health) = (&manager.kind, &manager.name, vhsm::health(manager));
        let keys = counted(manager.keys as u64, "key");
        text.push_str(&format!("{kind} {name}: {health}, {keys}\n"));
    }
    text
}

fn node_text(node: &NodeStatus) -> String {
    let mut text = String::new();
    for line in &node.hardening {
        text.push_str(&format!("{line}\n"));
    }
    for danger in &node.dangers {
        text.push_str(&format!("DANGER: {danger}\n"));
    }
    let rows: Vec<_> = node
        .listeners
        .iter()
        .map(|listener| {
            vec![
                listener.name.clone(),
                listener.kind.clone(),
                listener.address.clone(),
                if listener.mtls { "yes" } else { "no" }.to_owned(),
                listener
                    .certificate_expires
                    .as_deref()
                    .map_or_else(|| "-".to_owned(), short),
            ]
        })
        .collect();
    text.push('\n');
    text.push_str(&table(
        &["listener", "kind", "address", "mtls", "certificate until"],
        &rows,
        "no listener",
    ));
    text
}
