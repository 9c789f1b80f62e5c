//! The door: how much may be under way at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use policy::Act;

use crate::{FailureKind, Settings};

/// How much of one key store is under way; shared by all snapshots of it.
#[derive(Debug, Default)]
pub(crate) struct StoreLoad {
    in_flight: AtomicU32,
    /// Refusals recorded in the current minute, and which minute that is.
    pub(crate) refusals: crate::refusals::Quota,
}

/// What is under way now, for status and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Requests that use keys, over all key stores.
    pub in_flight: u32,
    /// The most there may be.
    pub max_in_flight: u32,
}

/// Bounds what is under way: in all, and for each key store. Decrypt outranks encrypt (data that
/// exists must stay readable): the last fifth is kept for it. Health checks do not come through
/// here at all.
#[derive(Debug)]
pub(crate) struct Admission {
    in_flight: Arc<AtomicU32>,
    max: u32,
    max_per_store: u32,
}

/// A place inside; given back on drop.
#[derive(Debug)]
pub(crate) struct Place {
    all: Arc<AtomicU32>,
    store: Arc<StoreLoad>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
        self.store.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Admission {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            in_flight: Arc::default(),
            max: settings.max_in_flight,
            max_per_store: settings.max_in_flight_per_key_store,
        }
    }

    pub(crate) fn enter(&self, act: Act, store: &Arc<StoreLoad>) -> Result<Place, FailureKind> {
        let place = Place {
            all: Arc::clone(&self.in_flight),
            store: Arc::clone(store),
        };
        // Counted first and given back on refusal, so that racing callers cannot both pass.
        let all = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        let of_store = store.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        let share = |max: u32| if act == Act::Encrypt { max - max / 5 } else { max };
        if all > share(self.max) {
            return Err(FailureKind::Overloaded("too many requests are under way"));
        }
        if of_store > share(self.max_per_store) {
            return Err(FailureKind::Overloaded(
                "too many requests of this key store are under way",
            ));
        }
        Ok(place)
    }

    pub(crate) fn load(&self) -> Load {
        Load {
            in_flight: self.in_flight.load(Ordering::Relaxed),
            max_in_flight: self.max,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(max: u32, per_store: u32) -> Admission {
        Admission::new(&Settings {
            max_in_flight: max,
            max_in_flight_per_key_store: per_store,
            ..Settings::default()
        })
    }

    #[test]
    fn one_key_store_leaves_room_for_the_others() {
        let door = admission(10, 5);
        let (greedy, other) = (Arc::new(StoreLoad::default()), Arc::new(StoreLoad::default()));
        let places: Vec<_> = (0..5)
            .map(|_| door.enter(Act::Decrypt, &greedy).unwrap())
            .collect();
        assert!(door.enter(Act::Decrypt, &greedy).is_err());
        assert!(door.enter(Act::Decrypt, &other).is_ok());
        assert_eq!(door.load().in_flight, 5);
        drop(places);
        assert_eq!(door.load().in_flight, 0);
        assert!(door.enter(Act::Decrypt, &greedy).is_ok());
    }

    #[test]
    fn the_last_fifth_is_kept_for_decrypt() {
        let door = admission(10, 10);
        let store = Arc::new(StoreLoad::default());
        let _places: Vec<_> = (0..8)
            .map(|_| door.enter(Act::Encrypt, &store).unwrap())
            .collect();
        assert!(door.enter(Act::Encrypt, &store).is_err());
        let _more: Vec<_> = (0..2)
            .map(|_| door.enter(Act::Decrypt, &store).unwrap())
            .collect();
        assert!(door.enter(Act::Decrypt, &store).is_err());
    }
}
