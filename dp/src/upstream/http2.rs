//! An HTTP/2 connection to a node: many requests at a time, so a task of its own drives it.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{HOST, HeaderValue, TE};
use http::{Request, Version, response, uri};
use http_body::{Body as _, Frame};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::alarm::Alarm;
use super::body::RequestBody;
use super::error::Failure;
use super::link::Ask;
use super::patience::{Patience, SendError};
use crate::resource::Timeouts;
use crate::stream::Stream as Transport;
use crate::worker::{LocalExecutor, spawn};

/// The connection, as it stands in the pool.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<RequestBody>,
    /// One more than there are streams.
    streams: Rc<()>,
    /// How many the node takes at a time.
    most: Rc<Cell<usize>>,
    served: u32,
    /// Since when it has had no stream.
    idle_since: Instant,
}

/// A place for one request on a connection. It counts until it is dropped.
#[derive(Debug)]
pub struct Stream {
    sender: SendRequest<RequestBody>,
    incoming: Option<Incoming>,
    /// For whoever waits.
    pub(super) alarm: Alarm,
    _counted: Rc<()>,
}

// === impl Connection ===

impl Connection {
    /// Takes over a fresh transport.
    pub(super) async fn new(transport: Transport, header_bytes: usize) -> Result<Self, Failure> {
        let mut builder = Builder::new(LocalExecutor);
        builder.max_header_list_size(u32::try_from(header_bytes.max(64 * 1024)).unwrap_or(u32::MAX));
        let (sender, mut driver) =
            builder.handshake(TokioIo::new(transport)).await.map_err(|error| Failure::Broken(error.into()))?;
        let most = Rc::new(Cell::new(driver.current_max_send_streams()));
        let told = most.clone();
        spawn(async move {
            let driven = poll_fn(|cx| {
                let over = Pin::new(&mut driver).poll(cx);
                // The node may say at any time how many it takes.
                told.set(driver.current_max_send_streams());
                over
            });
            // Whoever waits for a response learns the error there.
            driven.await.ok();
        });
        Ok(Self { sender, streams: Rc::new(()), most, served: 0, idle_since: Instant::now() })
    }

    /// Whether it may carry another request now.
    pub(super) fn has_room(&self) -> bool {
        self.stands() && self.streams() < self.most.get()
    }

    /// Whether it still stands, as far as its driver knows.
    pub(super) fn stands(&self) -> bool {
        self.sender.is_ready()
    }

    /// A place for another request; tells how many there have been.
    pub(super) fn stream(&mut self) -> (Stream, u32) {
        self.served = self.served.saturating_add(1);
        self.idle_since = Instant::now();
        let (sender, counted) = (self.sender.clone(), self.streams.clone());
        (Stream { sender, incoming: None, alarm: Alarm::default(), _counted: counted }, self.served)
    }

    /// Since when nobody has used it; `None` while somebody does.
    pub(super) fn idle_since(&mut self, now: Instant) -> Option<Instant> {
        if self.streams() > 0 {
            self.idle_since = now;
            return None;
        }
        Some(self.idle_since)
    }

    fn streams(&self) -> usize {
        Rc::strong_count(&self.streams) - 1
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
        let progress = body.progress();
        let patience = Patience::new(timeouts, progress.as_deref(), now);
        let mut response = pin!(self.sender.try_send_request(request(ask, body)));
        let result = poll_fn(|cx| match response.as_mut().poll(cx) {
            Poll::Ready(result) => Poll::Ready(Ok(result)),
            Poll::Pending => patience.poll_over(&mut self.alarm, cx).map(Err),
        });
        match result.await {
            Ok(Ok(response)) => {
                let (parts, incoming) = response.into_parts();
                self.incoming = Some(incoming);
                Ok(parts)
            }
            Ok(Err(mut error)) => {
                if let Some(request) = error.take_message() {
                    return Err(SendError::Unsent(request.into_body()));
                }
                let of_client = progress.and_then(|progress| progress.failure());
                Err(SendError::Failed(match of_client {
                    Some(failure) => failure.into(),
                    None => Failure::Broken(error.into_error().into()),
                }))
            }
            Err(late) => Err(SendError::Failed(late)),
        }
    }

    /// The next piece of the response's body.
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.incoming.as_mut().map_or(Poll::Ready(None), |incoming| Pin::new(incoming).poll_frame(cx))
    }

    /// The response's body, once its head is there.
    pub(super) fn incoming(&self) -> Option<&Incoming> {
        self.incoming.as_ref()
    }
}

/// What stands in the request line and in `Host` has other names in HTTP/2.
fn request(ask: &Ask<'_>, body: RequestBody) -> Request<RequestBody> {
    let mut request = Request::new(body);
    *request.method_mut() = ask.method.clone();
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = ask.headers.clone();
    request.headers_mut().remove(HOST);
    for (name, value) in ask.told {
        request.headers_mut().insert(*name, (*value).clone());
    }
    let authority = |host: &HeaderValue| uri::Authority::try_from(host.as_bytes()).ok();
    let mut parts = uri::Parts::default();
    parts.scheme = Some(if ask.tls { uri::Scheme::HTTPS } else { uri::Scheme::HTTP });
    parts.authority = authority(ask.host).or_else(|| authority(ask.node));
    // A target without authority is `*`, which has no form with one.
    let target = ask.target.parse().ok().filter(|_| ask.target != "*");
    parts.path_and_query = Some(target.unwrap_or_else(|| uri::PathAndQuery::from_static("/")));
    *request.uri_mut() = uri::Uri::from_parts(parts).unwrap_or_default();
    // gRPC servers take no request without it: they answer with trailers.
    request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    request
}
