//! Where requests go: nodes with weights, and how they are spoken to.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use portolan_model as model;
use portolan_model::resource::{Balancer, PassHost, Scheme};

use crate::resource::{Timeouts, next_serial, seconds};

mod balance;
pub mod body;
pub mod connect;
pub mod connection;
pub mod dns;
pub mod error;
pub mod pool;
mod trust;

pub use balance::{RoundRobin, Tried};

/// A compiled upstream.
#[derive(Debug)]
pub struct Upstream {
    /// Its nodes.
    pub nodes: Vec<Arc<Node>>,
    /// Which node is next.
    pub balancer: RoundRobin,
    /// TLS or not.
    pub tls: Option<Tls>,
    /// The host that nodes see.
    pub host: Host,
    /// How many more nodes are tried after the first.
    pub retries: usize,
    /// No more tries after this long; `None`: no such bound.
    pub retry_timeout: Option<Duration>,
    /// Bounds on slowness.
    pub timeouts: Timeouts,
    /// Idle connections.
    pub keepalive: Keepalive,
}

/// One place requests can go to.
#[derive(Debug)]
pub struct Node {
    /// See [`crate::resource::Route::serial`].
    pub serial: u64,
    /// Name or address, as configured.
    pub host: Arc<str>,
    /// Port.
    pub port: u16,
    /// Where it is, when the host is an address.
    pub address: Option<SocketAddr>,
    /// Host header for `pass_host: node`.
    pub host_header: HeaderValue,
}

/// The host that a node sees.
#[derive(Debug)]
pub enum Host {
    /// The client's.
    Pass,
    /// The node's own.
    Node,
    /// This one.
    Rewrite(HeaderValue),
}

/// TLS to the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tls {
    /// Whether their certificates are verified.
    pub verify: bool,
}

/// How idle connections are kept.
#[derive(Debug, Clone, Copy)]
pub struct Keepalive {
    /// How many per node and worker.
    pub size: usize,
    /// For how long.
    pub idle: Duration,
    /// For how many requests.
    pub requests: u32,
}

/// Why an upstream cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Error {
    #[error("upstream: service discovery ({0}) is not supported")]
    Discovery(String),
    #[error("upstream: balancer type {0} is not supported")]
    Balancer(&'static str),
    #[error("upstream: scheme {0:?} is not supported")]
    Scheme(Scheme),
    #[error("upstream: client certificates are not supported")]
    ClientCertificate,
    #[error("upstream: node {0} has no valid host")]
    NodeHost(String),
    #[error("upstream: upstream_host is required when pass_host is rewrite")]
    NoUpstreamHost,
    #[error("upstream: upstream_host {0:?} is not a valid host")]
    UpstreamHost(String),
}

// === impl Upstream ===

impl Upstream {
    /// Compiles a document.
    pub fn compile(document: &model::Upstream) -> Result<Self, Error> {
        if let Some(kind) = &document.discovery_type {
            return Err(Error::Discovery(kind.clone()));
        }
        match &document.balancer {
            Balancer::RoundRobin => {}
            Balancer::Chash => return Err(Error::Balancer("chash")),
            Balancer::Ewma => return Err(Error::Balancer("ewma")),
            Balancer::LeastConn => return Err(Error::Balancer("least_conn")),
            Balancer::Other(_) => return Err(Error::Balancer("of an unknown name")),
        }
        let tls = match document.scheme {
            Scheme::Http => None,
            Scheme::Https => Some(Tls { verify: document.tls.as_ref().is_some_and(|tls| tls.verify) }),
            other => return Err(Error::Scheme(other)),
        };
        if document.tls.as_ref().is_some_and(|tls| tls.client_cert.is_some() || tls.client_cert_id.is_some()) {
            return Err(Error::ClientCertificate);
        }
        let given = document.nodes.as_ref().map(|nodes| nodes.0.as_slice()).unwrap_or_default();
        let nodes = given.iter().map(|node| Node::compile(node, document.scheme).map(Arc::new));
        let nodes = nodes.collect::<Result<Vec<_>, _>>()?;
        let keepalive = document.keepalive_pool.unwrap_or_default();
        Ok(Self {
            balancer: RoundRobin::new(given.iter().map(|node| (node.priority, node.weight))),
            tls,
            host: Host::compile(document)?,
            retries: document
                .retries
                .map_or(nodes.len().saturating_sub(1), |n| usize::try_from(n).unwrap_or(usize::MAX)),
            retry_timeout: document.retry_timeout.filter(|s| *s > 0.0).map(seconds),
            timeouts: document.timeout.map(Timeouts::from).unwrap_or_default(),
            keepalive: Keepalive {
                size: usize::try_from(keepalive.size).unwrap_or(usize::MAX),
                idle: seconds(keepalive.idle_timeout),
                requests: keepalive.requests,
            },
            nodes,
        })
    }
}

// === impl Node ===

impl Node {
    fn compile(node: &model::resource::Node, scheme: Scheme) -> Result<Self, Error> {
        let wrong = || Error::NodeHost(node.host.clone());
        let usual = scheme.default_port();
        let port = node.port.filter(|port| *port != 0).or(usual).unwrap_or(80);
        let ip = node.host.parse::<IpAddr>().ok();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
        if ip.is_none() && (node.host.is_empty() || !node.host.bytes().all(plain)) {
            return Err(wrong());
        }
        let shown = if matches!(ip, Some(IpAddr::V6(_))) { format!("[{}]", node.host) } else { node.host.clone() };
        let header = if usual == Some(port) { shown } else { format!("{shown}:{port}") };
        Ok(Self {
            serial: next_serial(),
            host: node.host.as_str().into(),
            port,
            address: ip.map(|ip| SocketAddr::new(ip, port)),
            host_header: HeaderValue::try_from(header).map_err(|_| wrong())?,
        })
    }
}

// === impl Host ===

impl Host {
    fn compile(document: &model::Upstream) -> Result<Self, Error> {
        Ok(match document.pass_host {
            PassHost::Pass => Self::Pass,
            PassHost::Node => Self::Node,
            PassHost::Rewrite => {
                let host = document.upstream_host.as_deref().ok_or(Error::NoUpstreamHost)?;
                let wrong = |_| Error::UpstreamHost(host.to_owned());
                Self::Rewrite(HeaderValue::from_str(host).map_err(wrong)?)
            }
        })
    }
}
