use super::*;
use ErrorName as E;
use KmsException as K;
use ProxyFailure as P;

/// Failure; Create/UpdateCustomKeyStore; CreateKey. Only what AWS documents.
const DOCUMENTED: [(ProxyFailure, Option<KmsException>, Option<KmsException>); 16] = [
    (
        P::Answered(E::ValidationException),
        Some(K::XksProxyInvalidResponse),
        Some(K::CustomKeyStoreInvalidState),
    ),
    (
        P::Answered(E::InvalidStateException),
        None,
        Some(K::XksKeyInvalidConfiguration),
    ),
    (
        P::Answered(E::InvalidKeyUsageException),
        None,
        Some(K::XksKeyInvalidConfiguration),
    ),
    (
        P::Answered(E::AuthenticationFailedException),
        Some(K::XksProxyIncorrectAuthenticationCredential),
        Some(K::CustomKeyStoreInvalidState),
    ),
    (
        P::Answered(E::AccessDeniedException),
        None,
        Some(K::CustomKeyStoreInvalidState),
    ),
    (
        P::Answered(E::KeyNotFoundException),
        None,
        Some(K::XksKeyNotFound),
    ),
    (
        P::Answered(E::InvalidUriPathException),
        Some(K::XksProxyInvalidConfiguration),
        Some(K::CustomKeyStoreInvalidState),
    ),
    (
        P::Answered(E::DependencyTimeoutException),
        Some(K::XksProxyUriUnreachable),
        Some(K::CustomKeyStoreInvalidState),
    ),
    (
        P::Answered(E::ThrottlingException),
        Some(K::XksProxyUriUnreachable),
        Some(K::CustomKeyStoreInvalidState),
    ),
    (
        P::Answered(E::InternalException),
        Some(K::XksProxyInvalidResponse),
        Some(K::CustomKeyStoreInvalidState),
    ),
    (
        P::NoConnection,
        Some(K::XksProxyUriUnreachable),
        Some(K::CustomKeyStoreInvalidState),
    ),
    (
        P::NoTls,
        Some(K::XksProxyUriUnreachable),
        Some(K::CustomKeyStoreInvalidState),
    ),
    (
        P::TimedOut,
        Some(K::XksProxyUriUnreachable),
        Some(K::CustomKeyStoreInvalidState),
    ),
    (
        P::MalformedResponse,
        Some(K::XksProxyInvalidResponse),
        Some(K::CustomKeyStoreInvalidState),
    ),
    (
        P::AllKeyManagersUnavailable,
        Some(K::XksProxyUriUnreachable),
        None,
    ),
    (P::KeyStoreNotConnected, None, Some(K::CustomKeyStoreInvalidState)),
];

const CRYPTO: [KmsCall; 5] = [
    KmsCall::Encrypt,
    KmsCall::Decrypt,
    KmsCall::ReEncrypt,
    KmsCall::GenerateDataKey,
    KmsCall::GenerateDataKeyWithoutPlaintext,
];

#[test]
fn documented_failures_become_the_documented_exceptions() {
    for (failure, key_store, create_key) in DOCUMENTED {
        for call in [KmsCall::CreateCustomKeyStore, KmsCall::UpdateCustomKeyStore] {
            assert!(
                key_store.is_none_or(|expected| kms_exception(failure, call) == expected),
                "{failure:?}"
            );
        }
        assert!(
            create_key.is_none_or(|expected| kms_exception(failure, KmsCall::CreateKey) == expected),
            "{failure:?}"
        );
    }
}

#[test]
fn cryptographic_operations_fail_with_kms_invalid_state_whatever_happened() {
    for failure in ProxyFailure::ALL {
        for call in CRYPTO {
            assert_eq!(kms_exception(failure, call).as_str(), "KMSInvalidStateException");
        }
    }
}

/// What KMS's API model (2014-11-01) lists for these operations.
#[test]
fn only_exceptions_of_the_operations_api_model_are_thrown() {
    for failure in ProxyFailure::ALL {
        assert!(matches!(
            kms_exception(failure, KmsCall::CreateCustomKeyStore),
            K::XksProxyUriUnreachable
                | K::XksProxyIncorrectAuthenticationCredential
                | K::XksProxyInvalidConfiguration
                | K::XksProxyInvalidResponse
        ));
        assert!(matches!(
            kms_exception(failure, KmsCall::CreateKey),
            K::CustomKeyStoreInvalidState | K::XksKeyInvalidConfiguration | K::XksKeyNotFound
        ));
    }
}

#[test]
fn all_lists_every_failure_once() {
    let different: std::collections::HashSet<_> = ProxyFailure::ALL.into_iter().collect();
    assert_eq!(different.len(), ProxyFailure::ALL.len());
    for name in ErrorName::ALL {
        assert!(different.contains(&ProxyFailure::Answered(name)));
    }
}

#[test]
fn connecting_fails_with_the_documented_codes() {
    for (failure, code) in [
        (
            P::Answered(E::AuthenticationFailedException),
            "INVALID_CREDENTIALS",
        ),
        (P::Answered(E::AccessDeniedException), "XKS_PROXY_ACCESS_DENIED"),
        (
            P::Answered(E::InvalidUriPathException),
            "XKS_PROXY_INVALID_CONFIGURATION",
        ),
        (P::MalformedResponse, "XKS_PROXY_INVALID_RESPONSE"),
        (P::NoTls, "XKS_PROXY_INVALID_TLS_CONFIGURATION"),
        (P::NoConnection, "XKS_PROXY_NOT_REACHABLE"),
        (P::AllKeyManagersUnavailable, "XKS_PROXY_NOT_REACHABLE"),
        (P::TimedOut, "XKS_PROXY_TIMED_OUT"),
    ] {
        assert_eq!(connection_error_code(failure).as_str(), code);
    }
}

#[test]
fn every_failure_has_a_message() {
    for failure in ProxyFailure::ALL {
        assert!(kms_message(failure).len() > 40);
    }
}
