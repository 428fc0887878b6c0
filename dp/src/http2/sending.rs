//! A body on its way.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::Body;

/// Hands a body to its stream piece by piece, as far as the other side's windows allow. When it is over there is nothing to learn: who
/// waits for the other direction hears of a failure there.
#[derive(Debug)]
pub(crate) struct Sending<B> {
    stream: SendStream<Bytes>,
    body: B,
    /// A piece that waits for the window, and whether it is the last.
    held: Option<(Bytes, bool)>,
}

/// Nothing more can or need be sent.
struct Over;

// === impl Sending ===

impl<B> Sending<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Nothing is sent before somebody asks.
    pub(crate) fn new(stream: SendStream<Bytes>, body: B) -> Self {
        Self { stream, body, held: None }
    }

    /// Ready when all of it is handed over or cannot be.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.step(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(Over)) => return Poll::Ready(()),
                // Who waits, for the body or for the window, wants to hear when nobody wants the rest.
                Poll::Pending => return self.stream.poll_reset(cx).map(|_| ()),
            }
        }
    }

    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Over>> {
        if self.held.is_some() {
            ready!(self.poll_window(cx))?;
        }
        if let Some((piece, last)) = self.held.take() {
            return Poll::Ready(self.send(piece, last));
        }
        let frame = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                self.stream.send_reset(reason(&*error.into()));
                return Poll::Ready(Err(Over));
            }
            None => return Poll::Ready(self.send(Bytes::new(), true)),
        };
        let frame = match frame.into_data() {
            Ok(piece) => {
                let last = self.body.is_end_stream();
                if piece.is_empty() {
                    return Poll::Ready(self.send(piece, last));
                }
                // As little as shows whether there is room: what one stream claims another does not get.
                self.stream.reserve_capacity(1);
                self.held = Some((piece, last));
                return Poll::Ready(Ok(()));
            }
            Err(frame) => frame,
        };
        let Ok(trailers) = frame.into_trailers() else { return Poll::Ready(Ok(())) };
        self.stream.reserve_capacity(0);
        self.stream.send_trailers(trailers).ok();
        Poll::Ready(Err(Over))
    }

    /// Ready when the stream may send something.
    fn poll_window(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Over>> {
        while self.stream.capacity() == 0 {
            if !matches!(ready!(self.stream.poll_capacity(cx)), Some(Ok(_))) {
                return Poll::Ready(Err(Over));
            }
        }
        Poll::Ready(Ok(()))
    }

    fn send(&mut self, piece: Bytes, last: bool) -> Result<(), Over> {
        let sent = self.stream.send_data(piece, last);
        if last || sent.is_err() { Err(Over) } else { Ok(()) }
    }
}

/// What the other side is told: the reason why the body ended, if that was one of HTTP/2 as well.
pub(super) fn reason(error: &(dyn Error + 'static)) -> Reason {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(of_stream) = error.downcast_ref::<h2::Error>() {
            return of_stream.reason().unwrap_or(Reason::INTERNAL_ERROR);
        }
        at = error.source();
    }
    Reason::INTERNAL_ERROR
}
