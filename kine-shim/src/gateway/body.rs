//! The bodies of requests: one object, or for the methods that take a stream one object after another.

use axum::body::Body;
use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use http_body_util::BodyExt as _;
use portolan_etcd_proto::schema::Message;
use tonic::Status;

use super::json::{self, Error};
use crate::app::MAX_MESSAGE_BYTES;

/// Largest body of a single request: the largest message, in base64, and room for names and numbers around it.
const MAX_BODY_BYTES: usize = 2 * MAX_MESSAGE_BYTES;
/// Largest object of a stream of requests. A watch names two keys; each segment that comes is looked at with all that came before
/// it, so this also bounds that work.
const MAX_STREAMED_BYTES: usize = 256 * 1024;

/// The objects of a streaming request, each as the bytes of a message.
pub(super) struct Messages {
    body: Body,
    buffer: BytesMut,
    message: &'static Message,
}

/// Reads a request of one object. As in etcd an empty body is an empty object, and what follows the object is not looked at.
pub(super) async fn single(body: Body, message: &'static Message) -> Result<Vec<u8>, Status> {
    let text = all(body).await?;
    match json::parse(&text) {
        Ok((value, _)) => json::read(message, &value).map_err(Status::invalid_argument),
        Err(Error::Empty) => Ok(Vec::new()),
        Err(error) => Err(Status::invalid_argument(error.to_string())),
    }
}

/// Takes in what comes of a body that nobody wants, within limits: a connection that is closed before the client has sent
/// everything may take the answer with it.
pub(crate) async fn drain(body: Body) {
    let mut body = body.into_data_stream();
    let mut rest = MAX_STREAMED_BYTES;
    while let Some(Ok(piece)) = body.next().await {
        match rest.checked_sub(piece.len()) {
            Some(less) => rest = less,
            None => return,
        }
    }
}

async fn all(body: Body) -> Result<Bytes, Status> {
    let mut body = body.into_data_stream();
    // Most bodies come as one piece, which then needs no copy.
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|_| Status::cancelled("the request did not arrive whole"))?;
        let size = first.len().max(joined.len()) + piece.len();
        if size > MAX_BODY_BYTES {
            return Err(too_large(size));
        }
        if first.is_empty() {
            first = piece;
            continue;
        }
        if joined.is_empty() {
            joined.extend_from_slice(&first);
        }
        joined.extend_from_slice(&piece);
    }
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}

fn too_large(size: usize) -> Status {
    Status::resource_exhausted(format!("grpc: received message larger than max ({size} vs. {MAX_MESSAGE_BYTES})"))
}

// === impl Messages ===

impl Messages {
    pub(super) fn new(body: Body, message: &'static Message) -> Self {
        Self { body, buffer: BytesMut::new(), message }
    }

    /// The next object; `None` when the client is done.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
        loop {
            let incomplete = match json::parse(&self.buffer) {
                Ok((value, end)) => {
                    let message = json::read(self.message, &value)?;
                    self.buffer.advance(end);
                    return Ok(Some(message));
                }
                Err(Error::Syntax(text)) => return Err(text),
                Err(error) => error,
            };
            let piece = match self.body.frame().await {
                Some(Ok(frame)) => Some(Ok(frame.into_data().unwrap_or_default())),
                Some(Err(error)) => Some(Err(error)),
                None => None,
            };
            match piece {
                Some(Ok(piece)) if self.buffer.len() + piece.len() <= MAX_STREAMED_BYTES => {
                    self.buffer.extend_from_slice(&piece);
                }
                Some(Ok(_)) => return Err("the request is too large".to_owned()),
                // As in etcd, a body that is cut off says nothing more.
                Some(Err(_)) => return Ok(None),
                None if incomplete == Error::Empty => return Ok(None),
                None => return Err(incomplete.to_string()),
            }
        }
    }

    /// See [`drain`].
    pub(super) async fn drain(self) {
        drain(self.body).await;
    }

    /// All of them, with one that was read before. As in etcd one that can't be read ends the requests and nothing else: what was
    /// asked before is still answered.
    pub(super) fn after(self, first: Option<Vec<u8>>) -> impl Stream<Item = Vec<u8>> + Send {
        let rest = stream::unfold(self, |mut messages| async {
            let message = messages.next().await.ok().flatten()?;
            Some((message, messages))
        });
        stream::iter(first).chain(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_in_pieces_is_the_same_body() {
        let whole = Bytes::from_iter(0..=255_u8);
        for size in [1, 2, 50, 128, 255, 256] {
            let pieces: Vec<_> = whole.chunks(size).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
            let body = Body::from_stream(stream::iter(pieces));
            assert_eq!(all(body).await.unwrap(), whole, "in pieces of {size}");
        }
    }
}
