//! Who runs the streams of an HTTP/2 connection.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, Stream};
use parking_lot::Mutex;
use tokio::task::coop::unconstrained;

use crate::task::Supervisor;

/// Where the streams of an HTTP/2 connection run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streams {
    /// Each is a task of its own: the streams of one connection may run on several cores.
    Apart,
    /// In the task of their connection. What many of them have to say at the same time leaves in few writes and few TLS records, so
    /// this is for connections with many streams that wait for the same thing, such as watches. No handler may take long.
    Together,
}

/// Takes the streams that a connection opens.
#[derive(Clone)]
pub(super) enum Opened {
    Apart(Supervisor),
    Together(Arc<Mutex<Vec<BoxFuture<'static, ()>>>>),
}

/// A connection, and its streams if they run in its task.
pub(super) struct Driven<C> {
    connection: C,
    opened: Opened,
    streams: FuturesUnordered<BoxFuture<'static, ()>>,
}

// === impl Opened ===

impl Opened {
    pub(super) fn new(streams: Streams, supervisor: &Supervisor) -> Self {
        match streams {
            Streams::Apart => Self::Apart(supervisor.clone()),
            Streams::Together => Self::Together(Arc::default()),
        }
    }

    fn take(&self) -> Vec<BoxFuture<'static, ()>> {
        match self {
            Self::Apart(_) => Vec::new(),
            Self::Together(opened) => std::mem::take(&mut *opened.lock()),
        }
    }
}

impl<F> hyper::rt::Executor<F> for Opened
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        match self {
            Self::Apart(supervisor) => supervisor.track_part(future),
            Self::Together(opened) => {
                // Tokio's budget is one task's: a hundred streams would use it up before they have said anything. What a stream
                // may do at a time is bounded by its window. A panic is the end of one stream and not of its neighbours.
                let future = AssertUnwindSafe(unconstrained(future)).catch_unwind();
                opened.lock().push(Box::pin(future.map(|ended| {
                    if ended.is_err() {
                        tracing::error!("a request's handler panicked");
                    }
                })));
            }
        }
    }
}

// === impl Driven ===

impl<C: Future + Unpin> Driven<C> {
    pub(super) fn new(connection: C, opened: Opened) -> Self {
        Self { connection, opened, streams: FuturesUnordered::new() }
    }

    pub(super) fn connection(&mut self) -> &mut C {
        &mut self.connection
    }
}

impl<C: Future + Unpin> Future for Driven<C> {
    type Output = C::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Output> {
        let this = self.get_mut();
        loop {
            // First the streams, so that the connection writes what all of them have to say.
            while let Poll::Ready(Some(())) = Pin::new(&mut this.streams).poll_next(cx) {}
            if let Poll::Ready(ended) = Pin::new(&mut this.connection).poll(cx) {
                return Poll::Ready(ended);
            }
            let opened = this.opened.take();
            if opened.is_empty() {
                return Poll::Pending;
            }
            this.streams.extend(opened);
        }
    }
}
