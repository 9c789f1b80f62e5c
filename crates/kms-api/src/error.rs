//! The errors of the AWS KMS API, their HTTP statuses and their JSON body.

use std::borrow::Cow;
use std::fmt;

use crate::json::{self, Output, ToJson};
use crate::text_enum::text_enum;

text_enum! {
    /// The name of an error, as clients know it (`__type`). First those that the API's model lists,
    /// then those that any AWS service with this protocol may answer and that no model lists.
    pub enum ErrorName {
        /// The name (of an alias, a replica) is taken.
        AlreadyExistsException = "AlreadyExistsException",
        /// The CloudHSM cluster already belongs to another key store.
        CloudHsmClusterInUseException = "CloudHsmClusterInUseException",
        /// The CloudHSM cluster's network or number of HSMs does not fit.
        CloudHsmClusterInvalidConfigurationException = "CloudHsmClusterInvalidConfigurationException",
        /// The CloudHSM cluster is not active.
        CloudHsmClusterNotActiveException = "CloudHsmClusterNotActiveException",
        /// There is no such CloudHSM cluster.
        CloudHsmClusterNotFoundException = "CloudHsmClusterNotFoundException",
        /// The CloudHSM cluster shares no backup history with the key store's own.
        CloudHsmClusterNotRelatedException = "CloudHsmClusterNotRelatedException",
        /// Another request of the same kind is under way.
        ConflictException = "ConflictException",
        /// The custom key store still has KMS keys.
        CustomKeyStoreHasCMKsException = "CustomKeyStoreHasCMKsException",
        /// The connection state of the custom key store forbids the operation.
        CustomKeyStoreInvalidStateException = "CustomKeyStoreInvalidStateException",
        /// The name of the custom key store is taken.
        CustomKeyStoreNameInUseException = "CustomKeyStoreNameInUseException",
        /// There is no such custom key store.
        CustomKeyStoreNotFoundException = "CustomKeyStoreNotFoundException",
        /// Something that KMS depends on did not answer in time.
        DependencyTimeoutException = "DependencyTimeoutException",
        /// The KMS key is disabled.
        DisabledException = "DisabledException",
        /// The request would have succeeded, but asked only for a trial (`DryRun`).
        DryRunOperationException = "DryRunOperationException",
        /// The import token is too old.
        ExpiredImportTokenException = "ExpiredImportTokenException",
        /// The ciphertext was made under another KMS key.
        IncorrectKeyException = "IncorrectKeyException",
        /// The imported key material is not the one that belongs to the KMS key.
        IncorrectKeyMaterialException = "IncorrectKeyMaterialException",
        /// The trust anchor is not the CloudHSM cluster's.
        IncorrectTrustAnchorException = "IncorrectTrustAnchorException",
        /// The alias name is not valid.
        InvalidAliasNameException = "InvalidAliasNameException",
        /// The ARN is not valid here.
        InvalidArnException = "InvalidArnException",
        /// The ciphertext, or the encryption context given with it, is not the one encrypted.
        InvalidCiphertextException = "InvalidCiphertextException",
        /// The grant id is not valid.
        InvalidGrantIdException = "InvalidGrantIdException",
        /// The grant token is not valid.
        InvalidGrantTokenException = "InvalidGrantTokenException",
        /// The import token is not valid, or belongs to another KMS key.
        InvalidImportTokenException = "InvalidImportTokenException",
        /// The key usage or the algorithm does not fit the operation.
        InvalidKeyUsageException = "InvalidKeyUsageException",
        /// The marker of a listing is not one that a listing returned.
        InvalidMarkerException = "InvalidMarkerException",
        /// A fault inside KMS.
        KmsInternalException = "KMSInternalException",
        /// The message authentication code does not verify.
        KmsInvalidMacException = "KMSInvalidMacException",
        /// The signature does not verify.
        KmsInvalidSignatureException = "KMSInvalidSignatureException",
        /// The state of the KMS key forbids the operation.
        KmsInvalidStateException = "KMSInvalidStateException",
        /// The KMS key cannot be used now; a later try may succeed.
        KeyUnavailableException = "KeyUnavailableException",
        /// A resource quota is used up.
        LimitExceededException = "LimitExceededException",
        /// The policy is not a valid key policy.
        MalformedPolicyDocumentException = "MalformedPolicyDocumentException",
        /// There is no such key, alias, grant or policy.
        NotFoundException = "NotFoundException",
        /// A tag is not valid.
        TagException = "TagException",
        /// The operation is not supported for this key, or at all.
        UnsupportedOperationException = "UnsupportedOperationException",
        /// Another KMS key of the external key store already uses this external key.
        XksKeyAlreadyInUseException = "XksKeyAlreadyInUseException",
        /// The external key is not a symmetric encryption key fit for this use.
        XksKeyInvalidConfigurationException = "XksKeyInvalidConfigurationException",
        /// The XKS proxy knows no such external key.
        XksKeyNotFoundException = "XksKeyNotFoundException",
        /// The XKS proxy rejects the credential.
        XksProxyIncorrectAuthenticationCredentialException = "XksProxyIncorrectAuthenticationCredentialException",
        /// The VPC endpoint service and the XKS proxy's settings do not fit together.
        XksProxyInvalidConfigurationException = "XksProxyInvalidConfigurationException",
        /// The XKS proxy's answer cannot be interpreted.
        XksProxyInvalidResponseException = "XksProxyInvalidResponseException",
        /// Another external key store uses this proxy endpoint in a way that forbids sharing.
        XksProxyUriEndpointInUseException = "XksProxyUriEndpointInUseException",
        /// Another external key store uses this proxy endpoint and path.
        XksProxyUriInUseException = "XksProxyUriInUseException",
        /// The XKS proxy cannot be reached.
        XksProxyUriUnreachableException = "XksProxyUriUnreachableException",
        /// Another external key store uses this VPC endpoint service.
        XksProxyVpcEndpointServiceInUseException = "XksProxyVpcEndpointServiceInUseException",
        /// The VPC endpoint service does not fulfil the requirements.
        XksProxyVpcEndpointServiceInvalidConfigurationException = "XksProxyVpcEndpointServiceInvalidConfigurationException",
        /// There is no such VPC endpoint service.
        XksProxyVpcEndpointServiceNotFoundException = "XksProxyVpcEndpointServiceNotFoundException",

        /// Not allowed.
        AccessDeniedException = "AccessDeniedException",
        /// The session token is too old.
        ExpiredTokenException = "ExpiredTokenException",
        /// The `Authorization` header lacks something or cannot be read.
        IncompleteSignatureException = "IncompleteSignatureException",
        /// A fault of the service.
        InternalFailure = "InternalFailure",
        /// The signature, its date or its scope is not right.
        InvalidSignatureException = "InvalidSignatureException",
        /// The request is not signed.
        MissingAuthenticationTokenException = "MissingAuthenticationTokenException",
        /// The body is not JSON, or a member has the wrong JSON type.
        SerializationException = "SerializationException",
        /// The service cannot answer now.
        ServiceUnavailable = "ServiceUnavailable",
        /// Too many requests.
        ThrottlingException = "ThrottlingException",
        /// There is no such operation.
        UnknownOperationException = "UnknownOperationException",
        /// The access key id or the session token is unknown.
        UnrecognizedClientException = "UnrecognizedClientException",
        /// A member is missing or breaks a constraint.
        ValidationException = "ValidationException",
    }
}

impl ErrorName {
    /// The HTTP status. Every error of a client is 400 with this protocol; what the model marks a
    /// fault is 500, or 503 where a retry soon may help. Clients choose the exception by name alone
    /// and take the status only for a hint at retrying. No wildcard: a new error has its status chosen.
    pub const fn status(self) -> u16 {
        match self {
            Self::KmsInternalException | Self::KeyUnavailableException | Self::InternalFailure => 500,
            Self::DependencyTimeoutException | Self::ServiceUnavailable => 503,
            Self::AlreadyExistsException
            | Self::CloudHsmClusterInUseException
            | Self::CloudHsmClusterInvalidConfigurationException
            | Self::CloudHsmClusterNotActiveException
            | Self::CloudHsmClusterNotFoundException
            | Self::CloudHsmClusterNotRelatedException
            | Self::ConflictException
            | Self::CustomKeyStoreHasCMKsException
            | Self::CustomKeyStoreInvalidStateException
            | Self::CustomKeyStoreNameInUseException
            | Self::CustomKeyStoreNotFoundException
            | Self::DisabledException
            | Self::DryRunOperationException
            | Self::ExpiredImportTokenException
            | Self::IncorrectKeyException
            | Self::IncorrectKeyMaterialException
            | Self::IncorrectTrustAnchorException
            | Self::InvalidAliasNameException
            | Self::InvalidArnException
            | Self::InvalidCiphertextException
            | Self::InvalidGrantIdException
            | Self::InvalidGrantTokenException
            | Self::InvalidImportTokenException
            | Self::InvalidKeyUsageException
            | Self::InvalidMarkerException
            | Self::KmsInvalidMacException
            | Self::KmsInvalidSignatureException
            | Self::KmsInvalidStateException
            | Self::LimitExceededException
            | Self::MalformedPolicyDocumentException
            | Self::NotFoundException
            | Self::TagException
            | Self::UnsupportedOperationException
            | Self::XksKeyAlreadyInUseException
            | Self::XksKeyInvalidConfigurationException
            | Self::XksKeyNotFoundException
            | Self::XksProxyIncorrectAuthenticationCredentialException
            | Self::XksProxyInvalidConfigurationException
            | Self::XksProxyInvalidResponseException
            | Self::XksProxyUriEndpointInUseException
            | Self::XksProxyUriInUseException
            | Self::XksProxyUriUnreachableException
            | Self::XksProxyVpcEndpointServiceInUseException
            | Self::XksProxyVpcEndpointServiceInvalidConfigurationException
            | Self::XksProxyVpcEndpointServiceNotFoundException
            | Self::AccessDeniedException
            | Self::ExpiredTokenException
            | Self::IncompleteSignatureException
            | Self::InvalidSignatureException
            | Self::MissingAuthenticationTokenException
            | Self::SerializationException
            | Self::ThrottlingException
            | Self::UnknownOperationException
            | Self::UnrecognizedClientException
            | Self::ValidationException => 400,
        }
    }

    /// Whether the API's model lists this error for some operation.
    pub fn is_modelled(self) -> bool {
        self <= Self::XksProxyVpcEndpointServiceNotFoundException
    }
}

/// A refusal: a name and, with most, a message. The message is for the caller, who signed the
/// request: it may quote what they sent (unless that is secret), and nothing that they may not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct KmsError {
    name: ErrorName,
    message: Option<Cow<'static, str>>,
}

impl KmsError {
    /// An error with a message.
    pub fn new(name: ErrorName, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name,
            message: Some(message.into()),
        }
    }

    /// An error without message, as AWS answers `InvalidCiphertextException` and
    /// `UnknownOperationException`.
    pub const fn bare(name: ErrorName) -> Self {
        Self { name, message: None }
    }

    /// Its name.
    pub const fn name(&self) -> ErrorName {
        self.name
    }

    /// Its message, if it has one.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The HTTP status; see [`ErrorName::status`].
    pub const fn status(&self) -> u16 {
        self.name.status()
    }

    /// The body of the answer. `SerializationException` writes its message with a capital letter,
    /// as AWS's JSON front end does; clients read both.
    pub fn to_json(&self) -> Vec<u8> {
        json::document(self)
    }
}

impl ToJson for KmsError {
    fn write(&self, out: &mut Output) {
        let message = match self.name {
            ErrorName::SerializationException => "Message",
            _ => "message",
        };
        json::write_object(out, |object| {
            object.member("__type", self.name.as_str());
            object.member(message, &self.message.as_deref());
        });
    }
}

impl fmt::Display for KmsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(f, "{}: {message}", self.name),
            None => self.name.fmt(f),
        }
    }
}
