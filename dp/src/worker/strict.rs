//! The stream that the HTTP/1 library reads from: what [`Framing`] does not understand does not come through.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::Framing;

/// In place of what is wrong: no head and no chunk size has a NUL, so the library answers 400 and closes.
const POISON: &[u8] = b"\0";

/// A connection that is read strictly.
#[derive(Debug)]
pub(super) struct Strict<S> {
    stream: S,
    framing: Framing,
    broken: bool,
    /// See [`crate::request::Connection::tunnel`].
    tunnel: Arc<AtomicBool>,
}

// === impl Strict ===

impl<S> Strict<S> {
    /// From the first byte of a connection on.
    pub(super) fn new(stream: S, tunnel: Arc<AtomicBool>) -> Self {
        Self { stream, framing: Framing::default(), broken: false, tunnel }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Strict<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.broken {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if self.tunnel.load(Ordering::Relaxed) {
            return Poll::Ready(Ok(()));
        }
        if let Err(malformed) = self.framing.follow(&buffer.filled()[before..]) {
            self.broken = true;
            buffer.set_filled(before + malformed.0);
            // At least one byte has come, and it is gone.
            buffer.put_slice(POISON);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Strict<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
