//! Section `dns`.

use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

use super::Invalid;

/// How names of upstream nodes are resolved.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dns {
    /// Name servers: addresses, with a port or without. None: those of the system.
    pub servers: Vec<String>,
    /// Seconds for which an answer is good, instead of what it says itself.
    pub valid_seconds: Option<u32>,
}

// === impl Dns ===

impl Dns {
    /// The name servers.
    pub(crate) fn addresses(&self) -> Result<Vec<SocketAddr>, Invalid> {
        let address = |text: &String| {
            let bare = || text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
            text.parse().or_else(|_| bare()).map_err(|_| Invalid {
                setting: "dns.servers",
                reason: format!("{text:?} is not an address such as 127.0.0.1:53"),
            })
        };
        self.servers.iter().map(address).collect()
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        if self.valid_seconds == Some(0) {
            return Err(Invalid {
                setting: "dns.valid_seconds",
                reason: "at least 1; leave it out for what answers say".to_owned(),
            });
        }
        self.addresses().map(drop)
    }
}
