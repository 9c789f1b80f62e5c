//! Where the segments lie: a directory of files, real or simulated.

use std::io;
use std::time::Duration;

/// A flat directory of files. The writer keeps to one rule that every medium must reward: what
/// [`MediumFile::sync`] and [`Medium::sync_directory`] confirmed survives a power loss; anything
/// else may be lost, kept or torn at 512-byte sectors, in any order.
pub trait Medium: Send + Sync + 'static {
    /// The names of all files, in any order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Creates an empty file; fails if the name is taken. The name is durable only after
    /// [`Medium::sync_directory`].
    fn create(&self, name: &str) -> io::Result<Box<dyn MediumFile>>;

    /// Opens a file for reading and writing.
    fn open(&self, name: &str) -> io::Result<Box<dyn MediumFile>>;

    /// Opens a file for reading.
    fn open_read(&self, name: &str) -> io::Result<Box<dyn MediumFile>>;

    /// Renames a file, replacing what has the new name. Durable after [`Medium::sync_directory`].
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. Durable after [`Medium::sync_directory`].
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes creations, renames and removals durable.
    fn sync_directory(&self) -> io::Result<()>;

    /// Takes the right to write, until the guard is dropped or the process ends;
    /// [`io::ErrorKind::WouldBlock`] if somebody else has it.
    fn lock(&self) -> io::Result<Box<dyn MediumLock>>;

    /// Leaves a failing medium alone for `duration` before it is tried again. Called on the
    /// writer's own thread only.
    fn back_off(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

/// An open file of a [`Medium`].
pub trait MediumFile: Send + Sync {
    /// Its length in bytes.
    fn size(&self) -> io::Result<u64>;

    /// Fills `buffer` from `offset`; returns how many bytes there were (fewer only at the end).
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`, or fails and promises nothing about that region.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes what was written durable, with the metadata needed to read it (`fdatasync`). After a
    /// failure nothing written since the last success may be relied upon, nor a later success.
    fn sync(&self) -> io::Result<()>;
}

/// The right to write, as long as it lives.
pub trait MediumLock: Send + Sync {}
