//! HTTP listeners: HTTP/1.1 and HTTP/2 on one port, with or without TLS, ended in two stages.
//!
//! ```text
//! accept → slot → TLS handshake → who is it → hyper ⇄ service
//! soft:    no more accepting; idle connections close, others finish what is in flight
//! drain:   what has not finished after `Limits::drain` is dropped (long streams never finish)
//! hard:    everything is dropped
//! ```

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Body;
use rustls::ServerConfig;

use crate::task::{BoxError, Supervisor};
use crate::tls::PeerCertificate;

mod accept;
mod adapt;
mod connection;
mod limits;
mod listen;
mod plain;
mod received;
mod streams;

pub use limits::Limits;
pub use listen::{BindError, listen, listen_shared, listen_udp, listen_udp_shared};
pub use received::Received;
pub use streams::Streams;

/// A listener that is about to serve.
#[derive(Debug)]
pub struct Server {
    /// The name of its task, and of its connections in the log.
    pub name: &'static str,
    /// From [`listen`] or [`listen_shared`].
    pub listener: std::net::TcpListener,
    /// With these settings it speaks TLS only, without them no TLS.
    pub tls: Option<Arc<ServerConfig>>,
    /// What a client may cost.
    pub limits: Limits,
}

/// The connection that a request came on; found in the request's extensions.
#[derive(Debug, Clone)]
pub struct Connection {
    /// The other side's address.
    pub remote: SocketAddr,
    /// Our address.
    pub local: SocketAddr,
    /// What TLS found out; `None` on a plain connection.
    pub tls: Option<Arc<Tls>>,
    /// The client's certificate, if it showed one.
    pub peer: Option<Arc<PeerCertificate>>,
}

/// What a TLS handshake found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The name that the client asked for.
    pub server_name: Option<String>,
    /// The chosen protocol of the application layer: `h2`, `http/1.1` …
    pub alpn: Option<String>,
}

// === impl Server ===

impl Server {
    /// Serves with a clone of `service` per request, with the [`Connection`] in the request's extensions.
    /// An `axum::Router` is such a service. Runs as a critical task on the current runtime, in the
    /// supervisor's group, and ends with its shutdown.
    pub fn start<S, B>(self, service: S, supervisor: &Supervisor) -> io::Result<()>
    where
        S: tower::Service<Request<Received>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let connections = supervisor.clone();
        let make = move |connection| adapt::Tagged::new(service.clone(), connection, connections.clone());
        accept::start(self, make, supervisor)
    }
}
