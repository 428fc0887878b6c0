//! Where resources stand in the key space.
//!
//! ```text
//! /apisix/routes/1                        route 1 of the group "default"
//! /portolan/groups/prod/routes/1          route 1 of the group "prod"
//! /apisix/consumers/jack/credentials/c1   credential c1 of the consumer jack; its id is "jack/credentials/c1"
//! /apisix/secrets/vault/v1                secrets in Vault; the id is "vault/v1"
//! /apisix/services/s/graphql_cost_decorations/d   cost decoration d of the service s; its id is all after "services/"
//! ```
//! A data plane of any group sees its own group's keys under `/apisix/`; that translation is kine-shim's.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Kind, id};

/// The prefix of the default group, and of every group as its own data planes see it.
pub const APISIX_PREFIX: &str = "/apisix/";
/// The prefix of Portolan's own objects.
pub const PORTOLAN_PREFIX: &str = "/portolan/";
/// The prefix of the groups other than the default one.
pub const GROUPS_PREFIX: &str = "/portolan/groups/";
/// Where, below the prefix of a group, its data planes say how they are.
pub const DATA_PLANE_DIRECTORY: &str = "data_plane/";
/// Below that, where each instance has a directory of its own, which only its certificate opens.
pub const CERTIFIED_DIRECTORY: &str = "by/";
/// The name of the default group.
pub const DEFAULT_GROUP: &str = "default";
/// The longest group name, in bytes.
pub const GROUP_MAX: usize = 64;

/// The name of a gateway group: 1–64 of letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct GroupId(String);

/// Text that cannot be a group name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a gateway group name is 1 to 64 letters, digits, '-' or '_'")]
pub struct InvalidGroup;

/// The name of one resource in the whole key space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceKey {
    /// Its gateway group.
    pub group: GroupId,
    /// Its kind.
    pub kind: Kind,
    /// Its id, or the username of a consumer: all of the key after the directory. See [`Kind::split_id`].
    pub id: String,
}

/// The prefix of a group's keys; ends with `/`.
pub fn group_prefix(group: &GroupId) -> String {
    if group.is_default() { APISIX_PREFIX.to_owned() } else { format!("{GROUPS_PREFIX}{group}/") }
}

/// Where the keys of a data plane stand that it sees, and others don't, as `/apisix/data_plane/…`; ends with `/`. `instance` is the
/// name in its certificate.
pub fn instance_prefix(group: &GroupId, instance: &str) -> String {
    format!("{}{DATA_PLANE_DIRECTORY}{CERTIFIED_DIRECTORY}{instance}/", group_prefix(group))
}

/// The prefix of a group's resources of one kind; ends with `/`. Resources of another kind may stand below it as well:
/// credentials below consumers.
pub fn directory_prefix(group: &GroupId, kind: Kind) -> String {
    format!("{}{}/", group_prefix(group), kind.key_directory())
}

/// The prefix of a group's resources of one kind that have this parent; ends with `/`.
pub fn parent_prefix(group: &GroupId, kind: Kind, parent: &str) -> String {
    resource_key(group, kind, &kind.join_id(parent, ""))
}

/// The key of a resource.
pub fn resource_key(group: &GroupId, kind: Kind, id: &str) -> String {
    format!("{}{}/{id}", group_prefix(group), kind.key_directory())
}

/// The resource that a key of the whole key space names; `None` for every other key.
pub fn parse_resource_key(key: &str) -> Option<ResourceKey> {
    let (group, rest) = if let Some(rest) = key.strip_prefix(APISIX_PREFIX) {
        (GroupId::default(), rest)
    } else {
        let (group, rest) = key.strip_prefix(GROUPS_PREFIX)?.split_once('/')?;
        // The default group has one place only.
        (GroupId::new(group).ok().filter(|group| !group.is_default())?, rest)
    };
    let (kind, id) = parse_relative_key(rest)?;
    Some(ResourceKey { group, kind, id: id.to_owned() })
}

/// The resource that a key names, given without the prefix of its group: `routes/1`.
pub fn parse_relative_key(key: &str) -> Option<(Kind, &str)> {
    let (directory, id) = key.split_once('/')?;
    let mut kinds = Kind::all().iter().filter(|kind| kind.key_directory() == directory);
    kinds.find(|kind| kind.accepts_id(id)).map(|kind| (*kind, id))
}

// === impl GroupId ===

impl GroupId {
    /// Takes the text, if it can be a group name.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidGroup> {
        let text = text.into();
        if id::is_name(&text, GROUP_MAX, b"-_") { Ok(Self(text)) } else { Err(InvalidGroup) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the group that owns `/apisix/`.
    pub fn is_default(&self) -> bool {
        self.0 == DEFAULT_GROUP
    }
}

impl Default for GroupId {
    fn default() -> Self {
        Self(DEFAULT_GROUP.to_owned())
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for GroupId {
    type Err = InvalidGroup;

    fn from_str(text: &str) -> Result<Self, InvalidGroup> {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for GroupId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

// === impl ResourceKey ===

impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&resource_key(&self.group, self.kind, &self.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lead_back_to_the_resource() {
        for group in ["default", "prod", "a-b_9"] {
            let group = GroupId::new(group).unwrap();
            for &kind in Kind::all() {
                let id = kind.join_id(if kind == Kind::Secret { "aws" } else { "jack" }, "x-1");
                let key = resource_key(&group, kind, &id);
                assert!(key.starts_with(&directory_prefix(&group, kind)));
                let parsed = parse_resource_key(&key).unwrap();
                assert_eq!((parsed.group.clone(), parsed.kind, parsed.id), (group.clone(), kind, id));
                let parsed = parse_resource_key(&key).unwrap();
                assert_eq!(parsed.to_string(), key);
            }
        }
        let default = GroupId::default();
        assert_eq!(resource_key(&default, Kind::Route, "1"), "/apisix/routes/1");
        for (key, kind, id) in [
            ("/apisix/consumers/jack", Kind::Consumer, "jack"),
            ("/apisix/consumers/jack/credentials/c1", Kind::Credential, "jack/credentials/c1"),
            ("/apisix/services/s/graphql_cost_decorations/d", Kind::CostDecoration, "s/graphql_cost_decorations/d"),
            ("/apisix/secrets/vault/v1", Kind::Secret, "vault/v1"),
            ("/apisix/plugin_metadata/cors", Kind::PluginMetadata, "cors"),
        ] {
            assert_eq!(parse_resource_key(key), Some(ResourceKey { group: default.clone(), kind, id: id.to_owned() }));
        }
        assert_eq!(parent_prefix(&default, Kind::Credential, "jack"), "/apisix/consumers/jack/credentials/");
        assert_eq!(parent_prefix(&default, Kind::Secret, "gcp"), "/apisix/secrets/gcp/");
        assert_eq!(directory_prefix(&default, Kind::Credential), "/apisix/consumers/");
        assert_eq!(group_prefix(&GroupId::new("prod").unwrap()), "/portolan/groups/prod/");
    }

    #[test]
    fn other_keys_are_no_resources() {
        for key in [
            "",
            "/apisix/",
            "/apisix/routes",
            "/apisix/routes/",
            "/apisix/routes/1/",
            "/apisix/routes/a b",
            "/apisix/plugins",
            "/apisix/credentials/c1",
            "/apisix/secrets/v1",
            "/apisix/secrets/foo/v1",
            "/apisix/gen_id",
            "/apisix/data_plane/server_info/x",
            "/apisix/consumers/jack/credentials/",
            "/apisix/consumers/jack/credentials/c1/x",
            "/apisix/consumers/jack/c1",
            "/apisix/consumers/jack.1",
            "/apisix/services/s/graphql_cost_decorations/",
            "/apisix/services/s/graphql_cost_decorations/d/x",
            "/apisix/graphql_cost_decorations/d",
            "apisix/routes/1",
            "/portolan/groups/prod",
            "/portolan/groups/prod/routes/",
            "/portolan/groups/default/routes/1",
            "/portolan/groups/a b/routes/1",
            "/portolan/routes/1",
        ] {
            assert_eq!(parse_resource_key(key), None, "{key}");
        }
    }

    #[test]
    fn group_names() {
        assert!(GroupId::default().is_default());
        for bad in ["", "a.b", "a/b", &"x".repeat(65)] {
            assert!(GroupId::new(bad).is_err(), "{bad}");
        }
    }
}
