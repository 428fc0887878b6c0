//! What a request goes over: a connection of its own for HTTP/1.1, or a part of one for HTTP/2.

use std::rc::Rc;
use std::task::Context;

use http::{Request, Response};
use hyper::body::Incoming;

use super::Keepalive;
use super::body::RequestBody;
use super::connection::Connection;
use super::error::Failure;
use super::http2;
use super::patience::SendError;
use super::pool::{Key, Pool};
use crate::resource::Timeouts;
use crate::stream::Stream;

/// What a request goes over.
#[derive(Debug)]
pub enum Link {
    /// The whole connection.
    Whole(Box<Connection>),
    /// One of its streams.
    Part(http2::Stream),
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
            return Ok(Self::Part(pool.share(key, connection, keepalive)));
        }
        Ok(Self::Whole(Box::new(Connection::new(stream, key.clone(), header_bytes).await?)))
    }

    /// Sends a request and waits for the head of its response.
    pub async fn send(
        &mut self,
        request: Request<RequestBody>,
        timeouts: &Timeouts,
    ) -> Result<Response<Incoming>, SendError> {
        match self {
            Self::Whole(connection) => connection.send(request, timeouts).await,
            Self::Part(stream) => stream.send(request, timeouts).await,
        }
    }

    /// Lets the connection make progress; one that is shared does so by itself.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        if let Self::Whole(connection) = self {
            connection.drive(cx);
        }
    }

    /// The response is over.
    pub(super) fn release(self, pool: &Pool, keepalive: Keepalive, cx: &mut Context<'_>) {
        if let Self::Whole(mut connection) = self {
            // The connection has yet to notice that its response is over.
            connection.drive(cx);
            pool.put(connection, keepalive);
        }
    }
}
