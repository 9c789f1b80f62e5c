//! HTTP over one stream: hyper, configured by the limits.

use std::pin::pin;
use std::sync::Arc;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::activity::Timeout;
use crate::connection::{Connection, Protocol};
use crate::drive::{Ended, drive};
use crate::exchange::{self, Handler};
use crate::limits::Limits;
use crate::watched::Watched;

/// Serves a connection until it ends, and counts how it did.
pub(crate) async fn serve<T, H>(stream: T, connection: Arc<Connection>, handler: Arc<H>)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    let shared = Arc::clone(&connection);
    let service =
        service_fn(move |request| exchange::serve(Arc::clone(&handler), Arc::clone(&shared), request));
    let io = TokioIo::new(Watched::new(stream, Arc::clone(&connection)));
    let activity = &connection.activity;
    let ended = match connection.protocol {
        Protocol::Http1 => {
            let http = pin!(http1(&activity.limits).serve_connection(io, service));
            drive(http, |http| http.graceful_shutdown(), activity).await
        }
        Protocol::Http2 => {
            let http = pin!(http2(&activity.limits).serve_connection(io, service));
            drive(http, |http| http.graceful_shutdown(), activity).await
        }
    };
    count(&ended, &connection);
}

fn http1(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    let head = limits.header_bytes as usize;
    builder
        .max_header_size(head)
        // Also the read buffer for bodies; hyper takes no less than 8,192.
        .max_buf_size(head.max(8_192))
        // Its time limit is ours (`Activity`): hyper's would set a timer for every request.
        .header_read_timeout(None);
    builder
}

fn http2(limits: &Limits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .max_concurrent_streams(limits.http2_streams)
        .initial_stream_window_size(limits.http2_stream_window_bytes)
        .initial_connection_window_size(limits.http2_connection_window_bytes)
        .max_frame_size(limits.http2_frame_bytes)
        // h2 refuses at the value itself, we beyond it.
        .max_header_list_size(limits.header_bytes.saturating_add(1))
        .max_send_buf_size(65_536)
        // Rapid reset (CVE-2023-44487) and its variants: h2's own defaults, written down so that
        // nobody's later default lifts them.
        .max_pending_accept_reset_streams(20)
        .max_local_error_reset_streams(1_024);
    builder
}

fn count(ended: &Ended, connection: &Connection) {
    let counters = &connection.activity.common.counters;
    match ended {
        Ended::Http(Ok(())) | Ended::TimedOut(Timeout::Linger | Timeout::Idle) => {}
        Ended::Http(Err(error)) if error.is_parse_too_large() => counters.refused_header_bytes.add(),
        Ended::Http(Err(error)) if error.is_parse() => counters.malformed.add(),
        Ended::Http(Err(_)) => counters.aborted.add(),
        Ended::TimedOut(Timeout::FirstByte) => counters.timeout_first_byte.add(),
        Ended::TimedOut(Timeout::Headers) => counters.timeout_headers.add(),
        Ended::TimedOut(Timeout::Answer) => counters.timeout_answer.add(),
    }
    if let Ended::Http(Err(error)) = ended {
        tracing::debug!(listener = &*connection.listener, connection = connection.id, %error, "connection ended");
    }
}
