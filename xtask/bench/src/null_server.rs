//! The null server: hyper and tokio-rustls as their documentation shows them, none of our
//! crates. It reads the body and returns a constant; what it needs for one request is what
//! nobody can save.
//!
//! The request's path is the length of the answer's body in digits: `/000213`.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::certificate::Certificate;
use crate::server_process::announce;

/// The longest answer.
const MAX_ANSWER: usize = 1 << 18;

/// Serves for ever on a free port, with the certificate in `directory`.
pub(crate) async fn serve(directory: &Path) -> Result<()> {
    let acceptor = TlsAcceptor::from(Arc::new(tls(&Certificate::within(directory))?));
    let socket = TcpListener::bind("127.0.0.1:0").await.context("cannot listen")?;
    announce(socket.local_addr()?);
    let constant = Bytes::from(vec![b' '; MAX_ANSWER]);
    loop {
        let (stream, _) = socket.accept().await?;
        let (acceptor, constant) = (acceptor.clone(), constant.clone());
        tokio::spawn(async move {
            if stream.set_nodelay(true).is_err() {
                return;
            }
            // A client that leaves in the middle is no concern of a measurement.
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            serve_connection(stream, constant).await;
        });
    }
}

/// The same without TLS, beside servers that have none.
pub(crate) async fn serve_plain() -> Result<()> {
    let socket = TcpListener::bind("127.0.0.1:0").await.context("cannot listen")?;
    announce(socket.local_addr()?);
    let constant = Bytes::from(vec![b' '; MAX_ANSWER]);
    loop {
        let (stream, _) = socket.accept().await?;
        let constant = constant.clone();
        tokio::spawn(async move {
            if stream.set_nodelay(true).is_ok() {
                serve_connection(stream, constant).await;
            }
        });
    }
}

async fn serve_connection(stream: impl AsyncRead + AsyncWrite + Unpin, constant: Bytes) {
    let service = service_fn(move |request| answer(request, constant.clone()));
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(request: Request<Incoming>, constant: Bytes) -> Result<Response<Full<Bytes>>, Infallible> {
    let length = request.uri().path().trim_start_matches('/').parse().unwrap_or(0);
    let mut response = Response::new(Full::new(constant.slice(..MAX_ANSWER.min(length))));
    response.headers_mut().insert(
        CONTENT_TYPE,
        hyper::header::HeaderValue::from_static("application/json"),
    );
    if request.into_body().collect().await.is_err() {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(response)
}

fn tls(certificate: &Certificate) -> Result<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(&certificate.certificate)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(&certificate.key)?;
    Ok(ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)?)
}
