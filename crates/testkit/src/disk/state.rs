//! What a simulated disk remembers: what is seen, what is durable, what may become either.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

pub(super) const SECTOR: usize = 512;
type Sector = [u8; SECTOR];

/// A file's content. Names are kept elsewhere.
#[derive(Clone, Default)]
pub(super) struct Inode {
    /// What reads return.
    pub(super) seen: Vec<u8>,
    durable: Vec<u8>,
    /// Contents that a sector had since it was durable and that a sync would settle.
    dirty: BTreeMap<usize, Vec<Sector>>,
    /// The same, but a sync failed: no later sync settles them, unless they are written again.
    orphaned: BTreeMap<usize, Vec<Sector>>,
    pub(super) sync_failed: bool,
}

impl Inode {
    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset.saturating_add(bytes.len());
        if self.seen.len() < end {
            self.seen.resize(end, 0);
        }
        if let Some(target) = self.seen.get_mut(offset..end) {
            target.copy_from_slice(bytes);
        }
        for index in offset / SECTOR..end.div_ceil(SECTOR) {
            let content = sector(&self.seen, index);
            self.dirty.entry(index).or_default().push(content);
        }
    }

    pub(super) fn sync(&mut self) {
        self.durable.resize(self.seen.len(), 0);
        for (index, versions) in std::mem::take(&mut self.dirty) {
            self.orphaned.remove(&index);
            if let Some(last) = versions.last() {
                put(&mut self.durable, index, last);
            }
        }
    }

    /// As Linux does: the error is reported once, the pages count as clean from then on.
    pub(super) fn fail_sync(&mut self) {
        self.sync_failed = true;
        for (index, versions) in std::mem::take(&mut self.dirty) {
            self.orphaned.entry(index).or_default().extend(versions);
        }
    }

    /// What a power loss leaves: of every sector the durable content or any that it had since.
    fn after_power_loss(&self, chance: &mut Chance) -> Self {
        let mut left = self.durable.clone();
        if left.len() < self.seen.len() && chance.of(2) == 0 {
            left.resize(self.seen.len(), 0);
        }
        let touched: BTreeSet<usize> = self.dirty.keys().chain(self.orphaned.keys()).copied().collect();
        // Whole losses and whole survivals are the likeliest in life; make them frequent here too.
        let mood = chance.of(4);
        for index in touched {
            let versions: Vec<&Sector> = [&self.orphaned, &self.dirty]
                .into_iter()
                .filter_map(|sectors| sectors.get(&index))
                .flatten()
                .collect();
            let pick = match mood {
                0 => None,
                1 => versions.last(),
                _ => versions.get(chance.of(versions.len() + 1)),
            };
            if let Some(content) = pick {
                put(&mut left, index, content);
            }
        }
        Self::settled(left)
    }

    fn settled(content: Vec<u8>) -> Self {
        Self {
            seen: content.clone(),
            durable: content,
            ..Self::default()
        }
    }

    pub(super) fn settle(&mut self, content: Vec<u8>) {
        *self = Self::settled(content);
    }
}

fn sector(bytes: &[u8], index: usize) -> Sector {
    let mut content = [0; SECTOR];
    let from = bytes.get(index.saturating_mul(SECTOR)..).unwrap_or_default();
    content.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    content
}

fn put(bytes: &mut [u8], index: usize, content: &Sector) {
    let to = bytes.get_mut(index.saturating_mul(SECTOR)..).unwrap_or_default();
    to.iter_mut().zip(content).for_each(|(to, from)| *to = *from);
}

/// A change of a name that is not durable yet.
#[derive(Clone)]
pub(super) enum NameChange {
    Link(String, u64),
    Rename(String, String, u64),
    Unlink(String),
}

impl NameChange {
    pub(super) fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Link(name, inode) => {
                names.insert(name.clone(), *inode);
            }
            Self::Rename(from, to, inode) => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
            Self::Unlink(name) => {
                names.remove(name);
            }
        }
    }
}

/// What goes wrong.
#[derive(Clone, Default)]
pub(super) struct Faults {
    pub(super) failing_writes: u64,
    pub(super) failing_syncs: u64,
    pub(super) capacity: Option<u64>,
    /// Changes left until the power goes.
    pub(super) changes_left: Option<u64>,
    /// Syncs of the file of this name wait.
    pub(super) held: Option<String>,
}

#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) inodes: BTreeMap<u64, Inode>,
    pub(super) names: BTreeMap<String, u64>,
    pub(super) durable_names: BTreeMap<String, u64>,
    pub(super) name_changes: Vec<NameChange>,
    pub(super) faults: Faults,
    pub(super) power_is_off: bool,
    pub(super) locked: bool,
    pub(super) waiting_syncs: usize,
    pub(super) changes: u64,
    pub(super) syncs: u64,
    pub(super) syncs_after_failure: u64,
    pub(super) back_offs: u64,
}

impl State {
    pub(super) fn inode_of(&self, name: &str) -> io::Result<u64> {
        self.names
            .get(name)
            .copied()
            .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    pub(super) fn power(&self) -> io::Result<()> {
        if self.power_is_off {
            return Err(io::Error::other("the power is off"));
        }
        Ok(())
    }

    /// Counts a change. The power may go during it: whoever asked sees that from
    /// [`State::power`] afterwards.
    pub(super) fn change(&mut self) -> io::Result<()> {
        self.power()?;
        self.changes = self.changes.saturating_add(1);
        if let Some(left) = &mut self.faults.changes_left {
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => self.power_is_off = true,
            }
        }
        Ok(())
    }

    pub(super) fn change_name(&mut self, change: NameChange) -> io::Result<()> {
        self.change()?;
        change.apply(&mut self.names);
        self.name_changes.push(change);
        self.power()
    }

    pub(super) fn used(&self) -> u64 {
        let linked: BTreeSet<u64> = self.names.values().copied().collect();
        let sizes = self.inodes.iter().filter(|(id, _)| linked.contains(id));
        sizes.map(|(_, inode)| inode.seen.len() as u64).sum()
    }

    /// The disk as it may be found after a power loss at this moment.
    pub(super) fn after_power_loss(&self, seed: u64) -> Self {
        let mut chance = Chance(seed);
        let mut names = self.durable_names.clone();
        let mood = chance.of(3);
        for change in &self.name_changes {
            if mood == 1 || (mood == 2 && chance.of(2) == 0) {
                change.apply(&mut names);
            }
        }
        let inodes = self
            .inodes
            .iter()
            .map(|(id, inode)| (*id, inode.after_power_loss(&mut chance)))
            .collect();
        Self {
            inodes,
            durable_names: names.clone(),
            names,
            ..Self::default()
        }
    }
}

/// Repeatable chance (SplitMix64).
pub(super) struct Chance(pub(super) u64);

impl Chance {
    /// A number below `bound`; 0 if that is 0.
    pub(super) fn of(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        let picked = word.checked_rem(bound as u64).unwrap_or(0);
        usize::try_from(picked).unwrap_or(0)
    }
}
