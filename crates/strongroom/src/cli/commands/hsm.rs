//! `hsm create|list|check|bench`

use admin::message::NewKeyManager;
use warden::view::KeyManagerView;

use super::{Call, next_step, remote, short};
use crate::cli::args::{HsmCommand, ListArgs};
use crate::cli::find::Place;
use crate::cli::output::{Output, fields, table};
use crate::hsm;

/// What a key manager over PKCS#11 calls itself.
const KIND: &str = "hsm";
/// `ekmFleetDetails` of the XKS specification: in order.
const ACTIVE: &str = "ACTIVE";

pub(in crate::cli) fn run(command: HsmCommand, place: &Place, output: &Output) -> anyhow::Result<()> {
    match command {
        HsmCommand::Create { name } => remote(place, output, |call| create(name, call)),
        HsmCommand::List(args @ ListArgs { module: Some(_), .. }) => hsm::list::run(&args, output),
        HsmCommand::List(_) => remote(place, output, list),
        HsmCommand::Check(args) => hsm::check::run(&args, *output),
        HsmCommand::Bench(args) => hsm::bench::run(&args, *output),
    }
}

async fn create(name: String, call: Call<'_>) -> anyhow::Result<()> {
    let new = NewKeyManager {
        kind: Some(KIND.to_owned()),
        name,
    };
    let made = call.client.create_key_manager(&new).await;
    let made = made.map_err(|error| {
        let error = next_step(
            error,
            "exists",
            "an HSM's key manager is made once, and has the name of its [[hsm]]: `strongroom hsm list` shows it",
        );
        next_step(
            error,
            "conflict",
            "name the [[hsm]] in the server's configuration, then restart the server",
        )
    })?;
    call.output.show(&made, |view| {
        let mut text = fields(&[
            ("id", view.id.clone()),
            ("name", view.name.clone()),
            ("kind", view.kind.clone()),
            ("created", short(&view.created)),
        ]);
        text.push_str(&format!(
            "\nnext: strongroom key create KEY --hsm {name}, or strongroom key adopt KEY --hsm {name} --label LABEL\n",
            name = view.name
        ));
        text
    })
}

async fn list(call: Call<'_>) -> anyhow::Result<()> {
    let mut all = call.client.key_managers().await?;
    all.retain(|manager| manager.kind == KIND);
    call.output.show(&all, |all| many(all))
}

/// A line for each token, below that of its HSM.
fn many(views: &[KeyManagerView]) -> String {
    let mut rows = Vec::new();
    for view in views {
        let dash = || "-".to_owned();
        if view.instances.is_empty() {
            rows.push(vec![
                view.name.clone(),
                view.keys.to_string(),
                dash(),
                dash(),
                "not probed yet".to_owned(),
                String::new(),
            ]);
        }
        for (number, instance) in view.instances.iter().enumerate() {
            let first = number == 0;
            rows.push(vec![
                if first { view.name.clone() } else { String::new() },
                if first {
                    view.keys.to_string()
                } else {
                    String::new()
                },
                instance.id.clone(),
                instance.model.clone(),
                instance.status.clone(),
                instance.detail.clone().unwrap_or_default(),
            ]);
        }
    }
    let nothing = "there is no HSM yet: name it in [[hsm]] of the configuration, restart, then strongroom hsm create NAME";
    let mut text = table(
        &["hsm", "keys", "token", "model", "health", "detail"],
        &rows,
        nothing,
    );
    let mut instances = views.iter().flat_map(|view| &view.instances);
    if instances.any(|instance| instance.status != ACTIVE) {
        text.push_str(
            "\nThe server's log says more of a token that does not serve; `strongroom hsm check --config FILE` tries it.\n",
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use warden::view::InstanceView;

    use super::*;

    /// The tutorial waits for a token with `grep -q ' ACTIVE'`.
    #[test]
    fn active_stands_in_the_list_only_where_a_token_is() {
        let said = |status: &str| {
            many(&[KeyManagerView {
                id: "ekm-1".to_owned(),
                name: "luna".to_owned(),
                kind: KIND.to_owned(),
                created: String::new(),
                keys: 1,
                instances: vec![InstanceView {
                    id: "ekm-1/luna/a".to_owned(),
                    model: "HSM".to_owned(),
                    status: status.to_owned(),
                    detail: Some("3 sessions".to_owned()),
                }],
            }])
        };
        assert!(said(ACTIVE).contains(" ACTIVE") && !said(ACTIVE).contains("hsm check"));
        let away = said("UNAVAILABLE");
        assert!(away.contains("hsm check") && !away.contains(" ACTIVE"), "{away}");
    }
}
