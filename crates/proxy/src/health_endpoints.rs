//! Probes of load balancers and orchestrators: `GET /healthz` (the process lives) and `GET /readyz`
//! (it can serve), without authentication (XKS-LB-01). They neither touch a key nor count as XKS
//! requests, and cannot be mistaken for one: no path of the API ends like theirs.
//!
//! On the XKS listeners, which strangers may reach, `/readyz` answers yes or no. The reasons are
//! given on listeners of the probes' own ([`HealthEndpoints`]).

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use listener::{Handler, Incoming};
use serde::Serialize;

use crate::Proxy;

/// What a probe asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probe {
    /// Whether the process lives.
    Lives,
    /// Whether it can serve.
    Ready,
    /// Nothing that we answer: one of the two paths, but not `GET` or `HEAD`.
    Other,
}

impl Probe {
    /// The probe, if the path is one's.
    pub(crate) fn of(method: &Method, path: &str) -> Option<Self> {
        let probe = match path {
            "/healthz" => Self::Lives,
            "/readyz" => Self::Ready,
            _ => return None,
        };
        let reads = method == Method::GET || method == Method::HEAD;
        Some(if reads { probe } else { Self::Other })
    }
}

/// The probes on a listener of their own.
pub struct HealthEndpoints {
    proxy: Arc<Proxy>,
}

impl HealthEndpoints {
    /// Answers for this proxy.
    pub const fn new(proxy: Arc<Proxy>) -> Self {
        Self { proxy }
    }
}

impl Handler for HealthEndpoints {
    async fn handle(&self, incoming: Incoming) -> Response<Bytes> {
        match Probe::of(&incoming.method, incoming.path()) {
            Some(probe) => self.proxy.probe(probe, true),
            None => response(
                StatusCode::NOT_FOUND,
                &Readiness {
                    ready: None,
                    reasons: None,
                },
            ),
        }
    }
}

#[derive(Serialize)]
struct Readiness {
    #[serde(skip_serializing_if = "Option::is_none")]
    ready: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasons: Option<Vec<String>>,
}

impl Proxy {
    /// Answers a probe. A sealed proxy lives, but is not ready.
    pub(crate) fn probe(&self, probe: Probe, with_reasons: bool) -> Response<Bytes> {
        let nothing = Readiness {
            ready: None,
            reasons: None,
        };
        match probe {
            Probe::Lives => response(StatusCode::OK, &nothing),
            Probe::Ready => {
                let (ready, reasons) = match self.warden() {
                    None => (false, vec![self.sealed_reason()]),
                    Some(warden) => {
                        let readiness = warden.readiness();
                        (readiness.ready, readiness.reasons)
                    }
                };
                let status = if ready {
                    StatusCode::OK
                } else {
                    StatusCode::SERVICE_UNAVAILABLE
                };
                let reasons = with_reasons.then_some(reasons);
                response(
                    status,
                    &Readiness {
                        ready: Some(ready),
                        reasons,
                    },
                )
            }
            Probe::Other => {
                let mut response = response(StatusCode::METHOD_NOT_ALLOWED, &nothing);
                response
                    .headers_mut()
                    .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
                response
            }
        }
    }
}

fn response(status: StatusCode, body: &Readiness) -> Response<Bytes> {
    // Unwrap safety: a struct of booleans and strings always serialises.
    let body = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(xks_api::CONTENT_TYPE));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
