//! Passes bytes both ways until both sides have ended, one has failed, or nothing has moved for too long.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::Port;

/// Bytes taken at a time. Large streams pass with few calls of the system; idle ones hold no buffer at all.
const PIECE: usize = 64 * 1024;
/// Buffers kept for the next stream that moves.
const KEPT: usize = 16;

/// Buffers of a worker.
#[derive(Debug, Default)]
pub struct Buffers(RefCell<Vec<Box<[u8]>>>);

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Both sides had nothing more to say.
    Closed,
    /// Nothing moved for too long.
    Idle,
    /// The client failed.
    Client,
    /// The node failed.
    Node,
}

/// A connection.
pub trait Side: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Side for T {}

/// One direction.
struct Way<'c> {
    buffer: Option<Box<[u8]>>,
    start: usize,
    end: usize,
    /// The side that is read from has ended.
    ended: bool,
    /// What was written may still wait inside TLS.
    unflushed: bool,
    done: bool,
    read: &'c AtomicU64,
    written: &'c AtomicU64,
}

/// Which of the two failed.
enum Fault {
    Reading,
    Writing,
}

/// Runs a stream to its end.
pub async fn run<C: Side, N: Side>(
    client: &mut C,
    node: &mut N,
    idle: Duration,
    port: &Port,
    buffers: &Buffers,
) -> End {
    let mut up = Way::new(&port.from_clients, &port.to_nodes);
    let mut down = Way::new(&port.from_nodes, &port.to_clients);
    let mut deadline = std::pin::pin!(tokio::time::sleep(idle));
    let mut moved = Instant::now();
    let end = poll_fn(|cx| {
        loop {
            let mut progress = false;
            match up.poll(cx, client, node, buffers, &mut progress) {
                Err(Fault::Reading) => return Poll::Ready(End::Client),
                Err(Fault::Writing) => return Poll::Ready(End::Node),
                Ok(()) => {}
            }
            match down.poll(cx, node, client, buffers, &mut progress) {
                Err(Fault::Reading) => return Poll::Ready(End::Node),
                Err(Fault::Writing) => return Poll::Ready(End::Client),
                Ok(()) => {}
            }
            if up.done && down.done {
                return Poll::Ready(End::Closed);
            }
            if progress {
                moved = Instant::now();
            }
            // The timer is set anew when it rings, not with each piece.
            ready!(deadline.as_mut().poll(cx));
            let until = moved + idle;
            if Instant::now() >= until {
                return Poll::Ready(End::Idle);
            }
            deadline.as_mut().reset(until);
        }
    });
    let end = end.await;
    for way in [up, down] {
        buffers.give(way.buffer);
    }
    end
}

// === impl Way ===

impl<'c> Way<'c> {
    fn new(read: &'c AtomicU64, written: &'c AtomicU64) -> Self {
        Self { buffer: None, start: 0, end: 0, ended: false, unflushed: false, done: false, read, written }
    }

    /// Goes on until nothing can be done at the moment.
    fn poll<F: Side, T: Side>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut F,
        to: &mut T,
        buffers: &Buffers,
        progress: &mut bool,
    ) -> Result<(), Fault> {
        while !self.done {
            match self.step(cx, from, to, buffers) {
                Poll::Pending => return Ok(()),
                Poll::Ready(Ok(())) => *progress = true,
                Poll::Ready(Err(fault)) => return Err(fault),
            }
        }
        Ok(())
    }

    fn step<F: Side, T: Side>(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut F,
        to: &mut T,
        buffers: &Buffers,
    ) -> Poll<Result<(), Fault>> {
        let writing = |_: io::Error| Fault::Writing;
        if self.start < self.end
            && let Some(buffer) = &self.buffer
        {
            let written = ready!(Pin::new(&mut *to).poll_write(cx, &buffer[self.start..self.end])).map_err(writing)?;
            if written == 0 {
                return Poll::Ready(Err(Fault::Writing));
            }
            self.written.fetch_add(written as u64, Ordering::Relaxed);
            self.start += written;
            self.unflushed = true;
            return Poll::Ready(Ok(()));
        }
        if self.ended {
            ready!(Pin::new(&mut *to).poll_shutdown(cx)).map_err(writing)?;
            self.done = true;
            return Poll::Ready(Ok(()));
        }
        let buffer = self.buffer.get_or_insert_with(|| buffers.take());
        let mut room = ReadBuf::new(buffer);
        let polled = Pin::new(&mut *from).poll_read(cx, &mut room);
        let read = room.filled().len();
        match polled {
            Poll::Ready(Ok(())) => {
                (self.start, self.end) = (0, read);
                self.ended = read == 0;
                self.read.fetch_add(read as u64, Ordering::Relaxed);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(_)) => Poll::Ready(Err(Fault::Reading)),
            Poll::Pending => {
                buffers.give(self.buffer.take());
                if self.unflushed {
                    ready!(Pin::new(&mut *to).poll_flush(cx)).map_err(writing)?;
                    self.unflushed = false;
                }
                Poll::Pending
            }
        }
    }
}

// === impl Buffers ===

impl Buffers {
    pub(super) fn take(&self) -> Box<[u8]> {
        self.0.borrow_mut().pop().unwrap_or_else(|| vec![0; PIECE].into_boxed_slice())
    }

    pub(super) fn give(&self, buffer: Option<Box<[u8]>>) {
        let mut kept = self.0.borrow_mut();
        if kept.len() < KEPT {
            kept.extend(buffer);
        }
    }
}
