//! Client certificates: a chain that ends at a configured CA, and an exact subject common name.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Verifies the chain by another verifier, then the subject. Both inside the handshake
/// (XKS-MTLS-03): whoever fails never gets to send a request.
#[derive(Debug)]
pub(crate) struct CommonNameVerifier {
    chain: Arc<dyn ClientCertVerifier>,
    common_names: Vec<String>,
}

impl CommonNameVerifier {
    pub(crate) const fn new(chain: Arc<dyn ClientCertVerifier>, common_names: Vec<String>) -> Self {
        Self { chain, common_names }
    }
}

/// The subject's common name: `None` unless there is exactly one such attribute, and it is text.
/// The subject alternative name is not looked at.
pub(crate) fn common_name(der: &[u8]) -> Option<Box<str>> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let mut names = certificate.subject().iter_common_name();
    let name = names.next()?.as_str().ok()?;
    names.next().is_none().then(|| name.into())
}

impl ClientCertVerifier for CommonNameVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.chain.verify_client_cert(end_entity, intermediates, now)?;
        let name = common_name(end_entity);
        if name.is_some_and(|name| self.common_names.iter().any(|allowed| **allowed == *name)) {
            Ok(verified)
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
