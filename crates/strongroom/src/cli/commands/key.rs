//! `key create|list|show|enable|disable|rotate|adopt|delete|undelete`

use admin::message::{AdoptKey, NewKey, ScheduleDeletion};
use warden::view::{KeyVersionView, KeyView};

use super::{Call, next_step, period, short};
use crate::cli::args::{AdoptArgs, KeptIn, KeyCommand};
use crate::cli::exit::UsageError;
use crate::cli::output::{fields, list, or_dash, table};

/// The kinds of key managers, as the server names them.
const VIRTUAL_HSM: &str = "virtual-hsm";
const HSM: &str = "hsm";
/// NIST SP 800-38D, section 8.3: most encryptions under one key with random IVs of 96 bits.
const MAX_ENCRYPTIONS: u64 = 1 << 32;
/// How to see which objects can be adopted, and why one cannot.
const ADOPTABLE: &str = "`strongroom hsm list --module PATH --pin-file FILE` shows the token's keys, and which can be \
    adopted; one of several with a label is named with --object-id, and danger_allow_extractable and allow_short_keys \
    of the [[hsm]] let in keys that are extractable or have less than 256 bits";

pub(in crate::cli) async fn run(command: KeyCommand, call: Call<'_>) -> anyhow::Result<()> {
    let client = &call.client;
    let view = match command {
        KeyCommand::List { manager } => {
            let only = manager.vhsm.or(manager.hsm);
            let keys = client.keys(only.as_deref()).await?;
            return call.output.show(&keys, |all| many(all));
        }
        KeyCommand::Create { name, manager, usage } => {
            client.create_key(&new_key(name, manager, usage)?).await?
        }
        KeyCommand::Adopt(adopted) => {
            let (hsm, object) = object(adopted);
            let adopted = client.adopt_key(&hsm, &object).await;
            adopted.map_err(|error| next_step(error, "conflict", ADOPTABLE))?
        }
        KeyCommand::Show { key } => client.key(&key).await?,
        KeyCommand::Enable { key } => client.enable_key(&key).await?,
        KeyCommand::Disable { key } => client.disable_key(&key).await?,
        KeyCommand::Rotate { key } => client.rotate_key(&key).await?,
        KeyCommand::Delete { key, after } => return delete(&call, &key, &after).await,
        KeyCommand::Undelete { key } => client.cancel_key_deletion(&key).await?,
    };
    call.output.show(&view, one)
}

fn new_key(name: String, manager: KeptIn, usage: String) -> Result<NewKey, UsageError> {
    let (key_manager, kind) = match (manager.vhsm, manager.hsm) {
        (Some(vhsm), None) => (vhsm, VIRTUAL_HSM),
        (None, Some(hsm)) => (hsm, HSM),
        _ => return Err(UsageError("give one of --vhsm and --hsm".to_owned())),
    };
    Ok(NewKey {
        key_manager,
        kind: Some(kind.to_owned()),
        name,
        usage: Some(usage),
    })
}

fn object(adopted: AdoptArgs) -> (String, AdoptKey) {
    let object = AdoptKey {
        name: adopted.name,
        usage: Some(adopted.usage),
        label: adopted.label,
        object_id: adopted.object_id.map(|id| id.to_ascii_lowercase()),
        legacy_framing: adopted.legacy_framing,
        legacy_metadata: adopted.legacy_metadata.map(|hex| hex.to_ascii_lowercase()),
        encrypt_with: adopted.encrypt_with,
        count_from: adopted.count_from,
    };
    (adopted.hsm, object)
}

async fn delete(call: &Call<'_>, key: &str, after: &str) -> anyhow::Result<()> {
    let Some(wait_seconds) = period(after) else {
        let what = format!("--after takes a time such as 30d or 720h, not {after:?}");
        return Err(UsageError(what).into());
    };
    let schedule = ScheduleDeletion {
        wait_seconds: Some(wait_seconds),
    };
    let view = call.client.schedule_key_deletion(key, &schedule).await?;
    // For the advice alone, which is given without the id too.
    let roots = call.client.roots().await.ok();
    let root = roots.and_then(|view| view.roots.into_iter().find(|root| root.current));
    call.output
        .show(&view, |view| farewell(view, root.map(|root| root.id).as_deref()))
}

/// What whoever schedules the end of a key must know.
fn farewell(view: &KeyView, root: Option<&str>) -> String {
    let KeyView { id, name, .. } = view;
    let at = view.deletion.as_deref().map_or_else(String::new, short);
    let mut text = format!(
        "The key {name} ({id}) is not used any more, and is destroyed on {at}.\n\
         What was encrypted with it is lost then. To keep it: strongroom key undelete {id}\n"
    );
    if view.bindings.is_empty() {
        text.push_str("\nIt was bound to no key store.\n");
    } else {
        text.push_str("\nThese external keys have stopped, and every KMS key over them:\n");
        for binding in &view.bindings {
            text.push_str(&format!("  {binding}\n"));
        }
    }
    match view.key_manager_kind.as_str() {
        VIRTUAL_HSM => {
            let root = root.unwrap_or("ROOT");
            text.push_str(&format!(
                "\nBackups of the store made until then have the key, under the root keys of their time. To end\n\
                 those too, after that day: strongroom root rotate, root retire {root}, seal change; then\n\
                 destroy the older seal key.\n"
            ));
        }
        _ => text.push_str(
            "\nIts objects in the HSM are destroyed with it, one that was adopted too. Backups of the HSM made until then\n\
             have them.\n",
        ),
    }
    text
}

fn one(view: &KeyView) -> String {
    let state = match &view.deletion {
        Some(at) => format!("{}: destroyed on {}", view.state, short(at)),
        None => view.state.clone(),
    };
    let mut text = fields(&[
        ("id", view.id.clone()),
        ("name", view.name.clone()),
        (
            "key manager",
            format!(
                "{} ({}, {})",
                view.key_manager, view.key_manager_name, view.key_manager_kind
            ),
        ),
        ("usage", view.usage.clone()),
        ("state", state),
        ("created", short(&view.created)),
        ("bound as", list(&view.bindings)),
    ]);
    let rows: Vec<_> = view.versions.iter().enumerate().map(version).collect();
    text.push_str("\nversions\n");
    text.push_str(&table(
        &[
            "tag",
            "use",
            "algorithm",
            "framing",
            "encryptions",
            "fingerprint",
            "object",
            "created",
        ],
        &rows,
        "none",
    ));
    text
}

/// The first one encrypts, unless another product wrote it.
fn version((place, version): (usize, &KeyVersionView)) -> Vec<String> {
    let use_of_it = match &version.legacy_metadata {
        Some(metadata) if metadata.is_empty() => "decrypts what has no metadata".to_owned(),
        Some(metadata) => format!("decrypts metadata {metadata}"),
        None if place == 0 => "encrypts".to_owned(),
        None => "decrypts".to_owned(),
    };
    vec![
        version.tag.clone(),
        use_of_it,
        version.algorithm.clone(),
        version.framing.clone(),
        or_dash(version.encryptions.map(share)),
        or_dash(version.fingerprint.as_deref()),
        or_dash(version.object.as_deref()),
        short(&version.created),
    ]
}

/// A count, and its share of what is allowed, rounded up: `1048577 (0.03 % of 2^32)`.
fn share(encryptions: u64) -> String {
    let hundredths = (u128::from(encryptions) * 10_000).div_ceil(u128::from(MAX_ENCRYPTIONS));
    if hundredths == 1 {
        return format!("{encryptions} (under 0.01 % of 2^32)");
    }
    format!(
        "{encryptions} ({}.{:02} % of 2^32)",
        hundredths / 100,
        hundredths % 100
    )
}

fn many(views: &[KeyView]) -> String {
    let row = |view: &KeyView| {
        vec![
            view.id.clone(),
            view.name.clone(),
            view.key_manager_name.clone(),
            view.usage.clone(),
            view.state.clone(),
            short(&view.created),
        ]
    };
    let rows: Vec<_> = views.iter().map(row).collect();
    let nothing = "there is no key yet: strongroom key create NAME --vhsm VHSM";
    table(
        &["id", "name", "key manager", "usage", "state", "created"],
        &rows,
        nothing,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_never_look_smaller_than_they_are() {
        for (encryptions, expected) in [
            (0, "0 (0.00 % of 2^32)"),
            (1, "1 (under 0.01 % of 2^32)"),
            (1 << 20, "1048576 (0.03 % of 2^32)"),
            (1 << 31, "2147483648 (50.00 % of 2^32)"),
            ((1 << 32) - 1, "4294967295 (100.00 % of 2^32)"),
            (1 << 32, "4294967296 (100.00 % of 2^32)"),
        ] {
            assert_eq!(share(encryptions), expected);
        }
    }
}
