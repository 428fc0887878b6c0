//! What a resource refers to.

use std::fmt;

use serde_json::Value;

use super::Invalid;
use crate::Kind;
use crate::id::text_of;

/// A resource that another one needs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// What it is.
    pub target: Target,
    /// Its id.
    pub id: String,
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
}

/// The references of a document, in the order in which the Admin API looks them up.
pub fn references(kind: Kind, document: &Value) -> Vec<Reference> {
    const CERTIFICATE: &str = "/tls/client_cert_id";
    let fields: &[(&str, Target)] = match kind {
        Kind::Route => &[
            ("/upstream/tls/client_cert_id", Target::Ssl),
            ("/upstream_id", Target::Upstream),
            ("/service_id", Target::Service),
            ("/plugin_config_id", Target::PluginConfig),
        ],
        Kind::Service => &[("/upstream/tls/client_cert_id", Target::Ssl), ("/upstream_id", Target::Upstream)],
        Kind::Upstream => &[(CERTIFICATE, Target::Ssl)],
        Kind::Consumer => &[("/group_id", Target::ConsumerGroup)],
    };
    let read = |&(path, target): &(&str, Target)| Some(Reference { target, id: text_of(document.pointer(path)?)? });
    fields.iter().filter_map(read).collect()
}

// === impl Reference ===

impl Reference {
    /// The kind of what it refers to; `None` for what this version has no resources of, so that it leads nowhere.
    pub const fn kind(&self) -> Option<Kind> {
        match self.target {
            Target::Upstream => Some(Kind::Upstream),
            Target::Service => Some(Kind::Service),
            Target::PluginConfig | Target::ConsumerGroup | Target::Ssl => None,
        }
    }

    /// What is said when it leads nowhere.
    pub fn not_found(&self) -> Invalid {
        let Self { target, id } = self;
        Invalid(format!("failed to fetch {target} info by {target} id [{id}], response code: 404"))
    }
}

// === impl Target ===

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upstream => "upstream",
            Self::Service => "service",
            Self::PluginConfig => "plugin config",
            Self::ConsumerGroup => "consumer group",
            Self::Ssl => "ssl",
        })
    }
}
