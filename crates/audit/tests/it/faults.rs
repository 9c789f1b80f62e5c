//! Disks that fail or are full.

use audit::format::segment_name;
use audit::{AppendRefused, Health, SpareState, VerifyOptions, verify};
use testkit::disk::SimulatedDisk;

use crate::support::{SMALL, open, payload, read_all, try_open, verified, write};

/// Waits, without a clock, until the helper has made the spare or failed to.
fn settle_spare(log: &audit::Log) -> SpareState {
    loop {
        match log.state().spare {
            SpareState::Preparing => std::thread::yield_now(),
            settled => return settled,
        }
    }
}

fn wait_for_failing(log: &audit::Log) {
    while !matches!(log.state().health, Health::Failing { .. }) {
        std::thread::yield_now();
    }
}

#[test]
fn after_a_failed_sync_the_batch_goes_to_a_new_file() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    write(&log, 0..3, 100);
    settle_spare(&log);
    disk.fail_syncs(1);
    write(&log, 3..6, 100);
    assert_eq!(log.state().health, Health::Writing);
    log.close();
    assert_eq!(disk.syncs_after_failure(), 0);
    let found = verify(&disk, &VerifyOptions::default(), &mut |_| {}).unwrap();
    assert_eq!((found.head.records, found.segments), (6, 2));
    // The failed batch is still there in the first segment, and counts for nothing.
    let old = disk.contents(&segment_name(1));
    let new = disk.contents(&segment_name(2));
    let text = payload(3, 100);
    for contents in [old, new] {
        assert!(contents.windows(text.len()).any(|window| window == text));
    }
    assert_eq!(read_all(&disk).len(), 6);
}

#[test]
fn after_a_failed_write_the_batch_goes_to_a_new_file() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    write(&log, 0..2, 100);
    settle_spare(&log);
    disk.fail_writes(1);
    write(&log, 2..3, 1500);
    write(&log, 3..4, 100);
    log.close();
    assert_eq!(verified(&disk).records, 4);
    assert_eq!(read_all(&disk).len(), 4);
    let (log, recovery) = try_open(&disk, SMALL, 2).unwrap();
    assert_eq!(recovery.head.records, 4);
    write(&log, 4..30, 300);
    log.close();
    assert_eq!(verified(&disk).records, 30);
}

#[test]
fn when_the_new_file_fails_too_waiters_are_told_and_appends_refused() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    write(&log, 0..1, 100);
    settle_spare(&log);
    disk.fail_syncs(u64::MAX);
    let lost = log.append(&payload(1, 100)).unwrap();
    assert!(lost.wait_blocking().is_err());
    wait_for_failing(&log);
    assert_eq!(log.append(b"{}").err(), Some(AppendRefused::Failing));
    assert_eq!(log.head().records, 1);
    disk.fail_syncs(0);
    while !matches!(log.state().health, Health::Writing) {
        std::thread::yield_now();
    }
    // What was accepted was written once that worked: it may have had consequences.
    write(&log, 2..4, 100);
    assert!(disk.back_offs() > 0);
    assert_eq!(disk.syncs_after_failure(), 0);
    log.close();
    assert_eq!(verified(&disk).records, 4);
    let records = read_all(&disk);
    assert_eq!(records[1].payload, payload(1, 100));
}

#[test]
fn a_full_disk_is_seen_early_refuses_late_and_is_left_behind() {
    let disk = SimulatedDisk::new();
    disk.set_capacity(Some(SMALL.segment_bytes + 100));
    let log = open(&disk);
    // The current segment still takes records; that the next cannot be made is known already.
    assert!(matches!(settle_spare(&log), SpareState::Failed(_)));
    assert_eq!(audit::Medium::list(&disk).unwrap(), [segment_name(1)]);
    let mut written = 0;
    let failed = loop {
        match log.append(&payload(written, 400)).unwrap().wait_blocking() {
            Ok(_) => written += 1,
            Err(lost) => break lost,
        }
    };
    assert_eq!(failed, audit::RecordLost);
    assert!(written >= 7, "{written}");
    wait_for_failing(&log);
    disk.set_capacity(None);
    while !matches!(log.state().health, Health::Writing) {
        std::thread::yield_now();
    }
    write(&log, written + 1..written + 5, 400);
    log.close();
    assert_eq!(verified(&disk).records, written + 5);
    // No half-made segment is left, whatever failed on the way.
    let names = audit::Medium::list(&disk).unwrap();
    assert!(names.iter().all(|name| name.ends_with(".audit")), "{names:?}");
}

#[test]
fn closing_a_failing_log_ends_and_tells_everybody() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    disk.fail_syncs(u64::MAX);
    let lost = log.append(&payload(0, 100)).unwrap();
    log.close();
    assert!(lost.wait_blocking().is_err());
    disk.fail_syncs(0);
    let (_log, recovery) = try_open(&disk, SMALL, 2).unwrap();
    assert!(recovery.head.records <= 1);
}

#[test]
fn a_batch_that_only_memory_held_is_made_durable_at_the_next_start() {
    // A sync fails, the process dies before it can write elsewhere, the machine stays up: the
    // next process reads the batch from memory, and must not build upon it as it is.
    for seed in 0..200 {
        let disk = SimulatedDisk::new();
        let log = open(&disk);
        write(&log, 0..1, 100);
        settle_spare(&log);
        disk.fail_syncs(u64::MAX);
        log.append(&payload(1, 100)).unwrap().wait_blocking().unwrap_err();
        log.close();
        disk.fail_syncs(0);
        let (log, recovery) = try_open(&disk, SMALL, 2).unwrap();
        let next = recovery.head.records;
        write(&log, next..next + 1, 100);
        let head = log.head();
        let disk = disk.crash(seed);
        drop(log);
        let (log, recovery) = try_open(&disk, SMALL, 3).unwrap();
        assert_eq!(recovery.head, head, "seed {seed}");
        log.close();
        verified(&disk);
    }
}
