//! A real disk, slowed down. For benchmarks and demonstrations, not for tests: it really waits.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use audit::{Medium, MediumFile, MediumLock};

/// Delays every sync of another medium by a constant, and one of them by more when told to.
#[derive(Clone)]
pub struct SlowDisk {
    inner: Arc<dyn Medium>,
    delays: Arc<Delays>,
}

struct Delays {
    each: Duration,
    stall_micros: AtomicU64,
    gate: Mutex<()>,
}

impl Delays {
    fn wait(&self) {
        {
            // Whoever meets the stall keeps everybody else waiting too.
            let _gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
            let stall = self.stall_micros.swap(0, Ordering::SeqCst);
            std::thread::sleep(Duration::from_micros(stall));
        }
        std::thread::sleep(self.each);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl SlowDisk {
    /// Delays each sync of `inner` by `delay`.
    pub fn new(inner: Arc<dyn Medium>, delay: Duration) -> Self {
        Self {
            inner,
            delays: Arc::new(Delays {
                each: delay,
                stall_micros: AtomicU64::new(0),
                gate: Mutex::new(()),
            }),
        }
    }

    /// Stalls the disk for `duration` from its next sync on: every sync waits meanwhile.
    pub fn stall(&self, duration: Duration) {
        self.delays.stall_micros.store(micros(duration), Ordering::SeqCst);
    }

    fn slow(&self, file: Box<dyn MediumFile>) -> Box<dyn MediumFile> {
        Box::new(SlowFile {
            inner: file,
            delays: Arc::clone(&self.delays),
        })
    }
}

impl Medium for SlowDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn MediumFile>> {
        Ok(self.slow(self.inner.create(name)?))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn MediumFile>> {
        Ok(self.slow(self.inner.open(name)?))
    }

    fn open_read(&self, name: &str) -> io::Result<Box<dyn MediumFile>> {
        self.inner.open_read(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.delays.wait();
        self.inner.sync_directory()
    }

    fn lock(&self) -> io::Result<Box<dyn MediumLock>> {
        self.inner.lock()
    }
}

struct SlowFile {
    inner: Box<dyn MediumFile>,
    delays: Arc<Delays>,
}

impl MediumFile for SlowFile {
    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_at(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.delays.wait();
        self.inner.sync()
    }
}
