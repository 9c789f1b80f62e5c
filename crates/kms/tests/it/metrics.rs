//! CloudWatch's metrics as Prometheus text.

use std::time::Duration;

use ambient::Timestamp;
use kms::metrics::{KeyManagerStates, Metrics, ProxyCall, Purpose};
use kms::trail::TrailCounts;
use kms_api::{ErrorName, KeySpec, Operation};
use xks_api::kms_exception::ProxyFailure;

const DAY: u64 = 86_400;

fn text(metrics: &Metrics) -> String {
    metrics.to_prometheus(Timestamp::from_secs(100 * DAY), TrailCounts::default())
}

const ENCRYPT: ProxyCall = ProxyCall {
    purpose: Purpose::Operation(Operation::GenerateDataKey),
    operation: xks_api::Operation::Encrypt,
    key_spec: Some(KeySpec::SymmetricDefault),
};
const HEALTH: ProxyCall = ProxyCall {
    purpose: Purpose::HealthCheck,
    operation: xks_api::Operation::GetHealthStatus,
    key_spec: None,
};

#[test]
fn proxy_calls_have_cloudwatchs_names_and_dimensions() {
    let metrics = Metrics::default();
    metrics.proxy_call("cks-1", ENCRYPT, Duration::from_millis(12), None);
    metrics.proxy_call(
        "cks-1",
        ENCRYPT,
        Duration::from_millis(250),
        Some(ProxyFailure::TimedOut),
    );
    let answered = ProxyFailure::Answered(xks_api::ErrorName::KeyNotFoundException);
    metrics.proxy_call("cks-1", HEALTH, Duration::from_micros(1_500), Some(answered));
    let text = text(&metrics);
    let labels = "CustomKeyStoreId=\"cks-1\",KmsOperation=\"GenerateDataKey\",XksOperation=\"Encrypt\",\
                  KeySpec=\"SYMMETRIC_DEFAULT\"";
    for line in [
        format!("XksProxyErrors{{{labels},ErrorType=\"Retryable\",ExceptionName=\"XksProxyUnreachableException\"}} 1"),
        format!("XksProxyLatency_bucket{{{labels},le=\"10\"}} 0"),
        format!("XksProxyLatency_bucket{{{labels},le=\"25\"}} 1"),
        format!("XksProxyLatency_bucket{{{labels},le=\"200\"}} 1"),
        format!("XksProxyLatency_bucket{{{labels},le=\"250\"}} 2"),
        format!("XksProxyLatency_bucket{{{labels},le=\"+Inf\"}} 2"),
        format!("XksProxyLatency_sum{{{labels}}} 262.000"),
        format!("XksProxyLatency_count{{{labels}}} 2"),
        "XksProxyErrors{CustomKeyStoreId=\"cks-1\",KmsOperation=\"KmsHealthCheck\",XksOperation=\"GetHealthStatus\",\
         KeySpec=\"\",ErrorType=\"Non-retryable\",ExceptionName=\"KeyNotFoundException\"} 1"
            .to_owned(),
    ] {
        assert!(text.contains(&format!("{line}\n")), "no {line} in\n{text}");
    }
}

/// AWS's list of what is worth a retry.
#[test]
fn error_types_are_aws_own() {
    let retryable = [
        "InternalException",
        "DependencyTimeoutException",
        "ThrottlingException",
    ];
    for name in xks_api::ErrorName::ALL {
        let metrics = Metrics::default();
        metrics.proxy_call(
            "cks-1",
            ENCRYPT,
            Duration::ZERO,
            Some(ProxyFailure::Answered(name)),
        );
        let kind = if retryable.contains(&name.as_str()) {
            "Retryable"
        } else {
            "Non-retryable"
        };
        let labels = format!("ErrorType=\"{kind}\",ExceptionName=\"{}\"}} 1", name.as_str());
        assert!(text(&metrics).contains(&labels), "{labels}");
    }
    for failure in [
        ProxyFailure::NoConnection,
        ProxyFailure::NoTls,
        ProxyFailure::TimedOut,
    ] {
        let metrics = Metrics::default();
        metrics.proxy_call("cks-1", ENCRYPT, Duration::ZERO, Some(failure));
        assert!(
            text(&metrics)
                .contains("ErrorType=\"Retryable\",ExceptionName=\"XksProxyUnreachableException\"} 1")
        );
    }
}

#[test]
fn gauges_say_what_was_seen_last() {
    let metrics = Metrics::default();
    metrics.key_manager_states(
        "cks-1",
        KeyManagerStates {
            active: 2,
            degraded: 1,
            unavailable: 0,
        },
    );
    metrics.key_manager_states(
        "cks-1",
        KeyManagerStates {
            active: 3,
            degraded: 0,
            unavailable: 0,
        },
    );
    metrics.proxy_certificate("cks-1", "xks.\"example\\\n", Timestamp::from_secs(110 * DAY - 1));
    metrics.proxy_credential("cks-1", Timestamp::from_secs(93 * DAY));
    metrics.key_store_throttled("cks-1", Operation::Encrypt, Some(KeySpec::SymmetricDefault));
    let seen = text(&metrics);
    for line in [
        "XksExternalKeyManagerStates{CustomKeyStoreId=\"cks-1\",XksExternalKeyManagerState=\"Active\"} 3",
        "XksExternalKeyManagerStates{CustomKeyStoreId=\"cks-1\",XksExternalKeyManagerState=\"Degraded\"} 0",
        "XksProxyCertificateDaysToExpire{CustomKeyStoreId=\"cks-1\",CertificateName=\"xks.\\\"example\\\\\\n\"} 9",
        "XksProxyCredentialAge{CustomKeyStoreId=\"cks-1\"} 7",
        "ExternalKeyStoreThrottle{CustomKeyStoreId=\"cks-1\",KmsOperation=\"Encrypt\",KeySpec=\"SYMMETRIC_DEFAULT\"} 1",
    ] {
        assert!(seen.contains(&format!("{line}\n")), "no {line} in\n{seen}");
    }
    metrics.forget_store("cks-1");
    assert!(!text(&metrics).contains("cks-1"));
}

#[test]
fn calls_and_records_are_counted() {
    let metrics = Metrics::default();
    metrics.call(Operation::Encrypt, None);
    metrics.call(Operation::Encrypt, None);
    metrics.call(Operation::Decrypt, Some(ErrorName::NotFoundException));
    metrics.unauthenticated();
    let counts = TrailCounts {
        written: 5,
        lost_to_queue: 1,
        lost_to_disk: 2,
    };
    let text = metrics.to_prometheus(Timestamp::from_secs(0), counts);
    for line in [
        "kms_requests_total{operation=\"Encrypt\",error=\"none\"} 2",
        "kms_requests_total{operation=\"Decrypt\",error=\"NotFoundException\"} 1",
        "kms_unauthenticated_requests_total 1",
        "kms_cloudtrail_records_written_total 5",
        "kms_cloudtrail_records_lost_total{reason=\"queue\"} 1",
        "kms_cloudtrail_records_lost_total{reason=\"disk\"} 2",
    ] {
        assert!(text.contains(&format!("{line}\n")), "no {line} in\n{text}");
    }
}
