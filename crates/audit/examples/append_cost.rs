//! Measures what a durable record costs, on a real directory:
//! `cargo run --release -p audit --example append_cost -- DIR [TASKS] [RECORDS]`.

#![expect(clippy::print_stdout, reason = "a tool run by hand")]

use std::path::PathBuf;
use std::sync::Arc;

use ambient::{Clock, SystemClock, SystemRandom};
use audit::{Directory, Log, LogConfig};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// About what a record of one request is long.
const PAYLOAD_BYTES: usize = 700;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let path = PathBuf::from(arguments.next().ok_or("which directory?")?);
    let tasks: u64 = arguments.next().map_or(Ok(16), |tasks| tasks.parse())?;
    let records: u64 = arguments.next().map_or(Ok(20_000), |records| records.parse())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let medium = Arc::new(Directory::open(&path)?);
    let (log, _) = Log::open(medium, Arc::clone(&clock), &SystemRandom, LogConfig::default())?;
    let log = Arc::new(log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()?;
    let (began, cpu) = (clock.moment(), cpu_micros()?);
    runtime.block_on(async {
        let each = records / tasks;
        let running: Vec<_> = (0..tasks)
            .map(|_| tokio::spawn(run(Arc::clone(&log), each)))
            .collect();
        for task in running {
            task.await??;
        }
        Ok::<_, Failure>(())
    })?;
    let wall = clock.moment().saturating_since(began);
    let cpu = cpu_micros()?.saturating_sub(cpu);
    println!(
        "{tasks} tasks: {records} records in {wall:.2?}, {:.0} records/s, {:.2} us of CPU a record",
        records as f64 / wall.as_secs_f64(),
        cpu as f64 / records as f64,
    );
    Ok(())
}

async fn run(log: Arc<Log>, records: u64) -> Result<(), Failure> {
    let payload = format!(r#"{{"filler":"{}"}}"#, "x".repeat(PAYLOAD_BYTES - 13));
    for _ in 0..records {
        log.append(payload.as_bytes())?.await?;
    }
    Ok(())
}

/// User and system time of this process, from `/proc/self/stat` in ticks of 10 ms.
fn cpu_micros() -> Result<u64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(") ").ok_or("/proc/self/stat")?.1;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>()? * 10_000)
}
