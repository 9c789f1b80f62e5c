//! `kms init`: everything that an endpoint finds at its start, made once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ambient::{Clock, Random, SystemClock, SystemRandom};
use anyhow::{Context, bail};
use seal::KeyFile;
use serde::Serialize;
use store::Store;

use super::config::{Config, Places};
use super::identities::{self, FirstUser};
use super::server::MIGRATIONS;
use crate::cli::Output;
use crate::data_dir::write_private;
use crate::serve::runtime;

#[derive(Serialize)]
struct Made {
    data_dir: PathBuf,
    seal_key: PathBuf,
    store: PathBuf,
    identities: PathBuf,
}

pub(crate) fn run(config: Option<&Path>, data_dir: Option<PathBuf>, output: &Output) -> anyhow::Result<()> {
    let config = match (config, data_dir) {
        (Some(_), Some(_)) => {
            bail!("the configuration names the data directory: give --config or --data-dir, not both")
        }
        (Some(file), None) => Config::read(file)?,
        (None, dir) => Config::new(std::path::absolute(
            dir.unwrap_or_else(|| super::DEFAULT_DATA_DIR.into()),
        )?),
    };
    let places = config.places();
    let (clock, random) = (Arc::new(SystemClock), SystemRandom);
    let user = FirstUser::generate("admin", &random)?;
    runtime()?.block_on(create(&places, &user, clock, &random))?;
    let made = Made {
        data_dir: places.data_dir.path().to_owned(),
        seal_key: places.seal_key,
        store: places.store,
        identities: places.identities,
    };
    output.show(&made, |made| {
        format!(
            "made the data directory  {}\nmade the seal key        {}\nmade the store           {}\nmade the identities      {}\n\n\
             The identities file has one account with one user, who may do everything, and an access key;\n\
             it is yours to edit. Next: strongroom kms serve --config FILE\n",
            made.data_dir.display(),
            made.seal_key.display(),
            made.store.display(),
            made.identities.display()
        )
    })
}

/// Makes a data directory with seal key, store and first root key, and the identities file unless
/// there is one. Refuses if seal key or store are there already.
pub(crate) async fn create(
    places: &Places,
    user: &FirstUser,
    clock: Arc<dyn Clock>,
    random: &dyn Random,
) -> anyhow::Result<()> {
    for existing in [&places.seal_key, &places.store] {
        if existing.exists() {
            bail!(
                "{} exists already, and nothing is overwritten: start the endpoint that it belongs to, or name other \
                 places. If it is left over from an `init` that failed, remove it first",
                existing.display()
            );
        }
    }
    places.data_dir.create()?;
    let _lock = places.data_dir.lock()?;
    // The store comes last: where it is, the rest is too.
    if !places.identities.exists() {
        write_private(&places.identities, identities::file(user).expose())?;
    }
    let seal = KeyFile::create(&places.seal_key, random)?;
    let store = Store::open(&places.store, MIGRATIONS)
        .await
        .with_context(|| format!("cannot make the store {}", places.store.display()))?;
    let mut transaction = store.begin().await?;
    seal::roots::create_first(&mut transaction, &seal, random, clock.now()).await?;
    transaction.commit().await?;
    store.close().await;
    Ok(())
}
