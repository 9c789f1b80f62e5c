//! One request and its answer, between hyper and the handler.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode};

use crate::body::Answer;
use crate::connection::{Connection, Protocol};
use crate::incoming::Incoming;

/// What a listener serves.
///
/// One call per request; calls run concurrently. The future is dropped when the client goes away
/// or the server stops, at any `.await`. A panic ends the connection (HTTP/2: the one
/// request) and nothing else.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. `Content-Length` and `Date` are added. A body that carries secrets is
    /// made with [`crate::wiping`].
    fn handle(&self, request: Incoming) -> impl Future<Output = Response<Bytes>> + Send;
}

/// Counts one request on its connection, from its head until its answer has been taken.
pub(crate) struct Exchange {
    connection: Arc<Connection>,
    answered: bool,
    /// What its head counts for; HTTP/2 only.
    head_bytes: usize,
}

impl Exchange {
    fn answered(&mut self) {
        self.answered = true;
        self.connection.activity.answered();
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.head_bytes > 0 {
            self.connection.activity.release_head(self.head_bytes);
            self.connection.activity.release_stream();
        }
        self.connection.activity.finished(self.answered);
        if std::thread::panicking() {
            self.connection.activity.common.counters.panics.add();
        }
    }
}

pub(crate) async fn serve<H: Handler>(
    handler: Arc<H>,
    connection: Arc<Connection>,
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Answer>, h2::Error> {
    let deadline = connection.activity.request();
    let mut exchange = Exchange {
        connection: Arc::clone(&connection),
        answered: false,
        head_bytes: match connection.protocol {
            // One at a time, in a buffer of its own.
            Protocol::Http1 => 0,
            Protocol::Http2 => head_bytes(&request),
        },
    };
    if exchange.head_bytes > 0 && !connection.activity.reserve_stream() {
        // Counted as a head too, because it is released as one.
        connection.activity.reserve_head(exchange.head_bytes);
        connection
            .activity
            .common
            .counters
            .refused_requests_in_flight
            .add();
        return Err(h2::Reason::REFUSED_STREAM.into());
    }
    let mut response = match refuse(&connection, &request, exchange.head_bytes) {
        Some(status) => {
            connection.activity.close_after_answer();
            status_only(status)
        }
        None => {
            connection.activity.common.counters.requests.add();
            let (head, body) = request.into_parts();
            let incoming = Incoming {
                method: head.method,
                uri: head.uri,
                headers: head.headers,
                connection: Arc::clone(&connection),
                deadline,
                body,
                read: false,
            };
            handler.handle(incoming).await
        }
    };
    if connection.protocol == Protocol::Http1 && connection.activity.closes_after_answer() {
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
    }
    exchange.answered();
    Ok(response.map(|data| Answer::new(data, Some(exchange))))
}

/// The limits on a head that hyper does not know.
fn refuse<B>(connection: &Connection, request: &Request<B>, head_bytes: usize) -> Option<StatusCode> {
    let limits = &connection.activity.limits;
    let counters = &connection.activity.common.counters;
    // Always counted, because it is always released.
    if head_bytes > 0 && !connection.activity.reserve_head(head_bytes) {
        counters.refused_heads_in_flight.add();
        return Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target > limits.target_bytes {
        counters.refused_target.add();
        return Some(StatusCode::URI_TOO_LONG);
    }
    if request.headers().len() > limits.header_count {
        counters.refused_header_count.add();
        return Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    None
}

/// The size of a head as HTTP/2 counts it (RFC 9113 section 6.5.2), nearly: of the pseudo-header
/// fields only the two that a client can make long.
fn head_bytes<B>(request: &Request<B>) -> usize {
    const FIELD: usize = 32;
    let uri = request.uri();
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    let fields = request.headers().iter();
    fields
        .map(|(name, value)| name.as_str().len() + value.len() + FIELD)
        .sum::<usize>()
        + target
        + authority
        + 4 * FIELD
}

fn status_only(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}
