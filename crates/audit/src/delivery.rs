//! Who tells the waiters of a batch: the writer itself, or a task of theirs on its behalf.

use std::convert::Infallible;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::queue::Shared;

/// Wakers on their way from the writer to the waiters.
#[derive(Default)]
pub(crate) struct Delivery(Mutex<State>);

#[derive(Default)]
struct State {
    /// Wakes whoever delivers, if anybody does.
    courier: Option<Waker>,
    due: Vec<Waker>,
}

impl Delivery {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes all of them, or hands them to the courier. One alone is woken here: nothing would be
    /// saved.
    pub(crate) fn wake(&self, mut wakers: Vec<Waker>) {
        if wakers.len() > 1 {
            let mut state = self.state();
            if let Some(courier) = state.courier.clone() {
                state.due.append(&mut wakers);
                drop(state);
                courier.wake();
                return;
            }
        }
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// Wakes those who wait for records from the task that polls it ([`Log::deliver`](crate::Log::deliver)).
/// Never ends by itself; once dropped, the writer does it again.
#[must_use = "nothing is delivered unless this is polled"]
pub struct Deliver(pub(crate) Arc<Shared>);

impl Future for Deliver {
    type Output = Infallible;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Infallible> {
        let due = {
            let mut state = self.0.delivery.state();
            match &mut state.courier {
                Some(courier) => courier.clone_from(context.waker()),
                none => *none = Some(context.waker().clone()),
            }
            mem::take(&mut state.due)
        };
        due.into_iter().for_each(Waker::wake);
        Poll::Pending
    }
}

impl Drop for Deliver {
    fn drop(&mut self) {
        let due = {
            let mut state = self.0.delivery.state();
            state.courier = None;
            mem::take(&mut state.due)
        };
        due.into_iter().for_each(Waker::wake);
    }
}
