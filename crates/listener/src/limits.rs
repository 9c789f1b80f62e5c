//! What a client may spend, and until when an answer is of use. Every default has its reason.

use std::time::Duration;

use serde::Deserialize;

use crate::error::ConfigError;
use crate::units;

/// Bounds on everything a client can spend. Each is enforced at its exact value: the limit itself
/// is accepted, one more is not.
///
/// The size of a body is not here: only the handler knows how much it can use, and says so at
/// [`crate::Incoming::read_body`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of a request's head. HTTP/1.1: request line and header section as on the wire, with
    /// every separator (431 beyond). HTTP/2: name + value + 32 for each field, pseudo-header
    /// fields included (RFC 9113 section 6.5.2). Default 16,384: a signed XKS request needs about
    /// 1,000, a proxy in front may double that. At least 1,024. The heads of all requests under way
    /// on one HTTP/2 connection may have eight times as much (431 beyond, and the connection ends).
    pub header_bytes: u32,
    /// Header fields in one request (431 beyond). Default 64: a signed XKS request has about 10.
    /// At most 100, what hyper parses without an allocation.
    pub header_count: usize,
    /// Bytes of the request target, path and query (414 beyond). Default 2,048: the longest XKS
    /// target is about 300.
    pub target_bytes: usize,
    /// Bytes of request bodies being collected at one time, over all connections of the listener;
    /// beyond it [`crate::BodyError::Overloaded`]. What each connection has of its own, 8,192 bytes,
    /// is not counted: usual requests go on when others have taken all of it. Default 33,554,432 (32 MiB): 256 bodies of
    /// 128 KiB, within 64 MiB for the process.
    pub body_bytes_in_flight: usize,
    /// Time from accept to the client's first byte, and from the end of the TLS handshake to the
    /// first byte of the first request (HTTP/2: to the first whole request). Default 5 s: KMS
    /// speaks at once; a connection opened ahead of need still gets five seconds.
    #[serde(deserialize_with = "units::duration")]
    pub first_byte: Duration,
    /// Time for the PROXY protocol header and the TLS handshake, each. Default 5 s: several lost
    /// packets on a slow path.
    #[serde(deserialize_with = "units::duration")]
    pub handshake: Duration,
    /// Time from the first byte of a request to the end of its header section (HTTP/1.1; the
    /// header section of a later HTTP/2 request is bounded by `idle`). Default 5 s.
    #[serde(deserialize_with = "units::duration")]
    pub headers: Duration,
    /// Time from the end of the header section to the end of the body. Default 5 s.
    #[serde(deserialize_with = "units::duration")]
    pub body: Duration,
    /// Time a connection may be blocked because the client does not take its answer. Default 5 s.
    #[serde(deserialize_with = "units::duration")]
    pub answer: Duration,
    /// Time between the end of an answer and the next request; `linger` instead, once the
    /// connection was asked to end. Default 120 s: reuse saves KMS a
    /// handshake, and load balancers forget a flow after 350 s.
    #[serde(deserialize_with = "units::duration")]
    pub idle: Duration,
    /// After a refusal that leaves input unread: how long the connection waits, reading and
    /// discarding at most `linger_bytes`, so that the client sees the answer before the close.
    /// Default 1 s.
    #[serde(deserialize_with = "units::duration")]
    pub linger: Duration,
    /// Bytes discarded while lingering. Default 65,536: what is under way in one window.
    pub linger_bytes: usize,
    /// Open connections of this listener; one more is closed at once. Default 4,096: about 40 KiB
    /// each, far more than KMS opens, and 1,000 attackers leave room for it.
    pub connections: usize,
    /// Open connections of one client address; one more is closed at once. Off unless set: behind
    /// a load balancer all clients share its address.
    pub connections_per_address: Option<usize>,
    /// Concurrent HTTP/2 requests of one connection. Default 64.
    pub http2_streams: u32,
    /// HTTP/2 requests under way at one time over all connections of the listener, the first of
    /// each connection not counted: usual requests go on when others have taken all of it. One more
    /// is refused with `REFUSED_STREAM`, which says that it was not processed and may be repeated.
    /// Default 4,096: KMS at its default quota has 360 under way; with the first ones at most some
    /// 50 MB, at 6 KB each.
    pub http2_requests_in_flight: usize,
    /// Bytes of one HTTP/2 request body that may be under way unread. Default 65,535, the
    /// protocol's own default.
    pub http2_stream_window_bytes: u32,
    /// Bytes of all HTTP/2 request bodies of one connection that may be under way unread. Default
    /// 131,072: two full bodies; 64 connections hold at most 8 MiB.
    pub http2_connection_window_bytes: u32,
    /// Bytes of one HTTP/2 frame. Default 16,384, the smallest the protocol allows.
    pub http2_frame_bytes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 16_384,
            header_count: 64,
            target_bytes: 2_048,
            body_bytes_in_flight: 33_554_432,
            first_byte: Duration::from_secs(5),
            handshake: Duration::from_secs(5),
            headers: Duration::from_secs(5),
            body: Duration::from_secs(5),
            answer: Duration::from_secs(5),
            idle: Duration::from_secs(120),
            linger: Duration::from_secs(1),
            linger_bytes: 65_536,
            connections: 4_096,
            connections_per_address: None,
            http2_streams: 64,
            http2_requests_in_flight: 4_096,
            http2_stream_window_bytes: 65_535,
            http2_connection_window_bytes: 131_072,
            http2_frame_bytes: 16_384,
        }
    }
}

impl Limits {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let within = |name, value: u64, least: u64, most: u64| {
            if (least..=most).contains(&value) {
                Ok(())
            } else {
                Err(ConfigError::LimitOutOfRange {
                    name,
                    value,
                    least,
                    most,
                })
            }
        };
        within("header_bytes", self.header_bytes.into(), 1_024, 1 << 20)?;
        within("header_count", self.header_count as u64, 8, 100)?;
        within("target_bytes", self.target_bytes as u64, 64, 65_534)?;
        within(
            "body_bytes_in_flight",
            self.body_bytes_in_flight as u64,
            1 << 16,
            1 << 40,
        )?;
        within("linger_bytes", self.linger_bytes as u64, 0, 1 << 24)?;
        within("connections", self.connections as u64, 1, 1 << 20)?;
        if let Some(count) = self.connections_per_address {
            within("connections_per_address", count as u64, 1, 1 << 20)?;
        }
        within("http2_streams", self.http2_streams.into(), 1, 1_024)?;
        let in_flight = self.http2_requests_in_flight as u64;
        within("http2_requests_in_flight", in_flight, 1, 1 << 20)?;
        let windows = (1, (1 << 31) - 1);
        let stream_window = self.http2_stream_window_bytes.into();
        within("http2_stream_window_bytes", stream_window, windows.0, windows.1)?;
        within(
            "http2_connection_window_bytes",
            self.http2_connection_window_bytes.into(),
            65_535,
            windows.1,
        )?;
        let frame = self.http2_frame_bytes.into();
        within("http2_frame_bytes", frame, 16_384, (1 << 24) - 1)?;
        self.times()
            .into_iter()
            .find(|(_, time)| time.is_zero())
            .map_or(Ok(()), |(name, _)| Err(ConfigError::ZeroDuration { name }))
    }

    const fn times(&self) -> [(&'static str, Duration); 7] {
        [
            ("first_byte", self.first_byte),
            ("handshake", self.handshake),
            ("headers", self.headers),
            ("body", self.body),
            ("answer", self.answer),
            ("idle", self.idle),
            ("linger", self.linger),
        ]
    }
}

/// Until when an answer is of use. AWS KMS gives up 250 ms after it began, its handshakes included.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Deadlines {
    /// For the first request of a connection, from accept. Default 180 ms: 250 less one round trip
    /// before the accept and half of one for the answer, 30 ms each, and a reserve.
    ///
    /// A connection whose first byte comes later than this after its handshake *ended* was opened
    /// ahead of need; its first request is judged as a later one.
    #[serde(deserialize_with = "units::duration")]
    pub first_request: Duration,
    /// For later requests, from their first byte. Default 200 ms: no handshake before it.
    #[serde(deserialize_with = "units::duration")]
    pub later_request: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            first_request: Duration::from_millis(180),
            later_request: Duration::from_millis(200),
        }
    }
}

impl Deadlines {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        for (name, time) in [
            ("first_request", self.first_request),
            ("later_request", self.later_request),
        ] {
            if time.is_zero() {
                return Err(ConfigError::ZeroDuration { name });
            }
        }
        Ok(())
    }
}
