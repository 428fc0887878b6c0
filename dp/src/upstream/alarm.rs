//! A timer that is set for every request and rings almost never. Setting one in the runtime's wheel and taking it out
//! again costs more than all else that waiting needs, so this one stays in: when it rings too early it is set anew.

use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, Sleep, sleep_until};

/// The timer. It costs nothing until somebody has to wait.
#[derive(Debug, Default)]
pub struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    /// Whom it will wake.
    waker: Option<Waker>,
}

// === impl Alarm ===

impl Alarm {
    /// Whether somebody has ever waited: it is worth keeping.
    pub fn is_set(&self) -> bool {
        self.sleep.is_some()
    }

    /// Ready once `end` has come; it may be another one at each call.
    pub fn poll(&mut self, end: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(end)));
        // Most of the time whoever asks has asked before, and it has not rung since.
        let waits = self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if waits && end >= sleep.deadline() && !sleep.is_elapsed() {
            return Poll::Pending;
        }
        if !waits {
            // A task that has used up its turn is not noted by the timer.
            self.waker = has_budget_remaining().then(|| cx.waker().clone());
        }
        if end < sleep.deadline() {
            sleep.as_mut().reset(end);
        }
        ready!(sleep.as_mut().poll(cx));
        while sleep.deadline() < end {
            sleep.as_mut().reset(end);
            ready!(sleep.as_mut().poll(cx));
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn it_rings_at_the_end_that_was_named_last() {
        let mut alarm = Alarm::default();
        for (first, then) in [(5000, 20), (40, 60), (10, 10)] {
            let after = |millis| Instant::now() + Duration::from_millis(millis);
            poll_fn(|cx| Poll::Ready(alarm.poll(after(first), cx).is_ready())).await;
            let end = after(then);
            poll_fn(|cx| alarm.poll(end, cx)).await;
            assert!(Instant::now() >= end, "{then}");
        }
    }
}
