//! The accept loop: never ends because of an error, never waits for a connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::exchange::Handler;
use crate::listener::{Inner, ShutdownReport};
use crate::stream;
use crate::unix::SocketFile;

/// Where connections come from.
pub(crate) trait Accept: Send {
    /// The next connection.
    fn accept(&self) -> impl Future<Output = io::Result<Accepted>> + Send;
}

/// A connection as the system hands it over.
pub(crate) enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

/// A bound socket.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(TcpListener),
    Unix {
        listener: UnixListener,
        /// Removed with the socket.
        _file: SocketFile,
    },
}

impl Accept for Socket {
    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                Ok(Accepted::Tcp(stream, peer))
            }
            Self::Unix { listener, .. } => Ok(Accepted::Unix(listener.accept().await?.0)),
        }
    }
}

/// First and longest pause after the system refuses to accept, e.g. for want of descriptors.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// Accepts until told to stop; then lets connections finish within the grace period.
pub(crate) async fn run<A: Accept, H: Handler>(
    socket: A,
    inner: Arc<Inner>,
    handler: Arc<H>,
    mut stop: watch::Receiver<Option<Duration>>,
) -> ShutdownReport {
    let mut connections = JoinSet::new();
    let mut pause = PAUSES.0;
    let grace = loop {
        if let Some(grace) = *stop.borrow_and_update() {
            break grace;
        }
        tokio::select! {
            biased;
            changed = stop.changed() => if changed.is_err() {
                break Duration::ZERO;
            },
            Some(_) = connections.join_next() => {}
            accepted = socket.accept() => match accepted {
                Ok(accepted) => {
                    pause = PAUSES.0;
                    let work = stream::run(accepted, Arc::clone(&inner), Arc::clone(&handler), stop.clone());
                    connections.spawn(work);
                }
                Err(error) if is_about_one_connection(&error) => {}
                Err(error) => {
                    inner.common.counters.accept_errors.add();
                    tracing::warn!(listener = &*inner.name, %error, pause_ms = crate::error::milliseconds(pause),
                        "cannot accept connections for now");
                    tokio::time::sleep(pause).await;
                    pause = pause.saturating_mul(2).min(PAUSES.1);
                }
            },
        }
    };
    drop(socket);
    inner.stop_connections();
    finish(connections, grace).await
}

async fn finish(mut connections: JoinSet<()>, grace: Duration) -> ShutdownReport {
    let mut report = ShutdownReport::default();
    let finished = &mut report.finished;
    let all = async {
        while connections.join_next().await.is_some() {
            *finished += 1;
        }
    };
    // Out of time is what the rest of this function is about.
    drop(tokio::time::timeout(grace, all).await);
    report.aborted = connections.len() as u64;
    connections.shutdown().await;
    report
}

/// The client went away before we accepted it; the next one may be fine.
fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}
