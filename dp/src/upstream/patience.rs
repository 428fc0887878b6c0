//! Waits for the head of a response, as long as the upstream's timeouts allow.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use tokio::time::{Instant, Sleep, sleep_until};

use super::body::{Progress, RequestBody};
use super::error::Failure;
use crate::resource::Timeouts;

/// A request without a response.
pub enum SendError {
    /// Not one byte was written: the request is whole and may go elsewhere.
    Unsent(Box<Request<RequestBody>>),
    /// It may have been seen.
    Failed(Failure),
}

/// How long a node may take: `send` between two pieces of the request, `read` from its end to the response.
struct Patience<'a> {
    timeouts: &'a Timeouts,
    progress: Option<&'a Progress>,
    started: Instant,
}

/// Waits for `response`, and calls `drive` in each poll before.
pub(super) async fn head(
    response: impl Future<Output = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>>,
    progress: Option<Rc<Progress>>,
    timeouts: &Timeouts,
    mut drive: impl FnMut(&mut Context<'_>),
) -> Result<Response<Incoming>, SendError> {
    let mut response = pin!(response);
    let patience = Patience { timeouts, progress: progress.as_deref(), started: Instant::now() };
    let mut timer = pin!(sleep_until(patience.first_look()));
    let result = poll_fn(|cx| {
        drive(cx);
        match response.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(Ok(result)),
            Poll::Pending => patience.poll_over(timer.as_mut(), cx).map(Err),
        }
    });
    match result.await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(mut error)) => {
            if let Some(request) = error.take_message() {
                return Err(SendError::Unsent(Box::new(request)));
            }
            let of_client = progress.and_then(|progress| progress.failure());
            Err(SendError::Failed(match of_client {
                Some(failure) => failure.into(),
                None => Failure::Broken(error.into_error()),
            }))
        }
        Err(late) => Err(SendError::Failed(late)),
    }
}

// === impl Patience ===

impl Patience<'_> {
    fn first_look(&self) -> Instant {
        let patience =
            if self.progress.is_some() { self.timeouts.send.min(self.timeouts.read) } else { self.timeouts.read };
        self.started + patience
    }

    fn poll_over(&self, mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<Failure> {
        loop {
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let (end, late) = match self.progress {
                None => (self.started + self.timeouts.read, Failure::ReadTimeout),
                Some(progress) if progress.is_finished() => {
                    (progress.last() + self.timeouts.read, Failure::ReadTimeout)
                }
                // The client has a bound of its own: the body ends with an error.
                Some(progress) if progress.waits_for_client() => {
                    (Instant::now() + self.timeouts.send, Failure::SendTimeout)
                }
                Some(progress) => (progress.last() + self.timeouts.send, Failure::SendTimeout),
            };
            if Instant::now() >= end {
                return Poll::Ready(late);
            }
            timer.as_mut().reset(end);
        }
    }
}
