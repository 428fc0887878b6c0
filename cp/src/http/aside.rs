//! Work on a large body, off the threads that serve connections.
//!
//! Reading a mebibyte of JSON and holding it against schemas takes a tenth of a second and more, in which such a thread would serve
//! nobody else. So a handler receives a large body where it is, and what it does from then on it does on a thread for blocking work,
//! from one await to the next: no thread is held while it waits, neither for a slow sender nor for the log.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use axum::body::{Body, HttpBody as _};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use tokio::sync::Notify;
use tokio::task::{spawn_blocking, yield_now};

use crate::error::ApiError;

/// A body of more bytes is large. The worst of this size holds a thread for two milliseconds; most bodies are far smaller, and
/// none of them takes the detour.
const LARGE: u64 = 16 * 1024;

/// Remembers that it was woken.
struct Woken(Notify);

/// Answers a request with this body.
pub async fn answer<F>(body: Body, handle: impl FnOnce(Body) -> F) -> Response
where
    F: Future<Output = Response> + Send + 'static,
{
    if body.size_hint().upper().is_some_and(|most| most <= LARGE) {
        return handle(body).await;
    }
    let arrived = Arc::new(AtomicBool::new(false));
    let mut work = Box::pin(handle(watched(body, arrived.clone())));
    let here = poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(response) => Poll::Ready(Some(response)),
        Poll::Pending if arrived.load(Ordering::Relaxed) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    });
    if let Some(response) = here.await {
        return response;
    }
    let woken = Arc::new(Woken(Notify::new()));
    loop {
        let waker = Waker::from(woken.clone());
        let step = spawn_blocking(move || {
            let polled = work.as_mut().poll(&mut Context::from_waker(&waker));
            (work, polled)
        });
        match step.await {
            Ok((_, Poll::Ready(response))) => return response,
            Ok((rest, Poll::Pending)) => work = rest,
            Err(error) => return ApiError::internal(error).into_response(),
        }
        // Whoever woke it since it began to wait has left a permit.
        woken.0.notified().await;
    }
}

/// The body, which says when all of it has come and it was large. It ends one turn later then, so that its reader stops there.
fn watched(body: Body, arrived: Arc<AtomicBool>) -> Body {
    let size = Arc::new(AtomicU64::new(0));
    let counted = size.clone();
    let body = body.map_frame(move |frame| {
        counted.fetch_add(frame.data_ref().map_or(0, |data| data.len() as u64), Ordering::Relaxed);
        frame
    });
    Body::new(body.with_trailers(async move {
        if size.load(Ordering::Relaxed) > LARGE {
            arrived.store(true, Ordering::Relaxed);
            yield_now().await;
        }
        None
    }))
}

// === impl Woken ===

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use futures_util::stream;
    use std::sync::mpsc;
    use std::thread::{self, ThreadId};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// A body whose length nobody announced.
    fn streamed(chunks: usize, size: usize) -> Body {
        let chunks = (0..chunks).map(move |_| Ok::<_, axum::Error>(Bytes::from(vec![b'x'; size])));
        Body::from_stream(stream::iter(chunks))
    }

    /// Answers with the size of the body and, for the log of the test, where its work is done.
    async fn sizes(body: Body, places: mpsc::Sender<ThreadId>) -> Response {
        places.send(thread::current().id()).unwrap();
        let size = body.collect().await.map(|body| body.to_bytes().len());
        places.send(thread::current().id()).unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
        places.send(thread::current().id()).unwrap();
        size.map_or_else(|error| error.to_string(), |size| size.to_string()).into_response()
    }

    #[tokio::test]
    async fn only_large_bodies_are_worked_on_elsewhere() {
        let large = usize::try_from(LARGE).unwrap();
        for (body, size, elsewhere) in [
            (Body::empty(), 0, false),
            (Body::from(vec![b'x'; large]), large, false),
            (Body::from(vec![b'x'; large + 1]), large + 1, true),
            (streamed(2, 10), 20, false),
            (streamed(100, 1000), 100_000, true),
        ] {
            let (places, seen) = mpsc::channel();
            let response = answer(body, |body| sizes(body, places)).await;
            let text = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(text, size.to_string());
            let here = thread::current().id();
            let seen: Vec<bool> = seen.iter().map(|place| place != here).collect();
            assert_eq!(seen, [false, elsewhere, elsewhere], "{size} bytes");
        }
    }

    /// On one thread, somebody else is answered while the work on a large body goes on.
    #[tokio::test]
    async fn others_are_answered_meanwhile() {
        let (release, released) = mpsc::channel();
        let large = answer(streamed(100, 1000), |body| async move {
            body.collect().await.unwrap();
            released.recv_timeout(PATIENCE).unwrap();
            "large".into_response()
        });
        let small = answer(Body::from("small"), |body| async move {
            body.collect().await.unwrap();
            release.send(()).unwrap();
            "small".into_response()
        });
        let (large, small) = tokio::join!(large, small);
        assert_eq!((large.status().as_u16(), small.status().as_u16()), (200, 200));
    }

    #[tokio::test]
    async fn a_panic_is_an_answer() {
        let response = answer(streamed(100, 1000), |body| async move {
            body.collect().await.unwrap();
            panic!("as expected")
        });
        assert_eq!(response.await.status(), 500);
    }
}
