//! The kinds of resources: how each is called in keys, paths and messages, and what can be done with it.

use std::fmt;

use crate::id;
use crate::resource::Manager;

/// A kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Which requests are taken, and what happens to them.
    Route,
    /// What several routes share.
    Service,
    /// Where requests go.
    Upstream,
    /// Who calls.
    Consumer,
    /// How a consumer proves who it is, apart from the consumer.
    Credential,
    /// A certificate with its key.
    Ssl,
    /// Plugins of all requests.
    GlobalRule,
    /// Plugins that several routes share.
    PluginConfig,
    /// Plugins that several consumers share.
    ConsumerGroup,
    /// Settings of a plugin that hold wherever it runs.
    PluginMetadata,
    /// A definition in Protocol Buffers.
    Proto,
    /// Which connections are taken, and where they go.
    StreamRoute,
    /// Where a manager keeps secrets.
    Secret,
    /// What a part of a service's GraphQL schema costs.
    CostDecoration,
}

/// What stands before the own id of a resource in its key and path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parent {
    /// The consumer that it belongs to: `jack/credentials/c1`.
    Consumer,
    /// The manager of secrets: `vault/v1`.
    Manager,
    /// The service that it belongs to: `s1/graphql_cost_decorations/d1`.
    Service,
}

/// What the methods tell apart.
struct Facts {
    directory: &'static str,
    name: &'static str,
    noun: &'static str,
    post: bool,
    patch: bool,
}

const CREDENTIALS: &str = "/credentials/";
const DECORATIONS: &str = "/graphql_cost_decorations/";

// === impl Kind ===

impl Kind {
    /// All kinds, parents before children: a resource refers only to kinds that stand before its own, and a stream route
    /// to others of its kind.
    pub const fn all() -> &'static [Self] {
        &[
            Self::Secret,
            Self::PluginMetadata,
            Self::Proto,
            Self::Ssl,
            Self::Upstream,
            Self::Service,
            Self::CostDecoration,
            Self::PluginConfig,
            Self::ConsumerGroup,
            Self::Consumer,
            Self::Credential,
            Self::GlobalRule,
            Self::Route,
            Self::StreamRoute,
        ]
    }

    const fn facts(self) -> Facts {
        const fn facts(names: [&'static str; 3], [post, patch]: [bool; 2]) -> Facts {
            let [directory, name, noun] = names;
            Facts { directory, name, noun, post, patch }
        }
        match self {
            Self::Route => facts(["routes", "route", "route"], [true, true]),
            Self::Service => facts(["services", "service", "service"], [true, true]),
            Self::Upstream => facts(["upstreams", "upstream", "upstream"], [true, true]),
            Self::Consumer => facts(["consumers", "consumer", "consumer"], [false, false]),
            Self::Credential => facts(["credentials", "credential", "credential"], [false, false]),
            Self::Ssl => facts(["ssls", "ssl", "ssl"], [true, true]),
            Self::GlobalRule => facts(["global_rules", "global_rule", "global rule"], [false, true]),
            Self::PluginConfig => facts(["plugin_configs", "plugin_config", "plugin config"], [false, true]),
            Self::ConsumerGroup => facts(["consumer_groups", "consumer_group", "consumer group"], [false, true]),
            Self::PluginMetadata => facts(["plugin_metadata", "plugin_metadata", "plugin_metadata"], [false, false]),
            Self::Proto => facts(["protos", "proto", "proto"], [true, false]),
            Self::StreamRoute => facts(["stream_routes", "stream_route", "stream route"], [true, false]),
            Self::Secret => facts(["secrets", "secret", "secret"], [false, true]),
            Self::CostDecoration => {
                facts(["graphql_cost_decorations", "graphql_cost_decoration", "graphql cost decoration"], [true, true])
            }
        }
    }

    // What it is called.

    /// The name in paths: `routes`. Some stand below a parent, see [`Kind::key_directory`].
    pub const fn directory(self) -> &'static str {
        self.facts().directory
    }

    /// The directory of its keys: `routes`. Credentials stand below their consumers, cost decorations below their services.
    pub const fn key_directory(self) -> &'static str {
        match self {
            Self::Credential => Self::Consumer.directory(),
            Self::CostDecoration => Self::Service.directory(),
            other => other.directory(),
        }
    }

    /// The name in events and of its schema: `stream_route`.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The name in messages: `stream route`.
    pub const fn noun(self) -> &'static str {
        self.facts().noun
    }

    /// The kind of a directory name.
    pub fn from_directory(directory: &str) -> Option<Self> {
        Self::all().iter().copied().find(|kind| kind.directory() == directory)
    }

    /// The kind of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::all().iter().copied().find(|kind| kind.name() == name)
    }

    // What can be done with it. Every kind can be read, listed, put and deleted.

    /// Whether POST makes one, under an id that it gives.
    pub const fn has_post(self) -> bool {
        self.facts().post
    }

    /// Whether PATCH changes one, as a whole or below a sub-path.
    pub const fn has_patch(self) -> bool {
        self.facts().patch
    }

    /// Whether a document gets `create_time` and `update_time` when it is stored.
    pub const fn is_stamped(self) -> bool {
        !matches!(self, Self::PluginMetadata)
    }

    /// Whether a list without items is an empty list, and not the answer that there is no such key.
    pub const fn lists_nothing(self) -> bool {
        !matches!(self, Self::Credential | Self::CostDecoration)
    }

    /// The fields that the parameter `filter` of a list knows.
    pub const fn filter_fields(self) -> &'static [&'static str] {
        match self {
            Self::Route | Self::StreamRoute => &["service_id", "upstream_id"],
            _ => &[],
        }
    }

    /// What stands below its key and is deleted with it.
    pub const fn owned_directory(self) -> Option<&'static str> {
        match self {
            Self::Consumer => Some("credentials"),
            Self::Service => Some("graphql_cost_decorations"),
            _ => None,
        }
    }

    // Its ids. An id is all of the key after the directory: `1`, `jack/credentials/c1`, `vault/v1`.

    /// What stands before its own id.
    pub const fn parent(self) -> Option<Parent> {
        match self {
            Self::Credential => Some(Parent::Consumer),
            Self::Secret => Some(Parent::Manager),
            Self::CostDecoration => Some(Parent::Service),
            _ => None,
        }
    }

    /// The id made of a parent and an own id. Kinds without a parent have the own one only.
    pub fn join_id(self, parent: &str, own: &str) -> String {
        match self.parent() {
            Some(Parent::Consumer) => format!("{parent}{CREDENTIALS}{own}"),
            Some(Parent::Service) => format!("{parent}{DECORATIONS}{own}"),
            Some(Parent::Manager) => format!("{parent}/{own}"),
            None => own.to_owned(),
        }
    }

    /// The parent and the own id of an id. One that lacks the parent it should have is all own.
    pub fn split_id(self, id: &str) -> (Option<&str>, &str) {
        let split = match self.parent() {
            Some(Parent::Consumer) => id.split_once(CREDENTIALS),
            Some(Parent::Service) => id.split_once(DECORATIONS),
            Some(Parent::Manager) => id.split_once('/'),
            None => None,
        };
        split.map_or((None, id), |(parent, own)| (Some(parent), own))
    }

    /// What the document says of its id: what stands below a consumer or a service says its own, a secret says all of it.
    pub fn document_id(self, id: &str) -> &str {
        match self {
            Self::Credential | Self::CostDecoration => self.split_id(id).1,
            _ => id,
        }
    }

    /// The field of the document that names it.
    pub const fn id_field(self) -> &'static str {
        match self {
            Self::Consumer => "username",
            _ => "id",
        }
    }

    /// Whether the id must be in the document as well: it is put there when it isn't, and refused when it is another. That
    /// of a consumer is checked by the check of consumers; metadata of a plugin gets it when it is stored.
    pub const fn settles_id(self) -> bool {
        !matches!(self, Self::Consumer | Self::PluginMetadata)
    }

    /// Whether `id` can name a resource of this kind.
    pub fn accepts_id(self, id: &str) -> bool {
        match (self, self.split_id(id)) {
            (Self::Consumer, _) => id::is_username(id),
            (Self::Credential, (Some(consumer), own)) => id::is_username(consumer) && id::is_id(own),
            (Self::Secret, (Some(manager), own)) => Manager::named(manager).is_some() && id::is_id(own),
            (Self::CostDecoration, (Some(service), own)) => id::is_id(service) && id::is_id(own),
            (Self::Credential | Self::Secret | Self::CostDecoration, _) => false,
            _ => id::is_id(id),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.noun())
    }
}

#[cfg(test)]
mod tests;
