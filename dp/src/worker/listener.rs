//! Accepts connections, finds out which protocol they speak, and serves them.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;
use futures_util::FutureExt as _;
use http::Request;
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsStream;

use super::patient::Patient;
use super::{LocalExecutor, Worker, http1, spawn};
use crate::http2::Gathered;
use crate::layer4::tcp;
use crate::proxy;
use crate::proxy_protocol::{self, Addresses};
use crate::request::{Connection, Scheme};
use crate::stream::{Rewound, Stream};
use crate::tls::{self, Fallback, Purpose};
use crate::upstream::incoming as upstream;

/// Pause after an error of accept that is not about one connection, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);
/// Streams of an HTTP/2 connection that were reset before they were looked at. A client with more is told to go.
const RESETS: usize = 50;
/// How an HTTP/2 connection begins; no HTTP/1.1 method does.
const HTTP2: &[u8] = b"PRI";

/// Takes clients that speak HTTP.
pub(super) async fn http(worker: Rc<Worker>, listener: TcpListener) {
    let of = |stream, remote| serve(worker.clone(), stream, remote, None);
    accept(&worker, listener, of).await;
}

/// Takes clients that speak HTTP inside TLS.
pub(super) async fn https(worker: Rc<Worker>, listener: TcpListener, fallback: Rc<Fallback>) {
    let of = |stream, remote| serve(worker.clone(), stream, remote, Some(fallback.clone()));
    accept(&worker, listener, of).await;
}

/// Takes clients of stream routes.
pub(super) async fn stream(worker: Rc<Worker>, listener: TcpListener, shared: Rc<tcp::Listener>) {
    let of = |stream, remote| tcp::serve(worker.clone(), shared.clone(), stream, remote);
    accept(&worker, listener, of).await;
}

async fn accept<F>(worker: &Rc<Worker>, listener: TcpListener, serve: impl Fn(TcpStream, SocketAddr) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let accepting = async {
        loop {
            worker.has_room().await;
            match listener.accept().await {
                Ok((stream, remote)) => spawn(serve(stream, remote)),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "connections cannot be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = accepting => {}
        () = worker.until_draining() => {}
    }
    // Clients that the system has let in already have been promised an answer.
    while let Some(Ok((stream, remote))) = listener.accept().now_or_never() {
        spawn(serve(stream, remote));
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// The life of a connection. Its errors are the client's affair and show at level debug only.
async fn serve(worker: Rc<Worker>, mut stream: TcpStream, remote: SocketAddr, tls: Option<Rc<Fallback>>) {
    let present = worker.enter();
    // Small answers should leave at once; on failure they leave a little later.
    stream.set_nodelay(true).ok();
    let scheme = if tls.is_some() { Scheme::Https } else { Scheme::Http };
    let local = stream.local_addr().unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)));
    let mut connection = Connection::new(remote, local, scheme);
    let result = async {
        if worker.begins_with_header(scheme) {
            let Some(said) = Box::pin(header(&worker, &mut stream)).await? else { return Ok(()) };
            connection = connection.introduced(said.0, worker.proxy_protocol.trusts(remote.ip()));
        }
        match tls {
            None => plain(&worker, stream, Rc::new(connection)).await,
            Some(fallback) => encrypted(&worker, &fallback, stream, connection).await,
        }
    };
    if let Err(error) = result.await {
        tracing::debug!(%remote, %error, "connection ended with an error");
    }
    drop(present);
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a PROXY header says.
struct Said(Option<Addresses>);

/// Reads the PROXY header. Nothing: the worker is to end.
async fn header(worker: &Rc<Worker>, stream: &mut TcpStream) -> Result<Option<Said>, BoxError> {
    tokio::select! {
        read = timeout(worker.limits.handshake_timeout(), proxy_protocol::read(stream)) => Ok(Some(Said(read??))),
        () = worker.until_leaving() => Ok(None),
    }
}

async fn plain(worker: &Rc<Worker>, mut stream: TcpStream, connection: Rc<Connection>) -> Result<(), BoxError> {
    let patience = worker.limits.header_timeout();
    let begun = async {
        tokio::select! {
            first = timeout(patience, begin(&mut stream)) => Some(first),
            () = worker.until_leaving() => None,
        }
    };
    let Some(first) = begun.await else { return Ok(()) };
    let first = first??;
    if first.is_empty() {
        return Ok(());
    }
    if first.starts_with(HTTP2) {
        Box::pin(serve_http2(worker, Rewound::new(first.freeze(), stream), connection)).await
    } else {
        Ok(Box::pin(http1::serve(worker, Stream::Plain(stream), first, connection)).await?)
    }
}

/// Reads until it is clear whether the connection begins as HTTP/2 does. Nothing: it was closed.
async fn begin(stream: &mut TcpStream) -> io::Result<BytesMut> {
    let mut first = BytesMut::with_capacity(4096);
    loop {
        let read = stream.read_buf(&mut first).await?;
        let compared = first.len().min(HTTP2.len());
        if read == 0 || first.len() >= HTTP2.len() || first[..compared] != HTTP2[..compared] {
            return Ok(first);
        }
    }
}

async fn encrypted(
    worker: &Rc<Worker>,
    fallback: &Fallback,
    stream: TcpStream,
    mut connection: Connection,
) -> Result<(), BoxError> {
    let find = |name: &str| worker.pin().certificates.find(name).cloned();
    let shaken = async {
        let shaking = tls::accept(stream, Purpose::Http, fallback, find);
        tokio::select! {
            shaken = timeout(worker.limits.handshake_timeout(), shaking) => Some(shaken),
            () = worker.until_leaving() => None,
        }
    };
    let Some(shaken) = Box::pin(shaken).await else { return Ok(()) };
    let (stream, session) = shaken??;
    let is_http2 = session.alpn.as_deref() == Some(b"h2");
    connection.tls = Some(Rc::new(session));
    let connection = Rc::new(connection);
    let stream = Stream::Tls(Box::new(TlsStream::Server(stream)));
    if is_http2 {
        Box::pin(serve_http2(worker, stream, connection)).await
    } else {
        Ok(Box::pin(http1::serve(worker, stream, BytesMut::new(), connection)).await?)
    }
}

async fn serve_http2<S>(worker: &Rc<Worker>, stream: S, connection: Rc<Connection>) -> Result<(), BoxError>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let limits = &worker.limits;
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.http2_streams)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(RESETS)
        .keep_alive_interval(limits.header_timeout())
        .keep_alive_timeout(limits.header_timeout());
    let service = {
        let (worker, connection) = (worker.clone(), connection);
        service_fn(move |request: Request<Incoming>| {
            let (parts, body) = request.into_parts();
            let body = if body.is_end_stream() { upstream::Incoming::None } else { upstream::Incoming::Http2(body) };
            // In a box: the library moves it into a task, and over and over within it.
            Box::pin(proxy::handle(worker.clone(), connection.clone(), parts, body)).map(Ok::<_, Infallible>)
        })
    };
    let (stream, gate) = Gathered::over(Patient::new(stream, limits.send_timeout()));
    let mut serving = gate.behind(Box::pin(builder.serve_connection(TokioIo::new(stream), service)));
    tokio::select! {
        biased;
        result = &mut serving => return result,
        () = worker.until_draining() => {}
    }
    serving.connection().as_mut().graceful_shutdown();
    serving.await
}
