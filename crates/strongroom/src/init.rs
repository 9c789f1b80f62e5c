//! `init`: everything that a server finds at its start, made once.

use std::path::{Path, PathBuf};

use ambient::{Clock, Random, SystemClock, SystemRandom};
use anyhow::{Context, bail};
use audit::{Directory, Log};
use serde::Serialize;
use std::sync::Arc;
use store::Store;

use crate::cli::Output;
use crate::config::{Config, Places};
use crate::data_dir;
use crate::hsm::worker;
use crate::serve::runtime;
use crate::server::MIGRATIONS;
use crate::server::seal::SealKinds;

#[derive(Serialize)]
struct Made {
    data_dir: PathBuf,
    seal_key: String,
    #[serde(skip)]
    back_up: &'static str,
    store: PathBuf,
    audit_log: PathBuf,
}

pub(crate) fn run(config: Option<&Path>, data_dir: Option<PathBuf>, output: &Output) -> anyhow::Result<()> {
    let config = match (config, data_dir) {
        (Some(_), Some(_)) => {
            bail!("the configuration names the data directory: give --config or --data-dir, not both")
        }
        (Some(file), None) => Config::read(file)?,
        (None, dir) => Config::new(std::path::absolute(
            dir.unwrap_or_else(|| data_dir::DEFAULT.into()),
        )?),
    };
    let places = config.places();
    let made = runtime()?.block_on(create(&config, Arc::new(SystemClock), Arc::new(SystemRandom)))?;
    let made = Made {
        data_dir: places.data_dir.path().to_owned(),
        seal_key: made,
        back_up: back_up(&config),
        store: places.store,
        audit_log: places.log,
    };
    output.show(&made, |made| {
        format!(
            "made the data directory  {}\nmade the seal key        {}\nmade the store           {}\nmade the audit log       {}\n\n\
             {} Next: strongroom serve --config FILE\n",
            made.data_dir.display(),
            made.seal_key,
            made.store.display(),
            made.audit_log.display(),
            made.back_up
        )
    })
}

/// What an administrator has to do next.
const fn back_up(config: &Config) -> &'static str {
    if config.seal.has_key_file() {
        "Back up the seal key now, apart from the store: without it every key is lost, and with both\n\
         of them anybody has the keys."
    } else {
        "Back up the HSM now, as its vendor says: without that key object every key is lost. It cannot\n\
         be taken out of the HSM; a backup of the store is of use where the object is."
    }
}

/// Makes a data directory with seal key, store, first root key and audit log. Refuses if any of
/// them is there already. Where the seal key is, for people.
pub async fn create(
    config: &Config,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> anyhow::Result<String> {
    let places = config.places();
    let key_file = config.seal.has_key_file().then_some(&places.seal_key);
    for existing in [key_file, Some(&places.store), Some(&places.log)]
        .into_iter()
        .flatten()
    {
        if existing.exists() {
            bail!(
                "{} exists already, and nothing is overwritten: start the server that it belongs to, or name other \
                 places. If it is left over from an `init` that failed, remove it first",
                existing.display()
            );
        }
    }
    places.data_dir.create()?;
    let _lock = places.data_dir.lock()?;
    let kinds = SealKinds::of(config, &places, Some(worker::command()), &clock, &random);
    let made = make(config, &places, &kinds, clock, random).await;
    kinds.close().await;
    made
}

async fn make(
    config: &Config,
    places: &Places,
    kinds: &SealKinds,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> anyhow::Result<String> {
    let source = kinds.make(&random).await.context("cannot make the seal key")?;
    let store = Store::open(&places.store, MIGRATIONS)
        .await
        .with_context(|| format!("cannot make the store {}", places.store.display()))?;
    let mut transaction = store.begin().await?;
    let seal = source.current();
    seal::roots::create_first(&mut transaction, &*seal, &*random, clock.now()).await?;
    transaction.commit().await?;
    store.close().await;
    let directory = Directory::open(&places.log)
        .with_context(|| format!("cannot make the audit log's directory {}", places.log.display()))?;
    let (log, _) = Log::open(Arc::new(directory), clock, &*random, config.audit.limits)
        .context("cannot make the audit log")?;
    log.close();
    Ok(source.place())
}
