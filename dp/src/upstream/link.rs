//! What a request goes over: a connection of its own for HTTP/1.1, or a part of one for HTTP/2.

use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, response};
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::Instant;

use super::Keepalive;
use super::alarm::Alarm;
use super::body::{Error, RequestBody};
use super::error::Failure;
use super::http1::{self, Form, Lines};
use super::http2;
use super::patience::SendError;
use super::pool::{self, Key, Pool};
use crate::resource::Timeouts;
use crate::stream::Stream;

/// What a node is asked. It is borrowed: the request stays where it is, for a repetition and for later phases.
#[derive(Debug)]
pub struct Ask<'a> {
    /// The method.
    pub method: &'a Method,
    /// Path and query, or `*`.
    pub target: &'a str,
    /// The client's headers. Its `Host` and those that `told` names do not pass.
    pub headers: &'a HeaderMap,
    /// What the gateway says of the client.
    pub told: &'a [(&'a HeaderName, &'a HeaderValue)],
    /// The host that the node sees.
    pub host: &'a HeaderValue,
    /// The protocol that the connection is to become.
    pub upgrade: Option<&'a HeaderValue>,
    /// The same where that is no host.
    pub node: &'a HeaderValue,
    /// Whether TLS is spoken to the node.
    pub tls: bool,
    /// How the headers of its response are wanted.
    pub form: Form,
}

/// What a request goes over.
#[derive(Debug)]
pub enum Link {
    /// The whole connection.
    Whole(Box<http1::Connection>),
    /// One of its streams.
    Part(Box<http2::Stream>),
}

// === impl Link ===

impl Link {
    /// Takes over a fresh stream.
    pub async fn new(
        stream: Stream,
        key: &Key,
        header_bytes: usize,
        keepalive: Keepalive,
        pool: &Rc<Pool>,
    ) -> Result<Self, Failure> {
        if key.http2 {
            let connection = http2::Connection::new(stream, header_bytes).await?;
            return Ok(Self::Part(Box::new(pool.share(key, connection, keepalive))));
        }
        Ok(Self::Whole(Box::new(http1::Connection::new(stream, pool.place(key, keepalive), header_bytes))))
    }

    /// Sends a request, now, and waits for the head of its response.
    pub async fn send(
        &mut self,
        ask: &Ask<'_>,
        body: RequestBody,
        timeouts: &Timeouts,
        now: Instant,
    ) -> Result<response::Parts, SendError> {
        match self {
            Self::Whole(connection) => connection.send(ask, body, timeouts, now).await,
            Self::Part(stream) => Box::pin(stream.send(ask, body, timeouts, now)).await,
        }
    }

    /// The headers of the response that came, where they are lines and not in its map.
    pub fn take_lines(&mut self) -> Option<Lines> {
        match self {
            Self::Whole(connection) => connection.take_lines(),
            Self::Part(_) => None,
        }
    }

    /// The next piece of the response's body.
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self {
            Self::Whole(connection) => connection.poll_frame(cx).map_err(|broken| Error::Broken(broken.into())),
            Self::Part(stream) => stream.poll_frame(cx).map_err(|broken| Error::Broken(broken.into())),
        }
    }

    /// Whether the response's body is over.
    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Whole(connection) => connection.is_over(),
            Self::Part(stream) => stream.incoming().is_none_or(|incoming| incoming.is_end_stream()),
        }
    }

    /// How much of it is to come.
    pub(super) fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(connection) => connection.size_hint(),
            Self::Part(stream) => stream.incoming().map_or(SizeHint::with_exact(0), |incoming| incoming.size_hint()),
        }
    }

    /// For whoever waits.
    pub(super) fn alarm(&mut self) -> &mut Alarm {
        match self {
            Self::Whole(connection) => &mut connection.alarm,
            Self::Part(stream) => &mut stream.alarm,
        }
    }

    /// The response is over, since that moment at the latest.
    pub(super) fn release(self, keepalive: Keepalive, since: Instant) {
        if let Self::Whole(connection) = self {
            pool::put(connection, keepalive, since);
        }
    }
}
