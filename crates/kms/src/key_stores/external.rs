//! What operations on keys ask of the XKS proxy of a custom key store.

use std::sync::Arc;

use crypto::SecretBytes;
use kms_api::{ErrorName, KeySpec, KmsError, Operation};
use xks_api::Operation as XksOperation;
use xks_api::kms_exception::{KmsCall, ProxyFailure};
use xks_api::message::{DecryptRequest, EncryptRequest, KeyStatus, ReportedKeyMetadata};
use xks_api::uri::ExternalKeyId;
use xks_client::{Origin, ProxyClient};

use super::probe::exception;
use crate::call::Call;
use crate::ciphertext::Outer;
use crate::error::Failure;
use crate::keys::Admitted;
use crate::metrics::{ProxyCall, Purpose};
use crate::state::CustomKeyStore;

/// The only `keySpec` that KMS takes (XKS-META-07).
const AES_256: &str = "AES_256";
/// The usages that it wants (XKS-META-07).
const USAGES: [&str; 2] = ["ENCRYPT", "DECRYPT"];

/// An external key and the client that reaches it.
struct External {
    store: Arc<CustomKeyStore>,
    client: Arc<ProxyClient>,
    key: ExternalKeyId,
}

impl Call<'_> {
    /// Has the external key behind a KMS key encrypt `inner`, our own layer, with `aad`. Every
    /// failure is `KMSInvalidStateException`.
    pub(crate) async fn encrypt_externally(
        &mut self,
        admitted: &Admitted,
        inner: Vec<u8>,
        aad: Vec<u8>,
    ) -> Result<Outer, Failure> {
        let external = self.external(admitted)?;
        let via = self.via_service();
        let answer = external
            .client
            .encrypt(
                &external.key,
                EncryptRequest {
                    metadata: self
                        .origin_for_proxy(via.as_deref())
                        .for_crypto(&admitted.key.arn),
                    plaintext: SecretBytes::new(inner),
                    aad: Some(aad),
                    cdiv: true,
                },
            )
            .await;
        let encrypted = self.answered(&external, XksOperation::Encrypt, answer)?;
        self.admit_again(admitted)?;
        Ok(Outer {
            metadata: encrypted.ciphertext_metadata,
            iv: encrypted.iv,
            tag: encrypted.tag,
            ciphertext: encrypted.ciphertext.into_owned(),
        })
    }

    /// Has the external key behind a KMS key decrypt what it encrypted: our own layer. Every failure
    /// is `KMSInvalidStateException`.
    pub(crate) async fn decrypt_externally(
        &mut self,
        admitted: &Admitted,
        outer: Outer,
        aad: Vec<u8>,
    ) -> Result<SecretBytes, Failure> {
        let external = self.external(admitted)?;
        let via = self.via_service();
        let request = DecryptRequest {
            metadata: self
                .origin_for_proxy(via.as_deref())
                .for_crypto(&admitted.key.arn),
            ciphertext: outer.ciphertext,
            iv: outer.iv,
            tag: outer.tag,
            ciphertext_metadata: outer.metadata,
            aad: Some(aad),
        };
        let answer = external.client.decrypt(&external.key, &request).await;
        let decrypted = self.answered(&external, XksOperation::Decrypt, answer)?;
        self.admit_again(admitted)?;
        Ok(decrypted.plaintext)
    }

    /// Asks the proxy whether an external key exists and is fit for a KMS key (CreateKey).
    pub(crate) async fn check_external_key(
        &mut self,
        store: &Arc<CustomKeyStore>,
        xks_key_id: &str,
    ) -> Result<(), Failure> {
        if !store.is_connected() {
            return Err(exception(ProxyFailure::KeyStoreNotConnected, KmsCall::CreateKey).into());
        }
        let external = self.reach(Arc::clone(store), xks_key_id)?;
        let answer = external
            .client
            .key_metadata(&external.key, self.origin_for_proxy(None).for_key_metadata())
            .await;
        let metadata = self.answered(&external, XksOperation::GetKeyMetadata, answer)?;
        judge(&metadata).map_err(Failure::from)
    }

    /// The external key behind a KMS key, once its store's quota allows one request more.
    fn external(&self, admitted: &Admitted) -> Result<External, Failure> {
        let not_connected = || Failure::from(exception(ProxyFailure::KeyStoreNotConnected, self.kms_call()));
        let store = admitted.store.as_ref().ok_or_else(not_connected)?;
        let id = &store.record.id;
        // Looked at again: the store may have been disconnected since the key's state was.
        let current = self.kms.state().read().custom_key_store(id).map(Arc::clone);
        let store = current
            .filter(|store| store.is_connected())
            .ok_or_else(not_connected)?;
        let xks_key_id = admitted
            .key
            .record
            .origin
            .xks_key_id()
            .ok_or_else(not_connected)?;
        if let Err(throttled) = self.kms.quotas().charge_key_store(id) {
            let spec = Some(KeySpec::SymmetricDefault);
            self.kms.metrics().key_store_throttled(id, self.operation, spec);
            return Err(throttled.into());
        }
        self.reach(store, xks_key_id)
    }

    fn reach(&self, store: Arc<CustomKeyStore>, xks_key_id: &str) -> Result<External, Failure> {
        let unreachable = || exception(ProxyFailure::NoConnection, self.kms_call());
        let client = self.kms.key_stores().runtime(&store.record.id).client();
        Ok(External {
            client: client.ok_or_else(unreachable)?,
            // The API's model has the same grammar.
            key: xks_key_id.parse().map_err(Failure::internal)?,
            store,
        })
    }

    /// Counts what came of it, and makes AWS's exception of a failure.
    fn answered<T>(
        &self,
        external: &External,
        operation: XksOperation,
        answer: Result<xks_client::Answer<T>, xks_client::Failure>,
    ) -> Result<T, Failure> {
        let call = ProxyCall {
            purpose: Purpose::Operation(self.operation),
            operation,
            key_spec: Some(KeySpec::SymmetricDefault),
        };
        self.kms
            .noted(&external.store.record.id, &external.client, call, answer)
            .map_err(|failure| exception(failure, self.kms_call()).into())
    }

    /// What a proxy is told of this call.
    fn origin_for_proxy<'c>(&'c self, via_service: Option<&'c str>) -> Origin<'c> {
        Origin {
            principal: &self.caller.arn,
            source_vpc: None,
            source_vpce: None,
            via_service,
            operation: self.operation.name(),
            request_id: &self.request_id,
        }
    }

    /// The AWS service in between as proxies are told it: `ebs`, not `ebs.amazonaws.com`.
    fn via_service(&self) -> Option<String> {
        let service = self.caller.via_service()?;
        Some(service.split('.').next().unwrap_or_default().to_owned())
    }

    fn kms_call(&self) -> KmsCall {
        match self.operation {
            Operation::CreateKey => KmsCall::CreateKey,
            Operation::Encrypt => KmsCall::Encrypt,
            Operation::ReEncrypt => KmsCall::ReEncrypt,
            Operation::GenerateDataKey => KmsCall::GenerateDataKey,
            Operation::GenerateDataKeyWithoutPlaintext => KmsCall::GenerateDataKeyWithoutPlaintext,
            // Decrypt; no other operation asks a proxy for a key.
            _ => KmsCall::Decrypt,
        }
    }
}

/// Whether KMS takes an external key (XKS-META-07); the three reasons have messages of their own.
fn judge(reported: &ReportedKeyMetadata) -> Result<(), KmsError> {
    let refuse = |message: String| {
        Err(KmsError::new(
            ErrorName::XksKeyInvalidConfigurationException,
            message,
        ))
    };
    if reported.key_spec != AES_256 {
        let spec = shown(&reported.key_spec);
        return refuse(format!(
            "The key spec of the external key is {spec}. It must be {AES_256}."
        ));
    }
    if reported.key_status != KeyStatus::Enabled {
        let status = reported.key_status.as_str();
        return refuse(format!(
            "The status of the external key is {status}. It must be ENABLED."
        ));
    }
    if let Some(missing) = USAGES
        .iter()
        .find(|usage| !reported.key_usage.iter().any(|reported| reported == *usage))
    {
        let usages = shown(&reported.key_usage.join(", "));
        return refuse(format!(
            "The key usage of the external key is [{usages}]. It must include {missing}."
        ));
    }
    Ok(())
}

/// A proxy's words as far as they can be shown: short and printable.
fn shown(text: &str) -> String {
    text.chars()
        .filter(|character| (' '..='~').contains(character))
        .take(100)
        .collect()
}
