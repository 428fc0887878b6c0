//! Timers for the HTTP library. It makes one for each head that it waits for, and drops it when the head is there; here
//! they are a moment beside the one alarm of the connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use hyper::rt::{Sleep, Timer};
use parking_lot::Mutex;

use crate::upstream::alarm::Alarm;

/// The timers of one connection, of which one runs at a time.
#[derive(Debug, Default)]
pub(super) struct OneTimer(Arc<Mutex<Alarm>>);

struct Moment {
    alarm: Arc<Mutex<Alarm>>,
    end: Instant,
}

// === impl OneTimer ===

impl Timer for OneTimer {
    fn sleep(&self, duration: std::time::Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, end: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Moment { alarm: self.0.clone(), end })
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into()
    }
}

// === impl Moment ===

impl Future for Moment {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // The lock is never waited for: all of a connection happens on one thread.
        self.alarm.lock().poll(self.end.into(), cx)
    }
}

impl Sleep for Moment {}
