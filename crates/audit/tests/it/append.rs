//! Appending: receipts, bounds, rotation, state.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use ambient::Clock;
use audit::format::{MAX_PAYLOAD_BYTES, RECORD_HEADER_BYTES, segment_name};
use audit::{
    AppendRefused, Health, InvalidLogConfig, LogConfig, OpenError, Pending, SpareState, VerifyOptions, verify,
};
use testkit::disk::SimulatedDisk;

use crate::support::{SMALL, open, payload, read_all, try_open, verified, write};

#[test]
fn records_come_back_as_they_were_written() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    write(&log, 0..40, 300);
    let head = log.head();
    log.close();
    let records = read_all(&disk);
    assert_eq!(records.len(), 40);
    for (number, record) in records.iter().enumerate() {
        assert_eq!(record.sequence(), number as u64);
        assert_eq!(record.payload, payload(number as u64, 300));
        assert_eq!(record.time.as_secs(), 1_700_000_000);
    }
    assert_eq!(verified(&disk), head);
    assert_eq!(head.records, 40);
    // 40 batches of 512 bytes and a half: more than one segment of 8 KiB.
    let segments = verify(&disk, &VerifyOptions::default(), &mut |_| {})
        .unwrap()
        .segments;
    assert!(segments >= 3, "{segments}");
}

#[test]
fn the_next_run_continues_the_log_under_ids_of_its_own() {
    let disk = SimulatedDisk::new();
    write(&open(&disk), 0..3, 100);
    let (log, recovery) = try_open(&disk, SMALL, 2).unwrap();
    assert_eq!(
        (recovery.head.records, recovery.created, recovery.cut),
        (3, false, None)
    );
    write(&log, 3..5, 100);
    drop(log);
    let records = read_all(&disk);
    let run = |index: usize| records[index].id.as_bytes()[..8].to_vec();
    assert_eq!(run(0), run(2));
    assert_eq!(run(3), run(4));
    assert_ne!(run(0), run(3));
    verified(&disk);
}

#[test]
fn nobody_is_told_before_the_sync_returned() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    let held = disk.hold_syncs_of(&segment_name(1));
    let mut first = pin!(log.append(&payload(0, 50)).unwrap());
    held.wait_for_sync();
    // Everything is written, only the sync has not returned: no receipt, no head.
    let second = log.append(&payload(1, 50)).unwrap();
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(first.as_mut().poll(&mut context), Poll::Pending));
    assert_eq!(log.head().records, 0);
    assert_eq!(log.state().pending_records, 2);
    held.release();
    assert_eq!(second.wait_blocking().unwrap().sequence(), 1);
    assert!(matches!(first.as_mut().poll(&mut context), Poll::Ready(Ok(_))));
    // One receipt for a record: asked again, the future has none.
    assert!(matches!(first.as_mut().poll(&mut context), Poll::Ready(Err(_))));
    assert_eq!(log.head().records, 2);
}

#[test]
fn what_waits_together_shares_one_sync() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    let held = disk.hold_syncs_of(&segment_name(1));
    let first = log.append(&payload(0, 50)).unwrap();
    held.wait_for_sync();
    let rest: Vec<_> = (1..20)
        .map(|number| log.append(&payload(number, 50)).unwrap())
        .collect();
    let state = log.state();
    let before = disk.syncs();
    held.release();
    first.wait_blocking().unwrap();
    for pending in rest {
        pending.wait_blocking().unwrap();
    }
    let spare = if state.spare == SpareState::Ready { 0 } else { 1 };
    assert!(
        disk.syncs() - before <= 2 + spare,
        "{} syncs",
        disk.syncs() - before
    );
    log.close();
    assert_eq!(read_all(&disk).len(), 20);
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn quiet_records_wait_for_one_call_and_share_one_sync() {
    let disk = SimulatedDisk::new();
    let config = LogConfig {
        pace_us: 3_600_000_000,
        ..SMALL
    };
    let (log, _) = try_open(&disk, config, 1).unwrap();
    let quietly = |number: u64| log.append_quietly(&payload(number, 50)).unwrap();
    // A call for nothing is not remembered.
    log.wake();
    let waiting: Vec<_> = (0..3).map(quietly).collect();
    assert_eq!(
        waiting.iter().map(|(_, first)| *first).collect::<Vec<_>>(),
        [true, false, false]
    );
    assert_eq!((log.accepted(), log.head().records), (3, 0));
    while log.state().spare != SpareState::Ready {
        std::thread::yield_now();
    }
    let before = disk.syncs();
    log.wake();
    for (pending, _) in waiting {
        pending.wait_blocking().unwrap();
    }
    assert_eq!(disk.syncs() - before, 1);
    // Whoever appends aloud calls for those before as well.
    let (quiet, first) = quietly(3);
    assert!(first);
    log.append(&payload(4, 50)).unwrap().wait_blocking().unwrap();
    quiet.wait_blocking().unwrap();
    log.close();
    assert_eq!(read_all(&disk).len(), 5);
}

#[test]
fn those_who_wait_for_older_batches_are_reminded() {
    let disk = SimulatedDisk::new();
    let (log, _) = try_open(
        &disk,
        LogConfig {
            pace_us: 3_600_000_000,
            ..SMALL
        },
        1,
    )
    .unwrap();
    let held = disk.hold_syncs_of(&segment_name(1));
    let waiters = [(); 3].map(|()| Arc::new(Woken::default()));
    let woken = || [0, 1, 2].map(|of: usize| waiters[of].0.load(Ordering::SeqCst));
    let poll = |of: usize, pending: &mut Pending| {
        let waker = Waker::from(Arc::clone(&waiters[of]));
        Pin::new(pending).poll(&mut Context::from_waker(&waker))
    };
    let wait = |of: usize| {
        let (mut pending, _) = log.append_quietly(&payload(of as u64, 50)).unwrap();
        assert!(poll(of, &mut pending).is_pending());
        pending
    };
    let mut first = wait(0);
    log.wake();
    held.wait_for_sync();
    // The first is being written, the other two are collected.
    let (mut second, mut third) = (wait(1), wait(2));
    log.remind(0);
    assert_eq!(woken(), [0, 0, 0]);
    log.remind(1);
    assert_eq!(woken(), [1, 0, 0]);
    log.remind(2);
    assert_eq!(woken(), [2, 1, 1], "a batch is as old as its first record");
    // Who was reminded waits on.
    assert!(poll(0, &mut first).is_pending() && poll(1, &mut second).is_pending());
    held.release();
    log.close();
    assert!(
        [(0, &mut first), (1, &mut second), (2, &mut third)]
            .map(|(of, pending)| poll(of, pending).is_ready())
            .iter()
            .all(|ready| *ready)
    );
    let before = woken();
    log.remind(u64::MAX);
    assert_eq!(woken(), before);
}

#[test]
fn a_courier_wakes_those_who_wait_together() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    let (courier, waiter) = (Arc::new(Woken::default()), Arc::new(Woken::default()));
    let woken = |by: &Arc<Woken>| by.0.load(Ordering::SeqCst);
    let until = |by: &Arc<Woken>, times| {
        while woken(by) < times {
            std::thread::yield_now();
        }
    };
    let poll = |pending: &mut Pending| {
        let waker = Waker::from(Arc::clone(&waiter));
        Pin::new(pending).poll(&mut Context::from_waker(&waker))
    };
    let two = |from: u64| {
        let mut pair = [from, from + 1].map(|number| log.append_quietly(&payload(number, 50)).unwrap().0);
        assert!(pair.iter_mut().all(|pending| poll(pending).is_pending()));
        log.wake();
        pair
    };
    let mut deliver = Box::pin(log.deliver());
    let waker = Waker::from(Arc::clone(&courier));
    assert!(
        deliver
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );

    let mut pair = two(0);
    until(&courier, 1);
    assert_eq!((woken(&courier), woken(&waiter)), (1, 0));
    assert!(
        deliver
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    assert_eq!(woken(&waiter), 2);
    assert!(pair.iter_mut().all(|pending| poll(pending).is_ready()));

    // What a courier leaves behind is delivered when it goes; then the writer does it again.
    let _pair = two(2);
    until(&courier, 2);
    drop(deliver);
    assert_eq!(woken(&waiter), 4);
    let _pair = two(4);
    until(&waiter, 6);
    assert_eq!(woken(&courier), 2);
}

#[test]
fn the_queue_is_bounded_exactly_in_records() {
    let disk = SimulatedDisk::new();
    let config = LogConfig {
        max_pending_records: 5,
        ..SMALL
    };
    let (log, _) = try_open(&disk, config, 1).unwrap();
    let held = disk.hold_syncs_of(&segment_name(1));
    let mut pending: Vec<_> = vec![log.append(b"{}").unwrap()];
    held.wait_for_sync();
    pending.extend((1..5).map(|_| log.append(b"{}").unwrap()));
    assert_eq!(log.append(b"{}").err(), Some(AppendRefused::Full));
    held.release();
    for (sequence, pending) in (0..).zip(pending) {
        assert_eq!(pending.wait_blocking().unwrap().sequence(), sequence);
    }
    // What was refused left no gap.
    assert_eq!(log.append(b"{}").unwrap().wait_blocking().unwrap().sequence(), 5);
}

#[test]
fn the_queue_is_bounded_exactly_in_bytes() {
    let disk = SimulatedDisk::new();
    let config = LogConfig {
        max_pending_bytes: 1000,
        ..SMALL
    };
    let (log, _) = try_open(&disk, config, 1).unwrap();
    let held = disk.hold_syncs_of(&segment_name(1));
    let object = |len: usize| format!("{{{}}}", " ".repeat(len - 2)).into_bytes();
    let first = log.append(&object(500 - RECORD_HEADER_BYTES)).unwrap();
    held.wait_for_sync();
    assert_eq!(
        log.append(&object(501 - RECORD_HEADER_BYTES)).err(),
        Some(AppendRefused::Full)
    );
    let second = log.append(&object(500 - RECORD_HEADER_BYTES)).unwrap();
    assert_eq!(log.state().pending_bytes, 1000);
    assert_eq!(log.append(b"{}").err(), Some(AppendRefused::Full));
    held.release();
    first.wait_blocking().unwrap();
    second.wait_blocking().unwrap();
    assert_eq!(log.state().pending_bytes, 0);
}

#[test]
fn payloads_are_json_objects_of_at_most_64_kib() {
    let disk = SimulatedDisk::new();
    let config = LogConfig {
        segment_bytes: 256 << 10,
        max_pending_bytes: 128 << 10,
        ..SMALL
    };
    let (log, _) = try_open(&disk, config, 1).unwrap();
    let object = |len: usize| format!("{{{}}}", " ".repeat(len - 2)).into_bytes();
    log.append(&object(MAX_PAYLOAD_BYTES))
        .unwrap()
        .wait_blocking()
        .unwrap();
    let refused = |payload: &[u8]| log.append(payload).err();
    assert_eq!(
        refused(&object(MAX_PAYLOAD_BYTES + 1)),
        Some(AppendRefused::TooLarge)
    );
    for payload in [&b""[..], b"{", b"[]", b"{\xff}", b" {}"] {
        assert_eq!(refused(payload), Some(AppendRefused::NotAnObject));
    }
    log.close();
    assert_eq!(refused(b"{}"), Some(AppendRefused::Closed));
    assert_eq!(log.state().health, Health::Closed);
    assert_eq!(read_all(&disk).len(), 1);
}

#[test]
fn a_second_writer_is_refused_until_the_first_is_gone() {
    let disk = SimulatedDisk::new();
    let log = open(&disk);
    assert!(matches!(try_open(&disk, SMALL, 2), Err(OpenError::InUse)));
    log.close();
    try_open(&disk, SMALL, 2).unwrap();
}

#[test]
fn a_contradictory_configuration_is_refused() {
    let refused = |config: LogConfig| match try_open(&SimulatedDisk::new(), config, 1) {
        Err(OpenError::Config(reason)) => reason,
        _ => panic!("accepted"),
    };
    // 512 for the header, then a batch of 76 + max_pending_bytes in whole sectors.
    let exact = LogConfig {
        segment_bytes: 5120,
        max_pending_bytes: 4608 - 76,
        ..SMALL
    };
    assert_eq!(exact.validate(), Ok(()));
    assert_eq!(
        refused(LogConfig {
            max_pending_bytes: 4609 - 76,
            ..exact
        }),
        InvalidLogConfig::BatchExceedsSegment
    );
    assert_eq!(
        refused(LogConfig {
            segment_bytes: 8193,
            ..SMALL
        }),
        InvalidLogConfig::SegmentNotInSectors
    );
    assert_eq!(
        refused(LogConfig {
            max_pending_records: 0,
            ..SMALL
        }),
        InvalidLogConfig::NothingPending
    );
    assert_eq!(LogConfig::default().validate(), Ok(()));
}

#[test]
fn a_stall_shows_in_the_state_and_passes() {
    let disk = SimulatedDisk::new();
    let clock = crate::support::clock();
    let (log, _) = audit::Log::open(
        Arc::new(disk.clone()),
        clock.clone(),
        &ambient::SeededRandom::new(1),
        SMALL,
    )
    .unwrap();
    let held = disk.hold_syncs_of(&segment_name(1));
    let pending = log.append(b"{}").unwrap();
    held.wait_for_sync();
    clock.advance(Duration::from_millis(99));
    assert_eq!(log.state().health, Health::Writing);
    assert_eq!(log.syncing_for(clock.moment()), Some(Duration::from_millis(99)));
    clock.advance(Duration::from_millis(1));
    assert!(matches!(log.state().health, Health::Stalled { .. }));
    held.release();
    pending.wait_blocking().unwrap();
    assert_eq!(log.state().health, Health::Writing);
    assert_eq!(log.syncing_for(clock.moment()), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_tasks_get_their_receipts() {
    let disk = SimulatedDisk::new();
    let log = Arc::new(open(&disk));
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let log = log.clone();
            tokio::spawn(async move {
                for number in 0..50 {
                    let pending = loop {
                        match log.append(&payload(task * 1000 + number, 60)) {
                            Ok(pending) => break pending,
                            Err(AppendRefused::Full) => tokio::task::yield_now().await,
                            Err(other) => panic!("{other}"),
                        }
                    };
                    pending.await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    log.close();
    assert_eq!(verified(&disk).records, 800);
    assert_eq!(read_all(&disk).len(), 800);
}
