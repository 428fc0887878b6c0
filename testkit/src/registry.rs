//! Fake registries of services, and a keeper of secrets, which speak the protocols of the real ones over real sockets, and fail
//! in every way on demand.
//!
//! ```text
//! Server (port, faults) ─ a request ─→ Consul, Kubernetes, Nacos, Eureka or Vault ─ an answer, whole or as a stream ─→ client
//! ```

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::certificates::Issued;
use crate::ports::Reserved;

mod consul;
mod eureka;
mod kubernetes;
mod nacos;
mod vault;

pub use consul::{Consul, ConsulInstance};
pub use eureka::Eureka;
pub use kubernetes::Kubernetes;
pub use nacos::Nacos;
pub use vault::Vault;

/// Longer than any client waits.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// How a registry fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nobody listens.
    Refused,
    /// Answers break off in the middle.
    Half,
    /// Answers are no JSON.
    Garbage,
    /// Answers are JSON that means something else.
    Nonsense,
    /// Each answer is 500.
    Error,
    /// No answer comes.
    Slow,
}

/// All of them.
pub const FAULTS: [Fault; 6] =
    [Fault::Refused, Fault::Half, Fault::Garbage, Fault::Nonsense, Fault::Error, Fault::Slow];

/// A registry's port. It lives on a thread of its own; dropped, it closes the port and all connections.
#[derive(Debug)]
struct Server {
    port: Reserved,
    scheme: &'static str,
    fault: watch::Sender<Option<Fault>>,
    requests: Arc<AtomicUsize>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// A request.
#[derive(Debug)]
struct Asked {
    method: Method,
    path: String,
    query: HashMap<String, String>,
    headers: HeaderMap,
    body: Bytes,
}

/// An answer.
struct Answer {
    status: StatusCode,
    headers: Vec<(&'static str, String)>,
    body: Body,
}

enum Body {
    Whole(Bytes),
    Stream(mpsc::Receiver<Bytes>),
    /// These bytes, and then the connection breaks.
    Broken(Option<Bytes>),
}

type Handler = Arc<dyn Fn(Asked) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync>;

// === impl Server ===

impl Server {
    fn start<F, Fut>(tls: Option<&Issued>, handler: F) -> anyhow::Result<Self>
    where
        F: Fn(Asked) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Answer> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |asked| Box::pin(handler(asked)));
        let tls = tls.map(|issued| issued.acceptor(None, &["http/1.1"])).transpose()?;
        let port = Reserved::take()?;
        let address: SocketAddr = port.address().parse()?;
        let (fault, faults) = watch::channel(None);
        let requests = Arc::new(AtomicUsize::new(0));
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Shared { handler, tls, faults, requests: requests.clone() };
        let thread = std::thread::Builder::new().name("registry".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = shared.serve(address) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { port, scheme, fault, requests, stop: Some(stop), thread: Some(thread) })
    }

    fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.port.address())
    }

    /// From now on it fails like this, or not at all. Open connections are cut.
    fn fail(&self, fault: Option<Fault>) {
        self.fault.send_replace(fault);
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It panics only when the test itself has gone wrong, which the test will say.
            let _ended = thread.join();
        }
    }
}

/// What the thread of a server has.
struct Shared {
    handler: Handler,
    tls: Option<TlsAcceptor>,
    faults: watch::Receiver<Option<Fault>>,
    requests: Arc<AtomicUsize>,
}

// === impl Shared ===

impl Shared {
    async fn serve(mut self, address: SocketAddr) {
        let mut listener = None;
        loop {
            let fault = *self.faults.borrow_and_update();
            if fault == Some(Fault::Refused) {
                listener = None;
            } else if listener.is_none() {
                listener = Some(TcpListener::bind(address).await.expect("the port is reserved"));
            }
            let mut connections = JoinSet::new();
            let changed = loop {
                let accepting = async {
                    match &listener {
                        Some(listener) => listener.accept().await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    changed = self.faults.changed() => break changed,
                    Ok((stream, _)) = accepting => {
                        let _best_effort = stream.set_nodelay(true);
                        let (handler, tls, requests) = (self.handler.clone(), self.tls.clone(), self.requests.clone());
                        connections.spawn(async move {
                            match tls {
                                None => speak(stream, handler, fault, requests).await,
                                Some(tls) => {
                                    if let Ok(stream) = tls.accept(stream).await {
                                        speak(stream, handler, fault, requests).await;
                                    }
                                }
                            }
                        });
                    }
                }
                while connections.try_join_next().is_some() {}
            };
            if changed.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

async fn speak<S>(stream: S, handler: Handler, fault: Option<Fault>, requests: Arc<AtomicUsize>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request| {
        requests.fetch_add(1, Ordering::SeqCst);
        respond(request, handler.clone(), fault)
    });
    // A client that goes away in the middle is that client's test.
    let _ended = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

async fn respond(
    request: Request<Incoming>,
    handler: Handler,
    fault: Option<Fault>,
) -> Result<Response<Body>, Infallible> {
    let mut answer = match fault {
        Some(Fault::Slow) => {
            tokio::time::sleep(FOR_EVER).await;
            Answer::status(500)
        }
        Some(Fault::Error) => Answer::status(500),
        Some(Fault::Garbage) => Answer::text("{\"truncated\": [1, 2"),
        Some(Fault::Nonsense) => Answer::text("[17, \"what\"]"),
        None | Some(Fault::Half | Fault::Refused) => handler(Asked::read(request).await).await,
    };
    if fault == Some(Fault::Half) {
        let half = match &answer.body {
            Body::Whole(all) => all.slice(..all.len() / 2),
            Body::Stream(_) | Body::Broken(_) => Bytes::from_static(b"{\"type\":\"MODIF"),
        };
        answer.headers.push(("content-length", (half.len() + 100).to_string()));
        answer.body = Body::Broken(Some(half));
    }
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    Ok(response.body(answer.body).unwrap_or_else(|_| Response::new(Body::Broken(None))))
}

// === impl Asked ===

impl Asked {
    async fn read(request: Request<Incoming>) -> Self {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Self {
            method: head.method,
            path: decode(head.uri.path()),
            query: parameters(head.uri.query().unwrap_or_default()),
            headers: head.headers,
            body,
        }
    }

    fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

fn parameters(text: &str) -> HashMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn decode(text: &str) -> String {
    let mut decoded = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => decoded.push(b' '),
            b'%' => {
                let digits = [bytes.next().unwrap_or(b'0'), bytes.next().unwrap_or(b'0')];
                let number = std::str::from_utf8(&digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
                decoded.push(number.unwrap_or(b'?'));
            }
            plain => decoded.push(plain),
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

// === impl Answer ===

impl Answer {
    fn json(value: &Value) -> Self {
        Self::text(&value.to_string())
    }

    fn text(text: &str) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status: StatusCode::OK, headers, body: Body::Whole(Bytes::copy_from_slice(text.as_bytes())) }
    }

    fn status(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, ..Self::text("{}") }
    }

    fn with_header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(match &mut *self {
            Self::Whole(bytes) if bytes.is_empty() => None,
            Self::Whole(bytes) => Some(Ok(Frame::data(std::mem::take(bytes)))),
            Self::Stream(pieces) => ready!(pieces.poll_recv(context)).map(|piece| Ok(Frame::data(piece))),
            Self::Broken(bytes) => Some(match bytes.take() {
                Some(bytes) => Ok(Frame::data(bytes)),
                None => Err(std::io::Error::other("broken on purpose")),
            }),
        })
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Self::Whole(bytes) => hyper::body::SizeHint::with_exact(bytes.len() as u64),
            Self::Stream(_) | Self::Broken(_) => hyper::body::SizeHint::default(),
        }
    }
}
