//! What a resource refers to.

use std::fmt;

use serde_json::Value;

use super::{Invalid, Result};
use crate::Kind;
use crate::id::text_of;

/// A resource that another one needs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// What it is.
    pub target: Target,
    /// Its id.
    pub id: String,
    /// What it must be, beside being there.
    pub demand: Demand,
}

/// What can be referred to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// By `upstream_id`.
    Upstream,
    /// By `service_id`.
    Service,
    /// By `plugin_config_id`.
    PluginConfig,
    /// By `group_id`.
    ConsumerGroup,
    /// By `tls.client_cert_id`.
    Ssl,
    /// By `protocol.superior_id`.
    StreamRoute,
    /// By the key of a credential.
    Consumer,
    /// By the key of a cost decoration.
    Owner,
}

/// What a resource must be for the one that refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Demand {
    /// Whatever it is.
    Nothing,
    /// A certificate of type `client`.
    ClientCertificate,
    /// A stream route of the same protocol, if it has one.
    Protocol(String),
}

/// The references of a document, in the order in which the Admin API looks them up. `id` is what its key or URL says.
///
/// Ids in plugins are not among them, and neither is the certificate of a stream route's own upstream: APISIX stores those
/// whether they lead somewhere or not.
pub fn references(kind: Kind, id: Option<&str>, document: &Value) -> Vec<Reference> {
    let fields: &[(&str, Target)] = match kind {
        Kind::Route => &[
            ("/upstream/tls/client_cert_id", Target::Ssl),
            ("/upstream_id", Target::Upstream),
            ("/service_id", Target::Service),
            ("/plugin_config_id", Target::PluginConfig),
        ],
        Kind::Service => &[("/upstream/tls/client_cert_id", Target::Ssl), ("/upstream_id", Target::Upstream)],
        Kind::Upstream => &[("/tls/client_cert_id", Target::Ssl)],
        Kind::Consumer => &[("/group_id", Target::ConsumerGroup)],
        Kind::StreamRoute => &[
            ("/upstream_id", Target::Upstream),
            ("/service_id", Target::Service),
            ("/protocol/superior_id", Target::StreamRoute),
        ],
        Kind::Credential => {
            let consumer = id.and_then(|id| kind.split_id(id).0);
            let reference = |id: &str| Reference::to(Target::Consumer, id.to_owned(), document);
            return consumer.map(reference).into_iter().collect();
        }
        Kind::CostDecoration => {
            let service = id.and_then(|id| kind.split_id(id).0);
            let reference = |id: &str| Reference::to(Target::Owner, id.to_owned(), document);
            return service.map(reference).into_iter().collect();
        }
        Kind::Ssl
        | Kind::GlobalRule
        | Kind::PluginConfig
        | Kind::ConsumerGroup
        | Kind::PluginMetadata
        | Kind::Proto
        | Kind::Secret => &[],
    };
    let read =
        |&(path, target): &(&str, Target)| Some(Reference::to(target, text_of(document.pointer(path)?)?, document));
    fields.iter().filter_map(read).collect()
}

// === impl Reference ===

impl Reference {
    fn to(target: Target, id: String, document: &Value) -> Self {
        let protocol = || document.pointer("/protocol/name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let demand = match target {
            Target::Ssl => Demand::ClientCertificate,
            Target::StreamRoute => Demand::Protocol(protocol()),
            _ => Demand::Nothing,
        };
        Self { target, id, demand }
    }

    /// The kind of what it refers to.
    pub const fn kind(&self) -> Kind {
        match self.target {
            Target::Upstream => Kind::Upstream,
            Target::Service | Target::Owner => Kind::Service,
            Target::PluginConfig => Kind::PluginConfig,
            Target::ConsumerGroup => Kind::ConsumerGroup,
            Target::Ssl => Kind::Ssl,
            Target::StreamRoute => Kind::StreamRoute,
            Target::Consumer => Kind::Consumer,
        }
    }

    /// What is said when it leads nowhere.
    pub fn not_found(&self) -> Invalid {
        let Self { target, id, .. } = self;
        Invalid(match target {
            Target::Consumer => "consumer not found".to_owned(),
            Target::Owner => "service not found".to_owned(),
            Target::StreamRoute => format!("failed to fetch stream routes[{id}], response code: 404"),
            _ => format!("failed to fetch {target} info by {target} id [{id}], response code: 404"),
        })
    }

    /// The HTTP status of an answer that says [`Reference::not_found`].
    pub const fn not_found_status(&self) -> u16 {
        match self.target {
            Target::Consumer | Target::Owner => 404,
            _ => 400,
        }
    }

    /// Whether what it leads to, as it is stored, is there and is what it must be.
    pub fn check(&self, found: Option<&[u8]>) -> Result {
        let Some(stored) = found else { return Err(self.not_found()) };
        if self.demand == Demand::Nothing {
            return Ok(());
        }
        let other: Value = serde_json::from_slice(stored).unwrap_or_default();
        let text = |pointer: &str| other.pointer(pointer).and_then(Value::as_str);
        match &self.demand {
            Demand::ClientCertificate if text("/type") != Some("client") => {
                Err(Invalid(format!("failed to fetch ssl info by ssl id [{}], wrong ssl type", self.id)))
            }
            Demand::Protocol(own) => match text("/protocol/name") {
                Some(superior) if superior != own => Err(Invalid(format!(
                    "protocol mismatch: subordinate protocol [{own}] does not match superior protocol [{superior}]"
                ))),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

// === impl Target ===

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upstream => "upstream",
            Self::Service | Self::Owner => "service",
            Self::PluginConfig => "plugin config",
            Self::ConsumerGroup => "consumer group",
            Self::Ssl => "ssl",
            Self::StreamRoute => "stream route",
            Self::Consumer => "consumer",
        })
    }
}
