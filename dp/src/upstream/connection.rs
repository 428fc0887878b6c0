//! One HTTP/1.1 connection to a node. Whoever uses it also drives it: request, response and connection run in the
//! client's task, with no task of its own and no hand-over between tasks.

use std::future::poll_fn;
use std::task::{Context, Waker};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::body::RequestBody;
use super::error::Failure;
use super::patience::{self, SendError};
use super::pool::Key;
use crate::resource::Timeouts;
use crate::stream::Stream;

type Driver = http1::Connection<TokioIo<Stream>, RequestBody>;

/// The connection.
pub struct Connection {
    sender: SendRequest<RequestBody>,
    driver: Driver,
    /// The driver has come to its end: closed, broken or upgraded.
    over: bool,
    /// Where it belongs in the pool.
    pub(super) key: Key,
    /// Requests it has carried.
    pub(super) served: u32,
    /// Since when it lies in the pool.
    pub(super) idle_since: Instant,
}

// === impl Connection ===

impl Connection {
    /// Takes over a fresh stream.
    pub async fn new(stream: Stream, key: Key, header_bytes: usize) -> Result<Self, Failure> {
        let mut builder = http1::Builder::new();
        builder.max_buf_size(header_bytes.max(64 * 1024));
        let (sender, driver) = builder.handshake(TokioIo::new(stream)).await.map_err(Failure::Broken)?;
        Ok(Self { sender, driver, over: false, key, served: 0, idle_since: Instant::now() })
    }

    /// Whether an idle connection still stands. Nobody drives it while it lies in the pool, so this looks.
    pub fn is_usable(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.is_idle()
    }

    /// Lets the connection make progress. The one who waits for it must call this in each poll.
    pub fn drive(&mut self, cx: &mut Context<'_>) {
        // What it ends with, whoever waits for the response learns from the response.
        self.over = self.over || self.driver.poll_without_shutdown(cx).is_ready();
    }

    /// Whether the next request may be sent.
    pub fn is_idle(&self) -> bool {
        !self.over && self.sender.is_ready()
    }

    /// Sends a request and waits for the head of its response.
    pub async fn send(
        &mut self,
        request: Request<RequestBody>,
        timeouts: &Timeouts,
    ) -> Result<Response<Incoming>, SendError> {
        self.served = self.served.saturating_add(1);
        let progress = request.body().progress();
        let response = self.sender.try_send_request(request);
        let (driver, over) = (&mut self.driver, &mut self.over);
        patience::head(response, progress, timeouts, |cx| {
            *over = *over || driver.poll_without_shutdown(cx).is_ready();
        })
        .await
    }

    /// Takes the stream out after a response with status 101, with the bytes that came after the head.
    pub async fn into_upgraded(mut self: Box<Self>) -> Option<(Stream, bytes::Bytes)> {
        if !self.over {
            poll_fn(|cx| self.driver.poll_without_shutdown(cx)).await.ok()?;
        }
        let parts = self.driver.into_parts();
        Some((parts.io.into_inner(), parts.read_buf))
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("key", &self.key).field("served", &self.served).finish_non_exhaustive()
    }
}
