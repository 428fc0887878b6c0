//! The floor: the HTTP library as a proxy, with pooled connections and nothing of a gateway. What it costs nobody who builds on
//! the library can go below.

use std::cell::RefCell;
use std::convert::Infallible;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context as Task, Poll, ready};

use anyhow::Context as _;
use clap::Args;
use http::header::{CONNECTION, HOST};
use http::{Request, Response, StatusCode, Uri, Version};
use hyper::body::{Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::{http1 as client1, http2 as client2};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::local::{Executor, announce, run_local, spawn};

/// Options of `floor`.
#[derive(Debug, Args)]
pub struct Options {
    /// Port of the upstream of HTTP and TCP.
    #[arg(long)]
    http_upstream: u16,
    /// Port of the upstream of gRPC.
    #[arg(long)]
    grpc_upstream: u16,
    /// Certificate, PEM.
    #[arg(long)]
    cert: PathBuf,
    /// Its key, PEM.
    #[arg(long)]
    key: PathBuf,
}

/// Upstream connections.
#[derive(Default)]
struct Pool {
    http1: RefCell<Vec<client1::SendRequest<Incoming>>>,
    http2: RefCell<Option<client2::SendRequest<Incoming>>>,
}

/// The same for all connections.
struct Shared {
    http: u16,
    grpc: u16,
    pool: Pool,
}

/// A node's body, which gives its connection back when it has ended; or none.
struct Body {
    incoming: Option<Incoming>,
    connection: Option<(client1::SendRequest<Incoming>, Rc<Shared>)>,
}

/// Serves for ever.
pub fn run(options: &Options) -> anyhow::Result<()> {
    run_local(async move {
        let certs = CertificateDer::pem_file_iter(&options.cert)?.collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_file(&options.key)?;
        let mut config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(certs, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let tls = TlsAcceptor::from(Arc::new(config));
        let shared =
            Rc::new(Shared { http: options.http_upstream, grpc: options.grpc_upstream, pool: Pool::default() });
        let listen = || TcpListener::bind("127.0.0.1:0");
        let [http, https, grpc, tcp] = [listen().await?, listen().await?, listen().await?, listen().await?];
        announce(&[&http, &https, &grpc, &tcp])?;
        let plain = shared.clone();
        accept(http, move |stream| serve1(stream, plain.clone()));
        let encrypted = shared.clone();
        accept(https, move |stream| {
            let (tls, shared) = (tls.clone(), encrypted.clone());
            async move {
                let Ok(stream) = tls.accept(stream).await else { return };
                if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                    serve2(stream, shared, Kind::Http).await;
                } else {
                    serve1(stream, shared).await;
                }
            }
        });
        let calls = shared.clone();
        accept(grpc, move |stream| serve2(stream, calls.clone(), Kind::Grpc));
        accept(tcp, move |mut stream| {
            let upstream = shared.http;
            async move {
                let Ok(mut node) = connect(upstream).await else { return };
                tokio::io::copy_bidirectional(&mut stream, &mut node).await.ok();
            }
        });
        std::future::pending().await
    })
}

#[derive(Clone, Copy)]
enum Kind {
    Http,
    Grpc,
}

fn accept<F: Future<Output = ()> + 'static>(listener: TcpListener, serve: impl Fn(TcpStream) -> F + 'static) {
    spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).ok();
            spawn(serve(stream));
        }
    });
}

async fn connect(port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn serve1(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, shared: Rc<Shared>) {
    let service = service_fn(|request| handle(shared.clone(), request, Kind::Http));
    // A client that goes away is none of our errors.
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

async fn serve2(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, shared: Rc<Shared>, kind: Kind) {
    let service = service_fn(move |request| handle(shared.clone(), request, kind));
    http2::Builder::new(Executor).serve_connection(TokioIo::new(stream), service).await.ok();
}

async fn handle(shared: Rc<Shared>, request: Request<Incoming>, kind: Kind) -> Result<Response<Body>, Infallible> {
    let answer = match kind {
        Kind::Http => shared.ask(request).await,
        Kind::Grpc => shared.call(request).await,
    };
    Ok(answer.unwrap_or_else(|_| {
        let mut failed = Response::new(Body { incoming: None, connection: None });
        *failed.status_mut() = StatusCode::BAD_GATEWAY;
        failed
    }))
}

// === impl Pool ===

impl Pool {
    /// A connection that the node has not closed meanwhile, as far as is known.
    fn open(&self) -> Option<client1::SendRequest<Incoming>> {
        let mut http1 = self.http1.borrow_mut();
        std::iter::from_fn(|| http1.pop()).find(|sender| !sender.is_closed())
    }
}

// === impl Shared ===

impl Shared {
    /// Asks over HTTP/1.1.
    async fn ask(self: Rc<Self>, mut request: Request<Incoming>) -> anyhow::Result<Response<Body>> {
        let pooled = self.pool.open();
        let mut sender = match pooled {
            Some(sender) => sender,
            None => {
                let (sender, driver) = client1::handshake(TokioIo::new(connect(self.http).await?)).await?;
                spawn(async move {
                    driver.await.ok();
                });
                sender
            }
        };
        sender.ready().await?;
        if let Some(authority) = request.uri().authority() {
            let host = authority.as_str().parse()?;
            request.headers_mut().insert(HOST, host);
            let target = request.uri().path_and_query().context("a request has a path")?.clone();
            *request.uri_mut() = Uri::from(target);
        }
        request.headers_mut().remove(CONNECTION);
        *request.version_mut() = Version::HTTP_11;
        let (mut head, incoming) = sender.send_request(request).await?.into_parts();
        head.headers.remove(CONNECTION);
        Ok(Response::from_parts(head, Body { incoming: Some(incoming), connection: Some((sender, self)) }))
    }

    /// Asks over the one connection of HTTP/2.
    async fn call(self: Rc<Self>, mut request: Request<Incoming>) -> anyhow::Result<Response<Body>> {
        let known = self.pool.http2.borrow().clone();
        let mut sender = match known {
            Some(sender) if !sender.is_closed() => sender,
            _ => {
                let (sender, driver) = client2::handshake(Executor, TokioIo::new(connect(self.grpc).await?)).await?;
                spawn(async move {
                    driver.await.ok();
                });
                self.pool.http2.borrow_mut().insert(sender).clone()
            }
        };
        sender.ready().await?;
        *request.version_mut() = Version::HTTP_2;
        let (head, incoming) = sender.send_request(request).await?.into_parts();
        Ok(Response::from_parts(head, Body { incoming: Some(incoming), connection: None }))
    }
}

// === impl Body ===

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Task<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(incoming).poll_frame(cx));
        if self.is_end_stream() || frame.is_none() {
            self.release();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or(SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Body {
    fn release(&mut self) {
        if let Some((sender, shared)) = self.connection.take() {
            shared.pool.http1.borrow_mut().push(sender);
        }
    }
}
