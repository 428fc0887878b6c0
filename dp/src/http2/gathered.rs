//! Writes of a connection that leave together.
//!
//! The library flushes after each piece of a body that is larger than 256 bytes: ten answers of a kilobyte that are ready at the same time
//! are ten system calls and, inside TLS, ten records. Here they wait until the connection has been looked at.

use std::cell::RefCell;
use std::error::Error;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What waits at most: the size of a TLS record.
const MOST: usize = 16 * 1024;
/// Pieces of one write; the library has two.
const PIECES: usize = 8;

/// The stream, as the connection has it: flushing does nothing.
#[derive(Debug)]
pub(crate) struct Gathered<S>(Rc<RefCell<Outgoing<S>>>);

/// What lets the writes go.
#[derive(Debug)]
pub(crate) struct Gate<S>(Rc<RefCell<Outgoing<S>>>);

/// The connection over the stream. It writes when it has been looked at.
#[derive(Debug)]
pub(crate) struct Flushing<C, S> {
    connection: C,
    outgoing: Rc<RefCell<Outgoing<S>>>,
}

#[derive(Debug)]
struct Outgoing<S> {
    stream: S,
    /// Without memory most of the time.
    waiting: BytesMut,
}

// === impl Outgoing ===

impl<S: AsyncWrite + Unpin> Outgoing<S> {
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.waiting.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.waiting))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.waiting.advance(written);
        }
        self.waiting = BytesMut::new();
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_written(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Keeps small pieces; large ones go with what waits.
    fn poll_take(&mut self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let size = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        if size <= MOST - self.waiting.len() {
            if self.waiting.capacity() == 0 {
                self.waiting.reserve(MOST);
            }
            pieces.iter().for_each(|piece| self.waiting.put_slice(piece));
            return Poll::Ready(Ok(size));
        }
        while !self.waiting.is_empty() {
            let mut all = [IoSlice::new(&[]); PIECES];
            all[0] = IoSlice::new(&self.waiting);
            for (place, piece) in all[1..].iter_mut().zip(pieces) {
                *place = IoSlice::new(piece);
            }
            let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, &all))?;
            let waited = self.waiting.len();
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.waiting.advance(written.min(waited));
            if written > waited {
                return Poll::Ready(Ok(written - waited));
            }
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }
}

// === impl Gathered ===

impl<S> Gathered<S> {
    /// Over this stream, and what lets its writes go.
    pub(crate) fn over(stream: S) -> (Self, Gate<S>) {
        let outgoing = Rc::new(RefCell::new(Outgoing { stream, waiting: BytesMut::new() }));
        (Self(outgoing.clone()), Gate(outgoing))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0.borrow_mut().stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().poll_take(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().poll_take(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.borrow().stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut outgoing = self.0.borrow_mut();
        ready!(outgoing.poll_written(cx))?;
        Pin::new(&mut outgoing.stream).poll_shutdown(cx)
    }
}

// === impl Gate ===

impl<S> Gate<S> {
    /// Opens whenever this connection, which must be the one over the stream, has been looked at.
    pub(crate) fn behind<C>(self, connection: C) -> Flushing<C, S> {
        Flushing { connection, outgoing: self.0 }
    }
}

// === impl Flushing ===

impl<C, S> Flushing<C, S> {
    /// The connection.
    pub(crate) fn connection(&mut self) -> &mut C {
        &mut self.connection
    }
}

impl<C, S, T, E> Future for Flushing<C, S>
where
    C: Future<Output = Result<T, E>> + Unpin,
    S: AsyncWrite + Unpin,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    type Output = Result<T, Box<dyn Error + Send + Sync>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let over = Pin::new(&mut self.connection).poll(cx);
        let flushed = self.outgoing.borrow_mut().poll_flush(cx);
        if let Poll::Ready(over) = over {
            return Poll::Ready(over.map_err(Into::into));
        }
        match flushed {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
            // Nothing wants to be known of the connection; or the other side takes nothing just now, and wakes it.
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests;
