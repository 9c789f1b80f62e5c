//! CloudTrail's files: written, rotated, bounded, lost only with a word about it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ambient::{Clock, ManualClock, Moment, SeededRandom, Timestamp};
use kms::trail::{ApiCall, Notes, Query, Service, ServiceEvent, Trail, TrailCounts, TrailSettings};
use kms_api::AccountId;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::support::{ACCOUNT, OTHER_ACCOUNT, START};

fn account(text: &str) -> AccountId {
    text.parse().unwrap()
}

fn open(directory: &Path, settings: &TrailSettings, clock: Arc<dyn Clock>) -> Trail {
    Trail::open(directory, settings, clock, Arc::new(SeededRandom::new(3))).unwrap()
}

/// A call of this name by [`ACCOUNT`].
fn call(trail: &Trail, name: &str, notes: &Notes, error: Option<(&str, &str)>) {
    trail.api_call(&ApiCall {
        service: Service::Kms,
        name,
        region: "us-east-1",
        at: START,
        identity: &json!({"type": "IAMUser", "userName": "alice", "principalId": "AIDAX"}),
        account: account(ACCOUNT),
        principal_id: "AIDAX",
        source: "198.51.100.20",
        user_agent: "test",
        error,
        request_parameters: Value::Null,
        response_elements: Value::Null,
        notes,
        event_id: name,
        request_id: "0b8f7c52-6d1b-4a6e-9a44-2f6c1f0d9e11",
        read_only: true,
        tls: None,
    });
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn records(directory: &Path) -> Vec<Value> {
    let text: String = files(directory)
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn names(directory: &Path) -> Vec<String> {
    let name = |record: Value| record["eventName"].as_str().unwrap().to_owned();
    records(directory).into_iter().map(name).collect()
}

fn here() -> (TempDir, Arc<ManualClock>) {
    (tempfile::tempdir().unwrap(), Arc::new(ManualClock::at(START)))
}

#[tokio::test]
async fn files_are_ours_alone_and_hold_every_record_in_order() {
    use std::os::unix::fs::PermissionsExt as _;
    let (directory, clock) = here();
    let directory = directory.path().join("deep/cloudtrail");
    let trail = open(&directory, &TrailSettings::default(), clock);
    for number in 0..1_000 {
        call(&trail, &format!("Call{number}"), &Notes::default(), None);
    }
    trail.flush().await;
    let expected: Vec<String> = (0..1_000).map(|number| format!("Call{number}")).collect();
    assert_eq!(names(&directory), expected);
    assert_eq!(
        trail.counts(),
        TrailCounts {
            written: 1_000,
            ..TrailCounts::default()
        }
    );
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&directory), mode(&files(&directory)[0])), (0o700, 0o600));
}

#[tokio::test]
async fn files_rotate_by_size_and_age_and_the_oldest_go() {
    let (directory, clock) = here();
    let settings = TrailSettings {
        max_file_bytes: 4_096,
        max_file_age: Duration::from_secs(60),
        max_files: 3,
        ..TrailSettings::default()
    };
    let trail = open(directory.path(), &settings, clock.clone());
    for number in 0..100 {
        call(&trail, &format!("Call{number}"), &Notes::default(), None);
        trail.flush().await;
        assert!(files(directory.path()).len() <= 3);
    }
    for file in files(directory.path()) {
        // A file ends with the record that filled it.
        assert!(std::fs::metadata(&file).unwrap().len() < 4_096 + 1_024);
    }
    let kept = names(directory.path());
    assert_eq!(kept.last().unwrap(), "Call99");
    let newest = files(directory.path()).pop().unwrap();
    clock.advance(Duration::from_secs(60));
    call(&trail, "Later", &Notes::default(), None);
    trail.flush().await;
    assert_ne!(files(directory.path()).pop().unwrap(), newest);
    assert_eq!(
        records(directory.path()).len() as u64,
        kept.len() as u64 + 1 - removed(&kept, directory.path())
    );
}

/// Records that were there and are gone with their file.
fn removed(before: &[String], directory: &Path) -> u64 {
    let now = names(directory);
    before.iter().filter(|name| !now.contains(name)).count() as u64
}

#[tokio::test]
async fn dropping_the_trail_writes_what_waits_and_a_restart_goes_on_behind_a_torn_record() {
    let (directory, clock) = here();
    let settings = TrailSettings::default();
    let trail = open(directory.path(), &settings, clock.clone());
    call(&trail, "Before", &Notes::default(), None);
    drop(trail);
    let file = files(directory.path()).pop().unwrap();
    let mut text = std::fs::read_to_string(&file).unwrap();
    text.push_str("{\"eventVersion\":\"1.0");
    std::fs::write(&file, text).unwrap();
    let trail = open(directory.path(), &settings, clock);
    call(&trail, "After", &Notes::default(), None);
    let found = trail.lookup(query(ACCOUNT)).await.unwrap();
    let names: Vec<&str> = found.events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["After", "Before"]);
    assert_eq!(files(directory.path()).len(), 1);
}

fn query(of: &str) -> Query {
    Query {
        account: account(of),
        region: "us-east-1".parse().unwrap(),
        attribute: None,
        start: None,
        end: None,
        max_results: 50,
        next_token: None,
    }
}

#[tokio::test]
async fn what_the_disk_refuses_is_counted_and_writing_resumes() {
    let (parent, clock) = here();
    let directory = parent.path().join("trail");
    let settings = TrailSettings {
        max_file_age: Duration::from_secs(1),
        ..TrailSettings::default()
    };
    let trail = open(&directory, &settings, clock.clone());
    call(&trail, "Before", &Notes::default(), None);
    trail.flush().await;
    std::fs::remove_dir_all(&directory).unwrap();
    clock.advance(Duration::from_secs(2));
    call(&trail, "Lost", &Notes::default(), None);
    call(&trail, "LostToo", &Notes::default(), None);
    trail.flush().await;
    assert_eq!(
        trail.counts(),
        TrailCounts {
            written: 1,
            lost_to_disk: 2,
            lost_to_queue: 0
        }
    );
    std::fs::create_dir(&directory).unwrap();
    call(&trail, "Again", &Notes::default(), None);
    trail.flush().await;
    assert_eq!(
        trail.counts(),
        TrailCounts {
            written: 2,
            lost_to_disk: 2,
            lost_to_queue: 0
        }
    );
    assert_eq!(names(&directory), ["Again"]);
}

/// A clock on which the writing thread stands still while a test holds it.
struct Gate {
    closed: AtomicBool,
    reached: Mutex<Sender<()>>,
    open: Mutex<Receiver<()>>,
}

impl Clock for Gate {
    fn now(&self) -> Timestamp {
        if self.closed.load(Ordering::SeqCst) {
            self.reached.lock().unwrap().send(()).unwrap();
            self.open.lock().unwrap().recv().unwrap();
        }
        START
    }

    fn moment(&self) -> Moment {
        Moment::from_nanos(0)
    }
}

#[tokio::test]
async fn a_full_queue_loses_records_counts_them_and_never_waits() {
    let directory = tempfile::tempdir().unwrap();
    let (reached, has_reached) = channel();
    let (open_gate, is_open) = channel();
    let gate = Arc::new(Gate {
        closed: AtomicBool::new(false),
        reached: Mutex::new(reached),
        open: Mutex::new(is_open),
    });
    let settings = TrailSettings {
        max_queued_records: 2,
        ..TrailSettings::default()
    };
    let trail = open(directory.path(), &settings, gate.clone());
    gate.closed.store(true, Ordering::SeqCst);
    call(&trail, "Written", &Notes::default(), None);
    has_reached.recv().unwrap();
    // The thread stands still in the middle of a write.
    for name in ["Queued1", "Queued2", "Lost1", "Lost2", "Lost3"] {
        call(&trail, name, &Notes::default(), None);
    }
    assert_eq!(
        trail.counts(),
        TrailCounts {
            lost_to_queue: 3,
            ..TrailCounts::default()
        }
    );
    gate.closed.store(false, Ordering::SeqCst);
    open_gate.send(()).unwrap();
    trail.flush().await;
    assert_eq!(names(directory.path()), ["Written", "Queued1", "Queued2"]);
    assert_eq!(
        trail.counts(),
        TrailCounts {
            written: 3,
            lost_to_queue: 3,
            lost_to_disk: 0
        }
    );
}

#[tokio::test]
async fn bytes_that_wait_are_bounded_too() {
    let (directory, clock) = here();
    let settings = TrailSettings {
        max_queued_bytes: 65_536,
        ..TrailSettings::default()
    };
    let trail = open(directory.path(), &settings, clock);
    let mut notes = Notes::default();
    notes.additional("large", "x".repeat(65_536));
    call(&trail, "Large", &notes, None);
    trail.flush().await;
    assert_eq!(
        trail.counts(),
        TrailCounts {
            lost_to_queue: 1,
            ..TrailCounts::default()
        }
    );
}

const KEY: &str = "arn:aws:kms:us-east-1:444455556666:key/7a6b5c4d-1111-4222-8333-0123456789ab";

#[tokio::test]
async fn a_call_across_accounts_is_in_both_and_a_denial_in_the_callers_alone() {
    let (directory, clock) = here();
    let trail = open(directory.path(), &TrailSettings::default(), clock);
    let mut notes = Notes::default();
    notes.additional("xksKeyId", "hsm-key-42");
    notes.resource(&Arc::from(KEY), account(OTHER_ACCOUNT));
    notes.resource(&Arc::from(KEY), account(OTHER_ACCOUNT));
    call(&trail, "Encrypt", &notes, None);
    trail.flush().await;
    let both = records(directory.path());
    let [own, copy] = both.as_slice() else {
        panic!("{both:?}")
    };
    assert_eq!(
        (&own["recipientAccountId"], &copy["recipientAccountId"]),
        (&json!(ACCOUNT), &json!(OTHER_ACCOUNT))
    );
    assert_eq!(own["userIdentity"]["userName"], "alice");
    assert_eq!(
        copy["userIdentity"],
        json!({"type": "AWSAccount", "principalId": "AIDAX", "accountId": ACCOUNT})
    );
    assert_eq!(own["eventID"], "Encrypt");
    assert_ne!(own["eventID"], copy["eventID"]);
    assert!(own["sharedEventID"].is_string());
    assert_eq!(own["sharedEventID"], copy["sharedEventID"]);
    assert_eq!(own["requestID"], copy["requestID"]);
    assert_eq!(own["resources"].as_array().unwrap().len(), 1);
    for recipient in [ACCOUNT, OTHER_ACCOUNT] {
        assert_eq!(trail.lookup(query(recipient)).await.unwrap().events.len(), 1);
    }
    call(&trail, "Decrypt", &notes, Some(("AccessDenied", "no")));
    call(&trail, "DescribeKey", &notes, Some(("DisabledException", "off")));
    trail.flush().await;
    // Not even that there is such a key.
    let denied = records(directory.path()).swap_remove(2);
    let told = (denied.get("resources"), denied.get("additionalEventData"));
    assert_eq!(told, (None, None));
    let names = names(directory.path());
    assert_eq!(
        names,
        ["Encrypt", "Encrypt", "Decrypt", "DescribeKey", "DescribeKey"]
    );
}

#[tokio::test]
async fn what_kms_does_by_itself_is_a_service_event() {
    let (directory, clock) = here();
    let trail = open(directory.path(), &TrailSettings::default(), clock);
    let arn: Arc<str> = Arc::from(KEY);
    trail.service_event(&ServiceEvent {
        name: "RotateKey",
        region: "us-east-1",
        account: account(OTHER_ACCOUNT),
        key_arn: &arn,
        at: START,
        additional: Map::new(),
        details: Map::from_iter([("rotationType".to_owned(), json!("AUTOMATIC"))]),
    });
    trail.flush().await;
    let record = records(directory.path()).pop().unwrap();
    assert_eq!(
        record,
        json!({
            "eventVersion": "1.08",
            "userIdentity": {"accountId": OTHER_ACCOUNT, "invokedBy": "AWS Internal"},
            "eventTime": "2027-01-15T08:00:00Z",
            "eventSource": "kms.amazonaws.com",
            "eventName": "RotateKey",
            "awsRegion": "us-east-1",
            "sourceIPAddress": "AWS Internal",
            "userAgent": "AWS Internal",
            "requestParameters": null,
            "responseElements": null,
            "eventID": record["eventID"],
            "readOnly": false,
            "resources": [{"accountId": OTHER_ACCOUNT, "type": "AWS::KMS::Key", "ARN": KEY}],
            "eventType": "AwsServiceEvent",
            "managementEvent": true,
            "recipientAccountId": OTHER_ACCOUNT,
            "serviceEventDetails": {
                "keyId": "7a6b5c4d-1111-4222-8333-0123456789ab",
                "rotationType": "AUTOMATIC",
            },
            "eventCategory": "Management",
        })
    );
}

#[tokio::test]
async fn long_texts_are_cut() {
    let (directory, clock) = here();
    let trail = open(directory.path(), &TrailSettings::default(), clock);
    let long = "é".repeat(2_000);
    call(
        &trail,
        "Encrypt",
        &Notes::default(),
        Some(("NotFoundException", &long)),
    );
    trail.flush().await;
    let record = records(directory.path()).pop().unwrap();
    assert_eq!(record["errorMessage"].as_str().unwrap().len(), 1_024);
}

#[test]
fn settings_have_bounds() {
    let check = |text: &str| toml::from_str::<TrailSettings>(text).unwrap().check().is_ok();
    for good in [
        "",
        "max_file_bytes = 4096",
        "max_file_bytes = 67108864",
        "max_files = 2",
        "max_queued_bytes = 65536",
        "max_file_age = \"1s\"",
    ] {
        assert!(check(good), "{good}");
    }
    for bad in [
        "max_file_bytes = 4095",
        "max_file_bytes = 67108865",
        "max_files = 1",
        "max_files = 10001",
        "max_queued_records = 0",
        "max_queued_bytes = 65535",
        "max_file_age = \"0s\"",
    ] {
        assert!(!check(bad), "{bad}");
    }
    assert!(toml::from_str::<TrailSettings>("max_file = 1").is_err());
}
