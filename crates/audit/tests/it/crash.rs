//! Power losses at every moment, thousands of them: everything acknowledged is there, nothing is
//! half there, the log verifies and goes on.

use audit::{LogConfig, Record, VerifyOptions, verify};
use testkit::disk::SimulatedDisk;

use crate::support::{SMALL, payload, read_all, try_open, verified};

/// Seeds a test run tries; `STRONGROOM_CRASH_SEEDS` sets another number.
fn seeds() -> u64 {
    let wanted = std::env::var("STRONGROOM_CRASH_SEEDS").ok();
    wanted.and_then(|seeds| seeds.parse().ok()).unwrap_or(5_000)
}

struct Life {
    seed: u64,
    disk: SimulatedDisk,
    acknowledged: Vec<(u64, Vec<u8>)>,
    /// What a start found is durable too: others may have read it.
    promised: u64,
}

impl Life {
    fn dice(&self, salt: u64, sides: u64) -> u64 {
        let mut word = self.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(salt);
        word = (word ^ (word >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (word ^ (word >> 29)) % sides
    }

    /// Runs a log until the power goes, with a disk that may fail besides.
    fn run(&mut self, round: u64) {
        self.disk.power_off_after(self.dice(round, 60));
        if self.dice(round + 10, 4) == 0 {
            self.disk.fail_syncs(self.dice(round + 20, 4));
            self.disk.fail_writes(self.dice(round + 30, 3));
        }
        let config = LogConfig {
            segment_bytes: 4096,
            max_pending_bytes: 3000,
            ..SMALL
        };
        if let Ok((log, recovery)) = try_open(&self.disk, config, self.seed + round) {
            self.check(recovery.head.records);
            self.promised = recovery.head.records;
            let mut number = recovery.head.records;
            // One at a time, or several in a batch; until nothing is confirmed any more.
            'living: loop {
                let together = 1 + self.dice(number, 4);
                let batch: Vec<_> = (number..number + together)
                    .map_while(|number| {
                        let payload = payload(number, 30 + self.dice(number, 700) as usize);
                        Some((payload.clone(), log.append(&payload).ok()?))
                    })
                    .collect();
                if batch.is_empty() {
                    break;
                }
                number += batch.len() as u64;
                for (payload, pending) in batch {
                    match pending.wait_blocking() {
                        Ok(receipt) => self.acknowledged.push((receipt.sequence(), payload)),
                        Err(_) => break 'living,
                    }
                }
            }
        }
        // The process alone dies, or the machine too.
        self.disk = match self.dice(round + 40, 3) {
            0 => self.disk.kill(),
            _ => self.disk.crash(self.seed.wrapping_mul(31).wrapping_add(round)),
        };
    }

    fn check(&self, records: u64) {
        let last = self.acknowledged.last().map_or(0, |(sequence, _)| sequence + 1);
        let least = last.max(self.promised);
        assert!(
            records >= least,
            "seed {}: {records} records of {least}",
            self.seed
        );
    }

    fn settle(&self) -> Vec<Record> {
        let (log, recovery) = try_open(&self.disk, SMALL, self.seed + 99)
            .unwrap_or_else(|error| panic!("seed {}: {error}", self.seed));
        self.check(recovery.head.records);
        let receipt = log.append(b"{\"last\":true}").unwrap().wait_blocking().unwrap();
        assert_eq!(receipt.sequence(), recovery.head.records);
        let head = log.head();
        log.close();
        assert_eq!(verified(&self.disk), head, "seed {}", self.seed);
        let records = read_all(&self.disk);
        assert_eq!(records.len() as u64, head.records, "seed {}", self.seed);
        records
    }
}

#[test]
fn everything_acknowledged_survives_power_losses() {
    let mut acknowledged = 0;
    for seed in 0..seeds() {
        let mut life = Life {
            seed,
            disk: SimulatedDisk::new(),
            acknowledged: Vec::new(),
            promised: 0,
        };
        for round in 0..1 + seed % 4 {
            life.run(round);
        }
        let records = life.settle();
        for (sequence, payload) in &life.acknowledged {
            assert_eq!(records[*sequence as usize].payload, *payload, "seed {seed}");
        }
        acknowledged += life.acknowledged.len();
    }
    // The test would prove nothing if hardly anything had been acknowledged before the losses.
    assert!(acknowledged as u64 > seeds(), "{acknowledged}");
}

#[test]
fn a_torn_tail_is_cut_and_its_bytes_never_return() {
    let mut cuts = 0;
    for seed in 0..400 {
        let disk = SimulatedDisk::new();
        let (log, _) = try_open(&disk, SMALL, 1).unwrap();
        log.append(&payload(0, 100)).unwrap().wait_blocking().unwrap();
        let held = disk.hold_syncs_of(&audit::format::segment_name(1));
        let lost = log.append(&payload(1, 3000)).unwrap();
        held.wait_for_sync();
        let disk = disk.crash(seed);
        assert!(lost.wait_blocking().is_err());
        let torn = VerifyOptions {
            accept_torn_tail: true,
            ..VerifyOptions::default()
        };
        assert!(verify(&disk, &torn, &mut |_| {}).unwrap().head.records >= 1);
        let (log, recovery) = try_open(&disk, SMALL, 2).unwrap();
        cuts += u64::from(recovery.cut.is_some());
        log.close();
        assert_eq!(verified(&disk), recovery.head);
        // Whole or not at all.
        for record in read_all(&disk) {
            let len = if record.sequence() == 0 { 100 } else { 3000 };
            assert_eq!(record.payload, payload(record.sequence(), len));
        }
    }
    assert!(cuts > 100, "{cuts}");
}
