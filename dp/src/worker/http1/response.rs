//! A response on its way to the client.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{CONNECTION, CONTENT_LENGTH, DATE, HeaderMap, HeaderName, TRAILER, TRANSFER_ENCODING};
use http::response::Parts;
use http::{StatusCode, Version};
use http_body::Body as _;
use hyper::ext::ReasonPhrase;

use super::head::Asked;
use crate::http1::{Date, Output, Said, Text, announced};
use crate::proxy::Body;

/// What is left to be written.
pub(super) struct Sending {
    body: Option<Body>,
    framing: Framing,
    /// Trailers that the client understands and was told of.
    announced: Vec<HeaderName>,
    /// Whether another request may follow.
    pub(super) stays: bool,
}

/// How the client knows the end of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// So many bytes.
    Length(u64),
    Chunks,
    /// The connection ends.
    UntilClose,
}

/// How far a body is.
pub(super) enum Progress {
    /// There is enough to write.
    Enough,
    /// More is to come.
    Waits,
    /// All of it has been gathered.
    Over,
    /// It broke off: the client must not take it for whole.
    Broken,
}

/// The answer to what is no request.
pub(super) fn refuse(status: StatusCode, date: &Date, out: &mut Text) {
    status_line(status, None, Version::HTTP_11, out);
    out.put(b"connection: close\r\ncontent-length: 0\r\n");
    date.write(out);
    out.put(b"\r\n");
}

fn status_line(status: StatusCode, reason: Option<&ReasonPhrase>, version: Version, out: &mut Text) {
    if status == StatusCode::OK && reason.is_none() && version == Version::HTTP_11 {
        return out.put(b"HTTP/1.1 200 OK\r\n");
    }
    let version: &[u8] = if version == Version::HTTP_10 { b"HTTP/1.0 " } else { b"HTTP/1.1 " };
    let reason =
        reason.map_or_else(|| status.canonical_reason().unwrap_or("<none>").as_bytes(), ReasonPhrase::as_bytes);
    for part in [version, status.as_str().as_bytes(), b" ", reason, b"\r\n"] {
        out.put(part);
    }
}

// === impl Sending ===

impl Sending {
    /// Writes the head. `stays`: the connection might take another request.
    pub(super) fn new(head: &Parts, mut body: Body, asked: Asked, stays: bool, date: &Date, out: &mut Text) -> Self {
        let headers = &head.headers;
        status_line(head.status, head.extensions.get::<ReasonPhrase>(), asked.version, out);
        let bodiless =
            head.status.is_informational() || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let has_body = !bodiless && !asked.head_only;
        let (mut said, mut dated) = (Said::default(), false);
        for (name, value) in headers {
            match *name {
                CONTENT_LENGTH | TRANSFER_ENCODING => continue,
                TRAILER if !has_body || asked.version == Version::HTTP_10 => continue,
                CONNECTION if said.read(value.as_bytes()) => continue,
                DATE => dated = true,
                _ => {}
            }
            out.header(name, value);
        }
        dated |= body.write_lines(out);
        let exact = body.size_hint().exact();
        let named = headers.get(CONTENT_LENGTH).map(http::HeaderValue::as_bytes);
        let framing = match exact {
            _ if bodiless => Framing::Length(0),
            _ if asked.head_only => {
                match (named, exact) {
                    (Some(named), _) => out.line("content-length", named),
                    (None, Some(length @ 1..)) => length_line(length, out),
                    _ => {}
                }
                Framing::Length(0)
            }
            Some(length) => {
                length_line(length, out);
                Framing::Length(length)
            }
            None => match named.and_then(|named| std::str::from_utf8(named).ok()?.parse().ok()) {
                Some(length) => {
                    length_line(length, out);
                    Framing::Length(length)
                }
                None if asked.version == Version::HTTP_10 => Framing::UntilClose,
                None => {
                    out.put(b"transfer-encoding: chunked\r\n");
                    Framing::Chunks
                }
            },
        };
        let switches = head.status == StatusCode::SWITCHING_PROTOCOLS;
        let stays = stays && !said.closes() && framing != Framing::UntilClose && !switches;
        match asked.version {
            Version::HTTP_10 if stays => out.put(b"connection: keep-alive\r\n"),
            Version::HTTP_11 if !stays && !switches => out.put(b"connection: close\r\n"),
            // HTTP/1.0 takes the one for granted, and nobody needs the other.
            _ => {}
        }
        if !dated {
            date.write(out);
        }
        out.put(b"\r\n");
        let trailers = framing == Framing::Chunks && asked.trailers;
        let announced = if trailers { announced(headers) } else { Vec::new() };
        let body = Some(body).filter(|_| framing != Framing::Length(0));
        Self { body, framing, announced, stays }
    }

    /// Gathers what there is of the body.
    pub(super) fn poll_into(&mut self, out: &mut Output, cx: &mut Context<'_>) -> Progress {
        let Some(body) = &mut self.body else { return Progress::Over };
        while !out.is_full() {
            let frame = match Pin::new(&mut *body).poll_frame(cx) {
                Poll::Pending => return Progress::Waits,
                Poll::Ready(Some(Err(error))) => {
                    tracing::debug!(%error, "a response broke off");
                    self.body = None;
                    return Progress::Broken;
                }
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(None) => return self.end(&HeaderMap::new(), out),
            };
            match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(mut data) => match &mut self.framing {
                    Framing::Chunks => out.put_chunk(data),
                    Framing::UntilClose => out.put(data),
                    Framing::Length(left) => {
                        data.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
                        *left -= data.len() as u64;
                        out.put(data);
                        if *left == 0 {
                            return self.end(&HeaderMap::new(), out);
                        }
                    }
                },
                Err(frame) => return self.end(&frame.into_trailers().unwrap_or_default(), out),
            }
        }
        Progress::Enough
    }

    fn end(&mut self, trailers: &HeaderMap, out: &mut Output) -> Progress {
        // This is the end of the request, too, whatever the client takes of it.
        self.body = None;
        match self.framing {
            Framing::Length(0) | Framing::UntilClose => Progress::Over,
            Framing::Length(_) => Progress::Broken,
            Framing::Chunks => {
                out.end_chunks(trailers, &self.announced);
                Progress::Over
            }
        }
    }
}

fn length_line(length: u64, out: &mut Text) {
    out.put(b"content-length: ");
    out.number(length, 10);
    out.put(b"\r\n");
}
