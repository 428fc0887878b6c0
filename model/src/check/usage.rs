//! Who still needs a resource: what a delete looks at unless it is forced.
//!
//! The relation and its words are APISIX's, with one addition: an upstream that a stream route names is in use as well.
//! As there, a certificate may be deleted though an upstream names it, and plugins are looked into for upstreams and
//! protocol definitions only.

use serde_json::Value;

use super::Invalid;
use crate::Kind;
use crate::id::text_of;

/// A kind whose resources may need one of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The kind that needs.
    pub user: Kind,
    /// Where it says so, in the order in which a resource is looked at.
    links: &'static [Link],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Link {
    at: Place,
    /// What is said; the user's id stands in place of `{}`.
    said: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// At this pointer.
    Field(&'static str),
    /// Among the upstreams of the plugin `traffic-split`.
    TrafficSplit,
}

/// Who may need a resource of that kind, in the order in which they are looked at.
pub const fn usages(kind: Kind) -> &'static [Usage] {
    match kind {
        Kind::Service => SERVICE,
        Kind::Upstream => UPSTREAM,
        Kind::PluginConfig => PLUGIN_CONFIG,
        Kind::ConsumerGroup => CONSUMER_GROUP,
        Kind::Proto => PROTO,
        Kind::StreamRoute => STREAM_ROUTE,
        Kind::Route
        | Kind::Consumer
        | Kind::Credential
        | Kind::Ssl
        | Kind::GlobalRule
        | Kind::PluginMetadata
        | Kind::Secret
        | Kind::CostDecoration => &[],
    }
}

const UPSTREAM_ID: Place = Place::Field("/upstream_id");
const SERVICE_ID: Place = Place::Field("/service_id");
const PROTO_ID: Place = Place::Field("/plugins/grpc-transcode/proto_id");

const SERVICE: &[Usage] = &[
    Usage {
        user: Kind::Route,
        links: &[Link {
            at: SERVICE_ID,
            said: "can not delete this service directly, route [{}] is still using it now",
        }],
    },
    Usage {
        user: Kind::StreamRoute,
        links: &[Link {
            at: SERVICE_ID,
            said: "can not delete this service directly, stream_route [{}] is still using it now",
        }],
    },
];

const UPSTREAM: &[Usage] = &[
    Usage {
        user: Kind::Route,
        links: &[
            Link {
                at: Place::TrafficSplit,
                said: "can not delete this upstream, plugin in route [{}] is still using it now",
            },
            Link { at: UPSTREAM_ID, said: "can not delete this upstream, route [{}] is still using it now" },
        ],
    },
    Usage {
        user: Kind::Service,
        links: &[
            Link {
                at: Place::TrafficSplit,
                said: "can not delete this upstream, plugin in service [{}] is still using it now",
            },
            Link { at: UPSTREAM_ID, said: "can not delete this upstream, service [{}] is still using it now" },
        ],
    },
    Usage {
        user: Kind::PluginConfig,
        links: &[Link {
            at: Place::TrafficSplit,
            said: "can not delete this upstream, plugin in plugin_config [{}] is still using it now",
        }],
    },
    Usage {
        user: Kind::Consumer,
        links: &[Link {
            at: Place::TrafficSplit,
            said: "can not delete this upstream, plugin in consumer [{}] is still using it now",
        }],
    },
    Usage {
        user: Kind::ConsumerGroup,
        links: &[Link {
            at: Place::TrafficSplit,
            said: "can not delete this upstream, plugin in consumer_group [{}] is still using it now",
        }],
    },
    Usage {
        user: Kind::GlobalRule,
        links: &[Link {
            at: Place::TrafficSplit,
            said: "can not delete this upstream, plugin in global_rules [{}] is still using it now",
        }],
    },
    Usage {
        user: Kind::StreamRoute,
        links: &[Link {
            at: UPSTREAM_ID,
            said: "can not delete this upstream, stream_route [{}] is still using it now",
        }],
    },
];

const PLUGIN_CONFIG: &[Usage] = &[Usage {
    user: Kind::Route,
    links: &[Link {
        at: Place::Field("/plugin_config_id"),
        said: "can not delete this plugin config, route [{}] is still using it now",
    }],
}];

const CONSUMER_GROUP: &[Usage] = &[Usage {
    user: Kind::Consumer,
    links: &[Link {
        at: Place::Field("/group_id"),
        said: "can not delete this consumer group, consumer [{}] is still using it now",
    }],
}];

const PROTO: &[Usage] = &[
    Usage {
        user: Kind::Route,
        links: &[Link { at: PROTO_ID, said: "can not delete this proto, route [{}] is still using it now" }],
    },
    Usage {
        user: Kind::Service,
        links: &[Link { at: PROTO_ID, said: "can not delete this proto, service [{}] is still using it now" }],
    },
];

const STREAM_ROUTE: &[Usage] = &[Usage {
    user: Kind::StreamRoute,
    links: &[Link {
        at: Place::Field("/protocol/superior_id"),
        said: "can not delete this stream route directly, stream route [{}] is still using it as superior_id",
    }],
}];

fn weighted_upstreams(rule: &Value) -> Option<&Vec<Value>> {
    rule.get("weighted_upstreams")?.as_array()
}

// === impl Usage ===

impl Usage {
    /// What is said when the document, which is the user `user_id`, needs the resource `id`.
    pub fn complaint(&self, id: &str, user_id: &str, document: &Value) -> Option<Invalid> {
        let link = self.links.iter().find(|link| link.at.names(document, id))?;
        Some(Invalid(link.said.replacen("{}", user_id, 1)))
    }
}

// === impl Place ===

impl Place {
    fn names(self, document: &Value, id: &str) -> bool {
        let is_id = |value: &Value| text_of(value).as_deref() == Some(id);
        match self {
            Self::Field(pointer) => document.pointer(pointer).is_some_and(is_id),
            Self::TrafficSplit => {
                let rules = document.pointer("/plugins/traffic-split/rules").and_then(Value::as_array);
                let upstreams = rules.into_iter().flatten().filter_map(weighted_upstreams).flatten();
                upstreams.filter_map(|upstream| upstream.get("upstream_id")).any(is_id)
            }
        }
    }
}
