//! The client of one external key store.

use std::sync::Arc;
use std::time::Duration;

use ambient::Moment;
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use sigv4::SecretAccessKey;
use xks_api::cdiv::cdiv;
use xks_api::credential::AccessKeyId;
use xks_api::kms_exception::ProxyFailure;
use xks_api::message::{
    DecryptRequest, DecryptResponse, EkmInstance, EncryptRequest, EncryptResponse, FleetDetails,
    GetKeyMetadataRequest, HealthRequest, HealthResponse, HealthStatus, InvalidFleetDetails,
    MalformedResponse, ReportedKeyMetadata,
};
use xks_api::metadata::RequestMetadata;
use xks_api::uri::{ExternalKeyId, KeyOperation, Resource, ServerName};

use crate::attempt::{Connections, Message};
use crate::failure::{Failure, Mishap};
use crate::faults::{Fault, FaultSwitch};
use crate::pool::Pool;
use crate::tls::ProxyCertificate;
use crate::transport::Transport;

/// What a try may take, from name resolution to the answer's last byte (XKS-KMS-01).
pub const DEADLINE: Duration = Duration::from_millis(250);
/// How often a call is tried, if the network times out (XKS-KMS-03).
const MAX_ATTEMPTS: u8 = 2;

/// Where a key store's proxy is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The server of `XksProxyUriEndpoint`.
    pub server: ServerName,
    /// `XksProxyUriPath`, as KMS takes it: it ends in `/kms/xks/v1`, and before that there may be any
    /// path of `a-z A-Z 0-9 / - _`, empty segments included.
    pub uri_path: String,
    /// Where to connect instead of to the server's own name: the address behind a VPC endpoint. Comes
    /// before a route of the [`Transport`]; TLS is with the server's name all the same.
    pub address: Option<String>,
    /// The Region that requests are signed for: KMS's own.
    pub region: String,
}

/// What a key store's requests are signed with. No `Debug`: it holds the secret.
pub struct Credential {
    /// Its name.
    pub access_key_id: AccessKeyId,
    /// Its secret.
    pub secret: SecretAccessKey,
}

/// An answer, and what it cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// What the proxy answered.
    pub value: T,
    /// How often it was asked.
    pub attempts: u8,
    /// How long it took, all tries together.
    pub elapsed: Duration,
}

/// Asks one proxy for one key store. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct ProxyClient(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) transport: Transport,
    pub(crate) host: String,
    uri_path: String,
    pub(crate) address: String,
    pub(crate) region: String,
    pub(crate) credential: Arc<Credential>,
    pub(crate) pool: Pool,
    pub(crate) certificate: ArcSwapOption<ProxyCertificate>,
    faults: FaultSwitch,
}

impl ProxyClient {
    /// A client without connections yet.
    pub fn new(
        endpoint: &Endpoint,
        credential: Arc<Credential>,
        transport: Transport,
        faults: FaultSwitch,
    ) -> Self {
        let host = endpoint.server.as_str().to_ascii_lowercase();
        let address = endpoint.address.clone();
        Self(Arc::new(Inner {
            address: address.unwrap_or_else(|| transport.address(&host)),
            transport,
            host,
            uri_path: endpoint.uri_path.clone(),
            region: endpoint.region.clone(),
            credential,
            pool: Pool::new(),
            certificate: ArcSwapOption::empty(),
            faults,
        }))
    }

    /// The certificate that the proxy showed last; `None` before the first connection.
    pub fn certificate(&self) -> Option<Arc<ProxyCertificate>> {
        self.0.certificate.load_full()
    }

    /// GetHealthStatus. A fleet whose members are all `UNAVAILABLE` is an answer here; for KMS it is a
    /// failure (XKS-HLT-08), which the caller finds with
    /// [`FleetDetails::all_unavailable`](xks_api::message::FleetDetails::all_unavailable).
    pub async fn health(&self, metadata: RequestMetadata<'_>) -> Result<Answer<HealthResponse>, Failure> {
        let message = self
            .0
            .message(Resource::Health, HealthRequest { metadata }.to_json());
        self.0
            .call(&message, |body, fault| {
                let health = HealthResponse::parse(body).map_err(unreadable)?;
                match fault {
                    Some(Fault::KeyManagersUnavailable) => unavailable(health).map_err(Mishap::malformed),
                    _ => Ok(health),
                }
            })
            .await
    }

    /// GetKeyMetadata. What is reported is for the caller to judge.
    pub async fn key_metadata(
        &self,
        key: &ExternalKeyId,
        metadata: RequestMetadata<'_>,
    ) -> Result<Answer<ReportedKeyMetadata>, Failure> {
        let body = GetKeyMetadataRequest { metadata }.to_json();
        let message = self.0.message(of(key, KeyOperation::GetKeyMetadata), body);
        self.0
            .call(&message, |body, _| {
                ReportedKeyMetadata::parse(body).map_err(unreadable)
            })
            .await
    }

    /// Encrypt. The CDIV is demanded, whatever the request says, and checked (XKS-CDIV-02).
    pub async fn encrypt(
        &self,
        key: &ExternalKeyId,
        request: EncryptRequest<'_>,
    ) -> Result<Answer<EncryptResponse<'static>>, Failure> {
        let request = EncryptRequest {
            cdiv: true,
            ..request
        };
        let message = Message {
            path: self.0.path(of(key, KeyOperation::Encrypt)),
            body: Bytes::from_owner(request.to_json()),
        };
        let (aad, len) = (request.aad.as_deref(), request.plaintext.len());
        self.0
            .call(&message, |body, fault| {
                let mut answer = EncryptResponse::parse(body, len).map_err(unreadable)?;
                if fault == Some(Fault::Corrupted)
                    && let Some(first) = answer.tag.first_mut()
                {
                    *first ^= 1;
                }
                check_cdiv(aad, &answer)?;
                Ok(answer)
            })
            .await
    }

    /// Decrypt. The plaintext is as long as the ciphertext.
    pub async fn decrypt(
        &self,
        key: &ExternalKeyId,
        request: &DecryptRequest<'_>,
    ) -> Result<Answer<DecryptResponse>, Failure> {
        let message = self.0.message(of(key, KeyOperation::Decrypt), request.to_json());
        let len = request.ciphertext.len();
        self.0
            .call(&message, |body, fault| {
                let mut answer = DecryptResponse::parse(body, len).map_err(unreadable)?;
                if fault == Some(Fault::Corrupted)
                    && let Some(first) = answer.plaintext.expose_mut().first_mut()
                {
                    *first ^= 1;
                }
                Ok(answer)
            })
            .await
    }
}

impl Inner {
    fn path(&self, resource: Resource<'_>) -> String {
        let base = &self.uri_path;
        match resource {
            Resource::Health => format!("{base}/health"),
            Resource::Key {
                external_key_id,
                operation,
            } => format!("{base}/keys/{external_key_id}/{}", operation.segment()),
        }
    }

    /// A message whose body is not secret.
    fn message(&self, resource: Resource<'_>, body: Vec<u8>) -> Message {
        Message {
            path: self.path(resource),
            body: body.into(),
        }
    }

    /// Tries once, and once more if the network timed out.
    async fn call<T>(
        &self,
        message: &Message,
        read: impl Fn(&[u8], Option<Fault>) -> Result<T, Mishap>,
    ) -> Result<Answer<T>, Failure> {
        let began = self.transport.clock().moment();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let fault = self
                .faults
                .at(self.transport.clock().moment())
                .map(|ordered| ordered.fault);
            let connections = if attempts == 1 {
                Connections::Any
            } else {
                Connections::New
            };
            let outcome = match refused_by_order(fault) {
                Some(mishap) => Err(mishap),
                None => self
                    .attempt(message, connections, fault)
                    .await
                    .and_then(|answer| read(answer.body.expose(), fault)),
            };
            let elapsed = self.elapsed(began);
            match outcome {
                Ok(value) => {
                    return Ok(Answer {
                        value,
                        attempts,
                        elapsed,
                    });
                }
                Err(mishap) if mishap.timed_out && attempts < MAX_ATTEMPTS => {}
                Err(mishap) => return Err(mishap.into_failure(attempts, elapsed)),
            }
        }
    }

    fn elapsed(&self, began: Moment) -> Duration {
        self.transport.clock().moment().saturating_since(began)
    }
}

/// A fault that needs no proxy.
fn refused_by_order(fault: Option<Fault>) -> Option<Mishap> {
    match fault? {
        Fault::Unreachable => Some(Mishap::no_connection("no connection, as ordered")),
        Fault::BadCertificate => Some(Mishap::no_tls("a certificate that is not trusted, as ordered")),
        Fault::Answers(name) => Some(Mishap::of(
            ProxyFailure::Answered(name),
            format_args!("the proxy answered {name}, as ordered"),
        )),
        Fault::Malformed => Some(Mishap::malformed("an answer that makes no sense, as ordered")),
        Fault::Slow(_) | Fault::Corrupted | Fault::KeyManagersUnavailable => None,
    }
}

/// The same fleet with every key manager `UNAVAILABLE`.
fn unavailable(health: HealthResponse) -> Result<HealthResponse, InvalidFleetDetails> {
    let instances = health.fleet.instances().iter().map(|instance| EkmInstance {
        health_status: HealthStatus::Unavailable,
        ..instance.clone()
    });
    Ok(HealthResponse {
        fleet: FleetDetails::new(instances.collect())?,
        ..health
    })
}

fn check_cdiv(aad: Option<&[u8]>, answer: &EncryptResponse<'_>) -> Result<(), Mishap> {
    let expected = cdiv(
        aad,
        answer.ciphertext_metadata.as_bytes(),
        answer.iv.as_bytes(),
        &answer.ciphertext,
        &answer.tag,
    );
    match answer.cdiv {
        Some(value) if value == expected => Ok(()),
        Some(_) => Err(Mishap::malformed(
            "ciphertextDataIntegrityValue does not match the answer",
        )),
        None => Err(Mishap::malformed(
            "ciphertextDataIntegrityValue is missing though it was asked for",
        )),
    }
}

fn of(key: &ExternalKeyId, operation: KeyOperation) -> Resource<'_> {
    Resource::Key {
        external_key_id: key.as_str(),
        operation,
    }
}

fn unreadable(error: MalformedResponse) -> Mishap {
    Mishap::malformed(error)
}
