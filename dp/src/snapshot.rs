//! The configuration at one revision, compiled: what requests see.

use std::sync::Arc;

use crate::resource::{Consumer, Credential, NamedUpstream, Route, Service};
use crate::router::Router;
use crate::tree::Tree;

/// The configuration at one revision. Immutable; parts that did not change are shared with the one before.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Revision of the last event in it; 0 before anything is loaded.
    pub revision: i64,
    /// Whether configuration was loaded at all, from whichever source.
    pub loaded: bool,
    /// Routes by request.
    pub router: Router,
    /// Routes by id.
    pub routes: Tree<Arc<Route>>,
    /// Services by id.
    pub services: Tree<Arc<Service>>,
    /// Upstreams by id.
    pub upstreams: Tree<Arc<NamedUpstream>>,
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

    /// The consumer of this name.
    #[must_use]
    pub fn consumer(&self, username: &str) -> Option<Arc<Consumer>> {
        self.consumers.get(username.as_bytes()).cloned()
    }
}
