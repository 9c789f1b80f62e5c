//! The front door: HTTP in, HTTP out. Checks come in AWS's order and answer with AWS's names;
//! KMS, STS and CloudTrail are told apart by `X-Amz-Target` or the Query action.
//!
//! body cap → protocol (404) → JSON at all → target → signature → session → Region → the service.
//!
//! Before the signature is verified a body is at most held against JSON's grammar, without keeping
//! anything of it: AWS tells a body that is not JSON before it looks who sent it. What a request says
//! is read from verified bytes alone.

mod answer;
mod cloudtrail;
mod head;
pub mod query;
mod record;
mod refusal;
mod signature;
mod sts;
mod xml;

use std::sync::Arc;

use ambient::{Random, RandomUnavailable};
use bytes::Bytes;
use http::{HeaderName, Method, Response};
use kms_api::{Document, Operation};
use listener::{BodyError, Handler, Incoming};
use serde::de::IgnoredAny;
use sigv4::Verifier;

use crate::identity::Sessions;
use crate::log::Strangers;
use crate::{Kms, Request};
use answer::Answer;
use head::{Head, Protocol};
use query::{MalformedForm, Parameters};
use refusal::Refusal;
use signature::{Signed, SignedFor};

/// The longest body that is read: a key policy of 131,072 characters, each written as a JSON escape
/// of six, and what stands beside it. 1 MiB.
pub const MAX_BODY_BYTES: usize = 1 << 20;

/// What stands before `LookupEvents` in `X-Amz-Target`; SDKs send the long form.
const CLOUDTRAIL_TARGETS: [&str; 2] = [
    "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.",
    "CloudTrail_20131101.",
];

const X_AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");

const KMS: SignedFor = SignedFor {
    service: kms_api::SIGNING_SERVICE,
    skew_minutes: 5,
};
const CLOUDTRAIL: SignedFor = SignedFor {
    service: "cloudtrail",
    skew_minutes: 5,
};
const STS: SignedFor = SignedFor {
    service: "sts",
    skew_minutes: 15,
};

/// The APIs of one endpoint over HTTP. Serve it on any number of listeners.
pub struct Front {
    kms: Kms,
    verifier: Verifier,
    sessions: Sessions,
    strangers: Strangers,
}

impl Front {
    /// For this endpoint. Draws keys for temporary credentials: those of an earlier process, or of
    /// another `Front`, are refused. Fails only if `random` does.
    pub fn new(kms: Kms, random: &dyn Random) -> Result<Self, RandomUnavailable> {
        Ok(Self {
            verifier: Verifier::new(random)?,
            sessions: Sessions::new(random)?,
            strangers: Strangers::default(),
            kms,
        })
    }

    async fn answer(&self, head: Head<'_>, body: Result<Bytes, BodyError>) -> Response<Bytes> {
        let Ok(request_id) = crate::id::uuid(self.kms.random()) else {
            return answer::refused(Protocol::Json, &Refusal::Internal, "");
        };
        let protocol = Protocol::of(&head);
        let peer = head.connection.peer.ip();
        let result = match (protocol, body) {
            (None, _) => Err(Refusal::NotAnApi),
            (Some(_), Err(error)) => Err(from_body(error)),
            (Some(Protocol::Json), Ok(body)) => self.serve_json(head, body, &request_id).await,
            (Some(Protocol::Query), Ok(body)) => self.serve_query(head, body, &request_id),
        };
        match result {
            Ok(answer) => answer.into_response(&request_id),
            Err(refusal) => {
                if refusal.is_authentication() {
                    self.kms.metrics().unauthenticated();
                }
                let now = self.kms.clock().now();
                self.strangers.log(now, &request_id, refusal.reason(), peer);
                answer::refused(protocol.unwrap_or(Protocol::Json), &refusal, &request_id)
            }
        }
    }

    async fn serve_json(&self, head: Head<'_>, body: Bytes, request_id: &str) -> Result<Answer, Refusal> {
        if !body.is_empty() {
            serde_json::from_slice::<IgnoredAny>(&body).map_err(|_| Refusal::Serialization)?;
        }
        let target = head.text(&X_AMZ_TARGET).unwrap_or_default();
        if let Some(operation) = Operation::from_target(target) {
            let signed = self.authenticate(head.unverified(), body, KMS)?;
            let Signed { caller, region, body } = signed;
            let document = match Document::parse(&body) {
                Ok(document) => document,
                Err(error) => return Ok(Answer::kms(Err(error))),
            };
            let request = Request {
                operation,
                caller,
                region,
                request_id: request_id.to_owned(),
                origin: head.origin(),
                document,
            };
            return Ok(Answer::kms(self.kms.perform(request).await));
        }
        let action = CLOUDTRAIL_TARGETS
            .iter()
            .find_map(|prefix| target.strip_prefix(prefix));
        if action != Some("LookupEvents") {
            return Err(Refusal::UnknownOperation(target.to_owned()));
        }
        let signed = self.authenticate(head.unverified(), body, CLOUDTRAIL)?;
        Ok(self.lookup_events(signed, head.origin(), request_id).await)
    }

    fn serve_query(&self, head: Head<'_>, body: Bytes, request_id: &str) -> Result<Answer, Refusal> {
        let signed = self.authenticate(head.unverified(), body, STS)?;
        // A form in a GET is its query string, which is signed as such.
        let form = if *head.method == Method::GET {
            head.query.as_bytes()
        } else {
            &signed.body
        };
        let parameters = Parameters::parse(form).map_err(|error| match error {
            MalformedForm::TooLong | MalformedForm::TooMany => Refusal::TooLarge,
            MalformedForm::Encoding | MalformedForm::Duplicate => Refusal::Serialization,
        })?;
        self.sts(&signed, &parameters, &head.origin(), request_id)
    }
}

impl Handler for Front {
    async fn handle(&self, mut incoming: Incoming) -> Response<Bytes> {
        let body = incoming.read_body(MAX_BODY_BYTES).await;
        let connection = Arc::clone(&incoming.connection);
        let head = Head {
            method: &incoming.method,
            path: incoming.path(),
            query: incoming.query(),
            headers: &incoming.headers,
            authority: incoming.authority(),
            connection: &connection,
        };
        self.answer(head, body).await
    }
}

const fn from_body(error: BodyError) -> Refusal {
    match error {
        BodyError::TooLarge => Refusal::TooLarge,
        BodyError::TimedOut => Refusal::TimedOut,
        BodyError::Aborted => Refusal::Aborted,
        BodyError::Overloaded => Refusal::Overloaded,
    }
}
