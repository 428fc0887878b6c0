//! The body of a request, and what becomes of one that nobody reads to its end.
//!
//! hyper closes an HTTP/1 connection whose request was answered before its body had come. A client that sends head and body apart,
//! as many do, would then meet a closed connection in place of the answer that refused it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::EXPECT;
use http::{Request, Version};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::task::Supervisor;

/// Bytes of an unread body that are still taken; the connection of who sends more closes.
const LARGEST: usize = 16 * 1024 * 1024;
/// Time for that.
const PATIENCE: Duration = Duration::from_secs(30);

/// The body of a request. Of an HTTP/1 request the rest is read on when this is dropped before its end, within bounds, beside the answer
/// and after it: the client gets to read the answer, and its connection stays open.
#[derive(Debug)]
pub struct Received {
    /// There until this is dropped.
    body: Option<Incoming>,
    /// Reads the rest, if that is wanted.
    reader: Option<Supervisor>,
}

async fn read_on(mut body: Incoming) {
    let rest = async {
        let mut size = 0;
        while let Some(Ok(frame)) = body.frame().await {
            size += frame.data_ref().map_or(0, Bytes::len);
            if size > LARGEST {
                return;
            }
        }
    };
    // Who takes longer is closed, as one that sends too much.
    timeout(PATIENCE, rest).await.ok();
}

// === impl Received ===

impl Received {
    pub(super) fn of(request: Request<Incoming>, supervisor: &Supervisor) -> Request<Self> {
        // HTTP/2 ends one stream by itself. Who expects "100 Continue" sends no body once it has an answer.
        let wanted = request.version() < Version::HTTP_2 && !request.headers().contains_key(EXPECT);
        let reader = wanted.then(|| supervisor.clone());
        request.map(|body| Self { body: Some(body), reader })
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        if let Poll::Ready(None | Some(Err(_))) = polled {
            this.reader = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        let rest = self.body.take().filter(|body| !body.is_end_stream());
        // The last bodies may be dropped with their runtime.
        if let (Some(rest), Some(reader), Ok(_)) = (rest, self.reader.take(), Handle::try_current()) {
            reader.track_part(read_on(rest));
        }
    }
}
