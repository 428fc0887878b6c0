//! Finds a node that takes a stream, within the upstream's retries.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout};

use super::Client;
use crate::proxy_protocol::{Addresses, Version};
use crate::resource::Target;
use crate::stream::Stream;
use crate::upstream::error::Failure;
use crate::upstream::load::Held;
use crate::upstream::{Host, Node, Tried, Upstream};
use crate::worker::Worker;

/// The name that TLS asks for when nothing says one; APISIX's.
const NAMELESS: &str = "apisix_backend";

/// A node that has taken a stream.
pub(super) struct Dialed<S> {
    pub(super) connection: S,
    pub(super) node: Arc<Node>,
    /// Counts as the node's load while it lives.
    pub(super) _held: Option<Held>,
    /// How long the stream may be silent.
    pub(super) idle: std::time::Duration,
}

/// Why there is no node.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The route leads nowhere.
    #[error("{0}")]
    Nowhere(&'static str),
    /// None is left.
    #[error("no node can be asked")]
    NoNode,
    /// The last one tried failed.
    #[error("no node took the stream")]
    Failed {
        /// Its name.
        node: String,
        /// Why.
        source: Failure,
    },
}

/// Connects over TCP, with TLS if the upstream has it; `header` is what each node is sent first.
pub(super) async fn tcp(
    worker: &Rc<Worker>,
    target: &Target,
    client: &Client,
    header: Option<Version>,
) -> Result<Dialed<Stream>, Error> {
    let mut discovered = None;
    let upstream = upstream(target)?.pinned(&mut discovered).ok_or(Error::NoNode)?;
    dial(worker, upstream, client, async |node, address| connect(worker, upstream, client, node, address, header).await)
        .await
}

/// Opens a socket for one client's datagrams.
pub(super) async fn udp(worker: &Rc<Worker>, target: &Target, client: &Client) -> Result<Dialed<UdpSocket>, Error> {
    let mut discovered = None;
    let upstream = upstream(target)?.pinned(&mut discovered).ok_or(Error::NoNode)?;
    dial(worker, upstream, client, async |_, address: SocketAddr| {
        let any: SocketAddr = if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
        let socket = UdpSocket::bind(any).await.map_err(Failure::Connect)?;
        socket.connect(address).await.map_err(Failure::Connect)?;
        Ok(socket)
    })
    .await
}

fn upstream(target: &Target) -> Result<&Arc<Upstream>, Error> {
    match target {
        Target::Upstream(upstream) => Ok(upstream),
        Target::None => Err(Error::Nowhere("the stream route has no upstream")),
        Target::MissingUpstream(_) => Err(Error::Nowhere("the stream route's upstream does not exist")),
        Target::MissingService(_) => Err(Error::Nowhere("the stream route's service does not exist")),
        Target::MissingPluginConfig(_) => Err(Error::Nowhere("the stream route's plugin config does not exist")),
    }
}

async fn dial<S>(
    worker: &Rc<Worker>,
    upstream: &Arc<Upstream>,
    client: &Client,
    open: impl AsyncFn(&Arc<Node>, SocketAddr) -> Result<S, Failure>,
) -> Result<Dialed<S>, Error> {
    let started = Instant::now();
    let remote = client.remote.ip().to_string();
    let pick = |tried: &Tried| upstream.pick_for_stream(&|var| client.read(var), &remote, &worker.dns, tried);
    upstream.prepare(&worker.dns).await;
    let mut tried = Tried::default();
    let mut left = upstream.retries;
    let mut last = None;
    loop {
        let Some(at) = pick(&tried) else { return Err(last.unwrap_or(Error::NoNode)) };
        // Who is alone is asked again.
        if !upstream.is_alone() {
            tried.add(at);
        }
        let node = &upstream.nodes[at];
        let opening = async {
            let mut failure = Failure::Resolve("no address".to_owned());
            for address in addresses(worker, node).await? {
                match open(node, address).await {
                    Ok(connection) => return Ok(connection),
                    Err(error) => failure = error,
                }
            }
            Err(failure)
        };
        let opened = timeout(upstream.timeouts.connect, opening).await.unwrap_or(Err(Failure::ConnectTimeout));
        let failure = match opened {
            Ok(connection) => {
                let held = node.load.as_ref().map(|load| load.hold());
                return Ok(Dialed { connection, node: node.clone(), _held: held, idle: super::idle(upstream) });
            }
            Err(failure) => failure,
        };
        tracing::warn!(node.host = &*node.host, node.port, error = %failure, "upstream attempt failed");
        if let Some(checker) = &upstream.checker {
            checker.failed(at, &failure);
        }
        let in_time = upstream.retry_timeout.is_none_or(|bound| started.elapsed() < bound);
        let error = Error::Failed { node: node.name(), source: failure };
        if left == 0 || !in_time {
            return Err(error);
        }
        left -= 1;
        last = Some(error);
    }
}

async fn addresses(worker: &Rc<Worker>, node: &Node) -> Result<Vec<SocketAddr>, Failure> {
    if let Some(address) = node.address {
        return Ok(vec![address]);
    }
    let resolved = worker.dns.lookup(&node.host).await.map_err(Failure::Resolve)?;
    Ok(resolved.rotated().map(|ip| SocketAddr::new(ip, node.port)).collect())
}

async fn connect(
    worker: &Rc<Worker>,
    upstream: &Upstream,
    client: &Client,
    node: &Node,
    address: SocketAddr,
    header: Option<Version>,
) -> Result<Stream, Failure> {
    let mut stream = TcpStream::connect(address).await.map_err(Failure::Connect)?;
    // Small pieces should leave at once; on failure they leave a little later.
    stream.set_nodelay(true).ok();
    if let Some(version) = header {
        let addresses = Addresses { source: client.remote, destination: client.local };
        stream.write_all(&version.header(addresses)).await.map_err(Failure::Connect)?;
    }
    let Some(tls) = &upstream.tls else { return Ok(Stream::Plain(stream)) };
    let settings = worker.streams.connector.settings(tls)?;
    let host = match &upstream.host {
        Host::Rewrite(host) => host.to_str().ok(),
        Host::Pass => client.name(),
        Host::Node => None,
    };
    let own = || if node.address.is_none() { &*node.host } else { NAMELESS };
    settings.shake(stream, host.unwrap_or_else(own)).await
}
