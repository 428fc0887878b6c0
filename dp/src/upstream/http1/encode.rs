//! The body of a request on its way into a connection.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, TRAILER};
use http_body::Body as _;

use super::head::{self, Length};
use crate::upstream::body::RequestBody;
use crate::upstream::error::ClientFailure;

/// Pieces up to this size are copied beside the head, so that both leave together.
const SMALL: usize = 4 * 1024;
/// No more is gathered before it is written.
pub(super) const ENOUGH: usize = 8 * 1024;

/// Trailers that would change what has been said already.
static FORBIDDEN: [HeaderName; 10] = [
    header::AUTHORIZATION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::HOST,
    header::MAX_FORWARDS,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
];

/// A body that is not over.
#[derive(Debug)]
pub(super) struct Encoder {
    body: RequestBody,
    /// What is left to come; `None`: chunks tell.
    left: Option<u64>,
    /// Trailers that were announced.
    announced: Vec<HeaderName>,
}

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// First this.
    pub(super) text: Vec<u8>,
    /// Then this, which is too large to copy.
    pub(super) piece: Bytes,
    /// Then this.
    pub(super) tail: &'static [u8],
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
        let mut announced = Vec::new();
        if left.is_none() {
            let names = headers.get_all(TRAILER).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
            let names = names.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok());
            announced.extend(names.filter(|name| !FORBIDDEN.contains(name)));
        }
        (left.map_or(Length::Unknown, Length::Exact), Some(Self { body, left, announced }))
    }

    /// Gathers what there is.
    pub(super) fn poll_into(&mut self, out: &mut Output, cx: &mut Context<'_>) -> Progress {
        while out.piece.is_empty() && out.text.len() < ENOUGH {
            let frame = match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Pending => return Progress::Waits,
                Poll::Ready(None) => return self.end(HeaderMap::new(), out),
                Poll::Ready(Some(Err(failure))) => return Progress::Failed(failure),
                Poll::Ready(Some(Ok(frame))) => frame,
            };
            match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => match &mut self.left {
                    None => put_chunk(data, out),
                    Some(left) => match left.checked_sub(data.len() as u64) {
                        None => return Progress::Failed(ClientFailure::Broken),
                        Some(rest) => {
                            *left = rest;
                            put(data, b"", out);
                        }
                    },
                },
                Err(frame) => return self.end(frame.into_trailers().unwrap_or_default(), out),
            }
            if self.left == Some(0) && self.body.is_end_stream() {
                return Progress::Over;
            }
        }
        Progress::Enough
    }

    fn end(&self, trailers: HeaderMap, out: &mut Output) -> Progress {
        match self.left {
            None => {
                out.text.extend_from_slice(b"0\r\n");
                for (name, value) in &trailers {
                    if self.announced.contains(name) {
                        head::line(name, value.as_bytes(), &mut out.text);
                    }
                }
                out.text.extend_from_slice(b"\r\n");
                Progress::Over
            }
            Some(0) => Progress::Over,
            Some(_) => Progress::Failed(ClientFailure::Broken),
        }
    }
}

fn put_chunk(data: Bytes, out: &mut Output) {
    out.text.extend_from_slice(format!("{:x}\r\n", data.len()).as_bytes());
    put(data, b"\r\n", out);
}

fn put(data: Bytes, tail: &'static [u8], out: &mut Output) {
    if data.len() <= SMALL {
        out.text.extend_from_slice(&data);
        out.text.extend_from_slice(tail);
    } else {
        out.piece = data;
        out.tail = tail;
    }
}
