//! The configuration at one revision, compiled: what requests see.

use std::sync::Arc;

use crate::layer4::{self, Table};
use crate::metrics::Disabled;
use crate::path_rules::PathRules;
use crate::plugin::Chain;
use crate::resource::{Consumer, Credential, Document, NamedUpstream, Route, Service, Shared};
use crate::router::Router;
use crate::tls::{Names, Ssl};
use crate::tree::Tree;
use crate::upstream::Upstream;

/// An upstream with health checks.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The directory of the resource that has it.
    pub directory: &'static str,
    /// The id of that resource.
    pub id: Arc<str>,
    /// The upstream.
    pub upstream: Arc<Upstream>,
}

/// The configuration at one revision. Immutable; parts that did not change are shared with the one before.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Revision of the last event in it; 0 before anything is loaded.
    pub revision: i64,
    /// Whether configuration was loaded at all, from whichever source.
    pub loaded: bool,
    /// Routes by request.
    pub router: Router,
    /// What becomes of paths before routes are asked.
    pub path_rules: PathRules,
    /// Routes by id.
    pub routes: Tree<Arc<Route>>,
    /// Services by id.
    pub services: Tree<Arc<Service>>,
    /// Upstreams by id.
    pub upstreams: Tree<Arc<NamedUpstream>>,
    /// Plugins that routes share, by id.
    pub plugin_configs: Tree<Arc<Shared>>,
    /// Plugins that consumers share, by id.
    pub consumer_groups: Tree<Arc<Shared>>,
    /// Plugins of all requests, by id.
    pub global_rules: Tree<Arc<Shared>>,
    /// The plugins of all global rules.
    pub global: Chain,
    /// Upstreams with health checks, by `directory/id` of the resource that has them.
    pub checkers: Tree<Checked>,
    /// Certificates by id.
    pub ssls: Tree<Arc<Ssl>>,
    /// Certificates by the name that clients ask for.
    pub certificates: Names,
    /// Stream routes by client.
    pub streams: Table,
    /// Stream routes by id.
    pub stream_routes: Tree<Arc<layer4::Route>>,
    /// Metadata by plugin.
    pub plugin_metadata: Tree<Arc<Document>>,
    /// Labels that metrics leave empty.
    pub disabled_labels: Arc<Disabled>,
    /// Consumers by name.
    pub consumers: Tree<Arc<Consumer>>,
    /// Credentials by authentication plugin and identity.
    pub credentials: Vec<(&'static str, Tree<Arc<Credential>>)>,
}

// === impl Snapshot ===

impl Snapshot {
    /// Who shows this identity to this authentication plugin.
    #[must_use]
    pub fn credential(&self, plugin: &str, identity: &str) -> Option<Arc<Credential>> {
        let (_, credentials) = self.credentials.iter().find(|(name, _)| *name == plugin)?;
        credentials.get(identity.as_bytes()).cloned()
    }

    /// What a resource that can have an upstream was made of.
    #[must_use]
    pub fn document(&self, directory: &str, id: &str) -> Option<&Document> {
        let id = id.as_bytes();
        match directory {
            "routes" => self.routes.get(id).map(|route| &*route.document),
            "services" => self.services.get(id).map(|service| &*service.document),
            "upstreams" => self.upstreams.get(id).map(|upstream| &*upstream.document),
            "stream_routes" => self.stream_routes.get(id).map(|route| &*route.document),
            _ => None,
        }
    }

    /// The consumer of this name.
    #[must_use]
    pub fn consumer(&self, username: &str) -> Option<Arc<Consumer>> {
        self.consumers.get(username.as_bytes()).cloned()
    }
}
