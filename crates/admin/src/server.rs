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

use ambient::{Clock, Random};
use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response};
use listener::{BodyError, Handler, Incoming};
use warden::{Actor, Warden};

use crate::actor::Actors;
use crate::error::{ErrorCode, Refusal};
use call::{Call, Reply};
pub use node::{ListenerStatus, NodeStatus, SealStatus, SealTokenStatus, SealWatch};
use strangers::Strangers;

/// The longest request: 32 caller patterns of 2,048 characters, twice, do not come over this
/// socket in one piece by accident; a table of arguments does.
const MAX_BODY_BYTES: usize = 256 << 10;

/// Serves the management API; give it to a [`listener::Listener`] on a Unix socket.
pub struct Server {
    /// Absent while sealed.
    warden: ArcSwapOption<Warden>,
    seal: SealWatch,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    actors: ArcSwap<Actors>,
    node: ArcSwap<NodeStatus>,
    strangers: Strangers,
}

impl Server {
    /// For these actors; sealed until [`Server::unseal`].
    pub fn new(
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        actors: Actors,
        node: NodeStatus,
        seal: SealWatch,
    ) -> Self {
        Self {
            warden: ArcSwapOption::empty(),
            seal,
            clock,
            random,
            actors: ArcSwap::from_pointee(actors),
            node: ArcSwap::from_pointee(node),
            strangers: Strangers::default(),
        }
    }

    /// Manages this warden from now on.
    pub fn unseal(&self, warden: Arc<Warden>) {
        self.warden.store(Some(warden));
    }

    /// Answers nothing but the status from now on. Acts under way go on.
    pub fn seal(&self) {
        self.warden.store(None);
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
        let Some(warden) = self.warden.load_full() else {
            return self.answer_sealed(actor, request);
        };
        let body = if request.method == Method::GET {
            Bytes::new()
        } else {
            request.read_body(MAX_BODY_BYTES).await?
        };
        let call = Call {
            warden: &warden,
            random: &*self.random,
            node: self.node.load_full(),
            seal: (self.seal)(),
            actor,
            body,
        };
        router::route(&call, &request.method, request.uri.path()).await
    }

    fn answer_sealed(&self, actor: &Actor, request: &Incoming) -> Result<Reply, Refusal> {
        let seal = (self.seal)();
        if request.method == Method::GET && request.uri.path() == "/v1/status" {
            return status::sealed(actor, &self.node.load(), seal);
        }
        let reason = seal.reason.unwrap_or_else(|| "it is starting".to_owned());
        let refusal = Refusal::new(ErrorCode::Sealed, format!("the server is sealed: {reason}"));
        Err(refusal.next("it unseals by itself once that is mended; `strongroom status` shows how it fares"))
    }

    fn answer_anybody(&self, uid: u32, request: &Incoming) -> Result<Reply, Refusal> {
        if request.method == Method::GET && request.uri.path() == "/v1/status" {
            return status::reduced(self.warden.load().as_deref());
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
                if let Some(left_out) = self.strangers.line(self.clock.now()) {
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
