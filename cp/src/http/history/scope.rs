//! Which keys a look into the past is about: all, a gateway group's, those of a kind, or one resource's.

use portolan_eventstore::KeyRange;
use portolan_model::{GroupId, Kind, layout};

use crate::error::ApiError;

/// The keys, as a range and, because kinds share directories, what else must hold.
pub(super) struct Keys {
    pub range: KeyRange,
    kind: Option<Kind>,
}

// === impl Keys ===

impl Keys {
    /// All keys there are.
    pub fn all() -> Self {
        Self { range: KeyRange::prefix(""), kind: None }
    }

    /// Keys of a group.
    ///
    /// # Errors
    /// When the kind is none of a resource, or an id comes without a kind.
    pub fn of(group: &GroupId, kind: Option<&str>, id: Option<&str>) -> Result<Self, ApiError> {
        let kind = kind.map(known).transpose()?;
        let range = match (kind, id) {
            (Some(kind), Some(id)) => KeyRange::key(layout::resource_key(group, kind, id)),
            (Some(kind), None) => KeyRange::prefix(layout::directory_prefix(group, kind)),
            (None, None) => KeyRange::prefix(layout::group_prefix(group)),
            (None, Some(_)) => return Err(ApiError::Invalid("resource_id needs a resource_kind".into())),
        };
        Ok(Self { range, kind })
    }

    /// Whether a key of the range is one of them.
    pub fn hold(&self, key: &[u8]) -> bool {
        self.kind.is_none_or(|kind| place(key).is_some_and(|place| place.kind == kind))
    }
}

/// The resource that a key names.
pub(super) fn place(key: &[u8]) -> Option<layout::ResourceKey> {
    std::str::from_utf8(key).ok().and_then(layout::parse_resource_key)
}

/// The kind, in plural as in paths or in singular as in events.
fn known(name: &str) -> Result<Kind, ApiError> {
    let kind = crate::resources::kind(name).or_else(|| Kind::from_name(name));
    let kind = kind.filter(|kind| crate::resources::KINDS.contains(kind));
    kind.ok_or_else(|| ApiError::Invalid(format!("unknown resource type: {name}")))
}
