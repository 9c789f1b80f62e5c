//! What happened on connections, counted: cheap atomics, read as one [`Snapshot`].

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// The live counters of one listener.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $($(#[doc = $doc])+ pub(crate) $name: Counter,)+
        }

        /// The counters of one listener at one moment. All but `open` only grow.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
        pub struct Snapshot {
            $($(#[doc = $doc])+ pub $name: u64,)+
        }

        impl Counters {
            pub(crate) fn snapshot(&self) -> Snapshot {
                Snapshot { $($name: self.$name.get(),)+ }
            }
        }

        impl Snapshot {
            /// Every counter with its name, in a fixed order: for metrics.
            pub fn named(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)+].into_iter()
            }
        }
    };
}

counters! {
    /// Connections open now.
    open,
    /// Connections accepted from the system, refused ones included.
    accepted,
    /// Closed at once: `connections` were open.
    refused_connections,
    /// Closed at once: `connections_per_address` were open from that address.
    refused_per_address,
    /// The system refused to accept, e.g. no file descriptors left.
    accept_errors,
    /// TLS handshakes finished.
    handshakes,
    /// Of these, resumed sessions.
    handshakes_resumed,
    /// Handshakes refused: no client certificate where one is required.
    handshake_no_certificate,
    /// Handshakes refused: client certificate expired or not yet valid.
    handshake_expired_certificate,
    /// Handshakes refused: the chain ends at no configured CA.
    handshake_unknown_ca,
    /// Handshakes refused: the subject has not exactly one common name, or not a configured one.
    handshake_common_name,
    /// Handshakes refused: another fault of the client certificate.
    handshake_bad_certificate,
    /// Handshakes failed: no common version, cipher suite, group or protocol.
    handshake_incompatible,
    /// Handshakes failed: the client sent an alert, e.g. it does not trust our certificate.
    handshake_alert,
    /// Handshakes failed: what came was no TLS.
    handshake_malformed,
    /// Handshakes failed: the connection broke.
    handshake_broken,
    /// Closed: no first byte in time.
    timeout_first_byte,
    /// Closed: PROXY protocol header or TLS handshake not finished in time.
    timeout_handshake,
    /// Closed: header section not finished in time.
    timeout_headers,
    /// Refused: body not finished in time.
    timeout_body,
    /// Closed: the client did not take its answer in time.
    timeout_answer,
    /// Closed: no request for the idle time. The ordinary end of a connection.
    timeout_idle,
    /// Closed: a trusted load balancer sent no or a malformed PROXY protocol header.
    proxy_header_malformed,
    /// Requests handed to the handler.
    requests,
    /// Refused: head larger than `header_bytes` (HTTP/1.1; HTTP/2 answers 431 unseen).
    refused_header_bytes,
    /// Refused: more than `header_count` fields.
    refused_header_count,
    /// Refused: too many bytes of heads under way on one HTTP/2 connection.
    refused_heads_in_flight,
    /// Refused: `http2_requests_in_flight` reached.
    refused_requests_in_flight,
    /// Refused: target longer than `target_bytes`.
    refused_target,
    /// Refused: body larger than the handler's cap.
    refused_body,
    /// Refused: `body_bytes_in_flight` reached.
    refused_body_in_flight,
    /// Connections ended by something that is not HTTP.
    malformed,
    /// Connections broken by the client amid a request.
    aborted,
    /// Handlers that panicked; their connection (HTTP/2: request) was ended.
    panics,
}

/// One number.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Adds one and returns what it was before.
    pub(crate) fn enter(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn leave(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
