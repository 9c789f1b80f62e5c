//! The same on a real directory.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use ambient::{Clock, SeededRandom, SystemClock};
use audit::{Directory, Log, Medium, OpenError, Reader, Recovery, VerifyOptions, verify};

use crate::support::{SMALL, payload, write};

fn open(medium: &Arc<dyn Medium>) -> Result<(Log, Recovery), OpenError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Log::open(Arc::clone(medium), clock, &SeededRandom::new(1), SMALL)
}

#[test]
fn a_real_directory_holds_a_log() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("audit");
    let medium: Arc<dyn Medium> = Arc::new(Directory::open(&path).unwrap());
    let (log, recovery) = open(&medium).unwrap();
    assert!(recovery.created);
    write(&log, 0..30, 500);
    let head = log.head();

    let other: Arc<dyn Medium> = Arc::new(Directory::open(&path).unwrap());
    assert!(matches!(open(&other), Err(OpenError::InUse)));
    let mut reader = Reader::open(Arc::clone(&other), 7).unwrap();
    assert_eq!(reader.next_record().unwrap().unwrap().payload, payload(7, 500));
    log.close();

    let verified = verify(&*other, &VerifyOptions::default(), &mut |_| {}).unwrap();
    assert_eq!(verified.head, head);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&path.join(audit::format::segment_name(1))), 0o600);

    let (log, recovery) = open(&other).unwrap();
    assert_eq!(
        (recovery.head, recovery.created, recovery.cut),
        (head, false, None)
    );
    write(&log, 30..31, 500);
}

#[test]
fn a_missing_directory_is_not_made_for_reading() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("audit");
    assert!(Directory::open_existing(&path).is_err());
    assert!(!path.exists());
}
