//! Runs one HTTP connection to its end, with one timer that is armed only when it has to be.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use ambient::Moment;
use tokio::time::Sleep;

use crate::activity::{Activity, Timeout};

/// How a connection ended.
pub(crate) enum Ended {
    /// By HTTP: closed by either side, or broken.
    Http(hyper::Result<()>),
    /// Out of time.
    TimedOut(Timeout),
}

/// Polls `http` until it ends or `activity` says that it is out of time. `finish` asks it to end
/// gracefully.
pub(crate) async fn drive<C>(mut http: Pin<&mut C>, finish: fn(Pin<&mut C>), activity: &Activity) -> Ended
where
    C: Future<Output = hyper::Result<()>>,
{
    let mut timer = pin!(Timer::default());
    let mut finishing = false;
    // An idle connection is asked to end, and given this long to do so.
    let mut last_call: Option<Moment> = None;
    let mut known: Option<Waker> = None;
    poll_fn(|cx| {
        if !known.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            activity.wake_through(cx.waker());
            known = Some(cx.waker().clone());
        }
        loop {
            if !finishing && activity.stopping() {
                finish(http.as_mut());
                finishing = true;
            }
            if let Poll::Ready(result) = http.as_mut().poll(cx) {
                return Poll::Ready(Ended::Http(result));
            }
            if !finishing && activity.stopping() {
                continue;
            }
            let (expiry, timeout) = match (last_call, activity.expiry()) {
                (Some(at), _) => (at, Timeout::Idle),
                (None, Some(expiry)) => expiry,
                (None, None) => return Poll::Pending,
            };
            ready!(timer.as_mut().poll_until(expiry, activity, cx));
            if timeout == Timeout::Idle && last_call.is_none() {
                last_call = Some(expiry.saturating_add(activity.limits.linger));
                activity.common.counters.timeout_idle.add();
                activity.stop();
                continue;
            }
            if timeout == Timeout::Linger {
                // Not an end of its own: HTTP knows why it closes.
                activity.end_lingering();
                last_call = Some(expiry.saturating_add(activity.limits.linger));
                continue;
            }
            return Poll::Ready(Ended::TimedOut(timeout));
        }
    })
    .await
}

/// One timer, set anew only for an expiry earlier than the one it is set for. A later one is
/// found out when it fires.
#[derive(Default)]
struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    armed: Option<Moment>,
    /// Whom the sleep wakes.
    waker: Option<Waker>,
}

impl Timer {
    fn poll_until(
        mut self: Pin<&mut Self>,
        expiry: Moment,
        activity: &Activity,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        loop {
            if self.armed.is_none_or(|armed| expiry < armed) {
                let now = activity.common.clock.moment();
                if now >= expiry {
                    return Poll::Ready(());
                }
                self.sleep = Some(Box::pin(tokio::time::sleep(expiry.saturating_since(now))));
                self.armed = Some(expiry);
                self.waker = None;
            }
            if !self.has_fired(cx) {
                return Poll::Pending;
            }
            self.armed = None;
        }
    }

    /// Whether the sleep is over; if not, it wakes this task. It is polled only where it does not
    /// know that yet: a poll costs several times a look, and there are two turns to each request.
    fn has_fired(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(sleep) = &mut self.sleep else { return true };
        let known = self
            .waker
            .as_ref()
            .is_some_and(|known| known.will_wake(cx.waker()));
        if known && !sleep.is_elapsed() {
            return false;
        }
        if sleep.as_mut().poll(cx).is_ready() {
            return true;
        }
        self.waker = Some(cx.waker().clone());
        false
    }
}
