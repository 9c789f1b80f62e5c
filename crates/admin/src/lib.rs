//! The management API of one server: HTTP/1.1 with JSON over a Unix socket.
//!
//! What this crate promises:
//! - Every call has an *actor*: the kernel tells the peer's uid, the configuration maps it to a
//!   name and a [role](warden::Role). Whoever is not mapped sees a reduced status and nothing else.
//! - It decides nothing about keys: each route hands one act to [`warden`], which checks the role,
//!   records intent and outcome, and acts. What is XKS grammar (path prefixes, access key ids,
//!   external key ids, secrets) is generated and checked here, because warden knows no XKS.
//! - A generated SigV4 secret is in exactly one answer, in a buffer that is wiped.
//! - An error is `{"error", "message", "next"}`: a stable code, what happened, and what to do next.
//!
//! Both ends are here: [`Server`] and the [`Client`] that the command line uses, over the same
//! [`message`] types. To add an operation: a file in `server/`, a line in `server/router.rs`, a
//! method on [`Client`].

mod actor;
mod client;
mod error;
mod generate;
pub mod message;
mod server;

pub use actor::{ActorEntry, Actors, ActorsError};
pub use client::{Client, ClientError};
pub use error::{ErrorBody, ErrorCode};
pub use server::{ListenerStatus, NodeStatus, SealStatus, SealTokenStatus, SealWatch, Server};
