//! Who runs the streams of an HTTP/2 connection.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, Stream};
use futures_util::task::AtomicWaker;
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
    turn: Arc<Turn>,
    /// Wakes `turn`.
    waker: Waker,
}

/// What the connection and its streams wake: the task, unless it is looking at them just now.
///
/// `FuturesUnordered` stops after two streams that woke themselves, and every stream of hyper does so when it has said something.
/// Without this the connection would write after every two of them. And they wake each other all the time: a task that is woken while
/// it runs goes to the end of the queue, and the runtime wakes a thread for it.
#[derive(Default)]
struct Turn {
    task: AtomicWaker,
    looking: AtomicBool,
    woken: AtomicBool,
}

/// How often connection and streams are looked at in one go: a request is read by the connection, handed in by its stream, and so is the
/// way back. More would keep others waiting.
const ROUNDS: usize = 2;

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
        let turn = Arc::new(Turn::default());
        Self { connection, opened, streams: FuturesUnordered::new(), waker: turn.clone().into(), turn }
    }

    pub(super) fn connection(&mut self) -> &mut C {
        &mut self.connection
    }
}

impl<C> Driven<C> {
    /// Lets all streams that have something to say say it.
    fn listen(&mut self) {
        let mut cx = Context::from_waker(&self.waker);
        // One that never comes to its end must not keep the connection from writing.
        for _ in 0..2 * self.streams.len() + 2 {
            self.turn.woken.store(false, Ordering::SeqCst);
            while let Poll::Ready(Some(())) = Pin::new(&mut self.streams).poll_next(&mut cx) {}
            if !self.turn.woken.load(Ordering::SeqCst) {
                return;
            }
        }
    }
}

impl<C: Future + Unpin> Driven<C> {
    /// Looks at the streams and at the connection, until none of them has anything to say or it is the turn of others.
    fn look(&mut self) -> Poll<C::Output> {
        let mut rounds = ROUNDS;
        loop {
            // First the streams, so that the connection writes what all of them have to say.
            self.listen();
            let mut cx = Context::from_waker(&self.waker);
            if let Poll::Ready(ended) = Pin::new(&mut self.connection).poll(&mut cx) {
                return Poll::Ready(ended);
            }
            let opened = self.opened.take();
            if opened.is_empty() {
                rounds -= 1;
                if rounds == 0 || !self.turn.woken.load(Ordering::SeqCst) {
                    return Poll::Pending;
                }
            }
            self.streams.extend(opened);
        }
    }
}

impl<C: Future + Unpin> Future for Driven<C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Output> {
        if matches!(self.opened, Opened::Apart(_)) {
            return Pin::new(&mut self.connection).poll(cx);
        }
        self.turn.task.register(cx.waker());
        self.turn.looking.store(true, Ordering::SeqCst);
        let ended = self.look();
        // First this, then the look: who comes after the look wakes the task.
        self.turn.looking.store(false, Ordering::SeqCst);
        if ended.is_pending() && self.turn.woken.load(Ordering::SeqCst) {
            cx.waker().wake_by_ref();
        }
        ended
    }
}

// === impl Turn ===

impl Wake for Turn {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        if !self.looking.load(Ordering::SeqCst) {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Comes back at once.
    async fn wake_oneself() {
        let mut woken = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut woken, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Streams as hyper's are: each wakes itself when it has said something.
    #[tokio::test]
    async fn the_connection_writes_what_all_streams_have_to_say() {
        const STREAMS: usize = 100;
        let (said, number) = (Arc::new(AtomicUsize::new(0)), Arc::new(tokio::sync::watch::Sender::new(0)));
        let opened = Opened::Together(Arc::default());
        for _ in 0..STREAMS {
            let (said, mut number) = (said.clone(), number.subscribe());
            hyper::rt::Executor::execute(&opened, async move {
                while number.changed().await.is_ok() {
                    said.fetch_add(1, Ordering::Relaxed);
                    wake_oneself().await;
                }
            });
        }
        let (written, ring) = (said.clone(), number.clone());
        let mut rounds = 0;
        let connection = poll_fn(move |_| match written.swap(0, Ordering::Relaxed) {
            0 if rounds == 0 => {
                rounds += 1;
                ring.send_replace(rounds);
                Poll::Pending
            }
            0 => Poll::Pending,
            all => {
                assert_eq!(all, STREAMS, "in one write");
                rounds += 1;
                ring.send_replace(rounds);
                if rounds > 20 { Poll::Ready(()) } else { Poll::Pending }
            }
        });
        Driven::new(connection, opened).await;
    }

    /// Nobody but the socket wakes the task: not the connection that has read something for a stream, nor the stream that answers.
    #[tokio::test]
    async fn a_request_is_read_and_answered_in_one_go() {
        #[derive(Default)]
        struct Woken(AtomicUsize);
        impl Wake for Woken {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let (request, read) = tokio::sync::oneshot::channel();
        let (answer, mut answered) = tokio::sync::oneshot::channel();
        let opened = Opened::Together(Arc::default());
        hyper::rt::Executor::execute(&opened, async move {
            read.await.unwrap();
            answer.send(()).unwrap();
        });
        let mut request = Some(request);
        let mut connection = Driven::new(
            poll_fn(move |cx| {
                if let Some(request) = request.take() {
                    // hyper first lets the stream wait for it.
                    cx.waker().wake_by_ref();
                    request.send(()).unwrap();
                    return Poll::Pending;
                }
                Pin::new(&mut answered).poll(cx).map(Result::unwrap)
            }),
            opened,
        );
        let woken = Arc::new(Woken::default());
        let waker = woken.clone().into();
        assert_eq!(Pin::new(&mut connection).poll(&mut Context::from_waker(&waker)), Poll::Ready(()));
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
    }

    /// The connection gets its turn all the same.
    #[tokio::test]
    async fn a_stream_that_never_waits_does_not_keep_the_connection() {
        let opened = Opened::Together(Arc::default());
        hyper::rt::Executor::execute(&opened, async {
            loop {
                wake_oneself().await;
            }
        });
        let mut polls = 0;
        let connection = poll_fn(move |_| {
            polls += 1;
            if polls > 100 { Poll::Ready(()) } else { Poll::Pending }
        });
        Driven::new(connection, opened).await;
    }
}
