//! The body of a request on its way into a connection.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{HeaderMap, HeaderName};
use http_body::Body as _;

use super::head::Length;
use crate::http1::{Output, announced};
use crate::upstream::body::RequestBody;
use crate::upstream::error::ClientFailure;

/// A body that is not over.
#[derive(Debug)]
pub(super) struct Encoder {
    body: RequestBody,
    /// What is left to come; `None`: chunks tell.
    left: Option<u64>,
    /// Trailers that were announced.
    announced: Vec<HeaderName>,
}

/// How far a body is.
pub(super) enum Progress {
    /// There is enough to write.
    Enough,
    /// The client has not sent more.
    Waits,
    /// All of it has been gathered.
    Over,
    /// It is not to be had.
    Failed(ClientFailure),
}

// === impl Encoder ===

impl Encoder {
    /// What the head has to say of the body, and the body if there is one.
    pub(super) fn new(body: RequestBody, headers: &HeaderMap) -> (Length, Option<Self>) {
        if body.is_end_stream() {
            return (Length::None, None);
        }
        let left = body.size_hint().exact();
        let announced = if left.is_none() { announced(headers) } else { Vec::new() };
        (left.map_or(Length::Unknown, Length::Exact), Some(Self { body, left, announced }))
    }

    /// Gathers what there is.
    pub(super) fn poll_into(&mut self, out: &mut Output, cx: &mut Context<'_>) -> Progress {
        while !out.is_full() {
            let frame = match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Pending => return Progress::Waits,
                Poll::Ready(None) => return self.end(&HeaderMap::new(), out),
                Poll::Ready(Some(Err(failure))) => return Progress::Failed(failure),
                Poll::Ready(Some(Ok(frame))) => frame,
            };
            match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => match &mut self.left {
                    None => out.put_chunk(data),
                    Some(left) => match left.checked_sub(data.len() as u64) {
                        None => return Progress::Failed(ClientFailure::Broken),
                        Some(rest) => {
                            *left = rest;
                            out.put(data);
                        }
                    },
                },
                Err(frame) => return self.end(&frame.into_trailers().unwrap_or_default(), out),
            }
            if self.left == Some(0) && self.body.is_end_stream() {
                return Progress::Over;
            }
        }
        Progress::Enough
    }

    fn end(&self, trailers: &HeaderMap, out: &mut Output) -> Progress {
        match self.left {
            None => {
                out.end_chunks(trailers, &self.announced);
                Progress::Over
            }
            Some(0) => Progress::Over,
            Some(_) => Progress::Failed(ClientFailure::Broken),
        }
    }
}
