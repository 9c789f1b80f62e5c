//! One call of an actor, as the routes see it.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use ambient::Random;
use bytes::Bytes;
use crypto::SecretBytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use warden::{Actor, Warden};
use zeroize::Zeroizing;

use crate::error::{ErrorCode, Refusal};
use crate::{NodeStatus, SealStatus};

/// Who asks, with what, and whom to ask.
pub(super) struct Call<'a> {
    pub(super) warden: &'a Arc<Warden>,
    pub(super) random: &'a dyn Random,
    pub(super) node: Arc<NodeStatus>,
    pub(super) seal: SealStatus,
    pub(super) actor: &'a Actor,
    pub(super) body: Bytes,
}

impl Call<'_> {
    /// The body as `T`; an empty one is an empty object.
    pub(super) fn input<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        let body: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        serde_json::from_slice(body).map_err(|error| unreadable(&error))
    }
}

/// Says where the fault is, but nothing of the text, which may hold a secret.
fn unreadable(error: &serde_json::Error) -> Refusal {
    let (line, column) = (error.line(), error.column());
    let message = match error.classify() {
        serde_json::error::Category::Data => {
            format!(
                "a member of the body is missing, unknown or of the wrong type (line {line}, column {column})"
            )
        }
        _ => format!("the body is not JSON (line {line}, column {column})"),
    };
    Refusal::new(ErrorCode::Invalid, message)
}

/// A word of the API as the type that the warden takes.
pub(super) fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|error| Refusal::invalid(&error))
}

/// A successful answer.
pub(super) enum Reply {
    /// JSON text.
    Json(Vec<u8>),
    /// JSON text with a secret in it.
    Secret(SecretBytes),
}

/// The longest answer with a secret; larger than any, so that the buffer never moves.
const SECRET_ANSWER_BYTES: usize = 4096;

impl Reply {
    /// A value.
    pub(super) fn json(value: &impl Serialize) -> Result<Self, Refusal> {
        serde_json::to_vec(value)
            .map(Self::Json)
            .map_err(|_| unprintable())
    }

    /// A value that holds a secret; the buffer is wiped when it has been sent.
    pub(super) fn secret(value: &impl Serialize) -> Result<Self, Refusal> {
        let mut text = Zeroizing::new(Vec::with_capacity(SECRET_ANSWER_BYTES));
        serde_json::to_writer(&mut *text, value).map_err(|_| unprintable())?;
        Ok(Self::Secret(SecretBytes::new(std::mem::take(&mut *text))))
    }

    pub(super) fn into_bytes(self) -> Bytes {
        match self {
            Self::Json(text) => text.into(),
            Self::Secret(text) => listener::wiping(text),
        }
    }
}

fn unprintable() -> Refusal {
    Refusal::new(ErrorCode::Internal, "the answer could not be written as JSON")
}
