//! GetHealthStatus: asked when a key store is made, changed or connected, and every few minutes.

use kms_api::{ErrorName, KmsError};
use xks_api::Operation as XksOperation;
use xks_api::kms_exception::{KmsCall, ProxyFailure, kms_exception, kms_message};
use xks_api::message::{HealthResponse, HealthStatus};
use xks_client::{Origin, ProxyClient};

use crate::Kms;
use crate::metrics::{KeyManagerStates, ProxyCall, Purpose};

impl Kms {
    /// Asks a proxy how it does. A store whose client has no way to its proxy cannot be reached.
    pub(super) async fn probe(
        &self,
        store: &str,
        client: Option<&ProxyClient>,
        purpose: Purpose,
        request_id: &str,
    ) -> Result<(), ProxyFailure> {
        let Some(client) = client else {
            return Err(ProxyFailure::NoConnection);
        };
        let answer = client
            .health(Origin::for_health(purpose.as_str(), request_id))
            .await;
        let call = ProxyCall {
            purpose,
            operation: XksOperation::GetHealthStatus,
            key_spec: None,
        };
        let health = self.noted(store, client, call, answer)?;
        if self.state().read().custom_key_store(store).is_some() {
            self.metrics().key_manager_states(store, states(&health));
        }
        if health.fleet.all_unavailable() {
            tracing::warn!(
                custom_key_store = store,
                "every external key manager of the XKS proxy is unavailable"
            );
            return Err(ProxyFailure::AllKeyManagersUnavailable);
        }
        Ok(())
    }

    /// Counts a call to a proxy and, if it failed, says so in the log. Of a store that is not there,
    /// for it is only being made or was deleted meanwhile, nothing is counted.
    pub(super) fn noted<T>(
        &self,
        store: &str,
        client: &ProxyClient,
        call: ProxyCall,
        answer: Result<xks_client::Answer<T>, xks_client::Failure>,
    ) -> Result<T, ProxyFailure> {
        let (took, failure) = match &answer {
            Ok(answer) => (answer.elapsed, None),
            Err(failure) => (failure.elapsed, Some(failure.kind)),
        };
        if self.state().read().custom_key_store(store).is_some() {
            self.metrics().proxy_call(store, call, took, failure);
            if let Some(certificate) = client.certificate() {
                self.metrics()
                    .proxy_certificate(store, &certificate.name, certificate.not_after);
            }
        }
        answer.map(|answer| answer.value).map_err(|failure| {
            tracing::warn!(
                custom_key_store = store,
                kms_operation = call.purpose.as_str(),
                xks_operation = call.operation.as_str(),
                attempts = failure.attempts,
                reason = failure.detail,
                "the XKS proxy failed"
            );
            failure.kind
        })
    }
}

fn states(health: &HealthResponse) -> KeyManagerStates {
    let count = |status: HealthStatus| {
        let instances = health.fleet.instances().iter();
        instances
            .filter(|instance| instance.health_status == status)
            .count() as u64
    };
    KeyManagerStates {
        active: count(HealthStatus::Active),
        degraded: count(HealthStatus::Degraded),
        unavailable: count(HealthStatus::Unavailable),
    }
}

/// The exception that KMS makes of a proxy's failure.
pub(crate) fn exception(failure: ProxyFailure, call: KmsCall) -> KmsError {
    let name = kms_exception(failure, call).as_str().parse();
    // Every exception of that table is in the API's model.
    let name = name.unwrap_or(ErrorName::KmsInternalException);
    KmsError::new(name, kms_message(failure))
}
