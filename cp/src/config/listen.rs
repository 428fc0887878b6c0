//! Section `listen`.

use std::net::{Ipv4Addr, SocketAddr};

use serde::Deserialize;

/// Addresses of the four listeners; port 0 picks a free one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// HTTPS: the dashboard and `/api`.
    pub dashboard: SocketAddr,
    /// The APISIX face and `/api`; plain HTTP unless `admin_api.https` is set, and then better on loopback.
    pub admin_api: SocketAddr,
    /// Mutual TLS: the etcd service that data planes follow.
    pub dp_manager: SocketAddr,
    /// Plain HTTP: `/status`, `/status/ready`, `/metrics`.
    pub status: SocketAddr,
}

// === impl Listen ===

impl Default for Listen {
    fn default() -> Self {
        Self {
            dashboard: (Ipv4Addr::UNSPECIFIED, 7443).into(),
            admin_api: (Ipv4Addr::LOCALHOST, 9180).into(),
            dp_manager: (Ipv4Addr::UNSPECIFIED, 7943).into(),
            status: (Ipv4Addr::LOCALHOST, 7086).into(),
        }
    }
}
