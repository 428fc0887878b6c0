//! The body of a response to the client, and the end of the request with it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use http::header::{HeaderName, SERVER};
use http_body::{Frame, SizeHint};

use super::headers;
use super::record::Record;
use super::upgrade::Tunnel;
use crate::http1::Text;
use crate::plugin::{BodyFilter, Logger};
use crate::upstream::body::{Error, ResponseBody};
use crate::upstream::http1::Lines;

/// The body. Its end, or its drop, is the end of the request. It is moved often, with the response, so it is in a box.
pub struct Body(Box<Passing>);

struct Passing {
    source: Source,
    filters: Vec<Box<dyn BodyFilter>>,
    loggers: Vec<Box<dyn Logger>>,
    record: Option<Record>,
    sent: u64,
    tunnel: Option<Box<Tunnel>>,
    /// Headers of the response that are not in its map.
    lines: Option<Lines>,
}

enum Source {
    Full(Option<Bytes>),
    Upstream(ResponseBody),
    /// Filters have been asked for their last word.
    Ended,
}

// === impl Body ===

impl Body {
    /// These bytes.
    #[must_use]
    pub fn full(bytes: Bytes) -> Self {
        Self::of(Source::Full(Some(bytes).filter(|bytes| !bytes.is_empty())))
    }

    /// A node's, with those headers of its response that are not in the map.
    #[must_use]
    pub fn upstream(body: ResponseBody, lines: Option<Lines>) -> Self {
        let mut body = Self::of(Source::Upstream(body));
        body.0.lines = lines;
        body
    }

    /// Whether the headers of the response are lines.
    pub(super) fn has_lines(&self) -> bool {
        self.0.lines.is_some()
    }

    /// The gateway has a value of its own for this header.
    pub(super) fn remove_lines(&mut self, name: &HeaderName) {
        if let Some(lines) = &mut self.0.lines {
            lines.remove(name);
        }
    }

    /// Writes the headers that are lines, if they are, and who answers. Whether they say when.
    pub(crate) fn write_lines(&mut self, out: &mut Text) -> bool {
        let Some(lines) = self.0.lines.take() else { return false };
        out.put(&lines.text);
        out.line(SERVER.as_str(), headers::WHO.as_bytes());
        lines.dated
    }

    /// None, and then something that is not HTTP.
    pub(super) fn tunnel(tunnel: Tunnel) -> Self {
        let mut body = Self::full(Bytes::new());
        body.0.tunnel = Some(Box::new(tunnel));
        body
    }

    /// What comes behind the response, if the connection becomes something else. This is the end of the request.
    pub fn into_tunnel(mut self) -> Option<Box<Tunnel>> {
        self.0.tunnel.take()
    }

    fn of(source: Source) -> Self {
        let (filters, loggers) = (Vec::new(), Vec::new());
        Self(Box::new(Passing { source, filters, loggers, record: None, sent: 0, tunnel: None, lines: None }))
    }

    pub(super) fn recorded(
        mut self,
        record: Record,
        filters: Vec<Box<dyn BodyFilter>>,
        loggers: Vec<Box<dyn Logger>>,
    ) -> Self {
        self.0.record = Some(record);
        self.0.filters = filters;
        self.0.loggers = loggers;
        self
    }
}

// === impl Passing ===

impl Passing {
    fn close(&mut self) {
        let Some(mut record) = self.record.take() else { return };
        let Some(summary) = record.close(self.sent) else { return };
        for logger in self.loggers.drain(..) {
            logger.log(&summary);
        }
    }

    fn filtered(&mut self, mut piece: Bytes) -> Bytes {
        for filter in &mut self.filters {
            piece = filter.piece(piece);
        }
        piece
    }

    /// What the filters have held back, each passed through those after it.
    fn last_word(&mut self) -> Bytes {
        let mut all = Bytes::new();
        for filter in &mut self.filters {
            let mut piece = filter.piece(std::mem::take(&mut all)).to_vec();
            piece.extend_from_slice(&filter.end());
            all = piece.into();
        }
        all
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self.0;
        let next = match &mut this.source {
            Source::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Source::Upstream(body) => Pin::new(body).poll_frame(cx),
            Source::Ended => Poll::Ready(None),
        };
        let frame = match std::task::ready!(next) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                this.close();
                return Poll::Ready(Some(Err(error)));
            }
            None => {
                let last = if matches!(this.source, Source::Ended) { Bytes::new() } else { this.last_word() };
                this.source = Source::Ended;
                if last.is_empty() {
                    this.close();
                    return Poll::Ready(None);
                }
                this.sent += last.len() as u64;
                return Poll::Ready(Some(Ok(Frame::data(last))));
            }
        };
        if this.filters.is_empty() {
            this.sent += frame.data_ref().map_or(0, |data| data.remaining() as u64);
            return Poll::Ready(Some(Ok(frame)));
        }
        match frame.into_data() {
            Ok(data) => {
                let data = this.filtered(data);
                this.sent += data.len() as u64;
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Err(trailers) => Poll::Ready(Some(Ok(trailers))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.filters.is_empty()
            && match &self.0.source {
                Source::Full(bytes) => bytes.is_none(),
                Source::Upstream(body) => body.is_end_stream(),
                Source::Ended => true,
            }
    }

    fn size_hint(&self) -> SizeHint {
        if !self.0.filters.is_empty() {
            return SizeHint::default();
        }
        match &self.0.source {
            Source::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Source::Upstream(body) => body.size_hint(),
            Source::Ended => SizeHint::with_exact(0),
        }
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("sent", &self.0.sent).finish_non_exhaustive()
    }
}
