//! The plan, for people and for programs. No secret is in it.

use serde::Serialize;

use super::plan::{Key, Plan, Remark, Store};
use crate::cli::ImportArgs;
use crate::cli::output::table;

/// The plan as JSON.
#[derive(Serialize)]
pub(super) struct Shown<'p> {
    hsm: &'p str,
    config: &'p str,
    legacy_framing: &'static str,
    legacy_metadata: &'p str,
    encrypt_with: &'p str,
    keys: Vec<ShownKey<'p>>,
    key_stores: Vec<ShownStore<'p>>,
    remarks: &'p [Remark],
}

#[derive(Serialize)]
struct ShownKey<'p> {
    name: &'p str,
    label: &'p str,
}

#[derive(Serialize)]
struct ShownStore<'p> {
    name: &'p str,
    path_prefix: &'p str,
    region: &'p str,
    access_key_id: Option<&'p str>,
    external_key_ids: Vec<&'p str>,
}

impl<'p> Shown<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        let key = |key: &'p Key| ShownKey {
            name: &key.name,
            label: &key.label,
        };
        let store = |store: &'p Store| ShownStore {
            name: &store.name,
            path_prefix: &store.path_prefix,
            region: &store.region,
            access_key_id: store.credential.as_ref().map(|one| one.access_key_id.as_str()),
            external_key_ids: store.bindings.iter().map(|(id, _)| id.as_str()).collect(),
        };
        Self {
            hsm: &plan.hsm,
            config: &plan.config,
            legacy_framing: "aws-sample",
            legacy_metadata: &plan.metadata,
            encrypt_with: &plan.encrypt_with,
            keys: plan.keys.iter().map(key).collect(),
            key_stores: plan.stores.iter().map(store).collect(),
            remarks: &plan.remarks,
        }
    }
}

pub(super) fn text(plan: &Plan, args: &ImportArgs) -> String {
    let mut text = format!(
        "1. These lines go into the server's configuration:\n\n{}\n",
        plan.config.trim_end()
    );
    if args.write_pin_file.is_none() {
        text.push_str(
            "\n   The PIN goes into the pin_file (mode 0600, the server's user); with --write-pin-file FILE this command\n   \
             writes it there.\n",
        );
    }
    text.push_str(&format!(
        "\n   Then: strongroom config check CONFIG && strongroom hsm check --config CONFIG {}\n   and start the server.\n",
        plan.hsm
    ));
    text.push_str("\n2. With --apply this command then does, through the server:\n\n");
    text.push_str(&acts(plan));
    text.push_str("\n3. Give the new server the sample's host name: AWS KMS keeps path, external key ids and credentials.\n   \
                   The sample cannot read what Strongroom encrypts, so there is no way back after that.\n");
    text.push_str(&remarks(plan));
    text
}

fn acts(plan: &Plan) -> String {
    let mut rows = vec![vec!["hsm create".to_owned(), plan.hsm.clone(), String::new()]];
    let metadata = if plan.metadata.is_empty() {
        "no metadata".to_owned()
    } else {
        format!("metadata {}", plan.metadata)
    };
    for key in &plan.keys {
        rows.push(vec![
            "key adopt".to_owned(),
            key.name.clone(),
            format!(
                "label {:?}, framing aws-sample, {metadata}, encrypts with {}",
                key.label,
                match plan.encrypt_with.as_str() {
                    "same-object" => "the same object",
                    _ => "a new object",
                }
            ),
        ]);
    }
    for store in &plan.stores {
        rows.push(vec![
            "key-store create".to_owned(),
            store.name.clone(),
            format!("path prefix {:?}, region {}", store.path_prefix, store.region),
        ]);
        for (id, key) in &store.bindings {
            rows.push(vec![
                "key-store bind".to_owned(),
                store.name.clone(),
                format!("key {key} as external key id {id}"),
            ]);
        }
        if let Some(credential) = &store.credential {
            rows.push(vec![
                "credential add".to_owned(),
                store.name.clone(),
                format!("{}, with its secret", credential.access_key_id),
            ]);
        }
    }
    table(&["act", "on", "with"], &rows, "nothing")
}

fn remarks(plan: &Plan) -> String {
    let mut text = String::new();
    for (lost, heading) in [(false, "Otherwise than before:"), (true, "Not carried over:")] {
        let some: Vec<&Remark> = plan.remarks.iter().filter(|remark| remark.lost == lost).collect();
        if some.is_empty() {
            continue;
        }
        text.push_str(&format!("\n{heading}\n"));
        for remark in some {
            text.push_str(&format!("  - {}: {}\n", remark.setting, remark.what));
        }
    }
    text
}
