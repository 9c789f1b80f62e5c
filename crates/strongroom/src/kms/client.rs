//! Speaks to a KMS endpoint over its control socket; every call is a connection of its own.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use admin::ErrorBody;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

/// What is asked here takes milliseconds.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Metrics of a thousand custom key stores are a tenth of it.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// A call was not done, or nobody knows.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// No endpoint listens there, or we may not speak to it.
    #[error(
        "no KMS endpoint answers on {socket} ({source}): start it with `strongroom kms serve`, name its socket \
         with --socket, --data-dir or STRONGROOM_KMS_SOCKET, or be the user that it runs as", socket = socket.display()
    )]
    Unreachable {
        /// Where we tried.
        socket: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The endpoint said why not.
    #[error("{0}")]
    Refused(ErrorBody),
    /// The connection broke, took more than a minute, or what answers is no KMS endpoint.
    #[error(
        "the endpoint's answer was not understood ({0}): it may have been done, so look before you repeat it; the \
         socket of an XKS proxy is for the commands without `kms`"
    )]
    Protocol(String),
}

/// The endpoint behind one socket.
pub(crate) struct Client {
    socket: PathBuf,
}

impl Client {
    pub(crate) const fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        read(&self.call(Method::GET, path, Bytes::new()).await?)
    }

    pub(crate) async fn get_text(&self, path: &str) -> Result<String, ClientError> {
        let body = self.call(Method::GET, path, Bytes::new()).await?;
        String::from_utf8(body.into()).map_err(protocol)
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(protocol)?;
        read(&self.call(Method::POST, path, body.into()).await?)
    }

    async fn call(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, ClientError> {
        let request = Request::builder()
            .method(method)
            .uri(format!("/v1/{path}"))
            .header(HOST, "strongroom")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(protocol)?;
        tokio::time::timeout(TIMEOUT, self.exchange(request))
            .await
            .unwrap_or_else(|_| Err(protocol("no answer within 60 s")))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Bytes, ClientError> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|source| ClientError::Unreachable {
                socket: self.socket.clone(),
                source,
            })?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(protocol)?;
        let answer = async {
            let response = sender.send_request(request).await.map_err(protocol)?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES);
            let body = body.collect().await.map_err(protocol)?.to_bytes();
            if status.is_success() {
                return Ok(body);
            }
            let error: ErrorBody = serde_json::from_slice(&body).map_err(|_| protocol(status))?;
            Err(ClientError::Refused(error))
        };
        // The connection has to be driven beside the answer; its own end says nothing more.
        tokio::pin!(answer);
        tokio::select! {
            answer = &mut answer => answer,
            _ = connection => answer.await,
        }
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ClientError> {
    serde_json::from_slice(body).map_err(protocol)
}

fn protocol(error: impl std::fmt::Display) -> ClientError {
    ClientError::Protocol(error.to_string())
}
