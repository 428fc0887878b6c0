//! The resources as the data plane reads them: strict about the types of what they hold, blind to what they don't.
//!
//! A document reaches these types only after [`mod@crate::check`]; whatever that accepts, these read.

use serde::Deserialize;
use serde_json::{Map, Value};

mod consumer;
mod node;
mod route;
mod service;
mod upstream;

pub use consumer::Consumer;
pub use node::{Node, Nodes, split_address};
pub use route::{Route, Timeout};
pub use service::Service;
pub use upstream::{Balancer, HashOn, KeepalivePool, PassHost, Scheme, Tls, Upstream};

/// Plugin configurations by plugin name, as the document holds them.
pub type Plugins = Map<String, Value>;

/// Labels of a resource.
pub type Labels = Map<String, Value>;

/// A document that is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("not a {kind}")]
pub struct Error {
    /// What it should be.
    pub kind: crate::Kind,
    /// Where it differs.
    #[source]
    pub source: serde_json::Error,
}

/// Any resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Resource {
    /// A route.
    Route(Box<Route>),
    /// A service.
    Service(Box<Service>),
    /// An upstream.
    Upstream(Box<Upstream>),
    /// A consumer.
    Consumer(Box<Consumer>),
}

// === impl Resource ===

impl Resource {
    /// Reads a document of the given kind.
    pub fn read(kind: crate::Kind, document: &Value) -> Result<Self, Error> {
        use crate::Kind;
        match kind {
            Kind::Route => Route::deserialize(document).map(|r| Self::Route(Box::new(r))),
            Kind::Service => Service::deserialize(document).map(|r| Self::Service(Box::new(r))),
            Kind::Upstream => Upstream::deserialize(document).map(|r| Self::Upstream(Box::new(r))),
            Kind::Consumer => Consumer::deserialize(document).map(|r| Self::Consumer(Box::new(r))),
        }
        .map_err(|source| Error { kind, source })
    }

    /// Its kind.
    pub const fn kind(&self) -> crate::Kind {
        use crate::Kind;
        match self {
            Self::Route(_) => Kind::Route,
            Self::Service(_) => Kind::Service,
            Self::Upstream(_) => Kind::Upstream,
            Self::Consumer(_) => Kind::Consumer,
        }
    }
}
