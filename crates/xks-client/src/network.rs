//! How bytes get to a proxy.

use std::io;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A connection in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}

/// Opens connections. The system's, or a test's in memory, where a paused clock meets no real socket.
pub trait Network: Send + Sync + 'static {
    /// Connects to `address`, which is `name:port` or an IP address with a port.
    fn connect<'n>(&'n self, address: &'n str) -> BoxFuture<'n, io::Result<Box<dyn Stream>>>;
}

/// TCP, with names resolved by the system. Small writes are sent at once (`TCP_NODELAY`).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemNetwork;

impl Network for SystemNetwork {
    fn connect<'n>(&'n self, address: &'n str) -> BoxFuture<'n, io::Result<Box<dyn Stream>>> {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}
