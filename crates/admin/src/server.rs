//! The server: who calls, what for, and the answer.

mod bindings;
mod blocks;
mod call;
mod check;
mod credentials;
mod key_managers;
mod key_stores;
mod keys;
mod node;
mod recovery;
mod roots;
mod router;
mod status;
mod strangers;

use std::sync::Arc;

use ambient::Random;
use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response};
use listener::{BodyError, Handler, Incoming};
use warden::Warden;

use crate::actor::Actors;
use crate::error::{ErrorCode, Refusal};
use call::{Call, Reply};
pub use node::{ListenerStatus, NodeStatus};
use strangers::Strangers;

/// The longest request: 32 caller patterns of 2,048 characters, twice, do not come over this
/// socket in one piece by accident; a table of arguments does.
const MAX_BODY_BYTES: usize = 256 << 10;

/// Serves the management API; give it to a [`listener::Listener`] on a Unix socket.
pub struct Server {
    warden: Arc<Warden>,
    random: Arc<dyn Random>,
    actors: ArcSwap<Actors>,
    node: ArcSwap<NodeStatus>,
    strangers: Strangers,
}

impl Server {
    /// For this warden and these actors.
    pub fn new(warden: Arc<Warden>, random: Arc<dyn Random>, actors: Actors, node: NodeStatus) -> Self {
        Self {
            warden,
            random,
            actors: ArcSwap::from_pointee(actors),
            node: ArcSwap::from_pointee(node),
            strangers: Strangers::default(),
        }
    }

    /// Replaces the actors, for every call that begins from now on.
    pub fn set_actors(&self, actors: Actors) {
        self.actors.store(Arc::new(actors));
    }

    /// Replaces what `status` says of this node.
    pub fn set_node(&self, node: NodeStatus) {
        self.node.store(Arc::new(node));
    }

    async fn answer(&self, request: &mut Incoming) -> Result<Reply, Refusal> {
        let Some(uid) = request.connection.peer.uid() else {
            // Only a wrong composition can lead here: this is served on Unix sockets alone.
            return Err(Refusal::new(ErrorCode::UnknownActor, "the caller has no uid"));
        };
        let actors = self.actors.load_full();
        let Some(actor) = actors.of(uid) else {
            return self.answer_anybody(uid, request);
        };
        let body = if request.method == Method::GET {
            Bytes::new()
        } else {
            request.read_body(MAX_BODY_BYTES).await?
        };
        let call = Call {
            warden: &self.warden,
            random: &*self.random,
            node: self.node.load_full(),
            actor,
            body,
        };
        router::route(&call, &request.method, request.uri.path()).await
    }

    fn answer_anybody(&self, uid: u32, request: &Incoming) -> Result<Reply, Refusal> {
        if request.method == Method::GET && request.uri.path() == "/v1/status" {
            return status::reduced(&self.warden);
        }
        let next = format!(
            "have an administrator map uid {uid} in [[actors]] of the server's configuration and reload it"
        );
        Err(Refusal::new(
            ErrorCode::UnknownActor,
            format!("uid {uid} is no actor of this server"),
        )
        .next(next))
    }
}

impl Handler for Server {
    async fn handle(&self, mut request: Incoming) -> Response<Bytes> {
        let result = self.answer(&mut request).await;
        let (method, path) = (&request.method, request.uri.path());
        let uid = request.connection.peer.uid();
        match &result {
            Ok(_) => tracing::info!(uid, %method, path, "management call"),
            Err(refusal) if refusal.code == ErrorCode::UnknownActor => {
                if let Some(left_out) = self.strangers.line(self.warden.clock().now()) {
                    let error = refusal.code.as_str();
                    tracing::warn!(uid, %method, path, error, left_out, "management call refused");
                }
            }
            Err(refusal) => {
                tracing::warn!(uid, %method, path, error = refusal.code.as_str(), "management call refused");
            }
        }
        respond(result)
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        let code = match error {
            BodyError::TooLarge => ErrorCode::TooLarge,
            BodyError::TimedOut | BodyError::Aborted => ErrorCode::Invalid,
            BodyError::Overloaded => ErrorCode::Unavailable,
        };
        Self::new(code, error.to_string())
    }
}

fn respond(result: Result<Reply, Refusal>) -> Response<Bytes> {
    let (status, body) = match result {
        Ok(reply) => (http::StatusCode::OK, reply.into_bytes()),
        Err(refusal) => {
            let status = refusal.code.status();
            // Unwrap safety: three strings always serialise.
            let body = serde_json::to_vec(&refusal.into_body()).unwrap_or_default();
            (status, body.into())
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}
