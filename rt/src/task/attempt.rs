//! One attempt at a piece of work, with panics turned into errors.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use super::error::{BoxError, Panic};

/// What a task may return: nothing, or a result whose error says why it died.
pub trait Outcome: Send {
    /// The outcome as a result.
    fn into_result(self) -> Result<(), BoxError>;
}

impl Outcome for () {
    fn into_result(self) -> Result<(), BoxError> {
        Ok(())
    }
}

impl<E: Into<BoxError> + Send> Outcome for Result<(), E> {
    fn into_result(self) -> Result<(), BoxError> {
        self.map_err(Into::into)
    }
}

/// Makes the future and runs it to its end. Whatever panicked is dropped, not used again, so a broken
/// state cannot be seen through the unwind.
pub(super) async fn run<F, Fut>(make: F) -> Result<(), BoxError>
where
    F: FnOnce() -> Fut,
    Fut: Future<Output: Outcome>,
{
    let mut future = Box::pin(catch_unwind(AssertUnwindSafe(make)).map_err(panicked)?);
    let caught = poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(outcome)) => Poll::Ready(Ok(outcome)),
        Err(payload) => Poll::Ready(Err(panicked(payload))),
    });
    caught.await?.into_result()
}

/// The same for a thread's body.
pub(super) fn run_blocking<O: Outcome>(body: impl FnOnce() -> O) -> Result<(), BoxError> {
    catch_unwind(AssertUnwindSafe(body)).map_err(panicked)?.into_result()
}

fn panicked(payload: Box<dyn Any + Send>) -> BoxError {
    Panic::new(payload.as_ref()).into()
}
