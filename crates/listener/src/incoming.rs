//! A request on its way to the handler: head complete, body not yet read.

use std::sync::Arc;
use std::time::Duration;

use ambient::Moment;
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};

use crate::body::{self, BodyError};
use crate::connection::{Connection, Protocol};

/// A request whose head has arrived within the limits. Its body is read by [`Self::read_body`] or
/// not at all.
#[derive(Debug)]
pub struct Incoming {
    /// The method, as sent.
    pub method: Method,
    /// The request target; path and query are the bytes that were sent, nothing decoded.
    pub uri: Uri,
    /// The header fields.
    pub headers: HeaderMap,
    /// The connection that it came on.
    pub connection: Arc<Connection>,
    /// Until when an answer is of use.
    pub deadline: Deadline,
    pub(crate) body: hyper::body::Incoming,
    /// Whether all of the body has been read.
    pub(crate) read: bool,
}

impl Incoming {
    /// The raw path, at least `/`.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// The raw query without `?`; empty if there is none.
    pub fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    /// HTTP/2's `:authority`; `None` on HTTP/1.1, which has the `Host` header for it.
    pub fn authority(&self) -> Option<&str> {
        match self.connection.protocol {
            Protocol::Http2 => self.uri.authority().map(http::uri::Authority::as_str),
            Protocol::Http1 => None,
        }
    }

    /// The whole body, at most `cap` bytes.
    ///
    /// A `Content-Length` above `cap` is refused before anything is read, a body that turns out
    /// longer at the first byte past; nothing is kept beyond it. After any error the connection
    /// ends with the answer. A body that came in pieces is wiped when the last clone is dropped.
    pub async fn read_body(&mut self, cap: usize) -> Result<Bytes, BodyError> {
        let result = body::read(&mut self.body, cap, &self.connection.activity).await;
        match result {
            Ok(_) => self.read = true,
            Err(_) => self.close_connection(),
        }
        result
    }

    /// Ends the connection once the answer to this request is out (HTTP/1.1: `Connection: close`;
    /// HTTP/2: GOAWAY, requests in flight finish).
    pub fn close_connection(&self) {
        self.connection.activity.close_after_answer();
    }
}

impl Drop for Incoming {
    /// A body that nobody read stays unread: the connection ends instead. HTTP/2 resets the one
    /// stream by itself.
    fn drop(&mut self) {
        let unread = !self.read && !hyper::body::Body::is_end_stream(&self.body);
        if unread && self.connection.protocol == Protocol::Http1 {
            self.close_connection();
        }
    }
}

/// Until when the answer to one request is of use, on the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The moment itself.
    pub at: Moment,
    /// Whether it counts from the connection's accept (its first request) or from `arrived`.
    pub first: bool,
    /// When the request's first byte arrived. HTTP/2: when its head was complete. Measured behind
    /// TLS: when its first record was whole.
    pub arrived: Moment,
}

impl Deadline {
    /// Time left at `now`; zero when it has passed.
    pub const fn remaining(&self, now: Moment) -> Duration {
        self.at.saturating_since(now)
    }
}
