//! The comparison: servers up, rows one after another, servers taking turns within each row.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::certificate::Certificate;
use crate::connection::Dialer;
use crate::hsm;
use crate::kms;
use crate::load::{Load, Shape};
use crate::machine::{self, Cores, Memory};
use crate::report::Report;
use crate::requests::Pool;
use crate::rows::{LARGEST, Row, is_wanted, rows};
use crate::sample::Sample;
use crate::server_process::{Kind, Server};
use crate::slow_disk;

/// What to measure, and for how long.
#[derive(Args)]
pub(crate) struct Options {
    /// Print JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
    /// Seconds for each server in each round of each row
    #[arg(long, default_value_t = 2)]
    pub(crate) seconds: u64,
    /// Rounds: null, listener, strongroom, null, listener, strongroom, ...
    #[arg(long, default_value_t = 2)]
    pub(crate) rounds: u32,
    /// Only rows whose name contains one of these (comma-separated); besides those of the table
    /// there are `memory` and `slow disk`. Rows of the KMS endpoint begin with `kms`, those with
    /// the key in an HSM with `hsm`
    #[arg(long, value_delimiter = ',')]
    pub(crate) rows: Vec<String>,
    /// Numbers of connections
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    pub(crate) connections: Vec<u32>,
    /// A Python that has moto's server; without it, the KMS endpoint is measured without moto
    #[arg(long, value_name = "PATH")]
    pub(crate) python: Option<PathBuf>,
}

/// Runs every chosen row.
pub(crate) async fn run(options: &Options) -> Result<Report> {
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    let certificate = Certificate::make(directory.path())?;
    let cores = Cores::find()?;
    if let Some(cores) = cores {
        cores.take_loads()?;
    }
    let sync = machine::sync_time(directory.path())?;
    let mut report = Report {
        pinned: cores.is_some(),
        sync_micros: u64::try_from(sync.as_micros())?,
        ..Report::default()
    };
    let chosen = rows(&options.rows, &options.connections);
    if !chosen.is_empty() {
        let servers = [
            Server::constant(Kind::Null, directory.path(), &certificate.certificate, cores)?,
            Server::constant(Kind::Listener, directory.path(), &certificate.certificate, cores)?,
            Server::strongroom(cores)?,
        ];
        for (number, row) in chosen.iter().enumerate() {
            eprintln!(
                "{}/{} {} over {} connections",
                number + 1,
                chosen.len(),
                row.name,
                row.connections
            );
            report.add(
                row.name,
                row.connections,
                measure(row, &servers, options)
                    .await
                    .with_context(|| format!("row `{}`", row.name))?,
            );
        }
    }
    hsm::run(options, cores, &mut report).await?;
    kms::run(options, cores, &mut report).await?;
    if is_wanted("memory", &options.rows) {
        eprintln!("memory under 64 connections with the largest bodies");
        report.largest_bodies = Some(largest_bodies(cores, options).await?);
    }
    if is_wanted("slow disk", &options.rows) {
        eprintln!("1800/s over a slow disk, and with a stall");
        // A stall halfway needs some time on both sides.
        let seconds = Duration::from_secs(options.seconds.max(4));
        report.slow_disk = slow_disk::measure(seconds, cores).await?;
    }
    Ok(report)
}

/// All servers in turn, as many rounds as asked for.
async fn measure(row: &Row, servers: &[Server], options: &Options) -> Result<Vec<(Kind, Sample, Memory)>> {
    let mut samples = Kind::ALL.map(|_| Sample::default());
    for _ in 0..options.rounds {
        let signed = signed_pool(row, servers).await?;
        let constant = Arc::new(signed.for_constant());
        let signed = Arc::new(signed);
        for (server, sample) in servers.iter().zip(&mut samples) {
            let pool = if server.kind == Kind::Strongroom {
                &signed
            } else {
                &constant
            };
            let load = Load {
                shape: row.shape,
                workers: row.connections,
                seconds: Duration::from_secs(options.seconds),
                pool: Arc::clone(pool),
            };
            sample.add(
                load.run(&Dialer::new(server.address, &server.ca)?, server.pid())
                    .await?,
            );
        }
    }
    let mut found = Vec::new();
    for (server, sample) in servers.iter().zip(samples) {
        ensure!(sample.completed > 0, "{} answered nothing", server.kind.name());
        found.push((server.kind, sample, machine::memory(server.pid())?));
    }
    Ok(found)
}

/// Signed anew in each round, since signatures age.
async fn signed_pool(row: &Row, servers: &[Server]) -> Result<Pool> {
    let proxy = servers
        .iter()
        .find(|server| server.dev().is_some())
        .context("no proxy among the servers")?;
    prepare(row.operation, proxy).await
}

async fn prepare(operation: crate::requests::Operation, proxy: &Server) -> Result<Pool> {
    let dev = proxy.dev().context("not the proxy")?;
    Pool::prepare(operation, dev.xks(), &Dialer::new(proxy.address, &proxy.ca)?).await
}

/// Memory of a proxy that has seen nothing else.
async fn largest_bodies(cores: Option<Cores>, options: &Options) -> Result<Memory> {
    let proxy = Server::strongroom(cores)?;
    let load = Load {
        shape: Shape::KeepAlive,
        workers: 64,
        seconds: Duration::from_secs(options.seconds),
        pool: Arc::new(prepare(LARGEST, &proxy).await?),
    };
    let sample = load
        .run(&Dialer::new(proxy.address, &proxy.ca)?, proxy.pid())
        .await?;
    ensure!(sample.completed > 0, "the proxy answered nothing");
    machine::memory(proxy.pid())
}
