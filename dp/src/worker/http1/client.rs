//! The client's end of a connection: what is read from it, by the connection and by the request's body in turn.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};

use crate::http1::{Decoder, Input, Output, Peer, Step};
use crate::stream::Stream;
use crate::upstream::error::ClientFailure;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// Bytes of a body that nobody wants which are read so that another request may follow.
const UNWANTED: usize = 64 * 1024;

/// The stream, and how far it was read.
pub(super) struct Client {
    pub(super) stream: Stream,
    pub(super) input: Input,
    /// Where the body of the request under way ends.
    decoder: Decoder,
    /// Number of that request: a body of an earlier one reads nothing any more.
    turn: u32,
    /// Whether its body can't be read to its end.
    broken: bool,
    /// Whether somebody holds its body.
    held: bool,
    /// What is to be said before more of it comes.
    interim: Output,
    /// The connection's task, while it leaves reading to the body.
    watcher: Option<Waker>,
}

/// The body of a request.
pub struct Body {
    client: Rc<RefCell<Client>>,
    turn: u32,
}

// === impl Client ===

impl Client {
    pub(super) fn new(stream: Stream, first: BytesMut) -> Self {
        Self {
            stream,
            input: Input::new(first),
            decoder: Decoder::Over,
            turn: 0,
            broken: false,
            held: false,
            interim: Output::default(),
            watcher: None,
        }
    }

    /// The body of the next request, which waits for a word of ours if it `expects` one.
    pub(super) fn body(this: &Rc<RefCell<Self>>, decoder: Decoder, expects: bool) -> Body {
        let mut client = this.borrow_mut();
        client.decoder = decoder;
        client.turn = client.turn.wrapping_add(1);
        client.held = true;
        if expects {
            client.interim.text.put(CONTINUE);
        }
        Body { client: this.clone(), turn: client.turn }
    }

    /// A response comes: what has not been said by now need not be.
    pub(super) fn answer(&mut self) {
        if self.interim.is_untouched() {
            self.interim.clear();
        }
    }

    /// Writes all of it.
    pub(super) fn poll_write(&mut self, output: &mut Output, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.interim.is_done() {
            ready!(self.interim.poll_write(&mut self.stream, cx))?;
        }
        output.poll_write(&mut self.stream, cx)
    }

    /// Whether the next byte is that of another request.
    pub(super) fn is_read(&self) -> bool {
        self.decoder == Decoder::Over && !self.broken
    }

    /// Whether nothing more has come, as far as is known.
    pub(super) fn is_quiet(&self) -> bool {
        self.is_read() && self.input.bytes.is_empty()
    }

    /// Whether somebody may still read the body.
    pub(super) fn is_held(&self) -> bool {
        self.held && !self.is_read()
    }

    /// Reads more; 0: the client has closed.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.input.poll_fill(&mut self.stream, self.decoder.ahead(), cx)
    }

    /// Ready when the client has gone. It is asked without a read as long as nothing has come.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_held() {
            // Who reads the body sees it.
            if self.watcher.as_ref().is_none_or(|watcher| !watcher.will_wake(cx.waker())) {
                self.watcher = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        // As long as there are bytes before it, the end is not seen.
        if !self.input.bytes.is_empty() || self.stream.poll_read_ready(cx).is_pending() {
            return Poll::Pending;
        }
        match ready!(self.poll_fill(cx)) {
            Ok(1..) => Poll::Pending,
            Ok(0) | Err(_) => Poll::Ready(()),
        }
    }

    /// Reads what is there of a body that nobody wants. Whether that was all of it.
    pub(super) fn drain(&mut self, cx: &mut Context<'_>) -> bool {
        self.turn = self.turn.wrapping_add(1);
        self.held = false;
        let mut left = UNWANTED;
        while !self.is_read() && !self.broken {
            let before = self.input.bytes.len();
            match self.decoder.step(&mut self.input.bytes, Peer::Client) {
                Err(_) => self.broken = true,
                Ok(Step::Over) => {}
                Ok(Step::Frame(_)) => left = left.saturating_sub(before - self.input.bytes.len()),
                Ok(Step::More) if left > 0 && matches!(self.poll_fill(cx), Poll::Ready(Ok(1..))) => {}
                Ok(Step::More) => return false,
            }
        }
        self.is_read()
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ClientFailure>>> {
        if !self.interim.is_done() && ready!(self.interim.poll_write(&mut self.stream, cx)).is_err() {
            return Poll::Ready(Some(Err(self.fail())));
        }
        loop {
            match self.decoder.step(&mut self.input.bytes, Peer::Client) {
                Ok(Step::Frame(frame)) => {
                    self.tell(Some(cx.waker()));
                    return Poll::Ready(Some(Ok(frame)));
                }
                Ok(Step::Over) => {
                    self.tell(Some(cx.waker()));
                    return Poll::Ready(None);
                }
                Ok(Step::More) => {}
                Err(_) => return Poll::Ready(Some(Err(self.fail()))),
            }
            match ready!(self.poll_fill(cx)) {
                Ok(1..) => {}
                Ok(0) | Err(_) => return Poll::Ready(Some(Err(self.fail()))),
            }
        }
    }

    fn fail(&mut self) -> ClientFailure {
        self.broken = true;
        ClientFailure::Broken
    }

    /// The connection reads again once the body is over; whoever read may be another task.
    fn tell(&mut self, reader: Option<&Waker>) {
        if !self.is_held()
            && let Some(watcher) = self.watcher.take()
            && !reader.is_some_and(|reader| reader.will_wake(&watcher))
        {
            watcher.wake();
        }
    }
}

// === impl Body ===

impl Body {
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ClientFailure>>> {
        let mut client = self.client.borrow_mut();
        if client.turn != self.turn {
            return Poll::Ready(Some(Err(ClientFailure::Broken)));
        }
        client.poll_frame(cx)
    }

    pub(crate) fn is_over(&self) -> bool {
        let client = self.client.borrow();
        client.turn == self.turn && client.is_read()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        match self.client.borrow().decoder {
            Decoder::Over => SizeHint::with_exact(0),
            Decoder::Length(left) => SizeHint::with_exact(left),
            _ => SizeHint::default(),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let mut client = self.client.borrow_mut();
        if client.turn == self.turn {
            client.held = false;
            client.tell(None);
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("turn", &self.turn).finish_non_exhaustive()
    }
}
