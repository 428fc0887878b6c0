//! Paths of the enterprise face.

use portolan_model::Kind;
use portolan_model::id::text_of;

use super::shape;
use crate::error::ApiError;
use crate::query::decoded_segment;
use crate::resources::Document;

/// The paths of each collection and of its items.
pub(super) const PATHS: [(&str, &str, Kind); 9] = [
    ("services", "services/{id}", Kind::Service),
    ("services/{service_id}/upstreams", "services/{service_id}/upstreams/{id}", Kind::Upstream),
    ("routes", "routes/{id}", Kind::Route),
    ("stream_routes", "stream_routes/{id}", Kind::StreamRoute),
    ("consumers", "consumers/{id}", Kind::Consumer),
    ("consumers/{username}/credentials", "consumers/{username}/credentials/{id}", Kind::Credential),
    ("ssls", "ssls/{id}", Kind::Ssl),
    ("global_rules", "global_rules/{id}", Kind::GlobalRule),
    ("plugin_metadata", "plugin_metadata/{id}", Kind::PluginMetadata),
];

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) kind: Kind,
    pub(super) parent: Option<String>,
    pub(super) id: Option<String>,
}

/// Whether a resource of the kind can be made without an id in the path.
pub(super) fn has_post(kind: Kind) -> bool {
    kind != Kind::PluginMetadata
}

/// The id of a resource that has none in the path: what the document says, the name of the consumer, the plugin of the
/// global rule, or a new one.
pub(super) fn id_of(kind: Kind, document: &Document) -> Result<String, ApiError> {
    let said = |field: &str| document.get(field).and_then(text_of);
    let own = shape::own_id(kind).and_then(said);
    let plugin = || document.get("plugins")?.as_object()?.keys().next().cloned();
    match kind {
        Kind::Consumer => said("username").ok_or_else(|| ApiError::Invalid("property \"username\" is required".into())),
        Kind::GlobalRule => {
            plugin().ok_or_else(|| ApiError::Invalid("property \"plugins\" must hold one plugin".into()))
        }
        _ => Ok(own.or_else(|| said("id")).unwrap_or_else(|| uuid::Uuid::now_v7().to_string())),
    }
}

// === impl Place ===

impl Place {
    pub(super) fn of(path: &str) -> Option<Self> {
        let segments: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(decoded_segment).collect();
        let texts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (kind, parent, id) = match texts.as_slice() {
            ["services", service, "upstreams"] => (Kind::Upstream, Some(*service), None),
            ["services", service, "upstreams", id] => (Kind::Upstream, Some(*service), Some(*id)),
            ["consumers", consumer, "credentials"] => (Kind::Credential, Some(*consumer), None),
            ["consumers", consumer, "credentials", id] => (Kind::Credential, Some(*consumer), Some(*id)),
            [directory] => (shape::kind(directory)?, None, None),
            [directory, id] => (shape::kind(directory)?, None, Some(*id)),
            _ => return None,
        };
        Some(Self { kind, parent: parent.map(str::to_owned), id: id.map(str::to_owned) })
    }

    /// What can be asked of it.
    pub(super) fn methods(&self) -> &'static str {
        match &self.id {
            Some(_) => "GET, HEAD, PUT, PATCH, DELETE",
            None if has_post(self.kind) => "GET, HEAD, POST",
            None => "GET, HEAD",
        }
    }

    /// The id as its key has it.
    pub(super) fn full_id(&self, id: &str) -> String {
        match (self.kind, &self.parent) {
            (Kind::Credential, Some(consumer)) => self.kind.join_id(consumer, id),
            _ => id.to_owned(),
        }
    }
}
