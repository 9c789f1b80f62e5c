//! `init`: everything that a server finds at its start, made once.

use std::path::{Path, PathBuf};

use ambient::{Clock, Random, SystemClock, SystemRandom};
use anyhow::{Context, bail};
use audit::{Directory, Log, LogConfig};
use seal::KeyFile;
use serde::Serialize;
use std::sync::Arc;
use store::Store;

use crate::cli::Output;
use crate::config::{Config, Places};
use crate::data_dir;
use crate::serve::runtime;
use crate::server::MIGRATIONS;

#[derive(Serialize)]
struct Made {
    data_dir: PathBuf,
    seal_key: PathBuf,
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
    let (clock, random) = (Arc::new(SystemClock), SystemRandom);
    runtime()?.block_on(create(&places, config.audit.limits, clock, &random))?;
    let made = Made {
        data_dir: places.data_dir.path().to_owned(),
        seal_key: places.seal_key,
        store: places.store,
        audit_log: places.log,
    };
    output.show(&made, |made| {
        format!(
            "made the data directory  {}\nmade the seal key        {}\nmade the store           {}\nmade the audit log       {}\n\n\
             Back up the seal key now, apart from the store: without it every key is lost, and with both\n\
             of them anybody has the keys. Next: strongroom serve --config FILE\n",
            made.data_dir.display(),
            made.seal_key.display(),
            made.store.display(),
            made.audit_log.display()
        )
    })
}

/// Makes a data directory with seal key, store, first root key and audit log. Refuses if any of
/// them is there already.
pub async fn create(
    places: &Places,
    log: LogConfig,
    clock: Arc<dyn Clock>,
    random: &dyn Random,
) -> anyhow::Result<()> {
    for existing in [&places.seal_key, &places.store, &places.log] {
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
    let seal = KeyFile::create(&places.seal_key, random)?;
    let store = Store::open(&places.store, MIGRATIONS)
        .await
        .with_context(|| format!("cannot make the store {}", places.store.display()))?;
    let mut transaction = store.begin().await?;
    seal::roots::create_first(&mut transaction, &seal, random, clock.now()).await?;
    transaction.commit().await?;
    store.close().await;
    let directory = Directory::open(&places.log)
        .with_context(|| format!("cannot make the audit log's directory {}", places.log.display()))?;
    let (log, _) = Log::open(Arc::new(directory), clock, random, log).context("cannot make the audit log")?;
    log.close();
    Ok(())
}
