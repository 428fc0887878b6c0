//! An HTTP/2 connection to a node: many requests at a time, so a task of its own drives it. A request and its response need none: who
//! waits for the response sends the request meanwhile.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use http::header::{CONTENT_LENGTH, HOST, HeaderValue, TE};
use http::{HeaderMap, Method, Request, Version, response, uri};
use http_body::{Body as _, Frame};
use tokio::time::Instant;

use super::alarm::Alarm;
use super::body::RequestBody;
use super::error::Failure;
use super::link::Ask;
use super::patience::{Patience, SendError};
use crate::http2::{Gathered, Received, Sending, remove_of_connection};
use crate::resource::Timeouts;
use crate::stream::Stream as Transport;
use crate::worker::spawn;

/// What a node may send on one stream before it was read.
const STREAM_WINDOW: u32 = 2 * 1024 * 1024;
/// The same for all streams of a connection.
const CONNECTION_WINDOW: u32 = 5 * 1024 * 1024;
/// Streams that are opened before the node has said how many it takes: no node should take fewer (RFC 9113 6.5.2).
const FIRST_STREAMS: usize = 100;
/// Timers that a connection keeps for its next streams.
const SPARE: usize = 128;
/// Bytes of one stream that wait to be written.
const SEND_BUFFER: usize = 1024 * 1024;

/// The connection, as it stands in the pool.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Bytes>,
    state: Rc<State>,
    served: u32,
    /// Since when it has had no stream.
    idle_since: Instant,
}

/// What connection, driver and streams know of each other.
#[derive(Debug)]
struct State {
    /// Whether the driver runs and the node takes new streams, as far as is known.
    stands: Cell<bool>,
    streams: Cell<usize>,
    /// How many the node takes at a time.
    most: Cell<usize>,
    /// Of streams that are over. They are in the runtime's wheel already.
    alarms: RefCell<Vec<Alarm>>,
}

/// A place for one request on a connection. It counts until it is dropped.
#[derive(Debug)]
pub struct Stream {
    sender: SendRequest<Bytes>,
    incoming: Option<Received>,
    /// For whoever waits.
    pub(super) alarm: Alarm,
    state: Rc<State>,
}

/// A request on its way, and the way back.
struct Exchange {
    response: ResponseFuture,
    /// Whether the node has room for the stream. The body waits for that.
    open: bool,
    sending: Option<Sending<RequestBody>>,
}

// === impl Connection ===

impl Connection {
    /// Takes over a fresh transport.
    pub(super) async fn new(transport: Transport, header_bytes: usize) -> Result<Self, Failure> {
        let mut builder = Builder::new();
        builder
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .initial_max_send_streams(FIRST_STREAMS)
            .max_send_buffer_size(SEND_BUFFER)
            .max_header_list_size(u32::try_from(header_bytes.max(64 * 1024)).unwrap_or(u32::MAX))
            .enable_push(false);
        let (transport, gate) = Gathered::over(transport);
        let (sender, driver) = builder.handshake(transport).await.map_err(|error| Failure::Broken(error.into()))?;
        let mut driver = gate.behind(driver);
        let most = Cell::new(driver.connection().max_concurrent_send_streams());
        let state = Rc::new(State { stands: Cell::new(true), streams: Cell::new(0), most, alarms: RefCell::default() });
        let told = state.clone();
        spawn(async move {
            let driven = poll_fn(|cx| {
                let over = Pin::new(&mut driver).poll(cx);
                // The node may say at any time how many it takes.
                told.most.set(driver.connection().max_concurrent_send_streams());
                over
            });
            // Whoever waits for a response learns the error there.
            driven.await.ok();
            told.stands.set(false);
        });
        Ok(Self { sender, state, served: 0, idle_since: Instant::now() })
    }

    /// Whether it may carry another request now.
    pub(super) fn has_room(&self) -> bool {
        self.stands() && self.state.streams.get() < self.state.most.get()
    }

    /// Whether it still stands, as far as is known.
    pub(super) fn stands(&self) -> bool {
        self.state.stands.get()
    }

    /// A place for another request; tells how many there have been.
    pub(super) fn stream(&mut self) -> (Stream, u32) {
        self.served = self.served.saturating_add(1);
        self.idle_since = Instant::now();
        self.state.streams.update(|streams| streams + 1);
        let (sender, state) = (self.sender.clone(), self.state.clone());
        let alarm = state.alarms.borrow_mut().pop().unwrap_or_default();
        (Stream { sender, incoming: None, alarm, state }, self.served)
    }

    /// Since when nobody has used it; `None` while somebody does.
    pub(super) fn idle_since(&mut self, now: Instant) -> Option<Instant> {
        if self.state.streams.get() > 0 {
            self.idle_since = now;
            return None;
        }
        Some(self.idle_since)
    }
}

// === impl Stream ===

impl Stream {
    /// Sends a request and waits for the head of its response.
    pub(super) async fn send(
        &mut self,
        ask: &Ask<'_>,
        body: RequestBody,
        timeouts: &Timeouts,
        now: Instant,
    ) -> Result<response::Parts, SendError> {
        let taken = poll_fn(|cx| self.sender.poll_ready(cx)).await;
        if taken.is_err() {
            // It has ended, or the node has said that it will, or all numbers of streams are used up.
            self.state.stands.set(false);
            return Err(SendError::Unsent(body));
        }
        let progress = body.progress();
        let patience = Patience::new(timeouts, progress.as_deref(), now);
        let broken = |error: h2::Error| SendError::Failed(Failure::Broken(error.into()));
        let over = body.is_end_stream();
        let (response, stream) = self.sender.send_request(request(ask, &body), over).map_err(broken)?;
        let sending = (!over).then(|| Sending::new(stream, body));
        let mut exchange = Exchange { response, open: false, sending };
        let result = poll_fn(|cx| match exchange.poll(&mut self.sender, cx) {
            Poll::Ready(result) => Poll::Ready(Ok(result)),
            Poll::Pending => patience.poll_over(&mut self.alarm, cx).map(Err),
        });
        match result.await {
            Ok(Ok(response)) => {
                if let Some(mut sending) = exchange.sending {
                    // The node answers before it has heard all.
                    spawn(async move { poll_fn(|cx| sending.poll(cx)).await });
                }
                let (parts, incoming) = response.into_parts();
                self.incoming = Some(Received::new(incoming, &parts.headers));
                Ok(parts)
            }
            Ok(Err(error)) => match progress.and_then(|progress| progress.failure()) {
                Some(failure) => Err(SendError::Failed(failure.into())),
                None => Err(broken(error)),
            },
            Err(late) => Err(SendError::Failed(late)),
        }
    }

    /// The next piece of the response's body.
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        self.incoming.as_mut().map_or(Poll::Ready(None), |incoming| Pin::new(incoming).poll_frame(cx))
    }

    /// The response's body, once its head is there.
    pub(super) fn incoming(&self) -> Option<&Received> {
        self.incoming.as_ref()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.state.streams.update(|streams| streams - 1);
        let mut alarms = self.state.alarms.borrow_mut();
        if alarms.len() < SPARE && self.alarm.is_set() {
            alarms.push(std::mem::take(&mut self.alarm));
        }
    }
}

// === impl Exchange ===

impl Exchange {
    fn poll(
        &mut self,
        sender: &mut SendRequest<Bytes>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<http::Response<h2::RecvStream>, h2::Error>> {
        if !self.open
            && let Poll::Ready(opened) = sender.poll_ready(cx)
        {
            opened?;
            self.open = true;
        }
        if let Some(sending) = self.sending.as_mut().filter(|_| self.open)
            && sending.poll(cx).is_ready()
        {
            self.sending = None;
        }
        Pin::new(&mut self.response).poll(cx)
    }
}

/// What stands in the request line and in `Host` has other names in HTTP/2.
fn request(ask: &Ask<'_>, body: &RequestBody) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = ask.method.clone();
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = headers(ask, body);
    let authority = |host: &HeaderValue| uri::Authority::try_from(host.as_bytes()).ok();
    let mut parts = uri::Parts::default();
    parts.scheme = Some(if ask.tls { uri::Scheme::HTTPS } else { uri::Scheme::HTTP });
    parts.authority = authority(ask.host).or_else(|| authority(ask.node));
    // A target without authority is `*`, which has no form with one.
    let target = ask.target.parse().ok().filter(|_| ask.target != "*");
    parts.path_and_query = Some(target.unwrap_or_else(|| uri::PathAndQuery::from_static("/")));
    *request.uri_mut() = uri::Uri::from_parts(parts).unwrap_or_default();
    request
}

fn headers(ask: &Ask<'_>, body: &RequestBody) -> HeaderMap {
    // With room for all: a map that grows sorts its headers in anew.
    let mut headers = HeaderMap::with_capacity(ask.headers.len() + ask.told.len() + 2);
    for (name, value) in ask.headers {
        if *name != HOST && ask.told.iter().all(|(told, _)| *told != name) {
            headers.append(name, value.clone());
        }
    }
    remove_of_connection(&mut headers);
    for (name, value) in ask.told {
        headers.append(*name, (*value).clone());
    }
    // gRPC servers take no request without it: they answer with trailers.
    headers.insert(TE, HeaderValue::from_static("trailers"));
    // Of methods that usually have no body nobody expects to hear that there is none.
    let bodiless = matches!(*ask.method, Method::GET | Method::HEAD | Method::DELETE | Method::CONNECT);
    if let Some(length) = body.size_hint().exact().filter(|length| *length > 0 || !bodiless) {
        headers.entry(CONTENT_LENGTH).or_insert_with(|| length.into());
    }
    headers
}

#[cfg(test)]
mod tests;
