//! The proxy with its key in an HSM: what a request costs beyond a null server's request and the bare
//! module's encryption and trial decryption, with the module in the proxy's process and in a worker.
//!
//! The HSM is SoftHSM, whose cryptography costs about 20 us a pair: with a real HSM, whose work costs
//! this machine nothing, the rest weighs the same.

pub(crate) mod module;
mod server;
mod softhsm;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::certificate::Certificate;
use crate::compare::Options;
use crate::connection::Dialer;
use crate::load::{Load, Shape};
use crate::machine::{self, Cores, Memory};
use crate::report::{HsmLine, Report};
use crate::requests::Pool;
use crate::rows::{SMALL, is_wanted};
use crate::sample::Sample;
use crate::server_process::{Kind, Server};
use server::HsmServer;
use softhsm::SoftHsm;

const ROW: &str = "hsm encrypt 32 B, CDIV";

/// Both proxies and what they are compared with.
struct Scene {
    null: Server,
    softhsm: SoftHsm,
    in_process: HsmServer,
    worker: HsmServer,
}

/// Measures the HSM's rows, if any is wanted.
pub(crate) async fn run(options: &Options, cores: Option<Cores>, report: &mut Report) -> Result<()> {
    if !is_wanted(ROW, &options.rows) {
        return Ok(());
    }
    let directory = tempfile::tempdir().context("cannot make a temporary directory")?;
    let certificate = Certificate::make(directory.path())?;
    let softhsm = SoftHsm::make(directory.path())?;
    let scene = Scene {
        null: Server::constant(Kind::Null, directory.path(), &certificate.certificate, cores)?,
        in_process: HsmServer::start(directory.path(), &softhsm, "in-process", cores)?,
        worker: HsmServer::start(directory.path(), &softhsm, "worker", cores)?,
        softhsm,
    };
    for connections in &options.connections {
        eprintln!("{ROW} over {connections} connections");
        let samples = measure(&scene, *connections, options, cores).await?;
        let [null, module, in_process, worker] = &samples;
        report
            .hsm
            .push(HsmLine::new(*connections, [null, module, in_process, worker]));
        let [null, module, in_process, worker] = samples;
        let own = machine::memory(std::process::id())?;
        let lines: Vec<(Kind, Sample, Memory)> = vec![
            (Kind::Null, null, machine::memory(scene.null.pid())?),
            (Kind::Module, module, own),
            (Kind::HsmInProcess, in_process, scene.in_process.memory()?),
            (Kind::HsmWorker, worker, scene.worker.memory()?),
        ];
        report.add(ROW, *connections, lines);
    }
    Ok(())
}

/// All four in turn, as many rounds as asked for.
async fn measure(
    scene: &Scene,
    connections: u32,
    options: &Options,
    cores: Option<Cores>,
) -> Result<[Sample; 4]> {
    let mut samples: [Sample; 4] = Default::default();
    for _ in 0..options.rounds {
        let [null, module, in_process, worker] = &mut samples;
        let load = |pool: Pool| Load {
            shape: Shape::KeepAlive,
            workers: connections,
            seconds: Duration::from_secs(options.seconds),
            pool: Arc::new(pool),
        };
        for (server, sample) in [(&scene.in_process, in_process), (&scene.worker, worker)] {
            let dialer = server.dialer()?;
            let pool = Pool::prepare(SMALL, server.xks(), &dialer).await?;
            let constant = pool.for_constant();
            sample.add(load(pool).run_on(&dialer, &server.pids()?).await?);
            let dialer = Dialer::new(scene.null.address, &scene.null.ca)?;
            null.add(load(constant).run(&dialer, scene.null.pid()).await?);
        }
        module.add(module::round(&scene.softhsm, options.seconds, cores)?);
    }
    for sample in &samples {
        ensure!(
            sample.completed > 0,
            "a server answered nothing: {:?}",
            sample.refused
        );
    }
    Ok(samples)
}
