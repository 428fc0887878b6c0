//! One HTTP/1.1 connection of a client, in one task: heads are read where they have arrived, requests run one after the other,
//! and responses are written from where they lie.
//!
//! It is ours and not the HTTP library's for the same reason as the node's side is (`upstream/http1.rs`), and because one
//! strict reader is enough: whatever two readers could understand in two ways is refused here.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use http::{Response, StatusCode};
use tokio::io::AsyncWrite as _;
use tokio::time::Instant;

use super::Worker;
use super::patient::Patient;
use crate::http1::{Output, give_map};
use crate::proxy;
use crate::request::Connection;
use crate::stream::{Rewound, Stream};
use crate::upstream::alarm::Alarm;
use crate::upstream::incoming::Incoming;

mod client;
mod head;
mod response;

pub use client::Body;

use client::Client;
use head::{Asked, Head, Spare};
use response::{Progress, Sending};

/// How long a client may go on sending what nobody reads any more: closed at once, it would not see the last answer.
const LINGER: Duration = Duration::from_secs(1);

/// A connection between its requests.
struct Server<'w> {
    worker: &'w Rc<Worker>,
    client: Rc<RefCell<Client>>,
    output: Output,
    spare: Spare,
    /// For all that is waited for here.
    alarm: Alarm,
    leaving: Leaving<'w>,
}

/// When a connection without a request ends because the worker does.
struct Leaving<'w> {
    worker: &'w Worker,
    waiting: Pin<Box<dyn Future<Output = ()> + 'w>>,
    listens: bool,
    over: bool,
}

/// What follows a response.
enum Next {
    Request,
    End,
    /// It broke off, and the client should see that it did.
    Broken,
}

/// Serves a connection of which these bytes have been read already.
pub(super) async fn serve(
    worker: &Rc<Worker>,
    stream: Stream,
    first: BytesMut,
    connection: Rc<Connection>,
) -> io::Result<()> {
    let client = Rc::new(RefCell::new(Client::new(stream, first)));
    let mut server = Server {
        worker,
        client,
        output: Output::default(),
        spare: Spare::default(),
        alarm: Alarm::default(),
        leaving: Leaving::new(worker),
    };
    loop {
        let head = match server.head().await? {
            Ok(head) => head,
            Err(None) => return server.end().await,
            Err(Some(refusal)) => {
                response::refuse(refusal, &worker.date, &mut server.output.text);
                server.write().await?;
                return server.linger().await;
            }
        };
        let Head { parts, asked, decoder, expects } = head;
        let has_body = decoder != crate::http1::Decoder::Over;
        let incoming =
            if has_body { Incoming::Http1(Client::body(&server.client, decoder, expects)) } else { Incoming::None };
        let answered = {
            let mut handling = pin!(proxy::handle(worker.clone(), connection.clone(), parts, incoming));
            let client = &server.client;
            poll_fn(|cx| match handling.as_mut().poll(cx) {
                Poll::Ready(response) => Poll::Ready(Some(response)),
                Poll::Pending => client.borrow_mut().poll_gone(cx).map(|()| None),
            })
            .await
        };
        // Without the client there is nobody to answer.
        let Some(response) = answered else { return Ok(()) };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Box::pin(server.switch(response, asked)).await;
        }
        match server.answer(response, asked, has_body).await? {
            Next::Request => {}
            Next::End if server.client.borrow().is_quiet() => return server.end().await,
            Next::End => return server.linger().await,
            Next::Broken => return Ok(()),
        }
    }
}

// === impl Leaving ===

impl<'w> Leaving<'w> {
    fn new(worker: &'w Worker) -> Self {
        Self { worker, waiting: Box::pin(worker.until_leaving()), listens: false, over: false }
    }

    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        // Once this task will be woken for it, there is no news as long as the worker does not drain.
        if !self.over && (!self.listens || self.worker.is_draining()) {
            self.listens = true;
            self.over = self.waiting.as_mut().poll(cx).is_ready();
        }
        self.over
    }
}

// === impl Server ===

impl Server<'_> {
    /// The next head; `Err`: there is none, and this is the answer to what is there instead.
    async fn head(&mut self) -> io::Result<Result<Head, Option<StatusCode>>> {
        let limits = &self.worker.limits;
        let mut end = None;
        loop {
            match head::read(&mut self.client.borrow_mut().input.bytes, limits, &mut self.spare) {
                Ok(Some(head)) => return Ok(Ok(head)),
                Ok(None) => {}
                Err(refusal) => return Ok(Err(Some(refusal))),
            }
            let (client, alarm, leaving) = (&self.client, &mut self.alarm, &mut self.leaving);
            let more = poll_fn(|cx| {
                let mut client = client.borrow_mut();
                if let Poll::Ready(count) = client.poll_fill(cx) {
                    return Poll::Ready(count.map(|count| count > 0));
                }
                client.input.rest();
                let end = *end.get_or_insert_with(|| Instant::now() + limits.header_timeout());
                let late = alarm.poll(end, cx).is_ready();
                // Half a request is one: its answer says that it was the last.
                let leaves = leaving.is_over(cx) && client.input.bytes.is_empty();
                if late || leaves { Poll::Ready(Ok(false)) } else { Poll::Pending }
            });
            if !more.await? {
                return Ok(Err(None));
            }
        }
    }

    /// Writes a response, and makes sure that the request has been read.
    async fn answer(&mut self, response: Response<proxy::Body>, asked: Asked, has_body: bool) -> io::Result<Next> {
        let (head, body) = response.into_parts();
        // A body that nobody reads any more need not be the end of the connection.
        let mut stays = asked.stays;
        if has_body {
            self.client.borrow_mut().answer();
            stays = stays && (self.client.borrow().is_held() || self.drain().await);
        }
        let mut sending = Sending::new(&head, body, asked, stays, &self.worker.date, &mut self.output.text);
        give_map(head.headers);
        if !self.send(&mut sending).await? {
            return Ok(Next::Broken);
        }
        self.output.rest();
        let read = !has_body || self.drain().await;
        Ok(if sending.stays && read { Next::Request } else { Next::End })
    }

    /// Whether the request's body could be read to its end.
    async fn drain(&self) -> bool {
        poll_fn(|cx| Poll::Ready(self.client.borrow_mut().drain(cx))).await
    }

    /// Writes the response to its end. Whether it was whole.
    async fn send(&mut self, sending: &mut Sending) -> io::Result<bool> {
        let mut end = None;
        poll_fn(|cx| {
            loop {
                // The client is not borrowed while the body is asked: the node may ask for more of the request's.
                let progress = sending.poll_into(&mut self.output, cx);
                ready!(self.poll_write(&mut end, cx))?;
                match progress {
                    Progress::Enough => {}
                    Progress::Over => return Poll::Ready(Ok(true)),
                    Progress::Broken => return Poll::Ready(Ok(false)),
                    Progress::Waits => {
                        let gone = self.client.borrow_mut().poll_gone(cx);
                        return gone.map(|()| Err(io::ErrorKind::ConnectionAborted.into()));
                    }
                }
            }
        })
        .await
    }

    /// Writes what is in the output.
    async fn write(&mut self) -> io::Result<()> {
        let mut end = None;
        poll_fn(|cx| self.poll_write(&mut end, cx)).await
    }

    /// The same. A client that takes nothing for too long is an error: it must not hold a response for ever.
    fn poll_write(&mut self, end: &mut Option<Instant>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let before = self.output.left();
        let written = self.client.borrow_mut().poll_write(&mut self.output, cx);
        if written.is_ready() || self.output.left() < before {
            *end = None;
        }
        if written.is_pending() {
            let patience = self.worker.limits.send_timeout();
            let end = *end.get_or_insert_with(|| Instant::now() + patience);
            return self.alarm.poll(end, cx).map(|()| Err(io::ErrorKind::TimedOut.into()));
        }
        written
    }

    /// Ends the connection in peace.
    async fn end(&mut self) -> io::Result<()> {
        let end = Instant::now() + self.worker.limits.send_timeout();
        poll_fn(|cx| {
            let closed = Pin::new(&mut self.client.borrow_mut().stream).poll_shutdown(cx);
            if closed.is_ready() {
                return closed;
            }
            self.alarm.poll(end, cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
        })
        .await
    }

    /// The same while the client may still be sending.
    async fn linger(&mut self) -> io::Result<()> {
        self.end().await?;
        let end = Instant::now() + LINGER;
        poll_fn(|cx| {
            let mut client = self.client.borrow_mut();
            loop {
                client.input.bytes.clear();
                match client.poll_fill(cx) {
                    Poll::Ready(Ok(1..)) if Instant::now() < end => {}
                    Poll::Ready(_) => return Poll::Ready(Ok(())),
                    Poll::Pending => return self.alarm.poll(end, cx).map(Ok),
                }
            }
        })
        .await
    }

    /// The connection becomes something else, after this response.
    async fn switch(mut self, response: Response<proxy::Body>, asked: Asked) -> io::Result<()> {
        let (head, body) = response.into_parts();
        self.client.borrow_mut().answer();
        let nothing = proxy::Body::full(bytes::Bytes::new());
        Sending::new(&head, nothing, asked, false, &self.worker.date, &mut self.output.text);
        let tunnel = body.into_tunnel();
        self.write().await?;
        let Some(tunnel) = tunnel else { return Ok(()) };
        let (client, patience) = (self.client, self.worker.limits.send_timeout());
        let client = || {
            let client = Rc::try_unwrap(client).ok()?.into_inner();
            Some(Patient::new(Rewound::new(client.input.bytes.freeze(), client.stream), patience))
        };
        tunnel.run(client).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
