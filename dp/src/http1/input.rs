//! What has come over a stream and was not taken yet.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use tokio::io::AsyncReadExt as _;

use crate::stream::Stream;

/// What is read at once before it is known how much is to come.
const READ: usize = 8 * 1024;
/// What is read at once of a large body.
const READ_MOST: usize = 128 * 1024;

/// The bytes.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) bytes: BytesMut,
    /// How much more room the next read gets.
    room: usize,
}

// === impl Input ===

impl Input {
    /// These bytes have come already.
    pub(crate) fn new(bytes: BytesMut) -> Self {
        Self { bytes, room: READ }
    }

    /// Reads more; 0: the other side has closed. So many bytes of a body are certainly to come.
    pub(crate) fn poll_fill(
        &mut self,
        stream: &mut Stream,
        ahead: Option<u64>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let ahead = ahead.and_then(|left| usize::try_from(left).ok());
        let wanted = ahead.map_or(self.room, |left| left.saturating_add(64).clamp(READ / 2, READ_MOST));
        let bytes = &mut self.bytes;
        if bytes.capacity() - bytes.len() < wanted / 2 {
            bytes.reserve(wanted);
        }
        let room = bytes.capacity() - bytes.len();
        let count = ready!(pin!(stream.read_buf(bytes)).poll(cx))?;
        self.room = if count == room { (self.room * 2).min(READ_MOST) } else { READ };
        Poll::Ready(Ok(count))
    }

    /// Gives back memory that is not needed while nothing comes.
    pub(crate) fn rest(&mut self) {
        if self.bytes.is_empty() && self.bytes.capacity() > 2 * READ {
            self.bytes = BytesMut::new();
        }
        self.room = READ;
    }
}
