//! A disk in memory that knows what a power loss may do to it.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use audit::{Medium, MediumFile, MediumLock};

use super::state::{Faults, Inode, NameChange, SECTOR, State};

/// `EIO` on Linux.
const EIO: i32 = 5;
/// `ENOSPC` on Linux.
const ENOSPC: i32 = 28;

/// A disk in memory. Clones are handles to the same disk.
///
/// What was written and not synced is lost, kept or mixed by [`SimulatedDisk::crash`], sector by
/// sector of 512 bytes; names that the directory's sync did not confirm likewise. A sync that
/// failed is not made good by a later one, as on Linux.
#[derive(Clone, Default)]
pub struct SimulatedDisk(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl SimulatedDisk {
    /// An empty disk without faults.
    pub fn new() -> Self {
        Self::default()
    }

    fn with(state: State) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cuts the power now: every operation of this disk and of files open on it fails from here
    /// on. Returns the disk as it is found when the power is back; the seed picks one of the many
    /// ways in which that may be.
    pub fn crash(&self, seed: u64) -> Self {
        let mut state = self.state();
        state.power_is_off = true;
        state.faults.held = None;
        self.0.changed.notify_all();
        Self::with(state.after_power_loss(seed))
    }

    /// Ends the process that uses the disk now, as `kill -9` does: every operation of this disk
    /// and of files open on it fails from here on. The machine stays up, so that the disk returned
    /// shows everything written, synced or not, and forgets none of what is not.
    pub fn kill(&self) -> Self {
        let mut state = self.state();
        state.power_is_off = true;
        state.faults.held = None;
        self.0.changed.notify_all();
        let mut left = state.clone();
        left.power_is_off = false;
        left.locked = false;
        left.waiting_syncs = 0;
        left.faults = Faults::default();
        Self::with(left)
    }

    /// Lets `changes` more writes, syncs and changes of names happen; the power goes during the
    /// one after, which may then be done, in part or in full.
    pub fn power_off_after(&self, changes: u64) {
        self.state().faults.changes_left = Some(changes);
    }

    /// Writes, syncs and changes of names so far.
    pub fn changes(&self) -> u64 {
        self.state().changes
    }

    /// A disk of its own with the same content, everything durable, nobody's lock, no faults.
    pub fn copy(&self) -> Self {
        let state = self.state();
        let mut copy = State {
            names: state.names.clone(),
            durable_names: state.names.clone(),
            ..State::default()
        };
        for (id, inode) in &state.inodes {
            let mut settled = Inode::default();
            settled.settle(inode.seen.clone());
            copy.inodes.insert(*id, settled);
        }
        Self::with(copy)
    }

    /// The next `count` writes fail with `EIO`, half done.
    pub fn fail_writes(&self, count: u64) {
        self.state().faults.failing_writes = count;
    }

    /// The next `count` syncs fail with `EIO`.
    pub fn fail_syncs(&self, count: u64) {
        self.state().faults.failing_syncs = count;
    }

    /// Writes that would make the files larger than `bytes` in all fail with `ENOSPC`.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().faults.capacity = bytes;
    }

    /// Bytes that the files take up.
    pub fn used(&self) -> u64 {
        self.state().used()
    }

    /// From now on a sync of the file `name` does not return, until the guard is dropped. Have
    /// the guard dropped before the log that waits: a log being closed waits for its syncs.
    pub fn hold_syncs_of(&self, name: &str) -> HeldSyncs {
        self.state().faults.held = Some(name.to_owned());
        HeldSyncs(self.clone())
    }

    /// Syncs of files that succeeded.
    pub fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// Syncs asked of a file after one of its syncs had failed: trust that is not deserved.
    pub fn syncs_after_failure(&self) -> u64 {
        self.state().syncs_after_failure
    }

    /// How often the writer left the disk alone for a while.
    pub fn back_offs(&self) -> u64 {
        self.state().back_offs
    }

    /// The content of the file `name` as reads see it; empty if there is none.
    pub fn contents(&self, name: &str) -> Vec<u8> {
        let state = self.state();
        let inode = state.names.get(name).and_then(|id| state.inodes.get(id));
        inode.map(|inode| inode.seen.clone()).unwrap_or_default()
    }

    /// Replaces the content of the file `name` durably, as somebody with access to the disk may;
    /// creates it if it is missing.
    pub fn replace(&self, name: &str, contents: Vec<u8>) {
        let mut state = self.state();
        let fresh = state.inodes.keys().last().map_or(0, |last| last + 1);
        let id = *state.names.entry(name.to_owned()).or_insert(fresh);
        state.durable_names.insert(name.to_owned(), id);
        state.inodes.entry(id).or_default().settle(contents);
    }

    /// Removes the file `name` durably, as somebody with access to the disk may.
    pub fn delete(&self, name: &str) {
        let mut state = self.state();
        state.names.remove(name);
        state.durable_names.remove(name);
    }

    fn wait<'s>(&'s self, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, inode: u64) -> Box<dyn MediumFile> {
        Box::new(SimulatedFile {
            disk: self.clone(),
            inode,
        })
    }
}

/// Holds syncs back; lets them go when dropped, and holds no more.
#[must_use = "dropped at once, it holds nothing"]
pub struct HeldSyncs(SimulatedDisk);

impl HeldSyncs {
    /// Blocks until a sync is held.
    pub fn wait_for_sync(&self) {
        let mut state = self.0.state();
        while state.waiting_syncs == 0 {
            state = self.0.wait(state);
        }
    }

    /// Lets them go.
    pub fn release(self) {
        drop(self);
    }
}

impl Drop for HeldSyncs {
    fn drop(&mut self) {
        self.0.state().faults.held = None;
        self.0.0.changed.notify_all();
    }
}

impl Medium for SimulatedDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        let state = self.state();
        state.power()?;
        Ok(state.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn MediumFile>> {
        let mut state = self.state();
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = state.inodes.keys().last().map_or(0, |last| last + 1);
        state.inodes.insert(id, Inode::default());
        state.change_name(NameChange::Link(name.to_owned(), id))?;
        drop(state);
        Ok(self.handle(id))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn MediumFile>> {
        let state = self.state();
        state.power()?;
        let id = state.inode_of(name)?;
        drop(state);
        Ok(self.handle(id))
    }

    fn open_read(&self, name: &str) -> io::Result<Box<dyn MediumFile>> {
        self.open(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = self.state();
        let id = state.inode_of(from)?;
        state.change_name(NameChange::Rename(from.to_owned(), to.to_owned(), id))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.inode_of(name)?;
        state.change_name(NameChange::Unlink(name.to_owned()))
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        state.power()?;
        state.name_changes.clear();
        state.durable_names = state.names.clone();
        Ok(())
    }

    fn lock(&self) -> io::Result<Box<dyn MediumLock>> {
        let mut state = self.state();
        state.power()?;
        if state.locked {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        state.locked = true;
        Ok(Box::new(SimulatedLock(self.clone())))
    }

    /// Takes no time: the test decides when the disk works again.
    fn back_off(&self, _duration: Duration) {
        self.state().back_offs += 1;
        std::thread::yield_now();
    }
}

struct SimulatedLock(SimulatedDisk);

impl MediumLock for SimulatedLock {}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        self.0.state().locked = false;
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    inode: u64,
}

impl MediumFile for SimulatedFile {
    fn size(&self) -> io::Result<u64> {
        let state = self.disk.state();
        state.power()?;
        let inode = state.inodes.get(&self.inode);
        Ok(inode.map_or(0, |inode| inode.seen.len() as u64))
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let state = self.disk.state();
        state.power()?;
        let seen = state.inodes.get(&self.inode).map_or(&[][..], |inode| &inode.seen);
        let from = seen.get(position(offset)?..).unwrap_or_default();
        let read = from.len().min(buffer.len());
        buffer.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        Ok(read)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let offset = position(offset)?;
        let mut state = self.disk.state();
        state.change()?;
        let used = state.faults.capacity.map_or(0, |_| state.used());
        let Some(inode) = state.inodes.get(&self.inode) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let growth = (offset + bytes.len()).saturating_sub(inode.seen.len());
        let full = state
            .faults
            .capacity
            .is_some_and(|capacity| growth > 0 && used + growth as u64 > capacity);
        let failing = state.faults.failing_writes > 0;
        state.faults.failing_writes = state.faults.failing_writes.saturating_sub(1);
        let half = (bytes.len() / 2).next_multiple_of(SECTOR).min(bytes.len());
        let written = match (full, failing) {
            (true, _) => &[][..],
            (false, true) => bytes.get(..half).unwrap_or_default(),
            (false, false) => bytes,
        };
        if let Some(inode) = state.inodes.get_mut(&self.inode) {
            inode.write(offset, written);
        }
        state.power()?;
        match (full, failing) {
            (true, _) => Err(io::Error::from_raw_os_error(ENOSPC)),
            (false, true) => Err(io::Error::from_raw_os_error(EIO)),
            (false, false) => Ok(()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.change()?;
        state.power()?;
        let held = |state: &State| {
            let held = state.faults.held.as_ref();
            held.is_some_and(|name| state.names.get(name) == Some(&self.inode))
        };
        state.waiting_syncs += 1;
        while held(&state) {
            self.disk.0.changed.notify_all();
            state = self.disk.wait(state);
        }
        state.waiting_syncs -= 1;
        state.power()?;
        let failing = state.faults.failing_syncs > 0;
        state.faults.failing_syncs = state.faults.failing_syncs.saturating_sub(1);
        let Some(inode) = state.inodes.get_mut(&self.inode) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let distrusted = inode.sync_failed;
        if failing {
            inode.fail_sync();
        } else {
            inode.sync();
        }
        state.syncs_after_failure += u64::from(distrusted);
        state.syncs += u64::from(!failing);
        if failing {
            return Err(io::Error::from_raw_os_error(EIO));
        }
        Ok(())
    }
}

fn position(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(io::Error::other)
}
