//! What is to be written to a stream.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName};
use tokio::io::AsyncWrite as _;

use super::text::Text;
use crate::stream::Stream;

/// Pieces up to this size are copied beside the head, so that both leave together.
const SMALL: usize = 4 * 1024;
/// No more is gathered before it is written.
const ENOUGH: usize = 8 * 1024;

/// A head and a body on their way out.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// First this.
    pub(crate) text: Text,
    /// How much of it has been written.
    written: usize,
    /// Then this, which is too large to copy.
    piece: Bytes,
    /// Then this.
    tail: &'static [u8],
    /// Whether something was written that may still lie in the stream's buffers.
    unflushed: bool,
}

// === impl Output ===

impl Output {
    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        (self.written, self.piece, self.tail) = (0, Bytes::new(), b"");
    }

    /// Gives back memory that is not needed while nothing is written.
    pub(crate) fn rest(&mut self) {
        self.text.rest(ENOUGH);
    }

    /// Whether more should wait until this is written.
    pub(crate) fn is_full(&self) -> bool {
        !self.piece.is_empty() || self.text.len() >= ENOUGH
    }

    /// Whether all that was given has left.
    pub(crate) fn is_done(&self) -> bool {
        self.left() == 0 && !self.unflushed
    }

    /// Whether nothing has left since [`Self::clear`].
    pub(crate) fn is_untouched(&self) -> bool {
        self.written == 0
    }

    /// Bytes that are to be written.
    pub(crate) fn left(&self) -> usize {
        self.text.len() - self.written + self.piece.len() + self.tail.len()
    }

    /// Adds data. There must be room for it.
    pub(crate) fn put(&mut self, data: Bytes) {
        self.put_with(data, b"");
    }

    /// Adds data as a chunk. There must be room for it.
    pub(crate) fn put_chunk(&mut self, data: Bytes) {
        self.text.number(data.len() as u64, 16);
        self.text.put(b"\r\n");
        self.put_with(data, b"\r\n");
    }

    /// Ends the chunks, with those trailers that were announced. There must be room for it.
    pub(crate) fn end_chunks(&mut self, trailers: &HeaderMap, announced: &[HeaderName]) {
        self.text.put(b"0\r\n");
        for (name, value) in trailers {
            if announced.contains(name) {
                self.text.header(name, value);
            }
        }
        self.text.put(b"\r\n");
    }

    fn put_with(&mut self, data: Bytes, tail: &'static [u8]) {
        debug_assert!(self.piece.is_empty() && self.tail.is_empty());
        if data.len() <= SMALL {
            self.text.put(&data);
            self.text.put(tail);
        } else {
            self.piece = data;
            self.tail = tail;
        }
    }

    /// Writes all of it.
    pub(crate) fn poll_write(&mut self, stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let (text, piece, tail) = (&self.text.as_slice()[self.written..], &self.piece, self.tail);
            if text.is_empty() && piece.is_empty() && tail.is_empty() {
                break;
            }
            let stream = Pin::new(&mut *stream);
            let mut count = if piece.is_empty() && tail.is_empty() {
                ready!(stream.poll_write(cx, text))?
            } else {
                let slices = [IoSlice::new(text), IoSlice::new(piece), IoSlice::new(tail)];
                ready!(stream.poll_write_vectored(cx, &slices))?
            };
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
            let of_text = count.min(text.len());
            self.written += of_text;
            count -= of_text;
            let of_piece = count.min(piece.len());
            let _written = self.piece.split_to(of_piece);
            self.tail = &tail[count - of_piece..];
        }
        if self.unflushed {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.unflushed = false;
            self.text.clear();
            self.written = 0;
        }
        Poll::Ready(Ok(()))
    }
}
