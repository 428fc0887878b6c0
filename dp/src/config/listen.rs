//! Section `listen`.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Deserialize;

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
}

// === impl Listen ===

impl Default for Listen {
    fn default() -> Self {
        let all = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let own = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self { http: all(9080), https: all(9443), status: own(7085), metrics: own(9091), control: own(9090) }
    }
}
