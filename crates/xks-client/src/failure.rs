//! What can go wrong with a call, classified as KMS does.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use xks_api::XksError;
use xks_api::kms_exception::ProxyFailure;

/// The most characters of [`Failure::detail`].
const MAX_DETAIL_CHARS: usize = 600;

/// A call that brought no answer to use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Failure {
    /// What KMS makes its exception from.
    pub kind: ProxyFailure,
    /// For the log: what happened, and the proxy's `errorMessage` if it sent one. Holds nothing secret
    /// of ours; never shown to KMS's caller (XKS-ERR-02).
    pub detail: String,
    /// How often it was tried: once, or twice if the first try timed out.
    pub attempts: u8,
    /// How long it took, all tries together.
    pub elapsed: Duration,
}

/// Why one try failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mishap {
    pub(crate) kind: ProxyFailure,
    pub(crate) detail: String,
    /// Whether the network kept us waiting; that alone is worth another try.
    pub(crate) timed_out: bool,
}

impl Mishap {
    fn new(kind: ProxyFailure, detail: impl fmt::Display) -> Self {
        let mut detail = detail.to_string();
        if let Some((end, _)) = detail.char_indices().nth(MAX_DETAIL_CHARS) {
            detail.truncate(end);
        }
        Self {
            kind,
            detail,
            timed_out: false,
        }
    }

    pub(crate) fn answered(error: &XksError) -> Self {
        Self::new(
            ProxyFailure::Answered(error.name),
            format_args!("the proxy answered {error}"),
        )
    }

    pub(crate) fn malformed(what: impl fmt::Display) -> Self {
        Self::new(ProxyFailure::MalformedResponse, what)
    }

    pub(crate) fn no_connection(what: impl fmt::Display) -> Self {
        Self::new(ProxyFailure::NoConnection, what)
    }

    pub(crate) fn no_tls(what: impl fmt::Display) -> Self {
        Self::new(ProxyFailure::NoTls, what)
    }

    pub(crate) fn of(kind: ProxyFailure, what: impl fmt::Display) -> Self {
        Self::new(kind, what)
    }

    /// The time ran out. As long as there was no connection it is the connection that failed (AWS:
    /// `XKS_PROXY_TIMED_OUT` is for a proxy that KMS *can* connect to).
    pub(crate) fn timed_out(stage: Stage) -> Self {
        let (kind, what) = match stage {
            Stage::Waiting => (ProxyFailure::TimedOut, "waiting for another call to end"),
            Stage::Connecting => (ProxyFailure::NoConnection, "connecting"),
            Stage::Handshaking => (ProxyFailure::TimedOut, "in the TLS handshake"),
            Stage::Asking => (ProxyFailure::TimedOut, "waiting for the answer"),
        };
        Self {
            timed_out: true,
            ..Self::new(kind, format_args!("the time was over {what}"))
        }
    }

    /// A TLS handshake that failed. Whatever ends one, a bare close included, leaves us without TLS.
    pub(crate) fn handshake(error: &io::Error) -> Self {
        Self::no_tls(format_args!("the TLS handshake failed: {error}"))
    }

    /// An exchange on an open connection that failed before there was an answer.
    pub(crate) fn exchange(error: &hyper::Error) -> Self {
        if let Some(tls) = cause::<rustls::Error>(error) {
            return Self::no_tls(format_args!("the TLS connection failed: {tls}"));
        }
        if error.is_parse() {
            return Self::malformed(format_args!("the answer is no HTTP: {error}"));
        }
        match cause::<io::Error>(error) {
            Some(io) => Self::no_connection(format_args!("the connection broke: {io}")),
            None => Self::no_connection(format_args!("the connection broke: {error}")),
        }
    }

    pub(crate) fn into_failure(self, attempts: u8, elapsed: Duration) -> Failure {
        Failure {
            kind: self.kind,
            detail: self.detail,
            attempts,
            elapsed,
        }
    }
}

/// How far a try has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// All connections are in use.
    Waiting,
    /// Resolving the name, or waiting for TCP.
    Connecting,
    /// TLS.
    Handshaking,
    /// The request is under way.
    Asking,
}

/// Where a try is; read when its time is over.
#[derive(Debug)]
pub(crate) struct Progress(Mutex<Stage>);

impl Progress {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Stage::Waiting))
    }

    pub(crate) fn set(&self, stage: Stage) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }

    pub(crate) fn get(&self) -> Stage {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first error of this type among the causes; an `io::Error` may carry one inside.
fn cause<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        // `io::Error::source` skips the error that it carries.
        let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match carried {
            Some(carried) => Some(carried as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}
