//! What KMS makes of a failing proxy (XKS specification, "Error codes", KMS considerations; AWS KMS
//! Developer Guide, external key stores).
//!
//! KMS picks its exception by what the proxy answered and by which KMS operation asked; the text
//! depends on the failure alone. Here is the whole table, each row written out.

use crate::error::ErrorName;

/// How a call to the proxy failed, seen from KMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyFailure {
    /// The proxy answered with an error.
    Answered(ErrorName),
    /// No TCP connection.
    NoConnection,
    /// No TLS connection.
    NoTls,
    /// No answer within 250 ms.
    TimedOut,
    /// An answer that cannot be interpreted, a CDIV that does not match included.
    MalformedResponse,
    /// The proxy decrypted, but KMS's own inner layer does not open (Decrypt, ReEncrypt).
    InnerLayerInvalid,
    /// All key managers are `UNAVAILABLE` in an answer to GetHealthStatus (XKS-HLT-08).
    AllKeyManagersUnavailable,
    /// The custom key store is not connected; the proxy was not asked.
    KeyStoreNotConnected,
}

impl ProxyFailure {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Answered(ErrorName::ValidationException),
        Self::Answered(ErrorName::InvalidStateException),
        Self::Answered(ErrorName::InvalidCiphertextException),
        Self::Answered(ErrorName::InvalidKeyUsageException),
        Self::Answered(ErrorName::AuthenticationFailedException),
        Self::Answered(ErrorName::AccessDeniedException),
        Self::Answered(ErrorName::KeyNotFoundException),
        Self::Answered(ErrorName::InvalidUriPathException),
        Self::Answered(ErrorName::ThrottlingException),
        Self::Answered(ErrorName::InternalException),
        Self::Answered(ErrorName::UnsupportedOperationException),
        Self::Answered(ErrorName::DependencyTimeoutException),
        Self::NoConnection,
        Self::NoTls,
        Self::TimedOut,
        Self::MalformedResponse,
        Self::InnerLayerInvalid,
        Self::AllKeyManagersUnavailable,
        Self::KeyStoreNotConnected,
    ];
}

/// The KMS operations that fail with an exception when the proxy does. ConnectCustomKeyStore is not
/// among them: it ends in the state `FAILED` with a [`ConnectionErrorCode`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KmsCall {
    /// CreateCustomKeyStore (GetHealthStatus).
    CreateCustomKeyStore,
    /// UpdateCustomKeyStore (GetHealthStatus).
    UpdateCustomKeyStore,
    /// CreateKey (GetKeyMetadata).
    CreateKey,
    /// Encrypt.
    Encrypt,
    /// Decrypt.
    Decrypt,
    /// ReEncrypt (Decrypt, Encrypt, or both).
    ReEncrypt,
    /// GenerateDataKey (Encrypt).
    GenerateDataKey,
    /// GenerateDataKeyWithoutPlaintext (Encrypt).
    GenerateDataKeyWithoutPlaintext,
}

/// The exceptions of KMS that tell of a proxy's failure; all are HTTP 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KmsException {
    /// Cryptographic operations, whatever failed.
    KmsInvalidState,
    /// CreateKey: the key store does not work.
    CustomKeyStoreInvalidState,
    /// CreateKey: the external key is disabled or of the wrong kind.
    XksKeyInvalidConfiguration,
    /// CreateKey: no such external key.
    XksKeyNotFound,
    /// Create/UpdateCustomKeyStore: wrong credential.
    XksProxyIncorrectAuthenticationCredential,
    /// Create/UpdateCustomKeyStore: wrong path.
    XksProxyInvalidConfiguration,
    /// Create/UpdateCustomKeyStore: an answer that makes no sense.
    XksProxyInvalidResponse,
    /// Create/UpdateCustomKeyStore: no answer.
    XksProxyUriUnreachable,
}

impl KmsException {
    /// The name in KMS's API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KmsInvalidState => "KMSInvalidStateException",
            Self::CustomKeyStoreInvalidState => "CustomKeyStoreInvalidStateException",
            Self::XksKeyInvalidConfiguration => "XksKeyInvalidConfigurationException",
            Self::XksKeyNotFound => "XksKeyNotFoundException",
            Self::XksProxyIncorrectAuthenticationCredential => {
                "XksProxyIncorrectAuthenticationCredentialException"
            }
            Self::XksProxyInvalidConfiguration => "XksProxyInvalidConfigurationException",
            Self::XksProxyInvalidResponse => "XksProxyInvalidResponseException",
            Self::XksProxyUriUnreachable => "XksProxyUriUnreachableException",
        }
    }
}

/// The exception that KMS throws.
///
/// Cells that AWS's table leaves open, since a proxy does not answer so there: on
/// Create/UpdateCustomKeyStore an error that GetHealthStatus does not have is an answer that makes no
/// sense; on CreateKey it means that the key store does not work. Two cells where AWS contradicts
/// itself: `AccessDeniedException` and `UnsupportedOperationException` on CreateKey, for which the
/// specification names exceptions that CreateKey does not have in KMS's API model; both become
/// `CustomKeyStoreInvalidStateException`, as the Developer Guide has it for the first.
pub const fn kms_exception(failure: ProxyFailure, call: KmsCall) -> KmsException {
    match call {
        KmsCall::CreateCustomKeyStore | KmsCall::UpdateCustomKeyStore => on_key_store(failure),
        KmsCall::CreateKey => on_create_key(failure),
        KmsCall::Encrypt
        | KmsCall::Decrypt
        | KmsCall::ReEncrypt
        | KmsCall::GenerateDataKey
        | KmsCall::GenerateDataKeyWithoutPlaintext => KmsException::KmsInvalidState,
    }
}

const fn on_key_store(failure: ProxyFailure) -> KmsException {
    match failure {
        ProxyFailure::Answered(ErrorName::AuthenticationFailedException) => {
            KmsException::XksProxyIncorrectAuthenticationCredential
        }
        ProxyFailure::Answered(ErrorName::InvalidUriPathException) => {
            KmsException::XksProxyInvalidConfiguration
        }
        ProxyFailure::Answered(ErrorName::DependencyTimeoutException | ErrorName::ThrottlingException)
        | ProxyFailure::NoConnection
        | ProxyFailure::NoTls
        | ProxyFailure::TimedOut
        | ProxyFailure::AllKeyManagersUnavailable
        | ProxyFailure::KeyStoreNotConnected => KmsException::XksProxyUriUnreachable,
        ProxyFailure::Answered(
            ErrorName::ValidationException
            | ErrorName::InternalException
            // Open in AWS's table:
            | ErrorName::InvalidStateException
            | ErrorName::InvalidCiphertextException
            | ErrorName::InvalidKeyUsageException
            | ErrorName::AccessDeniedException
            | ErrorName::KeyNotFoundException
            | ErrorName::UnsupportedOperationException,
        )
        | ProxyFailure::MalformedResponse
        | ProxyFailure::InnerLayerInvalid => KmsException::XksProxyInvalidResponse,
    }
}

const fn on_create_key(failure: ProxyFailure) -> KmsException {
    match failure {
        ProxyFailure::Answered(ErrorName::InvalidStateException | ErrorName::InvalidKeyUsageException) => {
            KmsException::XksKeyInvalidConfiguration
        }
        ProxyFailure::Answered(ErrorName::KeyNotFoundException) => KmsException::XksKeyNotFound,
        ProxyFailure::Answered(
            ErrorName::ValidationException
            | ErrorName::AuthenticationFailedException
            | ErrorName::InvalidUriPathException
            | ErrorName::DependencyTimeoutException
            | ErrorName::ThrottlingException
            | ErrorName::InternalException
            // Where AWS contradicts itself:
            | ErrorName::AccessDeniedException
            | ErrorName::UnsupportedOperationException
            // Open in AWS's table:
            | ErrorName::InvalidCiphertextException,
        )
        | ProxyFailure::NoConnection
        | ProxyFailure::NoTls
        | ProxyFailure::TimedOut
        | ProxyFailure::MalformedResponse
        | ProxyFailure::InnerLayerInvalid
        | ProxyFailure::AllKeyManagersUnavailable
        | ProxyFailure::KeyStoreNotConnected => KmsException::CustomKeyStoreInvalidState,
    }
}

/// What KMS tells its caller; the same whatever the exception. The sense is AWS's, the words ours.
pub const fn kms_message(failure: ProxyFailure) -> &'static str {
    match failure {
        ProxyFailure::Answered(ErrorName::ValidationException) | ProxyFailure::MalformedResponse => {
            "The response of the external key store proxy cannot be interpreted. If this repeats, report it to the proxy's administrator."
        }
        ProxyFailure::Answered(ErrorName::InvalidStateException) => {
            "The external key of this KMS key is not enabled in its external key manager. Enable it there and try again."
        }
        ProxyFailure::Answered(ErrorName::InvalidCiphertextException) => {
            "The external key store proxy rejected the request: the ciphertext or the encryption context is corrupted, missing or otherwise invalid."
        }
        ProxyFailure::InnerLayerInvalid => {
            "What the external key store proxy decrypted, or the encryption context, is corrupted, missing or otherwise invalid."
        }
        ProxyFailure::Answered(ErrorName::InvalidKeyUsageException) => {
            "The external key of this KMS key does not support the requested operation. Allow it in the external key manager and try again."
        }
        ProxyFailure::Answered(ErrorName::AuthenticationFailedException) => {
            "The external key store proxy could not authenticate AWS KMS. Check the proxy authentication credential of the external key store."
        }
        ProxyFailure::Answered(ErrorName::AccessDeniedException) => {
            "The external key store proxy denied access to the operation. Check that the caller and the external key are authorized for it."
        }
        ProxyFailure::Answered(ErrorName::KeyNotFoundException) => {
            "The external key of this KMS key was not found in its external key manager. If the external key id is wrong, create a new KMS key with the right one."
        }
        ProxyFailure::Answered(ErrorName::InvalidUriPathException) => {
            "The external key store proxy rejected the request: the URI path is invalid. Check the URI path of the external key store."
        }
        ProxyFailure::Answered(ErrorName::UnsupportedOperationException) => {
            "The external key store proxy does not support the requested operation. If this repeats, report it to the proxy's administrator."
        }
        ProxyFailure::Answered(ErrorName::DependencyTimeoutException) | ProxyFailure::TimedOut => {
            "The external key store proxy did not respond in the time allotted. Try again. If this repeats, report it to the proxy's administrator."
        }
        ProxyFailure::Answered(ErrorName::ThrottlingException) => {
            "The external key store proxy rejected the request because the request rate is too high. Use the keys of this key store less often."
        }
        ProxyFailure::Answered(ErrorName::InternalException) | ProxyFailure::AllKeyManagersUnavailable => {
            "The external key store proxy cannot reach its external key manager. Check that the proxy is configured correctly and the key manager is available."
        }
        ProxyFailure::NoConnection => {
            "AWS KMS cannot communicate with the external key store proxy. This may be a passing network problem. If it repeats, check that the proxy is running and its endpoint is right."
        }
        ProxyFailure::NoTls => {
            "AWS KMS cannot establish a TLS connection to the external key store proxy. Check its TLS configuration and its certificate."
        }
        ProxyFailure::KeyStoreNotConnected => {
            "This KMS key is in a custom key store that is not connected to its external key store proxy. Connect it and try again."
        }
    }
}

/// Why ConnectCustomKeyStore ended in `FAILED`: those codes that a proxy's failure causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionErrorCode {
    /// The proxy rejected the credential.
    InvalidCredentials,
    /// The proxy denied access.
    XksProxyAccessDenied,
    /// The path is wrong.
    XksProxyInvalidConfiguration,
    /// The answer made no sense.
    XksProxyInvalidResponse,
    /// TLS failed.
    XksProxyInvalidTlsConfiguration,
    /// No connection, or no key manager available.
    XksProxyNotReachable,
    /// Too slow.
    XksProxyTimedOut,
}

impl ConnectionErrorCode {
    /// The value of `ConnectionErrorCode`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidCredentials => "INVALID_CREDENTIALS",
            Self::XksProxyAccessDenied => "XKS_PROXY_ACCESS_DENIED",
            Self::XksProxyInvalidConfiguration => "XKS_PROXY_INVALID_CONFIGURATION",
            Self::XksProxyInvalidResponse => "XKS_PROXY_INVALID_RESPONSE",
            Self::XksProxyInvalidTlsConfiguration => "XKS_PROXY_INVALID_TLS_CONFIGURATION",
            Self::XksProxyNotReachable => "XKS_PROXY_NOT_REACHABLE",
            Self::XksProxyTimedOut => "XKS_PROXY_TIMED_OUT",
        }
    }
}

/// The code with which connecting a key store fails. AWS documents it for authentication, access,
/// path, malformed answers, TLS, no connection and timeouts; the others follow what
/// [`kms_exception`] says of the same failure on creation.
pub const fn connection_error_code(failure: ProxyFailure) -> ConnectionErrorCode {
    match failure {
        ProxyFailure::Answered(ErrorName::AuthenticationFailedException) => {
            ConnectionErrorCode::InvalidCredentials
        }
        ProxyFailure::Answered(ErrorName::AccessDeniedException) => ConnectionErrorCode::XksProxyAccessDenied,
        ProxyFailure::Answered(ErrorName::InvalidUriPathException) => {
            ConnectionErrorCode::XksProxyInvalidConfiguration
        }
        ProxyFailure::Answered(
            ErrorName::ValidationException
            | ErrorName::InternalException
            | ErrorName::InvalidStateException
            | ErrorName::InvalidCiphertextException
            | ErrorName::InvalidKeyUsageException
            | ErrorName::KeyNotFoundException
            | ErrorName::UnsupportedOperationException,
        )
        | ProxyFailure::MalformedResponse
        | ProxyFailure::InnerLayerInvalid => ConnectionErrorCode::XksProxyInvalidResponse,
        ProxyFailure::NoTls => ConnectionErrorCode::XksProxyInvalidTlsConfiguration,
        ProxyFailure::Answered(ErrorName::ThrottlingException)
        | ProxyFailure::NoConnection
        | ProxyFailure::AllKeyManagersUnavailable
        | ProxyFailure::KeyStoreNotConnected => ConnectionErrorCode::XksProxyNotReachable,
        ProxyFailure::Answered(ErrorName::DependencyTimeoutException) | ProxyFailure::TimedOut => {
            ConnectionErrorCode::XksProxyTimedOut
        }
    }
}

#[cfg(test)]
mod tests;
