//! Our `listener`, with its default limits, and a constant behind it: what our door costs apart
//! from what happens behind it. Same path, same answers as the null server.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use ambient::SystemClock;
use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use listener::{Address, Handler, Incoming, Listener, ListenerConfig, TlsConfig};

use crate::certificate::Certificate;
use crate::server_process::announce;

/// The longest answer, and the longest body read.
const MAX_LEN: usize = 1 << 18;

/// Serves for ever on a free port, with the certificate in `directory`.
pub(crate) async fn serve(directory: &Path) -> Result<()> {
    let certificate = Certificate::within(directory);
    let mut config = ListenerConfig::new("bench", Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 0))));
    config.tls = Some(TlsConfig {
        certificate_file: certificate.certificate,
        private_key_file: certificate.key,
        names: Vec::new(),
    });
    let listener = Listener::bind(&config, Arc::new(SystemClock))?;
    announce(
        listener
            .control()
            .local_addr()
            .tcp()
            .context("not a TCP address")?,
    );
    listener
        .serve(Arc::new(Constant(Bytes::from(vec![b' '; MAX_LEN]))))
        .await;
    Ok(())
}

struct Constant(Bytes);

impl Handler for Constant {
    async fn handle(&self, mut request: Incoming) -> Response<Bytes> {
        let length = request.path().trim_start_matches('/').parse().unwrap_or(0);
        let mut response = Response::new(self.0.slice(..MAX_LEN.min(length)));
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if request.read_body(MAX_LEN).await.is_err() {
            *response.status_mut() = StatusCode::BAD_REQUEST;
        }
        response
    }
}
