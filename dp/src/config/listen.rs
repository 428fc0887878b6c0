//! Section `listen`.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Deserialize;

use super::{ProxyProtocol, Stream};

/// Addresses to listen on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// HTTP/1.1, and HTTP/2 without TLS for clients that know of it.
    pub http: SocketAddr,
    /// HTTP/1.1 and HTTP/2 over TLS.
    pub https: SocketAddr,
    /// `/status` and `/status/ready`.
    pub status: SocketAddr,
    /// `/apisix/prometheus/metrics`.
    pub metrics: SocketAddr,
    /// `/v1/…`: what this instance has in memory. It shows configuration, so it stays on loopback.
    pub control: SocketAddr,
    /// Ports of stream routes.
    pub stream: Stream,
    /// The PROXY protocol on the ports for HTTP.
    pub proxy_protocol: ProxyProtocol,
}

// === impl Listen ===

impl Default for Listen {
    fn default() -> Self {
        let all = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let own = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            http: all(9080),
            https: all(9443),
            status: own(7085),
            metrics: own(9091),
            control: own(9090),
            stream: Stream::default(),
            proxy_protocol: ProxyProtocol::default(),
        }
    }
}
