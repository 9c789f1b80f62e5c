//! A request without its body, and which protocol it is written in.

use http::header::{CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderName, Method};
use sigv4::UnverifiedRequest;

use crate::Origin;

/// A request without its body, as it arrived.
#[derive(Clone, Copy)]
pub(super) struct Head<'h> {
    pub(super) method: &'h Method,
    pub(super) path: &'h str,
    pub(super) query: &'h str,
    pub(super) headers: &'h HeaderMap,
    pub(super) authority: Option<&'h str>,
    pub(super) connection: &'h listener::Connection,
}

impl<'h> Head<'h> {
    pub(super) fn unverified(&self) -> UnverifiedRequest<'h> {
        UnverifiedRequest {
            method: self.method.as_str(),
            path: self.path,
            query: self.query,
            headers: self.headers,
            authority: self.authority,
        }
    }

    /// A header as text; `None` too if it is none.
    pub(super) fn text(&self, name: &HeaderName) -> Option<&'h str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Where the request came from, for conditions and records.
    pub(super) fn origin(&self) -> Origin {
        let agent = self.headers.get(USER_AGENT);
        Origin {
            source_ip: self.connection.peer.ip(),
            user_agent: agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned()),
            tls: self.connection.tls.map(|tls| {
                // As CloudTrail writes them: TLSv1.3, TLS_AES_128_GCM_SHA256.
                let version = format!("{:?}", tls.version).replace("v1_", "v1.");
                let suite = format!("{:?}", tls.cipher_suite).replacen("TLS13_", "TLS_", 1);
                (version, suite)
            }),
            host: self.text(&HOST).or(self.authority).map(str::to_owned),
        }
    }
}

/// How a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// AWS JSON: an operation in `X-Amz-Target`, members in a JSON object.
    Json,
    /// AWS Query: everything in a form.
    Query,
}

impl Protocol {
    /// By method and content type; `None` if it is neither.
    pub(super) fn of(head: &Head<'_>) -> Option<Self> {
        let content_type = head.text(&CONTENT_TYPE).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let is = |name: &&str| essence.eq_ignore_ascii_case(name);
        match *head.method {
            Method::POST if JSON_TYPES.iter().any(is) => Some(Self::Json),
            Method::POST if is(&"application/x-www-form-urlencoded") => Some(Self::Query),
            Method::GET if head.query.split('&').any(|part| part.starts_with("Action=")) => Some(Self::Query),
            _ => None,
        }
    }
}

const JSON_TYPES: [&str; 3] = [
    kms_api::CONTENT_TYPE,
    "application/x-amz-json-1.0",
    "application/json",
];
