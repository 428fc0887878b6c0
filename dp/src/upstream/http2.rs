//! An HTTP/2 connection to a node: many requests at a time, so a task of its own drives it.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::body::RequestBody;
use super::error::Failure;
use super::patience::{self, SendError};
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
    _counted: Rc<()>,
}

// === impl Connection ===

impl Connection {
    /// Takes over a fresh transport.
    pub(super) async fn new(transport: Transport, header_bytes: usize) -> Result<Self, Failure> {
        let mut builder = Builder::new(LocalExecutor);
        builder.max_header_list_size(u32::try_from(header_bytes.max(64 * 1024)).unwrap_or(u32::MAX));
        let (sender, mut driver) = builder.handshake(TokioIo::new(transport)).await.map_err(Failure::Broken)?;
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
        (Stream { sender: self.sender.clone(), _counted: self.streams.clone() }, self.served)
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
        request: Request<RequestBody>,
        timeouts: &Timeouts,
    ) -> Result<Response<Incoming>, SendError> {
        let progress = request.body().progress();
        patience::head(self.sender.try_send_request(request), progress, timeouts, |_| ()).await
    }
}
