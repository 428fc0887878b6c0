//! What the API server sends, as far as it is read. Both kinds of objects have fields of their own and some in common.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::super::lenient::nullable;

/// The label that tells the service of an EndpointSlice.
const SERVICE: &str = "kubernetes.io/service-name";

/// The kind of objects that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Endpoints,
    Slices,
}

#[derive(Deserialize)]
pub(super) struct List {
    pub(super) kind: String,
    pub(super) metadata: Metadata,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) items: Vec<Value>,
}

#[derive(Deserialize)]
pub(super) struct Event {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) object: Value,
}

/// Endpoints, an EndpointSlice, or a Status.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Object {
    pub(super) metadata: Metadata,
    /// Of Endpoints.
    #[serde(deserialize_with = "nullable")]
    pub(super) subsets: Vec<Subset>,
    /// Of an EndpointSlice.
    #[serde(deserialize_with = "nullable")]
    pub(super) endpoints: Vec<Endpoint>,
    /// Of an EndpointSlice.
    #[serde(deserialize_with = "nullable")]
    pub(super) ports: Vec<Port>,
    /// Of a Status.
    pub(super) code: Option<u16>,
    /// Of a Status.
    pub(super) message: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) name: String,
    pub(super) namespace: String,
    #[serde(deserialize_with = "nullable")]
    pub(super) labels: HashMap<String, String>,
    pub(super) resource_version: Option<String>,
    /// Of a list: where its next page begins.
    #[serde(rename = "continue")]
    pub(super) next: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Subset {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) addresses: Vec<Address>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) ports: Vec<Port>,
}

#[derive(Deserialize)]
pub(super) struct Address {
    pub(super) ip: String,
}

#[derive(Deserialize)]
pub(super) struct Port {
    pub(super) name: Option<String>,
    /// Slices may have ports without a number: all ports. There is none to ask then.
    pub(super) port: Option<u16>,
}

#[derive(Deserialize)]
pub(super) struct Endpoint {
    #[serde(default, deserialize_with = "nullable")]
    pub(super) addresses: Vec<String>,
    #[serde(default, deserialize_with = "nullable")]
    pub(super) conditions: Conditions,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Conditions {
    /// Not known means ready.
    pub(super) ready: Option<bool>,
}

// === impl Kind ===

impl Kind {
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Endpoints => "/api/v1/endpoints",
            Self::Slices => "/apis/discovery.k8s.io/v1/endpointslices",
        }
    }

    pub(super) const fn of_list(self) -> &'static str {
        match self {
            Self::Endpoints => "EndpointsList",
            Self::Slices => "EndpointSliceList",
        }
    }
}

// === impl Object ===

impl Object {
    pub(super) fn namespace(&self) -> &str {
        &self.metadata.namespace
    }

    /// The service that it belongs to, as `namespace/name`, and the part of the service that it is.
    pub(super) fn place(&self, kind: Kind) -> Option<(String, String)> {
        let Metadata { name, namespace, labels, .. } = &self.metadata;
        if name.is_empty() || namespace.is_empty() {
            return None;
        }
        match kind {
            Kind::Endpoints => Some((format!("{namespace}/{name}"), String::new())),
            // One that belongs to no service cannot be asked for.
            Kind::Slices => labels.get(SERVICE).map(|service| (format!("{namespace}/{service}"), name.clone())),
        }
    }
}

// === impl Port ===

impl Port {
    /// By what a service's port is asked for.
    pub(super) fn key(&self) -> Option<(String, u16)> {
        let number = self.port?;
        let name = self.name.clone().filter(|name| !name.is_empty());
        Some((name.unwrap_or_else(|| number.to_string()), number))
    }
}
