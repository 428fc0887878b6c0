//! Bodies on their way through: the request's to a node, the response's to the client. Both stream; nothing is held
//! beyond one piece, unless a plugin asks for a request's body whole.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

use super::Keepalive;
use super::alarm::Alarm;
use super::error::{BoxError, ClientFailure};
use super::incoming::Incoming;
use super::link::Link;
use crate::config::Limits;

/// The body of a request: none, held in memory, or the client's, watched for size and silence.
#[derive(Debug)]
pub struct RequestBody {
    source: Source,
}

#[derive(Debug)]
enum Source {
    None,
    Held(Bytes),
    Client(Box<Client>),
}

#[derive(Debug)]
struct Client {
    incoming: Incoming,
    left: u64,
    /// See [`Limits::held_body_bytes`].
    held: u64,
    silence: Silence,
    alarm: Alarm,
    progress: Rc<Progress>,
    /// See [`RequestBody::copy`].
    copies: Vec<(Rc<RefCell<BytesMut>>, usize)>,
}

/// How far a request body is; read by whoever waits for the response.
#[derive(Debug)]
pub struct Progress {
    last: Cell<Instant>,
    received: Cell<u64>,
    state: Cell<State>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Sending,
    WaitsForClient,
    Finished,
    Failed(ClientFailure),
}

/// The body of a node's response. When it has ended well, its connection goes back to the pool.
#[derive(Debug)]
pub struct ResponseBody {
    /// Unset when it is over.
    link: Option<Link>,
    keepalive: Keepalive,
    silence: Silence,
    /// When its head was there, as long as it came at once from then on.
    since: Option<Instant>,
}

/// Why a response body ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The node broke off.
    #[error("the node broke off its response")]
    Broken(#[source] BoxError),
    /// The node fell silent.
    #[error("the node's response took too long")]
    Late,
}

/// How long somebody has waited.
#[derive(Debug)]
struct Silence {
    bound: Duration,
    /// When it is too long, while somebody waits.
    end: Option<Instant>,
}

// === impl RequestBody ===

impl RequestBody {
    /// No body.
    #[must_use]
    pub fn empty() -> Self {
        Self { source: Source::None }
    }

    /// The client's body within these limits.
    #[must_use]
    pub fn new(incoming: Incoming, limits: &Limits) -> Self {
        if incoming.is_end_stream() {
            return Self::empty();
        }
        let progress =
            Progress { last: Cell::new(Instant::now()), received: Cell::new(0), state: Cell::new(State::Sending) };
        let client = Client {
            incoming,
            left: limits.max_body(),
            held: limits.held_body_bytes,
            silence: Silence::new(limits.body_timeout()),
            alarm: Alarm::default(),
            progress: Rc::new(progress),
            copies: Vec::new(),
        };
        Self { source: Source::Client(Box::new(client)) }
    }

    /// These bytes.
    #[must_use]
    pub fn held(bytes: Bytes) -> Self {
        Self { source: if bytes.is_empty() { Source::None } else { Source::Held(bytes) } }
    }

    /// Reads the body to its end, at most [`Limits::held_body_bytes`]. From then on it is held, so that it can be read
    /// and sent more than once. Trailers are dropped.
    ///
    /// # Errors
    /// The client's failure; the body is lost then and the request cannot go on.
    pub async fn hold(&mut self) -> Result<Bytes, ClientFailure> {
        let bytes = match &mut self.source {
            Source::None => return Ok(Bytes::new()),
            Source::Held(bytes) => return Ok(bytes.clone()),
            Source::Client(client) => {
                client.left = client.left.min(client.held);
                client.read_whole().await
            }
        };
        *self = Self::held(bytes.clone().unwrap_or_default());
        bytes
    }

    /// Lowers what [`Self::hold`] reads at most.
    pub fn lower_limit(&mut self, limit: u64) {
        if let Source::Client(client) = &mut self.source {
            client.held = client.held.min(limit);
        }
    }

    /// A copy of its first bytes, which grows as they pass.
    pub fn copy(&mut self, limit: usize) -> Rc<RefCell<BytesMut>> {
        let copy = Rc::<RefCell<BytesMut>>::default();
        match &mut self.source {
            Source::None => {}
            Source::Held(bytes) => copy.borrow_mut().extend_from_slice(&bytes[..limit.min(bytes.len())]),
            Source::Client(client) => client.copies.push((copy.clone(), limit)),
        }
        copy
    }

    /// The same body once more, as long as it does not come from the client piece by piece.
    #[must_use]
    pub fn spare(&self) -> Option<Self> {
        match &self.source {
            Source::None => Some(Self::empty()),
            Source::Held(bytes) => Some(Self::held(bytes.clone())),
            Source::Client(_) => None,
        }
    }

    /// Its progress, if it comes from the client piece by piece.
    #[must_use]
    pub fn progress(&self) -> Option<Rc<Progress>> {
        match &self.source {
            Source::Client(client) => Some(client.progress.clone()),
            Source::None | Source::Held(_) => None,
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = ClientFailure;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ClientFailure>>> {
        let this = self.get_mut();
        match &mut this.source {
            Source::None => Poll::Ready(None),
            Source::Held(bytes) => {
                let bytes = std::mem::take(bytes);
                this.source = Source::None;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Source::Client(client) => client.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::None => true,
            Source::Held(_) => false,
            Source::Client(client) => client.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::None => SizeHint::with_exact(0),
            Source::Held(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Client(client) => client.incoming.size_hint(),
        }
    }
}

// === impl Client ===

impl Client {
    async fn read_whole(&mut self) -> Result<Bytes, ClientFailure> {
        let mut whole = BytesMut::new();
        while let Some(frame) = poll_fn(|cx| self.poll_frame(cx)).await {
            if let Ok(data) = frame?.into_data() {
                whole.extend_from_slice(&data);
            }
        }
        Ok(whole.freeze())
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ClientFailure>>> {
        let failure = match self.incoming.poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.silence.broken();
                let size = frame.data_ref().map_or(0, |data| data.remaining() as u64);
                for (copy, limit) in &self.copies {
                    let mut copy = copy.borrow_mut();
                    let data = frame.data_ref().map_or(&b""[..], |data| data);
                    let left = limit.saturating_sub(copy.len()).min(data.len());
                    copy.extend_from_slice(&data[..left]);
                }
                match self.left.checked_sub(size) {
                    Some(left) => {
                        self.left = left;
                        self.progress.received.set(self.progress.received.get() + size);
                        let end = self.incoming.is_end_stream();
                        self.progress.step(if end { State::Finished } else { State::Sending });
                        return Poll::Ready(Some(Ok(frame)));
                    }
                    None => ClientFailure::TooLarge,
                }
            }
            Poll::Ready(Some(Err(failure))) => failure,
            Poll::Ready(None) => {
                self.progress.step(State::Finished);
                return Poll::Ready(None);
            }
            Poll::Pending => {
                self.progress.state.set(State::WaitsForClient);
                if self.silence.poll_too_long(&mut self.alarm, cx).is_pending() {
                    return Poll::Pending;
                }
                ClientFailure::TooSlow
            }
        };
        self.progress.step(State::Failed(failure));
        Poll::Ready(Some(Err(failure)))
    }
}

// === impl Progress ===

impl Progress {
    /// Whether the whole body has been handed over.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.state.get() == State::Finished
    }

    /// Whether the next piece has to come from the client.
    #[must_use]
    pub fn waits_for_client(&self) -> bool {
        self.state.get() == State::WaitsForClient
    }

    /// What was wrong with the client's body.
    #[must_use]
    pub fn failure(&self) -> Option<ClientFailure> {
        match self.state.get() {
            State::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    /// When the last piece was handed over.
    #[must_use]
    pub fn last(&self) -> Instant {
        self.last.get()
    }

    /// Bytes so far.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received.get()
    }

    fn step(&self, state: State) {
        self.last.set(Instant::now());
        self.state.set(state);
    }
}

// === impl ResponseBody ===

impl ResponseBody {
    /// The body of the response that came over this link.
    #[must_use]
    pub fn new(link: Link, keepalive: Keepalive, bound: Duration, now: Instant) -> Self {
        let mut body = Self { link: Some(link), keepalive, silence: Silence::new(bound), since: Some(now) };
        body.release_at_end();
        body
    }

    fn release_at_end(&mut self) {
        if let Some(link) = self.link.take_if(|link| link.is_over()) {
            link.release(self.keepalive, self.since.unwrap_or_else(Instant::now));
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        let Some(link) = &mut this.link else { return Poll::Ready(None) };
        match link.poll_frame(cx) {
            Poll::Ready(next) => {
                this.silence.broken();
                if matches!(next, Some(Err(_))) {
                    this.link = None;
                } else {
                    this.release_at_end();
                }
                Poll::Ready(next)
            }
            Poll::Pending => {
                this.since = None;
                this.silence.poll_too_long(link.alarm(), cx).map(|()| {
                    this.link = None;
                    Some(Err(Error::Late))
                })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.link.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.link.as_ref().map_or(SizeHint::with_exact(0), Link::size_hint)
    }
}

// === impl Silence ===

impl Silence {
    fn new(bound: Duration) -> Self {
        Self { bound, end: None }
    }

    fn broken(&mut self) {
        self.end = None;
    }

    /// The time counts from the first call after [`Self::broken`]: while nobody asks, nobody waits.
    fn poll_too_long(&mut self, alarm: &mut Alarm, cx: &mut Context<'_>) -> Poll<()> {
        let end = *self.end.get_or_insert_with(|| Instant::now() + self.bound);
        alarm.poll(end, cx)
    }
}
