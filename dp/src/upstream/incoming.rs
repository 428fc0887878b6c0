//! The body of a request as it comes from the client.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};

use super::error::ClientFailure;
use crate::worker::http1;

/// The body.
#[derive(Debug)]
pub enum Incoming {
    /// There is none.
    None,
    /// Of a connection.
    Http1(http1::Body),
    /// Of one of its streams.
    Http2(hyper::body::Incoming),
}

// === impl Incoming ===

impl Incoming {
    /// The next piece.
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ClientFailure>>> {
        match self {
            Self::None => Poll::Ready(None),
            Self::Http1(body) => body.poll_frame(cx),
            Self::Http2(body) => Pin::new(body).poll_frame(cx).map_err(|_| ClientFailure::Broken),
        }
    }

    /// Whether nothing is to come.
    pub(super) fn is_end_stream(&self) -> bool {
        match self {
            Self::None => true,
            Self::Http1(body) => body.is_over(),
            Self::Http2(body) => body.is_end_stream(),
        }
    }

    /// How much is to come.
    pub(super) fn size_hint(&self) -> SizeHint {
        match self {
            Self::None => SizeHint::with_exact(0),
            Self::Http1(body) => body.size_hint(),
            Self::Http2(body) => body.size_hint(),
        }
    }
}
