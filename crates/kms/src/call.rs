//! One call: who asks for what, and what the call leaves for the CloudTrail record.

use std::net::IpAddr;
use std::sync::Arc;

use ambient::Timestamp;
use crypto::SecretBytes;
use kms_api::{Document, KmsError, Operation, Region};

use crate::identity::Caller;
use crate::state::Realm;
use crate::trail::Notes;
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
    /// Answers an authenticated request: the body of the answer, empty where AWS's is.
    pub async fn perform(&self, request: Request) -> Result<SecretBytes, KmsError> {
        let event_id = crate::id::uuid(self.random()).map_err(|error| crate::error::internal(&error))?;
        let realm = Realm::new(request.caller.account, request.region);
        let mut call = Call {
            kms: self,
            operation: request.operation,
            caller: request.caller,
            realm,
            request_id: request.request_id,
            event_id,
            now: self.clock().now(),
            origin: request.origin,
            trail: Notes::default(),
        };
        Ok(dispatch::dispatch(&mut call, request.document).await?)
    }
}
