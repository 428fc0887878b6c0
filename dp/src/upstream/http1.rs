//! One HTTP/1.1 connection to a node. Whoever uses it also drives it: request, response and connection run in the
//! client's task, with no task of its own and no hand-over between tasks.
//!
//! It is ours and not the HTTP library's because a proxy already has both heads in the form that it needs: the request's
//! is written from where it lies, and pieces of the response's body go on as they come, without a channel between.

use std::future::poll_fn;
use std::io;
use std::rc::Weak;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use http::response;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;

use super::alarm::Alarm;
use super::body::RequestBody;
use super::error::{ClientFailure, Failure};
use super::link::Ask;
use super::patience::{Patience, SendError};
use super::pool::Shelf;
use crate::http1::{Decoder, Input, Malformed, Output, Peer, Span, Step};
use crate::resource::Timeouts;
use crate::stream::Stream;

mod encode;
mod head;
mod lines;

pub use lines::{Form, Lines};

use encode::{Encoder, Progress};
use head::Head;

/// The connection.
pub struct Connection {
    stream: Stream,
    input: Input,
    output: Output,
    /// What is left of the request's body.
    sending: Option<Encoder>,
    decoder: Decoder,
    /// Whether it may carry another request when this one is over.
    stays: bool,
    spans: Vec<Span>,
    /// Headers of the response, where they are not in a map.
    lines: Option<Lines>,
    /// See [`crate::config::Limits::header_bytes`].
    head_bytes: usize,
    /// For whoever waits.
    pub(super) alarm: Alarm,
    /// Where it belongs in the pool.
    pub(super) shelf: Weak<Shelf>,
    /// Requests it has carried.
    pub(super) served: u32,
    /// Since when it lies in the pool.
    pub(super) idle_since: Instant,
}

/// What is wrong with a connection, or with what a node says.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Broken {
    #[error("the connection failed")]
    Io(#[from] io::Error),
    #[error("the node closed the connection before its response was over")]
    Closed,
    #[error("the response's head is not HTTP: {0}")]
    Head(httparse::Error),
    #[error("the response's status is none")]
    Status,
    #[error("a header of the response is none")]
    Header,
    #[error("the response does not say how long it is, or says it twice")]
    Framing,
    #[error("the response's body makes no sense")]
    Body(#[from] Malformed),
    #[error("the response's head is too large")]
    TooLarge,
}

/// Why a request is not on its way.
enum Unwritten {
    /// The stream takes nothing any more.
    Io(io::Error),
    Client(ClientFailure),
}

// === impl Connection ===

impl Connection {
    /// Takes over a fresh stream.
    #[must_use]
    pub(super) fn new(stream: Stream, shelf: Weak<Shelf>, header_bytes: usize) -> Self {
        Self {
            stream,
            input: Input::new(BytesMut::new()),
            output: Output::default(),
            sending: None,
            decoder: Decoder::Over,
            stays: true,
            spans: Vec::new(),
            lines: None,
            head_bytes: header_bytes.max(64 * 1024),
            alarm: Alarm::default(),
            shelf,
            served: 0,
            idle_since: Instant::now(),
        }
    }

    /// Whether an idle connection still stands. Nobody drives it while it lies in the pool, so this looks.
    pub fn is_usable(&mut self) -> bool {
        // What comes unasked is no answer to the next request.
        self.is_idle() && self.poll_read(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// Whether the next request may be sent, as far as is known.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.stays && self.sending.is_none() && self.is_over() && self.input.bytes.is_empty() && self.output.is_done()
    }

    /// Gives back memory that an idle connection needs not.
    pub(super) fn rest(&mut self, since: Instant) {
        self.input.rest();
        self.output.rest();
        self.idle_since = since;
    }

    /// Whether the response is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.decoder == Decoder::Over
    }

    /// Sends a request, now, and waits for the head of its response.
    pub async fn send(
        &mut self,
        ask: &Ask<'_>,
        body: RequestBody,
        timeouts: &Timeouts,
        now: Instant,
    ) -> Result<response::Parts, SendError> {
        self.served = self.served.saturating_add(1);
        let progress = body.progress();
        let (length, sending) = Encoder::new(body, ask.headers);
        self.output.clear();
        head::write(ask, length, &mut self.output.text);
        let has_body = sending.is_some();
        self.sending = sending;
        let patience = Patience::new(timeouts, progress.as_deref(), now);
        let mut lost = None;
        let head = poll_fn(|cx| {
            if lost.is_none() {
                match self.poll_write(cx) {
                    Poll::Ready(Err(Unwritten::Client(failure))) => return Poll::Ready(Err(failure.into())),
                    // The node may have said why it takes no more before it closed.
                    Poll::Ready(Err(Unwritten::Io(error))) => lost = Some(error),
                    Poll::Ready(Ok(())) | Poll::Pending => {}
                }
            }
            match self.poll_head(ask, cx) {
                Poll::Ready(Ok(head)) => Poll::Ready(Ok(head)),
                Poll::Ready(Err(broken)) => Poll::Ready(Err(Failure::Broken(broken.into()))),
                Poll::Pending => patience.poll_over(&mut self.alarm, cx).map(Err),
            }
        });
        match head.await {
            Ok(head) => {
                self.decoder = head.decoder;
                self.stays = head.stays && lost.is_none();
                self.lines = head.lines;
                Ok(head.parts)
            }
            Err(failure) => {
                self.stays = false;
                // Nothing of it was taken, so it is as if it had never been sent.
                if lost.is_some() && self.output.is_untouched() && !has_body {
                    return Err(SendError::Unsent(RequestBody::empty()));
                }
                Err(SendError::Failed(failure))
            }
        }
    }

    /// The headers of the response that came, where they are lines.
    pub(super) fn take_lines(&mut self) -> Option<Lines> {
        self.lines.take()
    }

    /// The next piece of the response's body.
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        // The node may answer before it has the whole request. What it does not want any more is its own affair.
        if (self.sending.is_some() || !self.output.is_done())
            && let Poll::Ready(Err(_)) = self.poll_write(cx)
        {
            self.sending = None;
            self.stays = false;
        }
        loop {
            match self.decoder.step(&mut self.input.bytes, Peer::Node) {
                Ok(Step::Frame(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(Step::Over) => return Poll::Ready(None),
                Ok(Step::More) => {}
                Err(malformed) => return Poll::Ready(Some(Err(self.fail(malformed.into())))),
            }
            match ready!(self.poll_read(cx)) {
                Ok(0) if self.decoder.lasts_until_close() => {
                    self.decoder = Decoder::Over;
                    return Poll::Ready(None);
                }
                Ok(0) => return Poll::Ready(Some(Err(self.fail(Broken::Closed)))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(self.fail(error.into())))),
            }
        }
    }

    /// How much of the response's body is to come.
    pub(super) fn size_hint(&self) -> SizeHint {
        match self.decoder {
            Decoder::Over => SizeHint::with_exact(0),
            Decoder::Length(left) => SizeHint::with_exact(left),
            _ => SizeHint::default(),
        }
    }

    /// Takes the stream out after a response with status 101, with the bytes that came after the head.
    pub async fn into_upgraded(mut self: Box<Self>) -> Option<(Stream, Bytes)> {
        poll_fn(|cx| self.poll_write(cx)).await.ok()?;
        Some((self.stream, self.input.bytes.freeze()))
    }

    fn fail(&mut self, broken: Broken) -> Broken {
        self.stays = false;
        self.decoder = Decoder::Over;
        broken
    }

    /// Writes what there is of the request.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unwritten>> {
        loop {
            let mut waits = false;
            if let Some(sending) = &mut self.sending {
                match sending.poll_into(&mut self.output, cx) {
                    Progress::Enough => {}
                    Progress::Waits => waits = true,
                    Progress::Over => self.sending = None,
                    Progress::Failed(failure) => return Poll::Ready(Err(Unwritten::Client(failure))),
                }
            }
            ready!(self.output.poll_write(&mut self.stream, cx)).map_err(Unwritten::Io)?;
            if waits {
                return Poll::Pending;
            }
            if self.sending.is_none() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn poll_head(&mut self, ask: &Ask<'_>, cx: &mut Context<'_>) -> Poll<Result<Head, Broken>> {
        loop {
            if !self.input.bytes.is_empty()
                && let Some(head) = head::read(&mut self.input.bytes, ask.method, ask.form, &mut self.spans)?
            {
                return Poll::Ready(Ok(head));
            }
            if self.input.bytes.len() >= self.head_bytes {
                return Poll::Ready(Err(Broken::TooLarge));
            }
            if ready!(self.poll_read(cx))? == 0 {
                return Poll::Ready(Err(Broken::Closed));
            }
        }
    }

    /// Reads more; 0: the node has closed.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.input.poll_fill(&mut self.stream, self.decoder.ahead(), cx)
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("served", &self.served).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
