//! The figures, for people and for programs.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::machine::Memory;
use crate::sample::Sample;
use crate::server_process::Kind;

/// One server in one row. Times in microseconds.
#[derive(Serialize)]
pub(crate) struct Line {
    row: String,
    connections: u32,
    server: Kind,
    requests: u64,
    /// Answers other than 200, by status.
    refused: BTreeMap<u16, u64>,
    broken: u64,
    per_second: f64,
    per_cpu_second: f64,
    /// Requests per CPU second, as a part of the null server's.
    ratio: f64,
    p50: u64,
    p90: u64,
    p99: u64,
    max: u64,
    /// The median time, as a multiple of the null server's.
    time_ratio: f64,
    memory: Memory,
}

/// The proxy over a slow disk, at a fixed rate. Times in microseconds, from the moment when a
/// request was due.
#[derive(Serialize)]
pub(crate) struct SlowDiskLine {
    what: &'static str,
    answered: u64,
    refused: BTreeMap<u16, u64>,
    broken: u64,
    p50: u64,
    p99: u64,
    max: u64,
}

impl SlowDiskLine {
    pub(crate) fn new(what: &'static str, mut sample: Sample) -> Self {
        let [p50, p99, max] = sample.quantiles([500, 990, 1000]).map(micros);
        Self {
            what,
            answered: sample.completed,
            refused: sample.refused,
            broken: sample.broken,
            p50,
            p99,
            max,
        }
    }
}

/// The CPU time of one Encrypt whose key is in an HSM, in microseconds.
#[derive(Serialize)]
pub(crate) struct HsmLine {
    connections: u32,
    /// The null server's request.
    null: f64,
    /// The bare module's encryption and decryption.
    module: f64,
    /// The whole proxy, the module in its process.
    in_process: f64,
    /// The whole proxy and the worker.
    worker: f64,
}

impl HsmLine {
    pub(crate) fn new(connections: u32, [null, module, in_process, worker]: [&Sample; 4]) -> Self {
        let cost = |sample: &Sample| three_digits(1e6 / sample.per_cpu_second().max(1e-9));
        Self {
            connections,
            null: cost(null),
            module: cost(module),
            in_process: cost(in_process),
            worker: cost(worker),
        }
    }

    fn text(&self) -> String {
        let bare = self.null + self.module;
        format!(
            "\nhsm over {} connections, CPU us a request: null {:.1} + module {:.1}; in process {:.1} ({:.2} x), in a worker {:.1} ({:.2} x; {:+.0} % of in process)",
            self.connections,
            self.null,
            self.module,
            self.in_process,
            self.in_process / bare,
            self.worker,
            self.worker / bare,
            (self.worker / self.in_process - 1.0) * 100.0,
        )
    }
}

/// Everything that was measured.
#[derive(Serialize, Default)]
pub(crate) struct Report {
    /// Whether server and load each had a core of their own.
    pub(crate) pinned: bool,
    /// The median time of a 4 KiB append and sync where the audit log lay, in microseconds.
    pub(crate) sync_micros: u64,
    pub(crate) lines: Vec<Line>,
    /// Resident memory of a fresh proxy after 64 connections with the largest bodies.
    pub(crate) largest_bodies: Option<Memory>,
    /// What a request costs whose key is in an HSM.
    pub(crate) hsm: Vec<HsmLine>,
    /// 1,800 requests/s while every sync takes 20 ms longer, and with a stall of 500 ms.
    pub(crate) slow_disk: Vec<SlowDiskLine>,
}

impl Report {
    /// Adds a row: samples of every server, the null server first.
    pub(crate) fn add(&mut self, row: &str, connections: u32, samples: Vec<(Kind, Sample, Memory)>) {
        let mut null = None;
        for (server, mut sample, memory) in samples {
            let [p50, p90, p99, max] = sample.quantiles([500, 900, 990, 1000]).map(micros);
            let (rate, per_second) = (sample.per_cpu_second(), sample.per_second());
            let (null_rate, null_time) = *null.get_or_insert((rate, p50));
            self.lines.push(Line {
                row: row.to_owned(),
                connections,
                server,
                requests: sample.completed,
                refused: sample.refused,
                broken: sample.broken,
                per_second: per_second.round(),
                per_cpu_second: rate.round(),
                ratio: three_digits(rate / null_rate.max(1e-9)),
                p50,
                p90,
                p99,
                max,
                time_ratio: three_digits(as_f64(p50) / as_f64(null_time.max(1))),
                memory,
            });
        }
    }

    /// A table for people.
    pub(crate) fn table(&self) -> String {
        let mut text = format!(
            "server and load on {}; a 4 KiB append and sync takes {} us\n\n{:<34}{:>5} {:<11}{:>9}{:>11}{:>7}{:>8}{:>8}{:>8}{:>9}{:>7}{:>9}{:>8}\n",
            if self.pinned {
                "a core each"
            } else {
                "shared cores: take the figures with care"
            },
            self.sync_micros,
            "row",
            "conn",
            "server",
            "req/s",
            "req/cpu-s",
            "ratio",
            "p50 us",
            "p90",
            "p99",
            "max",
            "time x",
            "refused",
            "RSS MiB",
        );
        for line in &self.lines {
            text.push_str(&format!(
                "{:<34}{:>5} {:<11}{:>9.0}{:>11.0}{:>7.3}{:>8}{:>8}{:>8}{:>9}{:>7.2}{:>9}{:>8.1}\n",
                line.row,
                line.connections,
                line.server.name(),
                line.per_second,
                line.per_cpu_second,
                line.ratio,
                line.p50,
                line.p90,
                line.p99,
                line.max,
                line.time_ratio,
                line.refused.values().sum::<u64>() + line.broken,
                mebibytes(line.memory.resident_kib),
            ));
        }
        if let Some(memory) = self.largest_bodies {
            text.push_str(&format!(
                "\n64 connections with the largest bodies: resident {:.1} MiB, at most {:.1} MiB\n",
                mebibytes(memory.resident_kib),
                mebibytes(memory.peak_kib)
            ));
        }
        for line in &self.hsm {
            text.push_str(&line.text());
        }
        for line in &self.slow_disk {
            text.push_str(&format!(
                "\n{}: {} answered 200, others {:?}, {} connections broke; p50 {} us, p99 {} us, max {} us",
                line.what, line.answered, line.refused, line.broken, line.p50, line.p99, line.max
            ));
        }
        text.push('\n');
        text
    }
}

fn micros(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "times and sizes of a measurement lie far below 2^52"
)]
fn as_f64(value: u64) -> f64 {
    value as f64
}

fn mebibytes(kibibytes: u64) -> f64 {
    as_f64(kibibytes) / 1024.0
}

fn three_digits(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
