//! Allocates the next segment before the current one is full.
//!
//! A helper thread writes the zeros, so that a rotation costs the writer one header and no more.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::format;
use crate::medium::{Medium, MediumFile};
use crate::state::SpareState;

/// Zeros are written and synced in pieces of this size, so that a batch's sync does not wait
/// behind a whole segment of them.
const PIECE_BYTES: usize = 1 << 20;

/// A segment of zeros under its final name, both durable.
pub(crate) struct Spare {
    pub(crate) number: u64,
    pub(crate) size: u64,
    pub(crate) file: Box<dyn MediumFile>,
}

enum State {
    Idle,
    Wanted(u64),
    Working,
    Ready(Spare),
    Failed(io::Error),
    Closed,
}

/// Where the writer orders and fetches spares.
pub(crate) struct SpareShop {
    state: Mutex<State>,
    changed: Condvar,
    medium: Arc<dyn Medium>,
    size: u64,
}

impl SpareShop {
    pub(crate) fn new(medium: Arc<dyn Medium>, size: u64, ready: Option<Spare>) -> Self {
        Self {
            state: Mutex::new(ready.map_or(State::Idle, State::Ready)),
            changed: Condvar::new(),
            medium,
            size,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, state: &mut State, next: State) {
        *state = next;
        self.changed.notify_all();
    }

    /// Orders segment `number` unless there is one already or on its way.
    pub(crate) fn order(&self, number: u64) {
        let mut state = self.state();
        if matches!(*state, State::Idle | State::Failed(_)) {
            self.set(&mut state, State::Wanted(number));
        }
    }

    /// Fetches segment `number`, waiting for it. If the last attempt to make it failed, makes one
    /// more and returns its outcome.
    pub(crate) fn fetch(&self, number: u64) -> io::Result<Spare> {
        let mut state = self.state();
        let mut asked = false;
        loop {
            match std::mem::replace(&mut *state, State::Idle) {
                State::Ready(spare) if spare.number == number => return Ok(spare),
                State::Failed(error) if asked => return Err(error),
                State::Closed => {
                    *state = State::Closed;
                    return Err(io::Error::other("the log was closed"));
                }
                State::Ready(_) | State::Failed(_) | State::Idle => {
                    asked = true;
                    self.set(&mut state, State::Wanted(number));
                }
                busy @ (State::Wanted(_) | State::Working) => *state = busy,
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends the helper thread and any wait for it.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        self.set(&mut state, State::Closed);
    }

    pub(crate) fn observe(&self) -> SpareState {
        match &*self.state() {
            State::Ready(_) => SpareState::Ready,
            State::Failed(error) => SpareState::Failed(error.to_string()),
            State::Idle | State::Wanted(_) | State::Working | State::Closed => SpareState::Preparing,
        }
    }

    pub(crate) fn failed(&self) -> bool {
        matches!(*self.state(), State::Failed(_))
    }

    /// The helper thread: makes what is ordered until the shop closes.
    pub(crate) fn serve(&self) {
        let mut state = self.state();
        loop {
            match *state {
                State::Closed => return,
                State::Wanted(number) => {
                    *state = State::Working;
                    drop(state);
                    let made = allocate(&*self.medium, number, self.size);
                    state = self.state();
                    if matches!(*state, State::Working) {
                        self.set(&mut state, made.map_or_else(State::Failed, State::Ready));
                    }
                }
                _ => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// Makes a spare: zeros first, then the name, each durable before the next step.
pub(crate) fn allocate(medium: &dyn Medium, number: u64, size: u64) -> io::Result<Spare> {
    let name = format::segment_name(number);
    let temporary = format!("{name}{}", format::TEMPORARY_SUFFIX);
    let made = fill(medium, &temporary, size).and_then(|file| {
        medium.rename(&temporary, &name)?;
        medium.sync_directory()?;
        Ok(Spare { number, size, file })
    });
    if made.is_err() {
        // Gives the space back; what cannot be removed now goes at the next start.
        medium.remove(&temporary).ok();
    }
    made
}

fn fill(medium: &dyn Medium, name: &str, size: u64) -> io::Result<Box<dyn MediumFile>> {
    medium.remove(name).ok();
    let file = medium.create(name)?;
    let zeros = vec![0; usize::try_from(size).map_or(PIECE_BYTES, |size| size.min(PIECE_BYTES))];
    let mut offset = 0_u64;
    while offset < size {
        let left = usize::try_from(size - offset).unwrap_or(usize::MAX);
        let piece = zeros.get(..left).unwrap_or(&zeros);
        file.write_at(offset, piece)?;
        file.sync()?;
        offset += piece.len() as u64;
    }
    Ok(file)
}
