//! Whatever is changed in a log is found.

use audit::format::segment_name;
use audit::{Broken, Damage, Head, Medium, OpenError, VerifyError, VerifyOptions, verify};
use testkit::disk::SimulatedDisk;

use crate::support::{SMALL, open, payload, read_all, try_open, verified, write};

fn broken(disk: &SimulatedDisk, options: VerifyOptions) -> Option<Broken> {
    match verify(disk, &options, &mut |_| {}) {
        Ok(_) => None,
        Err(VerifyError::Broken(broken)) => Some(broken),
        Err(VerifyError::Io(error)) => panic!("{error}"),
    }
}

fn damage(disk: &SimulatedDisk) -> Option<Damage> {
    broken(disk, VerifyOptions::default()).map(|broken| broken.damage)
}

/// A closed log of `records` records, in segments of 2 KiB, and a spare.
fn small_log(records: u64) -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let config = audit::LogConfig {
        segment_bytes: 2048,
        max_pending_bytes: 1200,
        ..SMALL
    };
    let (log, _) = try_open(&disk, config, 1).unwrap();
    write(&log, 0..records, 60);
    while log.state().spare != audit::SpareState::Ready {
        std::thread::yield_now();
    }
    log.close();
    disk
}

#[test]
fn xks_log_02_log_integrity_is_protected() {
    // Every bit of every file, spare included, with nothing known about the log beforehand.
    let disk = small_log(5);
    let names = disk.list().unwrap();
    assert_eq!(names.len(), 3);
    assert_eq!(damage(&disk), None);
    for name in names {
        let contents = disk.contents(&name);
        for bit in 0..contents.len() * 8 {
            let mut flipped = contents.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            disk.replace(&name, flipped);
            assert!(damage(&disk).is_some(), "bit {bit} of {name}");
        }
        disk.replace(&name, contents);
    }
    assert_eq!(damage(&disk), None);
}

#[test]
fn xks_log_02_the_damage_is_located() {
    let disk = small_log(5);
    let name = segment_name(1);
    let mut contents = disk.contents(&name);
    // The second batch of the first segment begins at 1024; its record at 1024 + 76.
    contents[1024 + 76 + 40] ^= 1;
    disk.replace(&name, contents);
    assert_eq!(
        broken(&disk, VerifyOptions::default()),
        Some(Broken {
            segment: 1,
            offset: 1024,
            sequence: Some(1),
            damage: Damage::Batch
        })
    );
}

#[test]
fn xks_log_02_removed_and_reordered_batches_are_found() {
    let original = small_log(9);
    let first = original.contents(&segment_name(1));
    let batch = |index: usize| first[512 * (index + 1)..512 * (index + 2)].to_vec();
    let rebuilt = |batches: &[Vec<u8>]| {
        let disk = original.copy();
        let mut contents = [first[..512].to_vec(), batches.concat()].concat();
        contents.resize(2048, 0);
        disk.replace(&segment_name(1), contents);
        damage(&disk)
    };
    assert_eq!(rebuilt(&[batch(0), batch(1), batch(2)]), None);
    assert_eq!(rebuilt(&[batch(1), batch(0), batch(2)]), Some(Damage::Batch));
    assert_eq!(rebuilt(&[batch(0), batch(2)]), Some(Damage::Batch));
    assert_eq!(rebuilt(&[batch(0), vec![0; 512], batch(2)]), Some(Damage::Batch));
    assert_eq!(rebuilt(&[batch(0), batch(1)]), Some(Damage::Batch));
    assert_eq!(rebuilt(&[batch(0), batch(0), batch(2)]), Some(Damage::Batch));
}

#[test]
fn xks_log_02_removed_swapped_and_shortened_segments_are_found() {
    let original = small_log(9);
    assert_eq!(original.list().unwrap().len(), 4);
    let removed = |number: u64| {
        let disk = original.copy();
        disk.delete(&segment_name(number));
        damage(&disk)
    };
    assert_eq!(removed(1), Some(Damage::Beginning));
    assert_eq!(removed(2), Some(Damage::SegmentMissing));

    let disk = original.copy();
    disk.replace(&segment_name(1), original.contents(&segment_name(2)));
    assert_eq!(damage(&disk), Some(Damage::SegmentUnexpected));

    let disk = original.copy();
    disk.replace(
        &segment_name(2),
        original.contents(&segment_name(2))[..1536].to_vec(),
    );
    assert_eq!(damage(&disk), Some(Damage::SegmentLength));

    let disk = original.copy();
    disk.replace(
        &segment_name(2),
        small_log_of_another_seed().contents(&segment_name(2)),
    );
    assert_eq!(damage(&disk), Some(Damage::ForeignSegment));
}

#[test]
fn xks_log_02_a_segment_left_out_of_the_history_is_found() {
    // The third segment's header is rewritten, checksum and all, to follow upon the first.
    let disk = small_log(9);
    let second = disk.contents(&segment_name(2));
    let mut third = disk.contents(&segment_name(3));
    third[48..104].copy_from_slice(&second[48..104]);
    let crc = crc32c::crc32c(&third[..508]);
    third[508..512].copy_from_slice(&crc.to_be_bytes());
    disk.replace(&segment_name(3), third);
    assert_eq!(damage(&disk), Some(Damage::SegmentUnexpected));
}

fn small_log_of_another_seed() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let config = audit::LogConfig {
        segment_bytes: 2048,
        max_pending_bytes: 1200,
        ..SMALL
    };
    write(&try_open(&disk, config, 77).unwrap().0, 0..9, 60);
    disk
}

#[test]
fn xks_log_02_a_cut_tail_is_found_against_a_noted_head() {
    let disk = small_log(9);
    let head = verified(&disk);
    let against = |disk: &SimulatedDisk, expected: Head| {
        let options = VerifyOptions {
            expected: Some(expected),
            ..VerifyOptions::default()
        };
        broken(disk, options).map(|broken| broken.damage)
    };
    assert_eq!(against(&disk, head), None);
    // Cleanly cut, by somebody who knows the format: alone the log looks well.
    let cut = disk.copy();
    let mut contents = cut.contents(&segment_name(3));
    contents[1536..].fill(0);
    cut.replace(&segment_name(3), contents);
    assert_eq!(damage(&cut), None);
    assert_eq!(against(&cut, head), Some(Damage::ExpectedMore));
    // An older head is met by a longer log, and another log of equal length is told apart.
    assert_eq!(against(&disk, verified(&cut)), None);
    assert_eq!(
        against(&small_log_of_another_seed(), head),
        Some(Damage::ExpectedOther)
    );
    assert_eq!(
        against(
            &disk,
            Head {
                records: 4,
                chain: [7; 32]
            }
        ),
        Some(Damage::ExpectedOther)
    );
    assert_eq!(head.to_string().parse(), Ok(head));
}

#[test]
fn archived_segments_need_the_head_with_which_the_rest_begins() {
    let disk = small_log(9);
    let partial = small_log(3);
    disk.delete(&segment_name(1));
    let begin = |start| {
        let options = VerifyOptions {
            start,
            ..VerifyOptions::default()
        };
        broken(&disk, options).map(|broken| broken.damage)
    };
    assert_eq!(begin(Some(verified(&partial))), None);
    assert_eq!(
        begin(Some(Head {
            records: 3,
            chain: [0; 32]
        })),
        Some(Damage::Beginning)
    );
    assert_eq!(begin(None), Some(Damage::Beginning));
    assert_eq!(read_all(&disk)[0].sequence(), 3);
}

#[test]
fn opening_refuses_damage_that_no_crash_makes() {
    let original = SimulatedDisk::new();
    let log = open(&original);
    write(&log, 0..5, 60);
    log.close();
    let name = segment_name(1);
    let contents = original.contents(&name);
    // Every byte of all batches but the last: corruption in front of what is whole.
    for at in 512..512 + 4 * 512 {
        let disk = original.copy();
        let mut flipped = contents.clone();
        flipped[at] ^= 0x10;
        disk.replace(&name, flipped.clone());
        assert!(
            matches!(try_open(&disk, SMALL, 2), Err(OpenError::Broken(_))),
            "byte {at}"
        );
        // And it was not touched.
        assert_eq!(disk.contents(&name), flipped);
    }
    // A header that is gone with batches behind it is no crash either.
    let disk = original.copy();
    disk.replace(&name, [vec![0; 512], contents[512..].to_vec()].concat());
    assert!(matches!(try_open(&disk, SMALL, 2), Err(OpenError::Broken(_))));
}

#[test]
fn bytes_of_another_place_or_an_earlier_use_are_no_records() {
    // The third batch of an older run of the very same log is left behind the second of the
    // present one: right log, right place, right checksum, but another history.
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    write(&log, 0..2, 60);
    log.close();
    let fork = disk.copy();
    let log = try_open(&fork, SMALL, 5).unwrap().0;
    write(&log, 2..4, 60);
    log.close();
    let log = try_open(&disk, SMALL, 6).unwrap().0;
    log.append(&payload(100, 60)).unwrap().wait_blocking().unwrap();
    log.close();
    let stale = fork.contents(&segment_name(1))[2048..2560].to_vec();
    let mut contents = disk.contents(&segment_name(1));
    contents[2048..2560].copy_from_slice(&stale);
    disk.replace(&segment_name(1), contents);
    assert_eq!(damage(&disk), Some(Damage::Chain));
    assert!(matches!(try_open(&disk, SMALL, 7), Err(OpenError::Broken(_))));
}
