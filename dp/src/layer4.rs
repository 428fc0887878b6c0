//! Stream routes: TCP, TLS and UDP, passed between client and node without a look inside.
//!
//! ```text
//! accept → PROXY header → TLS → pin snapshot, route → plugins → choose node, connect, retry → PROXY header → TLS → relay
//! ```

mod client;
mod dial;
mod metrics;
pub mod plugin;
mod ports;
mod relay;
mod route;
mod table;
pub mod tcp;
pub mod udp;

pub use client::{Client, Transport};
pub use metrics::{Port, Stats, write};
pub use ports::{Ports, Sockets};
pub use route::Route;
pub use table::Table;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::upstream::Upstream;
use crate::upstream::connect::Connector;

/// What the streams of a worker share.
#[derive(Debug)]
pub struct Streams {
    /// TLS to nodes, without a word on the protocol inside.
    connector: Connector,
    buffers: relay::Buffers,
}

/// A stream without a byte in either direction for this long is closed, unless the upstream has timeouts of its own.
const IDLE: Duration = Duration::from_secs(600);

/// How long a stream to this upstream may be silent.
fn idle(upstream: &Upstream) -> Duration {
    if upstream.timeouts_given { upstream.timeouts.read.max(upstream.timeouts.send) } else { IDLE }
}

// === impl Streams ===

impl Streams {
    /// Passes bytes both ways until both sides have ended, one has failed, or nothing has moved for so long.
    pub async fn tunnel<C, N>(&self, client: &mut C, node: &mut N, idle: Duration)
    where
        C: AsyncRead + AsyncWrite + Unpin,
        N: AsyncRead + AsyncWrite + Unpin,
    {
        relay::run(client, node, idle, &Port::default(), &self.buffers).await;
    }

    /// For nodes that are spoken to as this connector does.
    #[must_use]
    pub fn new(connector: &Connector) -> Self {
        Self { connector: connector.for_streams(), buffers: relay::Buffers::default() }
    }
}
