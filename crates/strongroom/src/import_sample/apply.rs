//! The plan, done through the server. What is there already stays and is said, so a run that was cut off is
//! repeated.

use admin::ClientError;
use admin::message::{AdoptKey, ImportedCredential, NewBinding, NewCredential, NewKeyManager, NewKeyStore};
use anyhow::{Context, bail};
use serde::Serialize;

use warden::view::{KeyStoreView, KeyView};

use super::plan::{Key, Plan, Store};
use crate::cli::Call;
use crate::cli::output::table;

/// One act, and whether it had to be done.
#[derive(Serialize)]
struct Done {
    act: &'static str,
    on: String,
    with: String,
    result: &'static str,
}

/// What was done so far.
#[derive(Default)]
struct Record(Vec<Done>);

pub(crate) async fn apply(plan: Plan, call: Call<'_>) -> anyhow::Result<()> {
    let mut record = Record::default();
    let result = all(&plan, &call, &mut record).await;
    if !record.0.is_empty() {
        call.output.show(&record.0, |done| text(done))?;
    }
    result?;
    if !call.output.is_json() {
        call.output.write(
            "\nnext: give this server the sample's host name. AWS KMS keeps path, external key ids and credentials.\n\
             Then delete the sample's settings file: it holds the PIN and the secrets in the clear.\n",
        )?;
    }
    Ok(())
}

async fn all(plan: &Plan, call: &Call<'_>, record: &mut Record) -> anyhow::Result<()> {
    hsm(plan, call, record).await?;
    for key in &plan.keys {
        adopt_key(plan, key, call, record)
            .await
            .with_context(|| format!("the key {:?} was not adopted", key.label))?;
    }
    for store in &plan.stores {
        key_store(store, call, record)
            .await
            .with_context(|| format!("the key store {:?} is not complete", store.name))?;
    }
    Ok(())
}

async fn hsm(plan: &Plan, call: &Call<'_>, record: &mut Record) -> anyhow::Result<()> {
    let managers = call.client.key_managers().await?;
    let there = managers.iter().find(|manager| manager.name == plan.hsm);
    if let Some(other) = there.filter(|manager| manager.kind != "hsm") {
        bail!("{:?} is a {} here: name another with --hsm", plan.hsm, other.kind);
    }
    if there.is_none() {
        let new = NewKeyManager {
            kind: Some("hsm".to_owned()),
            name: plan.hsm.clone(),
        };
        call.client.create_key_manager(&new).await?;
    }
    record.note("hsm create", &plan.hsm, String::new(), there.is_none());
    Ok(())
}

async fn adopt_key(plan: &Plan, key: &Key, call: &Call<'_>, record: &mut Record) -> anyhow::Result<()> {
    let adopt = AdoptKey {
        name: key.name.clone(),
        label: Some(key.label.clone()),
        legacy_framing: Some("aws-sample".to_owned()),
        legacy_metadata: (!plan.metadata.is_empty()).then(|| plan.metadata.clone()),
        encrypt_with: Some(plan.encrypt_with.clone()),
        ..AdoptKey::default()
    };
    let done = match call.client.adopt_key(&plan.hsm, &adopt).await {
        Ok(_) => true,
        Err(error) if exists(&error) => {
            let there = call.client.key(&key.name).await?;
            if there.key_manager_name != plan.hsm {
                bail!(
                    "a key {:?} is in {} already: rename or delete that one",
                    key.name,
                    there.key_manager_name
                );
            }
            same_legacy(plan, key, &there)?;
            false
        }
        Err(error) => return Err(error.into()),
    };
    record.note("key adopt", &key.name, format!("label {:?}", key.label), done);
    Ok(())
}

/// A key that is there already decrypts what these settings wrote.
fn same_legacy(plan: &Plan, key: &Key, there: &KeyView) -> anyhow::Result<()> {
    let legacy = there.versions.iter().find_map(|version| {
        let metadata = version.legacy_metadata.clone()?;
        Some((version.framing.as_str(), metadata))
    });
    if legacy == Some(("aws-sample", plan.metadata.clone())) {
        return Ok(());
    }
    bail!(
        "a key {:?} is there already, and does not decrypt what the sample wrote with these settings (framing aws-sample, \
         metadata {:?}): `strongroom key show` has its versions; rename or delete that key",
        key.name,
        plan.metadata
    )
}

async fn key_store(store: &Store, call: &Call<'_>, record: &mut Record) -> anyhow::Result<()> {
    let new = NewKeyStore {
        name: store.name.clone(),
        path_prefix: Some(store.path_prefix.clone()),
        region: Some(store.region.clone()),
        ..NewKeyStore::default()
    };
    // By its path: a name is ours, the path is what AWS KMS calls.
    let all = call.client.key_stores().await?;
    let same_path = all
        .iter()
        .find(|there| there.view.path_prefix == store.path_prefix);
    let view = match same_path {
        Some(there)
            if there
                .view
                .region
                .as_ref()
                .is_some_and(|region| *region != store.region) =>
        {
            bail!(
                "the key store {:?} has this path and takes another Region: make it anew, or mend server.region",
                there.view.name
            )
        }
        Some(there) => there.view.clone(),
        None => call.client.create_key_store(&new).await?.view,
    };
    let what = format!("path prefix {:?}", store.path_prefix);
    record.note("key-store create", &view.name, what, same_path.is_none());
    for (id, key) in &store.bindings {
        bind(&view, id, key, call, record).await?;
    }
    credential(store, &view, call, record).await
}

async fn bind(
    view: &KeyStoreView,
    id: &str,
    key: &str,
    call: &Call<'_>,
    record: &mut Record,
) -> anyhow::Result<()> {
    let bound = view.bindings.iter().find(|binding| binding.external_key_id == id);
    if let Some(binding) = bound {
        let wanted = call.client.key(key).await?;
        if binding.key != wanted.id {
            bail!(
                "the external key id {id:?} is bound to another key there, {}: AWS KMS would get that one",
                binding.key
            );
        }
    } else {
        let new = NewBinding {
            key: key.to_owned(),
            external_key_id: Some(id.to_owned()),
            ..NewBinding::default()
        };
        call.client.bind(&view.id, &new).await?;
    }
    let what = format!("external key id {id}");
    record.note("key-store bind", &view.name, what, bound.is_none());
    Ok(())
}

async fn credential(
    store: &Store,
    view: &KeyStoreView,
    call: &Call<'_>,
    record: &mut Record,
) -> anyhow::Result<()> {
    let Some(credential) = &store.credential else {
        return Ok(());
    };
    let id = &credential.access_key_id;
    let known = view.credentials.iter().find(|there| there.access_key_id == *id);
    if known.is_some_and(|known| known.retired.is_some()) {
        bail!(
            "the credential {id} is retired here: add another with `strongroom credential add`, and tell AWS KMS"
        );
    }
    let there = known.is_some();
    if !there {
        let new = NewCredential {
            expires: None,
            import: Some(ImportedCredential {
                access_key_id: id.clone(),
                secret_access_key: credential.secret.expose().to_owned(),
            }),
        };
        call.client.add_credential(&view.id, &new).await?;
    }
    record.note("credential add", &view.name, id.clone(), !there);
    Ok(())
}

fn exists(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused(body) if body.error == "exists")
}

impl Record {
    fn note(&mut self, act: &'static str, on: &str, with: String, done: bool) {
        self.0.push(Done {
            act,
            on: on.to_owned(),
            with,
            result: if done { "done" } else { "was there" },
        });
    }
}

fn text(done: &[Done]) -> String {
    let row = |done: &Done| {
        vec![
            done.result.to_owned(),
            done.act.to_owned(),
            done.on.clone(),
            done.with.clone(),
        ]
    };
    let rows: Vec<_> = done.iter().map(row).collect();
    table(&["result", "act", "on", "with"], &rows, "nothing to do")
}
