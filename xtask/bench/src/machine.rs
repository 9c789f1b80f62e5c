//! The machine under the measurement: which core runs what, what a process has used, and how
//! long the disk takes.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use ambient::{Clock as _, SystemClock};
use anyhow::{Context as _, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores for the two sides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    server: usize,
    load: usize,
}

impl Cores {
    /// The first two cores that this process may use; `None` with fewer, so that nothing is
    /// pinned and the figures are worth less.
    pub(crate) fn find() -> Result<Option<Self>> {
        let allowed = sched_getaffinity(None).context("cannot read the process's cores")?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core));
        Ok(cores
            .next()
            .zip(cores.next())
            .map(|(server, load)| Self { server, load }))
    }

    /// Lets the calling thread, and every thread and process it starts from now on, run on the
    /// server's core only.
    pub(crate) fn take_servers(self) -> Result<()> {
        take(self.server)
    }

    /// The same with the load's core.
    pub(crate) fn take_loads(self) -> Result<()> {
        take(self.load)
    }
}

fn take(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).with_context(|| format!("cannot move to core {core}"))
}

/// CPU time, user and system, of all threads of a process since it began.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("the server has ended ({path})"))?;
    let ticks = cpu_ticks(&text).with_context(|| format!("{path} has an unknown form"))?;
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_nanos(
        ticks.saturating_mul(1_000_000_000) / per_second,
    ))
}

/// `utime` + `stime`. The name of the program may hold spaces and brackets, so fields are counted
/// from the last bracket on; the first after it is field 3 (proc(5)).
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(14 - 3);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Resident memory in KiB.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(crate) struct Memory {
    pub(crate) resident_kib: u64,
    pub(crate) peak_kib: u64,
}

/// What a process holds now, and the most that it ever held.
pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("the server has ended ({path})"))?;
    let value = |label: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(label))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let resident_kib = value("VmRSS:").with_context(|| format!("{path} has no VmRSS"))?;
    let peak_kib = value("VmHWM:").with_context(|| format!("{path} has no VmHWM"))?;
    Ok(Memory {
        resident_kib,
        peak_kib,
    })
}

/// Of several processes together.
pub(crate) fn memory_of_all(pids: &[u32]) -> Result<Memory> {
    let mut total = Memory {
        resident_kib: 0,
        peak_kib: 0,
    };
    for pid in pids {
        let of_one = memory(*pid)?;
        total.resident_kib += of_one.resident_kib;
        total.peak_kib += of_one.peak_kib;
    }
    Ok(total)
}

/// The processes that a process has started and that still run, by any of its threads.
pub(crate) fn children(pid: u32) -> Result<Vec<u32>> {
    let mut children = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task")).context("the server has ended")? {
        let text = fs::read_to_string(task?.path().join("children"))?;
        children.extend(
            text.split_whitespace()
                .filter_map(|child| child.parse::<u32>().ok()),
        );
    }
    Ok(children)
}

/// The median time of appending 4 KiB and `fdatasync` in `directory`: what a durable record
/// costs there at least.
pub(crate) fn sync_time(directory: &Path) -> Result<Duration> {
    let path = directory.join("sync-probe");
    let mut file = fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let clock = SystemClock;
    let mut times = Vec::new();
    for _ in 0..21 {
        file.write_all(&[0; 4096])?;
        let begin = clock.moment();
        file.sync_data()?;
        times.push(clock.moment().saturating_since(begin));
    }
    fs::remove_file(&path)?;
    times.sort_unstable();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_after_the_programs_name() {
        let stat = "12 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 700 300 0 0 20 0 1 0 5 6 7";
        assert_eq!(cpu_ticks(stat), Some(1000));
    }

    #[test]
    fn this_process_has_used_something() {
        assert!(memory(std::process::id()).unwrap().peak_kib > 0);
        assert!(cpu_time(std::process::id()).is_ok());
    }
}
