//! A client of one connection, close enough to the wire to see it end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use portolan_rt::task::Supervisor;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub enum Client {
    H1(http1::SendRequest<Empty<Bytes>>),
    H2(http2::SendRequest<Empty<Bytes>>),
}

pub async fn in_time<F: Future>(work: F) -> F::Output {
    tokio::time::timeout(PATIENCE, work).await.expect("took too long")
}

pub async fn tcp(address: SocketAddr) -> TcpStream {
    in_time(TcpStream::connect(address)).await.unwrap()
}

pub async fn tls(address: SocketAddr, config: Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let name = "localhost".try_into().unwrap();
    in_time(TlsConnector::from(config).connect(name, tcp(address).await)).await
}

impl Client {
    pub async fn h1(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (client, connection) = http1::handshake(TokioIo::new(io)).await.unwrap();
        Supervisor::new().track("client", async { drop(connection.await) });
        Self::H1(client)
    }

    pub async fn h2(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (client, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await.unwrap();
        Supervisor::new().track("client", async { drop(connection.await) });
        Self::H2(client)
    }

    pub async fn try_get(&mut self, path: &str) -> hyper::Result<Response<Incoming>> {
        let request = Request::get(path).header("host", "localhost").body(Empty::new()).unwrap();
        match self {
            Self::H1(client) => {
                in_time(client.ready()).await?;
                in_time(client.send_request(request)).await
            }
            Self::H2(client) => {
                // HTTP/2 wants the authority in the URI.
                let mut request = request;
                *request.uri_mut() = format!("http://localhost{path}").parse().unwrap();
                request.headers_mut().remove("host");
                in_time(client.ready()).await?;
                in_time(client.send_request(request)).await
            }
        }
    }

    /// Status and body.
    pub async fn get(&mut self, path: &str) -> (u16, String) {
        let response = self.try_get(path).await.unwrap();
        let status = response.status().as_u16();
        let body = in_time(response.into_body().collect()).await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}
