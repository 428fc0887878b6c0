//! The resources as the data plane reads them: strict about the types of what they hold, blind to what they don't.
//!
//! A document reaches these types only after [`mod@crate::check`]; whatever that accepts, these read.

use serde::Deserialize;
use serde::de::Error as _;
use serde_json::{Map, Value};

use crate::Kind;

mod consumer;
mod cost_decoration;
mod node;
mod plugins;
mod proto;
mod route;
mod secret;
mod service;
mod ssl;
mod stream_route;
mod upstream;

pub use consumer::Consumer;
pub use cost_decoration::CostDecoration;
pub use node::{Node, Nodes, split_address};
pub use plugins::{ConsumerGroup, Credential, GlobalRule, PluginConfig, PluginMetadata};
pub use proto::Proto;
pub use route::{Route, Timeout};
pub use secret::{Account, Aws, Gcp, Manager, Secret, ServiceAccount, Vault};
pub use service::Service;
pub use ssl::{ClientVerification, Side, Ssl, TlsVersion};
pub use stream_route::{Protocol, StreamRoute};
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
    pub kind: Kind,
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
    /// A credential.
    Credential(Box<Credential>),
    /// A certificate.
    Ssl(Box<Ssl>),
    /// A global rule.
    GlobalRule(Box<GlobalRule>),
    /// A plugin config.
    PluginConfig(Box<PluginConfig>),
    /// A consumer group.
    ConsumerGroup(Box<ConsumerGroup>),
    /// The metadata of a plugin.
    PluginMetadata(Box<PluginMetadata>),
    /// A definition in Protocol Buffers.
    Proto(Box<Proto>),
    /// A stream route.
    StreamRoute(Box<StreamRoute>),
    /// A place where secrets are.
    Secret(Box<Secret>),
    /// What a part of a service's GraphQL schema costs.
    CostDecoration(Box<CostDecoration>),
}

// === impl Resource ===

impl Resource {
    /// Reads a document of the given kind and id.
    pub fn read(kind: Kind, id: &str, document: &Value) -> Result<Self, Error> {
        match kind {
            Kind::Route => Route::deserialize(document).map(|r| Self::Route(Box::new(r))),
            Kind::Service => Service::deserialize(document).map(|r| Self::Service(Box::new(r))),
            Kind::Upstream => Upstream::deserialize(document).map(|r| Self::Upstream(Box::new(r))),
            Kind::Consumer => Consumer::deserialize(document).map(|r| Self::Consumer(Box::new(r))),
            Kind::Credential => Credential::deserialize(document).map(|r| Self::Credential(Box::new(r))),
            Kind::Ssl => Ssl::deserialize(document).map(|r| Self::Ssl(Box::new(r))),
            Kind::GlobalRule => GlobalRule::deserialize(document).map(|r| Self::GlobalRule(Box::new(r))),
            Kind::PluginConfig => PluginConfig::deserialize(document).map(|r| Self::PluginConfig(Box::new(r))),
            Kind::ConsumerGroup => ConsumerGroup::deserialize(document).map(|r| Self::ConsumerGroup(Box::new(r))),
            Kind::PluginMetadata => PluginMetadata::deserialize(document).map(|r| Self::PluginMetadata(Box::new(r))),
            Kind::Proto => Proto::deserialize(document).map(|r| Self::Proto(Box::new(r))),
            Kind::StreamRoute => StreamRoute::deserialize(document).map(|r| Self::StreamRoute(Box::new(r))),
            Kind::CostDecoration => CostDecoration::deserialize(document).map(|r| Self::CostDecoration(Box::new(r))),
            Kind::Secret => match kind.split_id(id).0.and_then(Manager::named) {
                Some(manager) => Secret::read(manager, document).map(|r| Self::Secret(Box::new(r))),
                None => Err(serde_json::Error::custom("the id names no secret manager")),
            },
        }
        .map_err(|source| Error { kind, source })
    }

    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Route(_) => Kind::Route,
            Self::Service(_) => Kind::Service,
            Self::Upstream(_) => Kind::Upstream,
            Self::Consumer(_) => Kind::Consumer,
            Self::Credential(_) => Kind::Credential,
            Self::Ssl(_) => Kind::Ssl,
            Self::GlobalRule(_) => Kind::GlobalRule,
            Self::PluginConfig(_) => Kind::PluginConfig,
            Self::ConsumerGroup(_) => Kind::ConsumerGroup,
            Self::PluginMetadata(_) => Kind::PluginMetadata,
            Self::Proto(_) => Kind::Proto,
            Self::StreamRoute(_) => Kind::StreamRoute,
            Self::Secret(_) => Kind::Secret,
            Self::CostDecoration(_) => Kind::CostDecoration,
        }
    }
}
