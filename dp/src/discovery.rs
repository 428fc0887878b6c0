//! Who knows the nodes of upstreams that name a service: DNS, Consul, Kubernetes, Nacos, Eureka.
//!
//! ```text
//! registry ⇄ client (one per registry and process, on the configuration thread) → Directory → Discovered upstreams
//! ```
//! A client never stops: while its registry is away or talks nonsense the last nodes stay, and it asks again after
//! growing, scattered pauses. What it knows is shown on the control port, how it goes on the status and metrics ports.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::StatusCode;
use portolan_model as model;
use portolan_model::resource::Node;
use portolan_rt::clock::Clock;
use portolan_rt::status::Board;
use portolan_rt::task::{Backoff, Kind, Supervisor};
use serde_json::{Map, Value, json};

use crate::config;
use crate::http_client::Client;
use crate::metrics::Exposition;
use crate::upstream::discovered::Discovered;

mod consul;
mod directory;
mod dns;
mod eureka;
mod kubernetes;
mod lenient;
mod nacos;
mod pace;
mod server;

pub use directory::Directory;

/// All registries that are configured; clones are the same. A default one has none.
#[derive(Debug, Clone, Default)]
pub struct Discovery {
    registries: Arc<BTreeMap<&'static str, Arc<dyn Registry>>>,
}

/// What all registries need of the process around them.
pub struct Around {
    /// For requests to registries.
    pub client: Client,
    /// Where each shows how it goes.
    pub board: Board,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// An answer on the control port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its status.
    pub status: StatusCode,
    /// Its body: JSON, or a file as it is.
    pub body: String,
}

/// A kind of registry, as `discovery_type` names it.
trait Registry: Debug + Send + Sync {
    /// Where the service of an upstream is kept, and under which name there.
    fn locate(&self, upstream: &model::Upstream) -> Option<(&Directory, String)>;

    /// What it knows: one per server or cluster that is followed on its own.
    fn directories(&self) -> Vec<&Directory>;

    /// The answer of the control port to a path below `/v1/discovery/{type}/`.
    fn show(&self, _path: &str) -> Option<Shown> {
        None
    }

    /// Follows the registry for ever.
    fn run(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

// === impl Discovery ===

impl Discovery {
    /// The registries that the settings name.
    pub fn new(config: &config::Discovery, around: &Around) -> Result<Self, config::Invalid> {
        let mut registries: BTreeMap<&'static str, Arc<dyn Registry>> = BTreeMap::new();
        if let Some(dns) = &config.dns {
            registries.insert("dns", Arc::new(dns::Dns::new(dns, around)?));
        }
        if let Some(consul) = &config.consul {
            registries.insert("consul", Arc::new(consul::Consul::new(consul, around)));
        }
        if let Some(kubernetes) = &config.kubernetes {
            registries.insert("kubernetes", Arc::new(kubernetes::Kubernetes::new(kubernetes, around)?));
        }
        if let Some(nacos) = &config.nacos {
            registries.insert("nacos", Arc::new(nacos::Nacos::new(nacos, around)));
        }
        if let Some(eureka) = &config.eureka {
            registries.insert("eureka", Arc::new(eureka::Eureka::new(eureka, around)));
        }
        Ok(Self { registries: Arc::new(registries) })
    }

    /// Follows all of them, until the soft stage: requests that finish after it need no news.
    pub fn start(&self, supervisor: &Supervisor) {
        for (name, registry) in self.registries.iter() {
            let (registry, shutdown) = (registry.clone(), supervisor.shutdown());
            supervisor.spawn(format!("discovery {name}"), Kind::Restart(Backoff::default()), move || {
                let (registry, shutdown) = (registry.clone(), shutdown.clone());
                async move {
                    shutdown.until_soft(registry.run()).await;
                }
            });
        }
    }

    /// Gives an upstream the nodes of its service, now and whenever they change.
    pub(crate) fn subscribe(&self, discovered: &Arc<Discovered>) {
        let document = discovered.document();
        let kind = document.discovery_type.as_deref().unwrap_or_default();
        let service = document.service_name.as_deref().unwrap_or_default();
        let upstream = discovered.resource();
        let Some(registry) = self.registries.get(kind) else {
            tracing::warn!(upstream, discovery = kind, "the registry is not configured, the upstream has no nodes");
            return;
        };
        let Some((directory, key)) = registry.locate(document) else {
            tracing::warn!(upstream, service, discovery = kind, "the registry has no such names of services");
            return;
        };
        directory.subscribe(&key, discovered);
    }

    /// The answer of the control port to what follows `/v1/discovery/`.
    #[must_use]
    pub fn show(&self, rest: &str) -> Option<Shown> {
        let (kind, path) = rest.split_once('/')?;
        self.registries.get(kind)?.show(path)
    }

    /// Adds the metrics.
    pub(crate) fn write(&self, out: &mut Exposition) {
        let all: Vec<&Directory> = self.registries.values().flat_map(|registry| registry.directories()).collect();
        if !all.is_empty() {
            directory::write(&all, out);
        }
    }
}

// === impl Shown ===

impl Shown {
    fn json(body: Value) -> Self {
        Self::text(body.to_string())
    }

    fn text(body: String) -> Self {
        Self { status: StatusCode::OK, body }
    }

    fn refused(status: StatusCode, reason: &str) -> Self {
        Self { status, body: json!({ "error_msg": reason }).to_string() }
    }
}

/// Nodes as they are shown, and kept in files.
fn shown_nodes(nodes: &[Node]) -> Value {
    let shown = |node: &Node| {
        let mut fields = Map::new();
        fields.insert("host".to_owned(), node.host.as_str().into());
        fields.extend(node.port.map(|port| ("port".to_owned(), port.into())));
        fields.insert("weight".to_owned(), node.weight.into());
        if !node.metadata.is_empty() {
            fields.insert("metadata".to_owned(), node.metadata.clone().into());
        }
        Value::Object(fields)
    };
    nodes.iter().map(shown).collect()
}

#[cfg(test)]
mod tests;
