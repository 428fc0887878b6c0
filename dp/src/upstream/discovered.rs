//! The nodes of an upstream that names a service: a registry offers them, and requests take those of the moment.
//!
//! ```text
//! registry's client ── offer ──→ Discovered ── now() ──→ a request, which keeps what it got
//! ```
//! An upstream is put together when the nodes change, off the request path. A node that stays keeps its load, its health
//! and its connections.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use portolan_model as model;
use portolan_model::resource;
use serde_json::{Map, Value};

use super::{Error, Node, Place, Upstream};
use crate::plugin::State;

/// The nodes of one upstream, as a registry offers them.
#[derive(Debug)]
pub struct Discovered {
    /// The upstream without nodes.
    settled: Upstream,
    document: model::Upstream,
    resource: Box<str>,
    state: State,
    /// What a node's metadata must hold.
    metadata: Map<String, Value>,
    now: ArcSwapOption<Upstream>,
}

// === impl Discovered ===

impl Discovered {
    /// An upstream whose nodes a registry knows.
    pub(super) fn upstream(
        settled: Upstream,
        document: &model::Upstream,
        place: &Place<'_>,
    ) -> Result<Upstream, Error> {
        // The settings of the checks are looked at now: what is wrong with them is wrong with the resource.
        let outer = settled.with_nodes(&[], document, place)?;
        let metadata = match document.discovery_args.as_ref().and_then(|args| args.get("metadata")) {
            None => Map::new(),
            Some(Value::Object(metadata)) => metadata.clone(),
            Some(_) => return Err(Error::Discovery("metadata must be an object".to_owned())),
        };
        let discovered = Arc::new(Self {
            settled,
            document: document.clone(),
            resource: place.resource.into(),
            state: place.state.clone(),
            metadata,
            now: ArcSwapOption::empty(),
        });
        place.state.surroundings().discovery.subscribe(&discovered);
        Ok(Upstream { discovered: Some(discovered), ..outer })
    }

    /// What the upstream is made of.
    #[must_use]
    pub fn document(&self) -> &model::Upstream {
        &self.document
    }

    /// The resource that holds it.
    #[must_use]
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// The upstream over the nodes of this moment; `None` while the service is not known.
    #[must_use]
    pub fn now(&self) -> Option<Arc<Upstream>> {
        self.now.load_full()
    }

    /// Takes the nodes of the service; `None`: it is not known.
    pub fn offer(&self, nodes: Option<&[resource::Node]>) {
        let Some(nodes) = nodes else { return self.now.store(None) };
        let before = self.now.load_full();
        let place = Place { resource: &self.resource, state: &self.state, certificates: None };
        let compiled = nodes.iter().filter(|node| self.wants(node)).filter_map(|node| {
            match self.node(node, before.as_deref(), &place) {
                Ok(compiled) => Some((node, compiled)),
                Err(error) => {
                    tracing::warn!(upstream = &*self.resource, %error, "a discovered node is left out");
                    None
                }
            }
        });
        match self.settled.with_nodes(&compiled.collect::<Vec<_>>(), &self.document, &place) {
            Ok(upstream) => self.now.store(Some(Arc::new(upstream))),
            Err(error) => tracing::error!(upstream = &*self.resource, %error, "discovered nodes are not used"),
        }
    }

    /// A node that was there before stays the same.
    fn node(&self, node: &resource::Node, before: Option<&Upstream>, place: &Place<'_>) -> Result<Arc<Node>, Error> {
        let compiled = Node::compile(node, &self.document, place)?;
        let same = |old: &&Arc<Node>| old.host == compiled.host && old.port == compiled.port;
        let known = before.and_then(|before| before.nodes.iter().find(same).cloned());
        Ok(known.unwrap_or_else(|| Arc::new(compiled)))
    }

    fn wants(&self, node: &resource::Node) -> bool {
        self.metadata.iter().all(|(key, value)| node.metadata.get(key) == Some(value))
    }
}
