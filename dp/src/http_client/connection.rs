//! One connection, driven by whoever waits for something on it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use crate::stream::Stream;
use crate::upstream::error::Failure;

pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: http1::Connection<TokioIo<Stream>, Full<Bytes>>,
    over: bool,
}

pub(super) enum SendError {
    /// Nothing was written.
    Unsent(Box<Request<Full<Bytes>>>, hyper::Error),
    Failed(hyper::Error),
}

// === impl Connection ===

impl Connection {
    pub(super) async fn new(stream: Stream) -> Result<Self, Failure> {
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (sender, driver) = shaken.map_err(|error| Failure::Broken(error.into()))?;
        Ok(Self { sender, driver, over: false })
    }

    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, SendError> {
        let mut response = pin!(self.sender.try_send_request(request));
        let (driver, over) = (&mut self.driver, &mut self.over);
        let result = poll_fn(|cx| {
            *over = *over || driver.poll_without_shutdown(cx).is_ready();
            response.as_mut().poll(cx)
        });
        result.await.map_err(|mut error| match error.take_message() {
            Some(request) => SendError::Unsent(Box::new(request), error.into_error()),
            None => SendError::Failed(error.into_error()),
        })
    }

    /// Lets the connection make progress.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        // What it ends with, whoever reads the response learns there.
        self.over = self.over || matches!(self.driver.poll_without_shutdown(cx), Poll::Ready(_));
    }

    /// Whether another request may be sent.
    pub(super) fn is_usable(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        !self.over && self.sender.is_ready()
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("over", &self.over).finish_non_exhaustive()
    }
}
