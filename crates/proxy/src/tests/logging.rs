//! The request log, the counters, and what the audit log learns.

use std::io::Write;
use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

use super::world::{KMS_KEY, PRINCIPAL, World, encrypt_body, every_operation, health_body, metadata_body};
use crate::{LOG_TARGET, Metrics, Outcome, Settings};

/// Everything that is logged while it is there, at the most verbose level.
#[derive(Clone)]
pub(super) struct Capture(Arc<Mutex<Option<Vec<u8>>>>);

impl Capture {
    /// Captures JSON lines of this thread until the guard is dropped.
    pub(super) fn begin() -> (Self, tracing::subscriber::DefaultGuard) {
        let capture = Self(Arc::new(Mutex::new(Some(Vec::new()))));
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(capture.clone())
            .finish();
        (capture, tracing::subscriber::set_default(subscriber))
    }

    /// Captures lines of every thread of this process from now on; they tell what other tests do, too.
    pub(super) fn begin_everywhere() -> Self {
        let capture = Self(Arc::new(Mutex::new(Some(Vec::new()))));
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(capture.clone())
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        capture
    }

    /// Ends it and hands out what was captured.
    pub(super) fn take(&self) -> Vec<u8> {
        let mut buffer = self.0.lock().unwrap();
        buffer.take().unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone().unwrap_or_default()
    }

    /// The fields of the request log's lines.
    fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.bytes()).unwrap();
        let lines = text
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter(|line| line["target"] == LOG_TARGET)
            .map(|line| line["fields"].clone())
            .collect()
    }
}

impl Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if let Some(buffer) = self.0.lock().unwrap().as_mut() {
            buffer.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Capture {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn xks_log_01_each_call_is_logged_with_metadata_time_outcome_and_error() {
    let world = World::new().await;
    let mut body = encrypt_body(b"x", None);
    body["requestMetadata"]["kmsViaService"] = "ebs".into();
    body["requestMetadata"]["awsSourceVpc"] = "vpc-1".into();
    body["requestMetadata"]["awsSourceVpce"] = "vpce-2".into();
    let (capture, guard) = Capture::begin();
    world.ask("/keys/both/encrypt", &body).await.is_success();
    world
        .ask("/keys/nobody/encrypt", &body)
        .await
        .is_error("KeyNotFoundException");
    drop(guard);
    let lines = capture.lines();
    assert_eq!(lines.len(), 2);
    for line in &lines {
        for (field, value) in [
            ("kmsRequestId", "4112f4d6-db54-4af4-ae30-c55a22a8dfae"),
            ("operation", "Encrypt"),
            ("kmsOperation", "Encrypt"),
            ("awsPrincipalArn", PRINCIPAL),
            ("kmsKeyArn", KMS_KEY),
            ("kmsViaService", "ebs"),
            ("awsSourceVpc", "vpc-1"),
            ("awsSourceVpce", "vpce-2"),
            ("key_store", "main"),
            ("access_key_id", &world.credential.id),
            ("listener", "xks"),
            ("peer", "192.0.2.7"),
        ] {
            assert_eq!(line[field], value, "{field}");
        }
        for stage in ["read", "auth", "parse", "policy", "crypto", "record", "total"] {
            assert!(line[format!("{stage}_us")].is_u64(), "{stage}");
        }
    }
    assert_eq!(
        (&lines[0]["outcome"], &lines[0]["status"]),
        (&"success".into(), &200.into())
    );
    assert_eq!(lines[0]["external_key"], "both");
    assert!(lines[0]["key"].as_str().unwrap().starts_with("key-"));
    assert_eq!(lines[0]["record"].as_str().unwrap().len(), 32);
    assert!(lines[0].get("error").is_none());
    assert_eq!(
        (&lines[1]["outcome"], &lines[1]["status"]),
        (&"failure".into(), &404.into())
    );
    assert_eq!(lines[1]["error"], "KeyNotFoundException");
}

#[tokio::test]
async fn xks_md_02_the_request_id_is_logged_for_all_operations_even_of_a_request_that_is_invalid() {
    let world = World::new().await;
    let operations = every_operation(&world).await;
    let (capture, guard) = Capture::begin();
    for (path, body) in &operations {
        let mut body = body.clone();
        body["requestMetadata"]["kmsRequestId"] = "the-id".into();
        world.ask(path, &body).await.is_success();
        body["plaintext"] = 7.into();
        body["ciphertext"] = 7.into();
        world.ask(path, &body).await;
    }
    drop(guard);
    let lines = capture.lines();
    assert_eq!(lines.len(), 8);
    assert!(
        lines.iter().all(|line| line["kmsRequestId"] == "the-id"),
        "{lines:#?}"
    );
}

#[tokio::test]
async fn xks_authz_03_a_denial_is_logged_with_the_rule_that_denied() {
    let world = World::new().await;
    let mut body = encrypt_body(b"x", None);
    body["requestMetadata"]["awsPrincipalArn"] = "arn:aws:iam::999999999999:user/Mallory".into();
    let (capture, guard) = Capture::begin();
    world
        .ask("/keys/restricted/encrypt", &body)
        .await
        .is_error("AccessDeniedException");
    drop(guard);
    let line = &capture.lines()[0];
    assert!(
        line["reason"]
            .as_str()
            .unwrap()
            .starts_with("rule binding-principals")
    );
    assert_eq!(line["awsPrincipalArn"], "arn:aws:iam::999999999999:user/Mallory");
    assert_eq!(
        (&line["external_key"], &line["error"]),
        (&"restricted".into(), &"AccessDeniedException".into())
    );
}

#[tokio::test]
async fn text_from_outside_forges_no_line() {
    let world = World::new().await;
    let mut body = encrypt_body(b"x", None);
    body["requestMetadata"]["kmsRequestId"] = "a\n{\"target\":\"xks\"}\u{1b}[2J\u{202e}".into();
    body["requestMetadata"]["kmsOperation"] = "\u{e9}".repeat(2048).into();
    let (capture, guard) = Capture::begin();
    world.ask("/keys/both/encrypt", &body).await.is_success();
    drop(guard);
    let lines = capture.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(
        lines[0]["kmsRequestId"],
        "a\\n{\"target\":\"xks\"}\\u{1b}[2J\\u{202e}"
    );
    assert_eq!(lines[0]["kmsOperation"].as_str().unwrap().len(), 340 * 6 + 3);
}

#[tokio::test]
async fn strangers_cannot_fill_the_disk_with_lines() {
    let settings = Settings {
        max_unauthenticated_lines_per_second: 3,
        ..Settings::default()
    };
    let world = World::with(&settings).await;
    let mut unsigned = world.request("/health", &health_body());
    unsigned.headers.remove("authorization");
    let (capture, guard) = Capture::begin();
    for _ in 0..10 {
        world.send(&unsigned).await;
        world.ask("/health", &health_body()).await.is_success();
    }
    drop(guard);
    let lines = capture.lines();
    let failures = lines.iter().filter(|line| line["outcome"] == "failure").count();
    assert_eq!((lines.len(), failures), (13, 3), "who signs is always logged");
    let text = world.proxy.metrics().snapshot().to_prometheus();
    assert!(text.contains("xks_log_lines_suppressed_total 7\n"), "{text}");
}

#[tokio::test]
async fn what_is_asked_is_counted_by_operation_and_outcome() {
    let world = World::new().await;
    world
        .ask("/keys/both/metadata", &metadata_body())
        .await
        .is_success();
    world.ask("/keys/nobody/metadata", &metadata_body()).await;
    world.ask("/keys/nobody/metadata", &metadata_body()).await;
    world.ask("/nothing", &metadata_body()).await;
    let mut get = world.request("/health", &health_body());
    get.method = Method::GET;
    world.send(&get).await;
    let snapshot = world.proxy.metrics().snapshot();
    let (metadata, health) = (
        Some(xks_api::Operation::GetKeyMetadata),
        Some(xks_api::Operation::GetHealthStatus),
    );
    let not_found = Outcome::Error(xks_api::ErrorName::KeyNotFoundException);
    assert_eq!(snapshot.requests(metadata, Outcome::Success), 1);
    assert_eq!(snapshot.requests(metadata, not_found), 2);
    assert_eq!(
        snapshot.requests(None, Outcome::Error(xks_api::ErrorName::InvalidUriPathException)),
        1
    );
    assert_eq!(snapshot.requests(health, Outcome::MethodNotAllowed), 1);
    assert_eq!(snapshot.total(), 5);
    let text = snapshot.to_prometheus();
    for line in [
        "xks_requests_total{operation=\"GetKeyMetadata\",outcome=\"KeyNotFoundException\"} 2",
        "xks_request_duration_seconds_bucket{operation=\"GetKeyMetadata\",le=\"0.000250\"} 3",
        "xks_request_duration_seconds_bucket{operation=\"GetKeyMetadata\",le=\"+Inf\"} 3",
        "xks_request_duration_seconds_count{operation=\"GetKeyMetadata\"} 3",
        "xks_request_duration_seconds_sum{operation=\"GetKeyMetadata\"} 0.000000",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
}

#[test]
fn a_duration_falls_into_the_bucket_that_ends_with_it() {
    let metrics = Metrics::default();
    for micros in [0, 250, 251, 250_000, 250_001] {
        metrics.count(None, Outcome::Success, micros);
    }
    let text = metrics.snapshot().to_prometheus();
    for (bound, below) in [
        ("0.000250", 2),
        ("0.000500", 3),
        ("0.200000", 3),
        ("0.250000", 4),
        ("+Inf", 5),
    ] {
        let line =
            format!("xks_request_duration_seconds_bucket{{operation=\"none\",le=\"{bound}\"}} {below}");
        assert!(text.contains(&line), "{line}\n{text}");
    }
    assert!(text.contains("xks_request_duration_seconds_sum{operation=\"none\"} 0.500502"));
}

/// Every record of the audit log, as JSON.
pub(super) fn records(world: &World) -> Vec<Value> {
    let medium = audit::Directory::open_existing(&world.directory.path().join("audit")).unwrap();
    let mut reader = audit::Reader::open(Arc::new(medium), 0).unwrap();
    let mut records = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        records.push(serde_json::from_slice(&record.payload).unwrap());
    }
    records
}

#[tokio::test]
async fn xks_log_02_every_use_and_every_refusal_is_in_the_tamper_evident_log() {
    let world = World::new().await;
    let mut stranger = encrypt_body(b"x", None);
    stranger["requestMetadata"]["awsPrincipalArn"] = "arn:aws:iam::999999999999:user/Mallory".into();
    world.encrypt(b"x", None).await;
    world
        .ask("/keys/restricted/encrypt", &stranger)
        .await
        .is_error("AccessDeniedException");
    world
        .ask("/keys/both/encrypt", &serde_json::json!({}))
        .await
        .is_error("ValidationException");
    let mut unsigned = world.request("/health", &health_body());
    unsigned.headers.remove("authorization");
    for _ in 0..5 {
        world.send(&unsigned).await;
    }
    world.warden.shutdown().await;
    let records = records(&world);
    let of = |kind: &str| {
        records
            .iter()
            .filter(|record| record["type"] == kind)
            .collect::<Vec<_>>()
    };
    let uses = of("key-use");
    assert_eq!(uses.len(), 1);
    assert_eq!(
        (&uses[0]["act"], &uses[0]["outcome"]),
        (&"encrypt".into(), &"computed".into())
    );
    assert_eq!(
        (&uses[0]["principal"], &uses[0]["peer"]),
        (&PRINCIPAL.into(), &"192.0.2.7".into())
    );
    let refusals: Vec<_> = of("refusal")
        .iter()
        .map(|record| record["error"].clone())
        .collect();
    assert_eq!(refusals, ["principal-denied", "ValidationException"]);
    let counted = of("refusals-counted");
    assert_eq!(
        counted.len(),
        1,
        "strangers get one record, however often they knock"
    );
    assert_eq!(counted[0]["refusals"][0]["count"], 5);
    assert_eq!(counted[0]["refusals"][0]["reason"], "missing-authorization");
}
