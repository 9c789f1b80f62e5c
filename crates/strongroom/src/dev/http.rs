//! A small HTTP client: one connection, HTTP/1.1; with TLS it trusts one CA.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Far above any answer of the XKS Proxy API and of the KMS calls that `dev` makes.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// An open connection.
pub(super) struct Connection(http1::SendRequest<Full<Bytes>>);

impl Connection {
    /// Connects to `localhost` at this address.
    pub(super) async fn open(address: SocketAddr, ca: &Path) -> anyhow::Result<Self> {
        let connector = TlsConnector::from(Arc::new(trusting(ca)?));
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("localhost")?;
        let stream = connector
            .connect(name, stream)
            .await
            .context("the TLS handshake failed")?;
        Self::over(stream).await
    }

    /// Connects to an address of this machine, without TLS.
    pub(super) async fn open_plain(address: SocketAddr) -> anyhow::Result<Self> {
        Self::over(TcpStream::connect(address).await?).await
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> anyhow::Result<Self> {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the sender.
        drop(tokio::spawn(connection));
        Ok(Self(sender))
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> anyhow::Result<Response<Bytes>> {
        self.0.ready().await?;
        let (head, body) = self.0.send_request(request).await?.into_parts();
        let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

fn trusting(ca: &Path) -> anyhow::Result<ClientConfig> {
    let pem = fs::read(ca).with_context(|| format!("cannot read {}", ca.display()))?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&pem)?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
