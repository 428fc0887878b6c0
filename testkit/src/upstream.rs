//! A fake HTTP upstream: HTTP/1.1 and cleartext HTTP/2 on a free loopback port, answering what the test says.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::certificates::Issued;

/// So many requests are remembered, the newest; counting goes on.
const REMEMBERED: usize = 10_000;

/// The running upstream; it lives on a thread of its own, so a test may block. Dropped, it closes the port and all connections.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// What the upstream answers.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// Headers to add.
    pub headers: HeaderMap,
    /// Waited before answering.
    pub delay: Duration,
    /// The body.
    pub body: Body,
}

/// The body of a [`Reply`].
#[derive(Debug, Clone)]
pub enum Body {
    /// These bytes.
    Fixed(Bytes),
    /// A JSON object that describes the request: `method`, `uri`, `version`, `headers` (lists of strings), `body`.
    Echo,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The method.
    pub method: Method,
    /// The target as sent.
    pub uri: Uri,
    /// The version of the connection.
    pub version: Version,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// What the client said in its TLS handshake; `None` without TLS.
    pub tls: Option<Handshake>,
}

/// What a client says of itself while TLS is set up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handshake {
    /// The name it asked for.
    pub server_name: Option<String>,
    /// Its certificate, DER.
    pub certificate: Option<Vec<u8>>,
}

#[derive(Debug)]
struct State {
    reply: Mutex<Reply>,
    seen: Mutex<Vec<Seen>>,
    requests: AtomicUsize,
    connections: AtomicUsize,
}

// === impl Upstream ===

impl Upstream {
    /// Starts one.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(reply: Reply) -> anyhow::Result<Self> {
        Self::start_with(reply, None)
    }

    /// The same over TLS, with HTTP/1.1 and HTTP/2. With an authority (PEM) clients must show a certificate of it.
    ///
    /// # Errors
    /// When no port is free, or the certificates cannot be used.
    pub fn start_tls(reply: Reply, issued: &Issued, client_ca: Option<&str>) -> anyhow::Result<Self> {
        Self::start_with(reply, Some(issued.acceptor(client_ca, &["h2", "http/1.1"])?))
    }

    fn start_with(reply: Reply, tls: Option<TlsAcceptor>) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            reply: Mutex::new(reply),
            seen: Mutex::default(),
            requests: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
        });
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let shared = Arc::clone(&state);
        let thread = std::thread::Builder::new().name("upstream".to_owned()).spawn(move || {
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("the listener is non-blocking");
                tokio::select! {
                    () = accept(listener, shared, tls) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, state, stop: Some(stop), thread: Some(thread) })
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `127.0.0.1:PORT`, as a key of an upstream's `nodes`.
    pub fn node(&self) -> String {
        self.address.to_string()
    }

    /// From now on it answers this.
    pub fn set(&self, reply: Reply) {
        *self.state.reply.lock() = reply;
    }

    /// How many requests have arrived.
    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// How many connections were opened.
    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// The requests that have arrived since the last call, oldest first.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state.seen.lock())
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It panics only when the test itself has gone wrong, which the test will say.
            let _ended = thread.join();
        }
    }
}

// === impl Reply ===

impl Reply {
    /// 200 with this body.
    pub fn text(body: &str) -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            delay: Duration::ZERO,
            body: Body::Fixed(Bytes::copy_from_slice(body.as_bytes())),
        }
    }

    /// 200 with a description of the request.
    pub fn echo() -> Self {
        Self { body: Body::Echo, ..Self::text("") }
    }

    /// The same with this status.
    pub fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The same after this time.
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// The same with one header more.
    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.append(name, http::HeaderValue::from_static(value));
        self
    }
}

/// The body of a plain-HTTP GET; an error for any status but 200. For readiness probes, where a client library is too much.
///
/// # Errors
/// When nobody listens, or the answer is not 200.
pub async fn get(url: &str) -> anyhow::Result<String> {
    let uri: Uri = url.parse()?;
    let authority = uri.authority().context("no authority in the URL")?.clone();
    let stream = TcpStream::connect(authority.as_str()).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn(connection);
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let request = Request::get(target).header("host", authority.as_str()).body(Full::<Bytes>::default())?;
    let answer = sender.send_request(request).await?;
    anyhow::ensure!(answer.status() == StatusCode::OK, "{url} answered {}", answer.status());
    let body = answer.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8_lossy(&body).into_owned())
}

async fn accept(listener: TcpListener, state: Arc<State>, tls: Option<TlsAcceptor>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        state.connections.fetch_add(1, Ordering::SeqCst);
        // Answers are small and must not wait for each other.
        let _best_effort = stream.set_nodelay(true);
        let (state, tls) = (Arc::clone(&state), tls.clone());
        connections.spawn(async move {
            match tls {
                None => serve(stream, state, None).await,
                Some(tls) => {
                    // A handshake that fails is that client's test.
                    let Ok(stream) = tls.accept(stream).await else { return };
                    let connection = stream.get_ref().1;
                    let certificate = connection.peer_certificates().and_then(|chain| chain.first());
                    let handshake = Handshake {
                        server_name: connection.server_name().map(str::to_owned),
                        certificate: certificate.map(|der| der.to_vec()),
                    };
                    serve(stream, state, Some(handshake)).await;
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve<S>(stream: S, state: Arc<State>, tls: Option<Handshake>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(move |request| answer(request, Arc::clone(&state), tls.clone()));
    // A client that goes away in the middle is that client's test.
    let _ended = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    request: Request<Incoming>,
    state: Arc<State>,
    tls: Option<Handshake>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Bytes::new(),
    };
    let seen = Seen { method: head.method, uri: head.uri, version: head.version, headers: head.headers, body, tls };
    let reply = state.reply.lock().clone();
    let body = match reply.body {
        Body::Fixed(bytes) => bytes,
        Body::Echo => describe(&seen),
    };
    // It has arrived, whenever it is answered.
    state.requests.fetch_add(1, Ordering::SeqCst);
    remember(&state, seen);
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    Ok(response)
}

fn remember(state: &State, seen: Seen) {
    let mut list = state.seen.lock();
    if list.len() == REMEMBERED {
        list.remove(0);
    }
    list.push(seen);
}

fn describe(seen: &Seen) -> Bytes {
    let mut headers = serde_json::Map::new();
    for (name, value) in &seen.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let list = headers.entry(name.as_str()).or_insert_with(|| serde_json::json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(value.into());
        }
    }
    let description = serde_json::json!({
        "method": seen.method.as_str(),
        "uri": seen.uri.to_string(),
        "version": format!("{:?}", seen.version),
        "headers": headers,
        "body": String::from_utf8_lossy(&seen.body),
    });
    Bytes::from(description.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_answers_counts_and_remembers() {
        let upstream = Upstream::start(Reply::text("hello")).unwrap();
        let url = format!("http://{}/a?b=c", upstream.node());
        assert_eq!(get(&url).await.unwrap(), "hello");
        assert_eq!((upstream.requests(), upstream.connections()), (1, 1));
        assert_eq!(upstream.take_seen()[0].uri, "/a?b=c");

        upstream.set(Reply::echo());
        let echo: serde_json::Value = serde_json::from_str(&get(&url).await.unwrap()).unwrap();
        assert_eq!(echo["method"], "GET");
        assert_eq!(echo["headers"]["host"][0], upstream.node());

        upstream.set(Reply::text("").with_status(StatusCode::IM_A_TEAPOT));
        get(&url).await.unwrap_err();
    }

    #[tokio::test]
    async fn it_speaks_cleartext_http2() {
        let upstream = Upstream::start(Reply::echo()).unwrap();
        let stream = TcpStream::connect(upstream.address()).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        let request = Request::get(format!("http://{}/", upstream.node())).body(Full::<Bytes>::default()).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.version(), Version::HTTP_2);
        assert_eq!(upstream.take_seen()[0].version, Version::HTTP_2);
    }
}
