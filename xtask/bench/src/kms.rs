//! The KMS endpoint: Encrypt, Decrypt and GenerateDataKey, on a key in the external key store (the
//! whole path: KMS, TLS, proxy, virtual HSM) and on a key of KMS's own, beside moto's KMS.
//!
//! The CPU time is that of `strongroom kms serve` and `strongroom serve` together, with a log line
//! for each request on both sides and CloudTrail's record; only AWS's request quotas are lifted.
//! All three servers speak HTTP without TLS to their clients. moto closes the connection after each
//! answer, checks no signature and knows no external keys.

mod endpoint;
mod peer;
pub(crate) mod server;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::compare::Options;
use crate::load::{Load, Shape};
use crate::machine::{Cores, Memory};
use crate::report::Report;
use crate::rows::is_wanted;
use crate::sample::Sample;
use crate::server_process::Kind;
use endpoint::Operation;
use peer::Peer;

/// Connections of every row.
const CONNECTIONS: u32 = 16;

/// Whose key is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyOf {
    /// `alias/demo`, in the external key store.
    ExternalKeyStore,
    /// A key with origin `AWS_KMS`.
    Kms,
}

struct Row {
    name: &'static str,
    operation: Operation,
    key: KeyOf,
}

const ROWS: &[Row] = &[
    Row {
        name: "kms Encrypt 32 B, external key",
        operation: Operation::Encrypt,
        key: KeyOf::ExternalKeyStore,
    },
    Row {
        name: "kms Decrypt 32 B, external key",
        operation: Operation::Decrypt,
        key: KeyOf::ExternalKeyStore,
    },
    Row {
        name: "kms GenerateDataKey, external key",
        operation: Operation::GenerateDataKey,
        key: KeyOf::ExternalKeyStore,
    },
    Row {
        name: "kms Encrypt 32 B, AWS_KMS key",
        operation: Operation::Encrypt,
        key: KeyOf::Kms,
    },
    Row {
        name: "kms Decrypt 32 B, AWS_KMS key",
        operation: Operation::Decrypt,
        key: KeyOf::Kms,
    },
    Row {
        name: "kms GenerateDataKey, AWS_KMS key",
        operation: Operation::GenerateDataKey,
        key: KeyOf::Kms,
    },
];

/// Measures the chosen rows.
pub(crate) async fn run(options: &Options, cores: Option<Cores>, report: &mut Report) -> Result<()> {
    let chosen: Vec<&Row> = ROWS
        .iter()
        .filter(|row| is_wanted(row.name, &options.rows))
        .collect();
    if chosen.is_empty() {
        return Ok(());
    }
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    let kms = Peer::kms(&directory.path().join("data"), cores)?;
    let mut peers = vec![Peer::null(cores)?, kms];
    match &options.python {
        Some(python) => peers.push(Peer::moto(python, cores)?),
        None => eprintln!("without --python there is no moto to compare with"),
    }
    let mut measured = Vec::new();
    for peer in peers {
        let own_key = match peer.endpoint() {
            Some(endpoint) => Some(endpoint.create_key().await?),
            None => None,
        };
        measured.push((peer, own_key));
    }
    for (number, row) in chosen.iter().enumerate() {
        eprintln!(
            "{}/{} {} over {CONNECTIONS} connections",
            number + 1,
            chosen.len(),
            row.name
        );
        let samples = measure(row, &measured, options).await;
        report.add(
            row.name,
            CONNECTIONS,
            samples.with_context(|| format!("row `{}`", row.name))?,
        );
    }
    Ok(())
}

/// All servers that know the row's key in turn, as many rounds as asked for.
async fn measure(
    row: &Row,
    peers: &[(Peer, Option<String>)],
    options: &Options,
) -> Result<Vec<(Kind, Sample, Memory)>> {
    let mut samples: Vec<(&Peer, Sample)> = peers
        .iter()
        .filter(|(peer, _)| row.key == KeyOf::Kms || peer.kind != Kind::Moto)
        .map(|(peer, _)| (peer, Sample::default()))
        .collect();
    for _ in 0..options.rounds {
        let mut constant = None;
        for (peer, own_key) in peers {
            let Some(endpoint) = peer.endpoint() else { continue };
            let Some((_, sample)) = samples.iter_mut().find(|(it, _)| it.kind == peer.kind) else {
                continue;
            };
            let key = match (row.key, own_key) {
                (KeyOf::Kms, Some(key)) => key,
                _ => endpoint.external_key().context("it has no external key")?,
            };
            let pool = Arc::new(endpoint.pool(row.operation, key).await?);
            if peer.kind == Kind::Kms {
                constant = Some(Arc::new(pool.for_constant()));
            }
            sample.add(put_on(peer, pool, options).await?);
        }
        let (null, sample) = samples.first_mut().context("there is no null server")?;
        sample.add(put_on(null, constant.context("nothing was prepared")?, options).await?);
    }
    let mut found = Vec::new();
    for (peer, sample) in samples {
        let refused = &sample.refused;
        ensure!(
            sample.completed > 0,
            "{} answered nothing; others: {refused:?}",
            peer.kind.name()
        );
        found.push((peer.kind, sample, peer.memory()?));
    }
    Ok(found)
}

async fn put_on(peer: &Peer, pool: Arc<crate::requests::Pool>, options: &Options) -> Result<Sample> {
    let load = Load {
        shape: if peer.kind == Kind::Moto {
            Shape::FirstAnswer
        } else {
            Shape::KeepAlive
        },
        workers: CONNECTIONS,
        seconds: Duration::from_secs(options.seconds),
        pool,
    };
    load.run_on(&peer.dialer(), &peer.pids()).await
}
