//! A caller of the KMS API: AWS JSON 1.1, signed.

use std::net::SocketAddr;

use ambient::{Clock, SystemClock};
use anyhow::Context;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderName, HeaderValue, Request};
use http_body_util::Full;
use serde_json::Value;
use sigv4::{PathForm, SecretAccessKey, Signer, Target};

use super::http::Connection;
use crate::kms::identities::FirstUser;

/// One user on one connection.
pub(super) struct Caller {
    connection: Connection,
    host: HeaderValue,
    region: &'static str,
    access_key_id: String,
    secret: SecretAccessKey,
}

/// The endpoint's refusal.
#[derive(Debug, thiserror::Error)]
#[error("{operation} was refused: {name}: {message}")]
pub(super) struct Refused {
    operation: &'static str,
    /// `NotFoundException`.
    pub(super) name: String,
    message: String,
}

impl Caller {
    pub(super) async fn connect(
        address: SocketAddr,
        region: &'static str,
        user: &FirstUser,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            connection: Connection::open_plain(address).await?,
            host: HeaderValue::from_str(&address.to_string())?,
            region,
            access_key_id: user.access_key_id.clone(),
            secret: SecretAccessKey::new(user.secret_access_key.clone()),
        })
    }

    /// The answer, or what AWS calls the error.
    pub(super) async fn call(
        &mut self,
        operation: &'static str,
        input: &Value,
    ) -> anyhow::Result<Result<Value, Refused>> {
        let body = Bytes::from(serde_json::to_vec(input)?);
        let mut request = Request::post("/").body(Full::new(body.clone()))?;
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-amz-json-1.1"),
        );
        let target_header = HeaderName::from_static("x-amz-target");
        headers.insert(
            target_header,
            HeaderValue::from_str(&format!("TrentService.{operation}"))?,
        );
        let signer = Signer {
            access_key_id: &self.access_key_id,
            secret: &self.secret,
            session_token: None,
            region: self.region,
            service: "kms",
            path: PathForm::AsReceived,
        };
        let target = Target {
            method: "POST",
            path: "/",
            query: "",
            authority: None,
        };
        signer.sign(&target, headers, &body, SystemClock.now())?;
        let response = self.connection.send(request).await?;
        let (status, body) = (response.status(), response.into_body());
        let answer: Value = match body.as_ref() {
            b"" => Value::Null,
            text => serde_json::from_slice(text)
                .with_context(|| format!("the answer to {operation} ({status}) is not JSON"))?,
        };
        if status.is_success() {
            return Ok(Ok(answer));
        }
        let member = |name: &str| answer.get(name).and_then(Value::as_str);
        Ok(Err(Refused {
            operation,
            name: member("__type").unwrap_or("?").to_owned(),
            message: member("message")
                .or(member("Message"))
                .unwrap_or_default()
                .to_owned(),
        }))
    }
}
