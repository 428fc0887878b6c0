//! The body of a response. When it has ended well its connection may be used again.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame};
use hyper::body::Incoming;
use tokio::time::timeout;

use super::connection::Connection;
use super::pool::{self, Key};
use super::{Error, Keepalive};

/// The body.
#[derive(Debug)]
pub struct Body {
    incoming: Incoming,
    connection: Option<Box<Connection>>,
    home: Option<(Key, Keepalive)>,
    bound: Duration,
}

// === impl Body ===

impl Body {
    pub(super) fn new(
        incoming: Incoming,
        connection: Box<Connection>,
        home: Option<(Key, Keepalive)>,
        bound: Duration,
    ) -> Self {
        let mut body = Self { incoming, connection: Some(connection), home, bound };
        if body.incoming.is_end_stream() {
            body.release(&mut Context::from_waker(Waker::noop()));
        }
        body
    }

    /// The next bytes; `None` at the end.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let next = timeout(self.bound, poll_fn(|cx| self.poll_frame(cx)));
            match next.await.map_err(|_| Error::Late)?.transpose().map_err(Error::Broken)? {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    /// All of it, if it is not larger than `limit`.
    pub async fn collect(mut self, limit: usize) -> Result<Bytes, Error> {
        let Some(first) = self.piece().await? else { return Ok(Bytes::new()) };
        if first.len() > limit {
            return Err(Error::TooLarge(limit));
        }
        let mut all = BytesMut::new();
        while let Some(piece) = self.piece().await? {
            if all.is_empty() {
                all.extend_from_slice(&first);
            }
            if all.len() + piece.len() > limit {
                return Err(Error::TooLarge(limit));
            }
            all.extend_from_slice(&piece);
        }
        Ok(if all.is_empty() { first } else { all.freeze() })
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        // The first look may only tell the connection that somebody wants to read; the second gets what is there.
        for _ in 0..2 {
            if let Some(connection) = &mut self.connection {
                connection.drive(cx);
            }
            let next = Pin::new(&mut self.incoming).poll_frame(cx);
            match &next {
                Poll::Pending => continue,
                Poll::Ready(Some(Err(_))) => self.connection = None,
                Poll::Ready(None) => self.release(cx),
                Poll::Ready(Some(Ok(_))) if self.incoming.is_end_stream() => self.release(cx),
                Poll::Ready(Some(Ok(_))) => {}
            }
            return next;
        }
        Poll::Pending
    }

    fn release(&mut self, cx: &mut Context<'_>) {
        if let (Some(mut connection), Some((key, keepalive))) = (self.connection.take(), self.home.take()) {
            // The connection has yet to notice that its response is over.
            connection.drive(cx);
            pool::put(key, connection, keepalive);
        }
    }
}
