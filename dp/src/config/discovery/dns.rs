//! Section `discovery.dns`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

use crate::config::Invalid;

/// Where and how names are asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dns {
    /// Name servers: addresses, with a port or without.
    pub servers: Vec<String>,
    /// File with the name servers instead, such as `/etc/resolv.conf`.
    pub resolv_conf: Option<PathBuf>,
    /// Which records are asked for, until there is one.
    pub order: Vec<DnsRecord>,
}

/// A kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DnsRecord {
    /// The kind that the name had last.
    #[serde(rename = "last")]
    Last,
    /// Targets with port, weight and priority.
    Srv,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Another name.
    Cname,
}

// === impl Dns ===

impl Default for Dns {
    fn default() -> Self {
        use DnsRecord::{A, Aaaa, Cname, Last, Srv};
        Self { servers: Vec::new(), resolv_conf: None, order: vec![Last, Srv, A, Aaaa, Cname] }
    }
}

impl Dns {
    /// The name servers.
    pub(crate) fn addresses(&self) -> Result<Vec<SocketAddr>, Invalid> {
        let address = |text: &String| {
            let bare = || text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
            text.parse().or_else(|_| bare()).map_err(|_| Invalid {
                setting: "discovery.dns.servers",
                reason: format!("{text:?} is not an address such as 127.0.0.1:53"),
            })
        };
        self.servers.iter().map(address).collect()
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        let invalid = |setting, reason: &str| Err(Invalid { setting, reason: reason.to_owned() });
        if self.servers.is_empty() == self.resolv_conf.is_none() {
            return invalid("discovery.dns", "either servers or resolv_conf is needed");
        }
        let twice = self.order.iter().enumerate().any(|(at, kind)| self.order[..at].contains(kind));
        if self.order.is_empty() || twice {
            return invalid(
                "discovery.dns.order",
                "needs each of last, SRV, A, AAAA, CNAME at most once, and one at least",
            );
        }
        self.addresses().map(drop)
    }
}
