//! Section `discovery`: registries that know the nodes of upstreams, with APISIX's names of settings.

use serde::Deserialize;

use super::Invalid;

mod consul;
mod dns;
mod eureka;
mod kubernetes;
mod nacos;
mod secret;

pub use consul::{Consul, ConsulDump, ConsulTimeout, DefaultService, SortType};
pub use dns::{Dns, DnsRecord};
pub use eureka::Eureka;
pub(crate) use kubernetes::whole;
pub use kubernetes::{Account, ApiServer, Cluster, Kubernetes, NamespaceSelector, Schema};
pub use nacos::{Nacos, Timeout};
pub use secret::{Address, Secret};

/// The registries in use, by the name that upstreams give as `discovery_type`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Discovery {
    /// Names and SRV records.
    pub dns: Option<Dns>,
    /// HashiCorp Consul.
    pub consul: Option<Consul>,
    /// Kubernetes, one or more clusters.
    pub kubernetes: Option<Kubernetes>,
    /// Nacos.
    pub nacos: Option<Nacos>,
    /// Netflix Eureka.
    pub eureka: Option<Eureka>,
}

// === impl Discovery ===

impl Discovery {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        self.dns.as_ref().map_or(Ok(()), Dns::check)?;
        self.consul.as_ref().map_or(Ok(()), Consul::check)?;
        self.kubernetes.as_ref().map_or(Ok(()), Kubernetes::check)?;
        self.nacos.as_ref().map_or(Ok(()), Nacos::check)?;
        self.eureka.as_ref().map_or(Ok(()), Eureka::check)
    }
}

fn check_servers(setting: &'static str, servers: &[Address]) -> Result<(), Invalid> {
    let invalid = |reason| Err(Invalid { setting, reason });
    if servers.is_empty() {
        return invalid("one at least is needed".to_owned());
    }
    match servers.iter().find(|server| !server.is_valid()) {
        Some(wrong) => invalid(format!("{wrong} is not an address such as http://127.0.0.1:8500")),
        None => Ok(()),
    }
}

fn check_positive(numbers: &[(&'static str, u64)]) -> Result<(), Invalid> {
    match numbers.iter().find(|(_, number)| *number == 0) {
        Some((setting, _)) => Err(Invalid { setting, reason: "must be 1 or more".to_owned() }),
        None => Ok(()),
    }
}
