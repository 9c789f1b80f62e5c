//! Reading beside a writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use audit::{LogConfig, Reader, VerifyOptions, verify};
use testkit::disk::SimulatedDisk;

use crate::support::{SMALL, open, payload, try_open, write};

fn reader(disk: &SimulatedDisk, sequence: u64) -> Reader {
    Reader::open(Arc::new(disk.clone()), sequence).unwrap()
}

#[test]
fn a_reader_follows_a_log_across_segments() {
    let disk = SimulatedDisk::new();
    let mut early = reader(&disk, 0);
    assert_eq!(early.next_record().unwrap(), None);
    let log = open(&disk);
    assert_eq!(early.next_record().unwrap(), None);
    for number in 0..60 {
        write(&log, number..number + 1, 400);
        let record = early.next_record().unwrap().unwrap();
        assert_eq!(record.sequence(), number);
        assert_eq!(record.payload, payload(number, 400));
        assert_eq!(early.next_record().unwrap(), None);
    }
}

#[test]
fn a_reader_begins_anywhere() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    write(&log, 0..50, 300);
    for from in 0..50 {
        assert_eq!(
            reader(&disk, from).next_record().unwrap().unwrap().sequence(),
            from
        );
    }
    let mut beyond = reader(&disk, 51);
    assert_eq!(beyond.next_record().unwrap(), None);
    write(&log, 50..53, 300);
    assert_eq!(beyond.next_record().unwrap().unwrap().sequence(), 51);
}

#[test]
fn a_reader_near_the_end_reads_the_last_segments_alone() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    let near_end = |records| {
        let mut reader = Reader::open_near_end(Arc::new(disk.clone()), records).unwrap();
        std::iter::from_fn(|| reader.next_record().unwrap())
            .map(|record| record.sequence())
            .collect::<Vec<_>>()
    };
    assert_eq!(near_end(5), [0; 0]);
    write(&log, 0..60, 400);
    let mut firsts = Vec::new();
    for records in 0..=60 {
        let sequences = near_end(records);
        assert!(sequences.len() as u64 >= records);
        assert_eq!(sequences, (sequences[0]..60).collect::<Vec<_>>());
        firsts.push(sequences[0]);
    }
    assert_eq!(near_end(61).len(), 60);
    assert!(
        firsts[1] == 30 && firsts.is_sorted_by(|a, b| a >= b),
        "{firsts:?}"
    );
}

#[test]
fn a_reader_goes_on_where_a_failed_sync_moved_the_records() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    write(&log, 0..2, 100);
    let mut follower = reader(&disk, 0);
    assert_eq!(follower.next_record().unwrap().unwrap().sequence(), 0);
    // The batch is seen in memory before its sync fails; then it stands in the next segment.
    let held = disk.hold_syncs_of(&audit::format::segment_name(1));
    let pending = log.append(&payload(2, 100)).unwrap();
    held.wait_for_sync();
    for sequence in 1..3 {
        assert_eq!(follower.next_record().unwrap().unwrap().sequence(), sequence);
    }
    while log.state().spare != audit::SpareState::Ready {
        std::thread::yield_now();
    }
    disk.fail_syncs(1);
    held.release();
    pending.wait_blocking().unwrap();
    write(&log, 3..6, 100);
    for sequence in 3..6 {
        assert_eq!(follower.next_record().unwrap().unwrap().sequence(), sequence);
    }
    assert_eq!(follower.next_record().unwrap(), None);
}

#[test]
fn reading_and_verifying_beside_a_busy_writer_see_no_damage() {
    let disk = SimulatedDisk::new();
    let config = LogConfig {
        segment_bytes: 8192,
        ..SMALL
    };
    let log = try_open(&disk, config, 1).unwrap().0;
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..400 {
                write(&log, number..number + 1, 200 + (number as usize * 37) % 1500);
            }
            done.store(true, Ordering::SeqCst);
        });
        scope.spawn(|| {
            let mut follower = reader(&disk, 0);
            let mut next = 0;
            while next < 400 {
                match follower.next_record().unwrap() {
                    Some(record) => {
                        assert_eq!(record.sequence(), next);
                        next += 1;
                    }
                    None => std::thread::yield_now(),
                }
            }
        });
        let live = VerifyOptions {
            accept_torn_tail: true,
            ..VerifyOptions::default()
        };
        let mut last = 0;
        while !done.load(Ordering::SeqCst) {
            let records = verify(&disk, &live, &mut |_| {}).unwrap().head.records;
            assert!(records >= last);
            last = records;
        }
    });
    log.close();
    assert_eq!(crate::support::verified(&disk).records, 400);
}

#[test]
fn a_reader_reports_damage_and_does_not_go_round_in_circles() {
    let disk = SimulatedDisk::new();
    write(&open(&disk), 0..30, 400);
    let name = audit::format::segment_name(2);
    let original = disk.contents(&name);
    // Headers with a right checksum that tell another story: sequence, chain, end before.
    for (at, flip) in [(55, 1), (55, 0x20), (56, 1), (102, 2), (102, 8)] {
        let mut contents = original.clone();
        contents[at] ^= flip;
        let crc = crc32c::crc32c(&contents[..508]);
        contents[508..512].copy_from_slice(&crc.to_be_bytes());
        disk.replace(&name, contents);
        let mut reader = reader(&disk, 0);
        let error = loop {
            match reader.next_record() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("damage at {at} unnoticed"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, audit::VerifyError::Broken(_)), "{error}");
        assert!(verify(&disk, &VerifyOptions::default(), &mut |_| {}).is_err());
    }
}
