//! One call: who asks for what, and what the call leaves for the CloudTrail record.

use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Poll;

use ambient::Timestamp;
use crypto::SecretBytes;
use kms_api::{Document, ErrorName, KmsError, Operation, Region};
use serde_json::Value;

use crate::identity::Caller;
use crate::state::Realm;
use crate::trail::{self, ApiCall, Notes, Service, TlsDetails};
use crate::{Kms, dispatch};

/// Where a request came from, for conditions and records.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The client's address; absent on a Unix socket.
    pub source_ip: Option<IpAddr>,
    /// The `User-Agent` header, as it came.
    pub user_agent: Option<String>,
    /// TLS version and cipher suite, where there was TLS.
    pub tls: Option<(String, String)>,
    /// The `Host` header.
    pub host: Option<String>,
}

/// An authenticated request, not yet looked into.
pub struct Request {
    /// What is asked for.
    pub operation: Operation,
    /// Who signed it.
    pub caller: Arc<Caller>,
    /// The Region of the signature.
    pub region: Region,
    /// A fresh UUID: `x-amzn-RequestId`, `requestID` of the record, `kmsRequestId` at a proxy.
    pub request_id: String,
    /// Where it came from.
    pub origin: Origin,
    /// Its body.
    pub document: Document,
}

/// A call under way. Handlers are
/// `async fn encrypt(call: &mut Call<'_>, request: request::Encrypt) -> Result<response::Encrypt, Failure>`.
pub(crate) struct Call<'a> {
    pub(crate) kms: &'a Kms,
    pub(crate) operation: Operation,
    pub(crate) caller: Arc<Caller>,
    /// The caller's account in the Region that was called: where bare key ids and alias names are
    /// looked up and new things are made.
    pub(crate) realm: Realm,
    pub(crate) request_id: String,
    /// `eventID` of the call's CloudTrail record.
    pub(crate) event_id: String,
    /// When the call came.
    pub(crate) now: Timestamp,
    pub(crate) origin: Origin,
    /// What the CloudTrail record will say beside the request.
    pub(crate) trail: Notes,
}

impl Kms {
    /// Answers an authenticated request: the body of the answer, empty where AWS's is. The call is
    /// charged to the caller's account first; whatever comes of it is recorded and counted. A call
    /// goes on to its end when this future is dropped: a caller who hangs up leaves a whole record.
    pub async fn perform(&self, request: Request) -> Result<SecretBytes, KmsError> {
        let mut call = Box::pin(self.clone().performed(request));
        // Most calls wait for nothing, and need no task of their own.
        let at_once = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
        if let Poll::Ready(answer) = at_once {
            return answer;
        }
        match tokio::spawn(call).await {
            Ok(answer) => answer,
            Err(error) => Err(crate::error::internal(&error)),
        }
    }

    async fn performed(self, request: Request) -> Result<SecretBytes, KmsError> {
        let began = self.clock().moment();
        let event_id = crate::id::uuid(self.random()).map_err(|error| crate::error::internal(&error))?;
        let Request {
            operation,
            caller,
            region,
            request_id,
            origin,
            document,
        } = request;
        let mut call = Call {
            kms: &self,
            operation,
            realm: Realm::new(caller.account, region),
            caller,
            request_id,
            event_id,
            now: self.clock().now(),
            origin,
            trail: Notes::default(),
        };
        let parameters = trail::request_parameters(operation, &document);
        let charged = self
            .quotas()
            .charge(call.realm.account, &call.realm.region, operation);
        let answer = match charged {
            Ok(()) => dispatch::dispatch(&mut call, document)
                .await
                .map_err(KmsError::from),
            Err(throttled) => Err(throttled),
        };
        self.metrics()
            .call(operation, answer.as_ref().err().map(KmsError::name));
        call.record(parameters, &answer);
        call.log(&answer, began);
        answer
    }
}

impl Call<'_> {
    /// Leaves the call's CloudTrail record.
    fn record(&self, mut parameters: Value, answer: &Result<SecretBytes, KmsError>) {
        let error = answer.as_ref().err();
        let name = error.map(KmsError::name);
        // What could not be read as a request has no parameters that could be told.
        if matches!(
            name,
            Some(ErrorName::SerializationException | ErrorName::ValidationException)
        ) {
            parameters = Value::Null;
        }
        let denied = name == Some(ErrorName::AccessDeniedException);
        if !(denied && self.trail.concern_others_than(self.realm.account)) {
            self.trail.add_parameters(&mut parameters);
        }
        let elements = match answer {
            Ok(body) => trail::response_elements(self.operation, body.expose()),
            Err(_) => Value::Null,
        };
        let source_ip = self.origin.source_ip.map(|address| address.to_string());
        let service = self.caller.via_service();
        self.kms.trail().api_call(&ApiCall {
            service: Service::Kms,
            name: self.operation.name(),
            region: self.realm.region.as_str(),
            at: self.now,
            identity: &self.caller.user_identity(),
            account: self.realm.account,
            principal_id: &self.caller.principal_id,
            source: service
                .as_deref()
                .or(source_ip.as_deref())
                .unwrap_or("AWS Internal"),
            user_agent: service
                .as_deref()
                .or(self.origin.user_agent.as_deref())
                .unwrap_or_default(),
            error: error.map(|error| {
                (
                    trail::error_code(error.name()),
                    error.message().unwrap_or_default(),
                )
            }),
            request_parameters: parameters,
            response_elements: elements,
            notes: &self.trail,
            event_id: &self.event_id,
            request_id: &self.request_id,
            read_only: trail::is_read_only(self.operation),
            tls: self.origin.tls.as_ref().map(|(version, suite)| TlsDetails {
                tls_version: version,
                cipher_suite: suite,
                client_provided_host_header: self.origin.host.as_deref().unwrap_or_default(),
            }),
        });
    }
}
