//! The end of keys: scheduled by administrators, carried out by time.
//!
//! What is destroyed cannot be brought back, so nothing here trusts one witness alone. A key is
//! destroyed when both its key manager and the manifest name a date, when the later of the two has
//! passed, and when the wall clock has gone at the pace of the monotonic one for the last hour: a clock
//! that jumps ahead gives an hour to put it right.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ambient::{Clock, Moment, Timestamp};
use key_manager::{KeyId, KeyState, Opened};

use super::actor::Author;
use crate::manifest::Noted;
use crate::view::KeyView;
use crate::{Actor, Change, ManageError, Settings, Standing, Warden};

impl Warden {
    /// Ends every use of a key at once, and destroys it after `wait`, unless that is cancelled. The
    /// answer says when, and which external keys stop with it.
    pub async fn schedule_key_deletion(
        self: &Arc<Self>,
        actor: &Actor,
        reference: &str,
        wait: Duration,
    ) -> Result<KeyView, ManageError> {
        let shortest = self.settings.min_deletion_wait;
        if !(shortest..=Settings::MAX_DELETION_WAIT).contains(&wait) {
            return Err(ManageError::Invalid(format!(
                "the waiting period before a key is destroyed is {} to {} here",
                in_words(shortest),
                in_words(Settings::MAX_DELETION_WAIT)
            )));
        }
        let (opened, key) = self.found_key(reference)?;
        let at = self.clerk.clock.now().saturating_add(wait);
        let change = Change::ScheduleKeyDeletion {
            key_manager: opened.description.id.to_string(),
            key: key.id.to_string(),
            deletion: at.as_micros(),
        };
        let id = key.id.clone();
        self.change(actor, change, move |warden, change| async move {
            // What is half scheduled, or was put back so, is scheduled anew.
            if let Some(at) = warden.deletion_of(&opened, &key.id)? {
                let (id, name) = (&key.id, &key.name);
                return Err(ManageError::State(format!(
                    "the key {name} ({id}) is pending deletion already, until {at}"
                )));
            }
            opened.lifecycle.schedule_deletion(key.id.clone(), at).await?;
            let noted = Some(Noted::PendingDeletion(at));
            warden.note_key(&change, &key.id, noted).await
        })
        .await?;
        self.key(id.as_str())
    }

    /// Keeps a key that is pending deletion. It stays disabled.
    pub async fn cancel_key_deletion(
        self: &Arc<Self>,
        actor: &Actor,
        reference: &str,
    ) -> Result<KeyView, ManageError> {
        let (opened, key) = self.found_key(reference)?;
        let change = Change::CancelKeyDeletion {
            key_manager: opened.description.id.to_string(),
            key: key.id.to_string(),
        };
        let id = key.id.clone();
        self.change(actor, change, move |warden, change| async move {
            let known = opened.manager.describe(&key.id)?;
            if warden.directory.load().state_of(&known) != KeyState::PendingDeletion {
                let (id, name) = (&key.id, &key.name);
                let why = format!("the key {name} ({id}) is not pending deletion");
                return Err(ManageError::State(why));
            }
            opened.lifecycle.cancel_deletion(key.id.clone()).await?;
            warden.note_key(&change, &key.id, Some(Noted::Disabled)).await
        })
        .await?;
        self.key(id.as_str())
    }

    /// When a key will be destroyed, as of now.
    fn deletion_of(&self, opened: &Opened, key: &KeyId) -> Result<Option<Timestamp>, ManageError> {
        let known = opened.manager.describe(key)?;
        Ok(self.directory.load().deletion_of(&known))
    }

    /// Destroys the keys whose waiting period is over. One that cannot be destroyed now is tried again.
    pub(crate) async fn destroy_due_keys(self: &Arc<Self>) {
        let clock = Arc::clone(&self.clerk.clock);
        if !self.deletions.may_destroy(&*clock) || !self.clerk.is_writing() {
            return;
        }
        let directory = self.directory.load_full();
        // A restored backup may be there for the sake of a key that was destroyed.
        if directory.standing() != Standing::Serving || self.recovery_pending.load(Ordering::SeqCst) {
            return;
        }
        for (opened, key) in directory.due(clock.now()) {
            let is_well = self.probes.manager_is_well(opened.manager.id(), clock.moment());
            if !is_well || !self.deletions.may_try(&key, clock.moment()) {
                continue;
            }
            match self.destroy_key(opened, key.clone()).await {
                Ok(()) => tracing::warn!(%key, "the key's waiting period is over: it is destroyed"),
                Err(error) => {
                    tracing::error!(%key, %error, "the key's waiting period is over, but it could not be destroyed; tried again later");
                    self.deletions.note_failure(key, clock.moment());
                }
            }
        }
    }

    pub(crate) async fn destroy_key(self: &Arc<Self>, opened: Opened, key: KeyId) -> Result<(), ManageError> {
        let change = Change::DestroyKey {
            key_manager: opened.description.id.to_string(),
            key: key.to_string(),
        };
        self.change(Author::ITSELF, change, move |warden, change| async move {
            // It may have been cancelled while this waited for its turn.
            let at = warden.deletion_of(&opened, &key)?;
            if at.is_none_or(|at| warden.clerk.clock.now() < at) {
                return Err(ManageError::State("it is not due any more".to_owned()));
            }
            opened.lifecycle.destroy_key(key.clone()).await?;
            warden.note_key(&change, &key, Some(Noted::Destroyed)).await
        })
        .await
    }
}

/// Decides when keys may be destroyed at all.
#[derive(Default)]
pub(crate) struct Deletions(Mutex<Watch>);

#[derive(Default)]
struct Watch {
    /// Both clocks at the last look, and since when they have gone at the same pace.
    last: Option<(Moment, Timestamp, Moment)>,
    /// Keys that could not be destroyed, and when that was tried.
    failed: HashMap<KeyId, Moment>,
}

impl Deletions {
    /// For so long the wall clock must have been steady.
    const STEADY: Duration = Duration::from_hours(1);
    /// By how much the two clocks may come apart between two looks.
    const TOLERANCE: Duration = Duration::from_secs(5);
    /// Between two attempts at one key: each leaves two records.
    const AGAIN_AFTER: Duration = Duration::from_hours(1);

    /// Looks at both clocks; whether the wall clock has been steady for long enough. A start counts as a
    /// jump, for nobody saw what the clock did before.
    fn may_destroy(&self, clock: &dyn Clock) -> bool {
        let mut watch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (moment, wall) = (clock.moment(), clock.now());
        let steady_since = match watch.last {
            Some((before, wall_before, since)) => {
                let passed = moment.saturating_since(before);
                let expected = wall_before.saturating_add(passed);
                let apart = wall
                    .saturating_since(expected)
                    .max(expected.saturating_since(wall));
                if apart <= Self::TOLERANCE {
                    since
                } else {
                    tracing::warn!(
                        seconds = apart.as_secs(),
                        "the wall clock has jumped: no key is destroyed for an hour"
                    );
                    moment
                }
            }
            None => moment,
        };
        watch.last = Some((moment, wall, steady_since));
        moment.saturating_since(steady_since) >= Self::STEADY
    }

    fn may_try(&self, key: &KeyId, now: Moment) -> bool {
        let mut watch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watch
            .failed
            .retain(|_, at| now.saturating_since(*at) < Self::AGAIN_AFTER);
        !watch.failed.contains_key(key)
    }

    fn note_failure(&self, key: KeyId, now: Moment) {
        let mut watch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watch.failed.insert(key, now);
    }
}

/// Whole days, or hours where it is not whole.
fn in_words(time: Duration) -> String {
    let hours = time.as_secs() / 3600;
    if hours.is_multiple_of(24) {
        format!("{} days", hours / 24)
    } else {
        format!("{hours} hours")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambient::ManualClock;

    #[test]
    fn a_clock_that_jumps_or_was_just_started_stops_every_destruction_for_an_hour() {
        let clock = ManualClock::at(Timestamp::from_secs(1_800_000_000));
        let deletions = Deletions::default();
        let minute = Duration::from_secs(60);
        let minutes_until_it_may_destroy = || {
            (0..200)
                .find(|_| {
                    clock.advance(minute);
                    deletions.may_destroy(&clock)
                })
                .map(|looks| looks + 1)
        };
        // The first look is where the hour begins.
        assert_eq!(minutes_until_it_may_destroy(), Some(61));
        assert_eq!(minutes_until_it_may_destroy(), Some(1));
        for jump in [
            Timestamp::from_secs(2_500_000_000),
            Timestamp::from_secs(1_800_000_000),
        ] {
            clock.set_wall(jump);
            assert_eq!(minutes_until_it_may_destroy(), Some(61));
        }
        // As much as a time service corrects by slewing.
        clock.set_wall(clock.now().saturating_add(Deletions::TOLERANCE));
        assert_eq!(minutes_until_it_may_destroy(), Some(1));
        clock.set_wall(
            clock
                .now()
                .saturating_add(Deletions::TOLERANCE + Duration::from_micros(1)),
        );
        assert_eq!(minutes_until_it_may_destroy(), Some(61));
    }

    #[test]
    fn what_failed_is_tried_again_after_an_hour() {
        let deletions = Deletions::default();
        let key = KeyId::parse("key-000000000000000000000000").unwrap();
        let at = |seconds: u64| Moment::from_nanos(seconds * 1_000_000_000);
        assert!(deletions.may_try(&key, at(0)));
        deletions.note_failure(key.clone(), at(0));
        assert!(!deletions.may_try(&key, at(3599)));
        assert!(deletions.may_try(&key, at(3600)));
    }
}
