//! Waits for the head of a response, as long as the upstream's timeouts allow.

use std::task::{Context, Poll, ready};

use tokio::time::Instant;

use super::alarm::Alarm;
use super::body::{Progress, RequestBody};
use super::error::Failure;
use crate::resource::Timeouts;

/// A request without a response.
pub enum SendError {
    /// Not one byte was written: the request is whole and may go elsewhere.
    Unsent(RequestBody),
    /// It may have been seen.
    Failed(Failure),
}

/// How long a node may take: `send` between two pieces of the request, `read` from its end to the response.
pub(super) struct Patience<'a> {
    timeouts: &'a Timeouts,
    progress: Option<&'a Progress>,
    started: Instant,
}

// === impl Patience ===

impl<'a> Patience<'a> {
    /// From now on, for a request whose body is this far.
    pub(super) fn new(timeouts: &'a Timeouts, progress: Option<&'a Progress>, now: Instant) -> Self {
        Self { timeouts, progress, started: now }
    }

    /// Ready when the node has taken too long.
    pub(super) fn poll_over(&self, alarm: &mut Alarm, cx: &mut Context<'_>) -> Poll<Failure> {
        loop {
            let (end, late) = self.end();
            ready!(alarm.poll(end, cx));
            if Instant::now() >= self.end().0 {
                return Poll::Ready(late);
            }
        }
    }

    fn end(&self) -> (Instant, Failure) {
        match self.progress {
            None => (self.started + self.timeouts.read, Failure::ReadTimeout),
            Some(progress) if progress.is_finished() => (progress.last() + self.timeouts.read, Failure::ReadTimeout),
            // The client has a bound of its own: the body ends with an error.
            Some(progress) if progress.waits_for_client() => {
                (Instant::now() + self.timeouts.send, Failure::SendTimeout)
            }
            Some(progress) => (progress.last() + self.timeouts.send, Failure::SendTimeout),
        }
    }
}
