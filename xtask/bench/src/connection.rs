//! A lean HTTP/1.1 client over tokio-rustls or bare TCP: writes bytes prepared beforehand, reads one answer.
//! It does as little as it can, so that the load's core is never the limit.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Where to connect, and how: TLS 1.3 only, never resuming; or without TLS.
#[derive(Clone)]
pub(crate) struct Dialer {
    address: SocketAddr,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Dialer {
    /// For the server at `address`, whose certificate chains to `ca` (PEM).
    pub(crate) fn new(address: SocketAddr, ca: &Path) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in
            CertificateDer::pem_file_iter(ca).with_context(|| format!("cannot read {}", ca.display()))?
        {
            roots.add(certificate?)?;
        }
        let mut config = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = ServerName::try_from("localhost").context("not a server name")?;
        Ok(Self {
            address,
            tls: Some((TlsConnector::from(Arc::new(config)), name)),
        })
    }

    /// For a server that speaks HTTP without TLS.
    pub(crate) const fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }

    /// Connects and shakes hands.
    pub(crate) async fn dial(&self) -> Result<Connection> {
        let stream = TcpStream::connect(self.address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        let stream = match &self.tls {
            None => Stream::Plain(stream),
            Some((tls, name)) => {
                let stream = tls.connect(name.clone(), stream).await;
                Stream::Tls(Box::new(stream.context("the handshake failed")?))
            }
        };
        Ok(Connection {
            stream,
            buffer: Vec::with_capacity(32 * 1024),
        })
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// One kept-alive connection.
pub(crate) struct Connection {
    stream: Stream,
    buffer: Vec<u8>,
}

/// An answer; the body lies in the connection's buffer.
pub(crate) struct Answer<'c> {
    pub(crate) status: u16,
    pub(crate) body: &'c [u8],
}

impl Connection {
    /// Sends `request` and waits for the whole answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(request).await?,
            Stream::Tls(stream) => {
                stream.write_all(request).await?;
                stream.flush().await?;
            }
        }
        self.buffer.clear();
        loop {
            if let Some(head) = Head::parse(&self.buffer)? {
                let end = head.length + head.body;
                while self.buffer.len() < end {
                    self.read_more().await?;
                }
                let body = self.buffer.get(head.length..end).unwrap_or_default();
                return Ok(Answer {
                    status: head.status,
                    body,
                });
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> Result<()> {
        let read = match &mut self.stream {
            Stream::Plain(stream) => stream.read_buf(&mut self.buffer).await?,
            Stream::Tls(stream) => stream.read_buf(&mut self.buffer).await?,
        };
        if read == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }

    /// Says goodbye, so that the server does not count an error.
    pub(crate) async fn close(mut self) {
        // The measurement is over; whether the peer heard it does not matter.
        let _ = match &mut self.stream {
            Stream::Plain(stream) => stream.shutdown().await,
            Stream::Tls(stream) => stream.shutdown().await,
        };
    }
}

/// What matters of an answer's head.
#[derive(Debug, PartialEq)]
struct Head {
    status: u16,
    /// Bytes of the head itself, the empty line included.
    length: usize,
    /// Bytes of the body.
    body: usize,
}

impl Head {
    /// `None` while the head is not complete.
    fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = std::str::from_utf8(bytes.get(..end).unwrap_or_default())?;
        let status = head.get(9..12).context("no status line")?.parse()?;
        let body = head
            .lines()
            .find_map(content_length)
            .context("an answer without Content-Length")?;
        Ok(Some(Self {
            status,
            length: end + 4,
            body,
        }))
    }
}

fn content_length(line: &str) -> Option<usize> {
    let (name, value) = line.split_once(':')?;
    name.eq_ignore_ascii_case("content-length")
        .then(|| value.trim().parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_complete() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nabcdefg";
        assert_eq!(
            Head::parse(bytes).unwrap(),
            Some(Head {
                status: 200,
                length: 38,
                body: 7
            })
        );
        assert_eq!(Head::parse(bytes.get(..30).unwrap()).unwrap(), None);
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
