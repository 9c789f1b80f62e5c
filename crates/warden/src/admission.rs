//! The door: how much may be under way at a time.

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

/// Bounds what is under way: in all, and for each key store. What lies beyond one key store's
/// bound is kept for those that have little under way (a quarter of it each), so that several
/// floods together do not shut out the others either. Decrypt outranks encrypt (data that
/// exists must stay readable): the last fifth is kept for it. Health checks do not come through
/// here at all.
#[derive(Debug)]
pub(crate) struct Admission {
    in_flight: AtomicU32,
    max: u32,
    max_per_store: u32,
}

/// A place inside; given back on drop.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    all: &'a AtomicU32,
    store: &'a StoreLoad,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
        self.store.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Admission {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            in_flight: AtomicU32::default(),
            max: settings.max_in_flight,
            // Whatever was set, one key store leaves an eighth to the others.
            max_per_store: settings
                .max_in_flight_per_key_store
                .min(settings.max_in_flight - settings.max_in_flight / 8),
        }
    }

    pub(crate) fn enter<'a>(&'a self, act: Act, store: &'a StoreLoad) -> Result<Place<'a>, FailureKind> {
        let place = Place {
            all: &self.in_flight,
            store,
        };
        // Counted first and given back on refusal, so that racing callers cannot both pass.
        let all = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        let of_store = store.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        let encrypts = matches!(act, Act::Encrypt | Act::EncryptVouched);
        let share = |max: u32| if encrypts { max - max / 5 } else { max };
        if all > share(self.max) {
            return Err(FailureKind::Overloaded("too many requests are under way"));
        }
        let kept = self.max.saturating_sub(self.max_per_store);
        if of_store > share(self.max_per_store) || (all > self.max_per_store && of_store > (kept / 4).max(1))
        {
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
    use std::sync::Arc;

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
    fn two_floods_together_shut_out_nobody() {
        let door = admission(512, 384);
        let stores: Vec<_> = (0..6).map(|_| Arc::new(StoreLoad::default())).collect();
        let flood = |store| std::iter::from_fn(|| door.enter(Act::Decrypt, store).ok()).collect::<Vec<_>>();
        let places: Vec<_> = stores.iter().map(|store| flood(&**store)).collect();
        let taken: Vec<_> = places.iter().map(Vec::len).collect();
        assert_eq!(taken, [384, 32, 32, 32, 32, 0]);
        drop(places);
        assert_eq!(door.load().in_flight, 0);
    }

    #[test]
    fn the_last_fifth_is_kept_for_decrypt() {
        let door = admission(10, 10);
        let (store, other) = (Arc::new(StoreLoad::default()), Arc::new(StoreLoad::default()));
        let _places: Vec<_> = (0..8)
            .map(|_| door.enter(Act::Encrypt, &store).unwrap())
            .collect();
        assert!(door.enter(Act::Encrypt, &store).is_err());
        assert!(door.enter(Act::Encrypt, &other).is_err());
        let _more = door.enter(Act::Decrypt, &store).unwrap();
        assert!(
            door.enter(Act::Decrypt, &store).is_err(),
            "one key store never takes all"
        );
        let _last = door.enter(Act::Decrypt, &other).unwrap();
        assert!(door.enter(Act::Decrypt, &other).is_err());
    }
}
