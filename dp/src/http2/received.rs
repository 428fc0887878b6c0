//! A body as it comes.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, RecvStream};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::announced;

/// The body of one message. Its bytes count as read once they are handed on.
#[derive(Debug)]
pub(crate) struct Received {
    stream: RecvStream,
    /// What is to come, if that was announced.
    left: Option<u64>,
    /// Only trailers may follow.
    data_over: bool,
}

// === impl Received ===

impl Received {
    /// Behind these headers.
    pub(crate) fn new(stream: RecvStream, headers: &HeaderMap) -> Self {
        let nothing = stream.is_end_stream().then_some(0);
        Self { left: announced(headers).or(nothing), stream, data_over: false }
    }

    /// The other side has said all that it wanted to, though not all that it could.
    fn or_enough<T>(error: h2::Error) -> Option<Result<T, h2::Error>> {
        // RFC 9113 8.1: an early answer, which is no failure.
        (error.reason() != Some(Reason::NO_ERROR)).then_some(Err(error))
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        if !self.data_over {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(bytes)) => {
                    // It fails for a stream that is gone, whose window nobody needs.
                    self.stream.flow_control().release_capacity(bytes.len()).ok();
                    self.left = self.left.map(|left| left.saturating_sub(bytes.len() as u64));
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Err(error)) => return Poll::Ready(Self::or_enough(error)),
                None => self.data_over = true,
            }
        }
        Poll::Ready(match ready!(self.stream.poll_trailers(cx)) {
            Ok(trailers) => trailers.map(|trailers| Ok(Frame::trailers(trailers))),
            Err(error) => Self::or_enough(error),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
