//! The proxy while its disk is slow: the whole server, composed as the binary composes it, with
//! every sync of the audit log delayed; and a stall in the middle of the load.

use std::io::{BufRead as _, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::ChildStdin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use audit::Directory;
use listener::{Address, ListenerConfig, TlsConfig};
use strongroom::config::Config;
use strongroom::server::{Overrides, Server};
use testkit::disk::SlowDisk;
use xtask::dev_server::DevServer;

use crate::connection::Dialer;
use crate::load::{Load, Shape};
use crate::machine::Cores;
use crate::report::SlowDiskLine;
use crate::requests::Pool;
use crate::rows::{KMS_LIMIT, SMALL};
use crate::server_process::{Server as Process, announce, dev_binary};

/// What every sync takes longer.
const DELAY: Duration = Duration::from_millis(20);
/// What one sync takes longer when told to.
const STALL: Duration = Duration::from_millis(500);
/// Enough that no request waits for a connection: at 1,800 requests/s a hundred are under way
/// when each takes 55 ms.
const CONNECTIONS: u32 = 256;

/// Serves a data directory that `strongroom dev` made, on a free port; a line on standard input
/// stalls the disk once.
pub(crate) async fn serve(directory: &Path) -> Result<()> {
    let mut config = Config::new(directory);
    let mut door = ListenerConfig::new("slow", Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 0))));
    door.tls = Some(TlsConfig {
        certificate_file: directory.join("server.pem"),
        private_key_file: directory.join("server.key"),
        names: Vec::new(),
    });
    config.listeners.xks.push(door);
    let log = config.places().log;
    let disk = SlowDisk::new(Arc::new(Directory::open(&log)?), DELAY);
    let overrides = Overrides {
        medium: Some(Arc::new(disk.clone())),
        ..Overrides::default()
    };
    let server = Server::start(config, overrides).await?;
    announce(server.xks_address().context("not a TCP address")?);
    tokio::task::spawn_blocking(move || {
        for _line in std::io::stdin().lock().lines().map_while(Result::ok) {
            disk.stall(STALL);
        }
    })
    .await?;
    server.shutdown().await;
    Ok(())
}

/// Measures without and with a stall.
pub(crate) async fn measure(seconds: Duration, cores: Option<Cores>) -> Result<Vec<SlowDiskLine>> {
    let temporary = tempfile::tempdir().context("cannot make a temporary directory")?;
    let directory = temporary.path().join("data");
    let dev = DevServer::start_in(&dev_binary()?, &directory)?;
    let port = dev
        .xks()
        .endpoint
        .rsplit_once(':')
        .context("the endpoint has no port")?
        .1
        .parse()?;
    let ca = dev.xks().ca_certificate.clone();
    let pool = Pool::prepare(
        SMALL,
        dev.xks(),
        &Dialer::new(SocketAddr::from(([127, 0, 0, 1], port)), &ca)?,
    )
    .await?;
    dev.stop()?;
    let (server, mut input) = Process::slow(&directory, &ca, cores)?;
    let dialer = Dialer::new(server.address, &ca)?;
    let load = Load {
        shape: Shape::OpenLoop {
            per_second: KMS_LIMIT,
        },
        workers: CONNECTIONS,
        seconds,
        pool: Arc::new(pool),
    };
    let steady = load.run(&dialer, server.pid()).await?;
    let (stalled, told) = tokio::join!(
        load.run(&dialer, server.pid()),
        stall_halfway(seconds, &mut input)
    );
    told?;
    Ok(vec![
        SlowDiskLine::new("1800/s, syncs 20 ms longer", steady),
        SlowDiskLine::new("the same with a stall of 500 ms", stalled?),
    ])
}

async fn stall_halfway(seconds: Duration, input: &mut ChildStdin) -> Result<()> {
    tokio::time::sleep(seconds / 2).await;
    writeln!(input, "stall").context("the server has ended")
}
