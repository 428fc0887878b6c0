//! The life of one connection.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::adapt::Noticed;
use super::streams::{Driven, Opened};
use super::{Connection, Limits, Tls, plain};
use crate::shutdown::Shutdown;
use crate::task::{BoxError, Supervisor};
use crate::tls::PeerCertificate;

/// What the connections of one listener share.
pub(super) struct Listener<M> {
    pub(super) name: &'static str,
    pub(super) local: SocketAddr,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) supervisor: Supervisor,
    pub(super) limits: Limits,
    pub(super) make: M,
}

// === impl Listener ===

impl<M, S, B> Listener<M>
where
    M: Fn(Connection) -> S,
    S: hyper::service::Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// From accept to close. Errors are the client's affair and show at level debug only.
    pub(super) async fn connected(self: Arc<Self>, stream: TcpStream, remote: SocketAddr, shutdown: Shutdown) {
        // Small answers should leave at once; on failure they leave a little later.
        stream.set_nodelay(true).ok();
        let result = match &self.tls {
            None => {
                let connection = Connection { remote, local: self.local, tls: None, peer: None };
                self.serve(stream, connection, &shutdown).await
            }
            Some(acceptor) => match shutdown.until_soft(self.handshake(acceptor, stream, remote)).await {
                None => Ok(()),
                Some(Ok((stream, connection))) => self.serve(stream, connection, &shutdown).await,
                Some(Err(error)) => Err(error),
            },
        };
        if let Err(error) = result {
            tracing::debug!(listener = self.name, %remote, %error, "connection ended with an error");
        }
    }

    async fn handshake(
        &self,
        acceptor: &TlsAcceptor,
        mut stream: TcpStream,
        remote: SocketAddr,
    ) -> Result<(TlsStream<TcpStream>, Connection), BoxError> {
        let tls = async {
            plain::turn_away(&mut stream).await?;
            acceptor.accept(stream).await
        };
        let stream = timeout(self.limits.handshake, tls).await??;
        let (_, session) = stream.get_ref();
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        let peer = certificate.map(PeerCertificate::from_der).transpose()?.map(Arc::new);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let tls =
            Tls { server_name: session.server_name().map(str::to_owned), alpn: session.alpn_protocol().map(text) };
        let connection = Connection { remote, local: self.local, tls: Some(Arc::new(tls)), peer };
        Ok((stream, connection))
    }

    async fn serve<I>(&self, io: I, connection: Connection, shutdown: &Shutdown) -> Result<(), BoxError>
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (service, seen) = Noticed::new((self.make)(connection));
        let opened = Opened::new(self.limits.http2_run, &self.supervisor);
        let builder = self.limits.builder(opened.clone());
        let http = pin!(builder.serve_connection_with_upgrades(TokioIo::new(io), service));
        let mut http = Driven::new(http, opened);
        let soft = async {
            shutdown.soft().await;
        };
        // hyper bounds the time for headers only once it knows the version, which a client could put off
        // for ever; so the first request has a bound of its own.
        let silent = async {
            sleep(self.limits.header_read).await;
            if seen.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            result = &mut http => return result,
            () = silent => return Err("no request in time".into()),
            () = soft => {}
        }
        http.connection().as_mut().graceful_shutdown();
        match self.limits.drain {
            None => http.await,
            Some(drain) => timeout(drain, http).await?,
        }
    }
}
