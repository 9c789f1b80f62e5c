//! The administration of the endpoint over a Unix socket: status, faults to order, explanations of
//! decisions, metrics, reload. What `strongroom kms …` speaks with: HTTP/1.1 and JSON.
//!
//! Only two users of this machine may call: the one that the endpoint runs as, and root. The kernel
//! says who a caller is. Nothing here uses a key or shows a secret.

mod error;
mod faults;
pub mod message;
mod status;

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response, StatusCode};
use listener::{Handler, Incoming};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::log::Strangers;
use crate::{ExplainError, Kms};
use error::{Code, Refusal};
use message::NodeStatus;

/// The longest request: an encryption context of 8,192 bytes, and as much beside it.
const MAX_BODY_BYTES: usize = 64 << 10;

/// Reads configuration, identities and certificates anew; `Err` says why nothing was taken over.
pub type Reload = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Serves the control socket; give it to a [`listener::Listener`] on a Unix socket.
pub struct Server {
    kms: Kms,
    /// The user that the endpoint runs as.
    owner: u32,
    node: ArcSwap<NodeStatus>,
    reload: Reload,
    strangers: Strangers,
}

/// A successful answer.
enum Reply {
    Json(Vec<u8>),
    Text(String),
}

impl Reply {
    fn json(value: &impl Serialize) -> Result<Self, Refusal> {
        serde_json::to_vec(value).map(Self::Json).map_err(|_| {
            let message = "the answer could not be written as JSON";
            Refusal::new(Code::Internal, message)
        })
    }
}

impl Server {
    /// For this endpoint, run by the user `owner`.
    pub fn new(kms: Kms, owner: u32, node: NodeStatus, reload: Reload) -> Self {
        Self {
            kms,
            owner,
            node: ArcSwap::from_pointee(node),
            reload,
            strangers: Strangers::default(),
        }
    }

    /// Replaces what `status` says of this node.
    pub fn set_node(&self, node: NodeStatus) {
        self.node.store(Arc::new(node));
    }

    async fn answer(&self, request: &mut Incoming) -> Result<Reply, Refusal> {
        match request.connection.peer.uid() {
            Some(uid) if uid == self.owner || uid == 0 => {}
            _ => {
                let message = "only the user that the endpoint runs as, or root, may do this";
                return Err(Refusal::new(Code::NotPermitted, message));
            }
        }
        let body = match request.method {
            Method::GET => Bytes::new(),
            _ => request.read_body(MAX_BODY_BYTES).await?,
        };
        let path = request.uri.path();
        match (&request.method, path.strip_prefix("/v1/").unwrap_or_default()) {
            (&Method::GET, "status") => Reply::json(&status::status(&self.kms, &self.node.load())),
            (&Method::GET, "metrics") => Ok(Reply::Text(self.kms.prometheus())),
            (&Method::POST, "reload") => self.reload(),
            (&Method::POST, "explain") => self.explain(&body),
            (&Method::GET, "faults") => Reply::json(&faults::list(&self.kms)),
            (&Method::POST, "faults") => Reply::json(&faults::set(&self.kms, &input(&body)?)?),
            (&Method::POST, "faults/clear") => Reply::json(&faults::clear(&self.kms, &input(&body)?)?),
            _ => Err(Refusal::new(Code::NotFound, "there is no such call")),
        }
    }

    fn explain(&self, body: &[u8]) -> Result<Reply, Refusal> {
        let explanation = self.kms.explain(&input(body)?).map_err(|error| {
            let code = match error {
                ExplainError::Random(_) => Code::Internal,
                ExplainError::Principal
                | ExplainError::Action
                | ExplainError::NoKey
                | ExplainError::Region
                | ExplainError::EncryptionContext
                | ExplainError::Grant
                | ExplainError::Key(_) => Code::Invalid,
            };
            Refusal::new(code, error.to_string())
        })?;
        Reply::json(&explanation)
    }

    fn reload(&self) -> Result<Reply, Refusal> {
        (self.reload)().map_err(|why| Refusal::new(Code::Invalid, why))?;
        Reply::json(&message::Reloaded { reloaded: true })
    }
}

fn input<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::new(Code::Invalid, error.to_string()))
}

impl Handler for Server {
    async fn handle(&self, mut request: Incoming) -> Response<Bytes> {
        let result = self.answer(&mut request).await;
        let (method, path) = (&request.method, request.uri.path());
        let uid = request.connection.peer.uid();
        match &result {
            Ok(_) => tracing::info!(uid, %method, path, "control call"),
            Err(refusal)
                if refusal.code == Code::NotPermitted && !self.strangers.take(self.kms.clock().now()) => {}
            Err(refusal) => {
                tracing::warn!(uid, %method, path, error = refusal.code.as_str(), "control call refused");
            }
        }
        respond(result)
    }
}

fn respond(result: Result<Reply, Refusal>) -> Response<Bytes> {
    let (status, kind, body) = match result {
        Ok(Reply::Json(body)) => (StatusCode::OK, "application/json", body),
        Ok(Reply::Text(text)) => (StatusCode::OK, "text/plain; version=0.0.4", text.into_bytes()),
        Err(refusal) => (refusal.code.status(), "application/json", refusal.into_json()),
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
