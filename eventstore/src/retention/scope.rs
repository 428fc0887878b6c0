//! What a legal hold covers, as its event says it.

use portolan_model::Kind;
use portolan_model::layout::{self, GroupId};

use super::ranges::Ranges;
use crate::keyspace::KeyRange;
use crate::proposal::ResourceRef;

/// Word in place of a resource's kind: the scope is an actor.
pub(crate) const ACTOR: &str = "actor";
/// Word in place of a resource's kind: the scope is a set of revisions.
pub(crate) const REVISIONS: &str = "revisions";
/// The kind of gateway groups; a hold on one covers everything in it.
const GROUP: &str = "gateway_group";

/// What a legal hold covers: past events and those to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All events of an actor.
    Actor(String),
    /// All events of a gateway group, and all that changed a key of it.
    Group(String),
    /// All events about a resource, and all that changed its key.
    Resource {
        /// Its gateway group; without one, events of any group count.
        group: Option<String>,
        /// Its kind, as events name it: `route`.
        kind: String,
        /// Its id.
        id: String,
    },
    /// The events of these revisions, both ends counted.
    Revisions {
        /// The first.
        first: i64,
        /// The last.
        last: i64,
    },
}

/// The columns of an event that scopes are compared with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub revision: i64,
    pub actor: &'a str,
    pub group: Option<&'a str>,
    pub kind: Option<&'a str>,
    pub id: Option<&'a str>,
}

// === impl Scope ===

impl Scope {
    /// How its event names it: resource and gateway group.
    pub fn named(&self) -> (ResourceRef, Option<String>) {
        let named = |kind: &str, id: String| ResourceRef { kind: kind.to_owned(), id };
        match self {
            Self::Actor(id) => (named(ACTOR, id.clone()), None),
            Self::Group(id) => (named(GROUP, id.clone()), Some(id.clone())),
            Self::Resource { group, kind, id } => (named(kind, id.clone()), group.clone()),
            Self::Revisions { first, last } => (named(REVISIONS, Ranges::between(*first, *last).to_string()), None),
        }
    }

    /// Reads what an event says.
    pub(crate) fn of(resource: &ResourceRef, group: Option<&str>) -> Option<Self> {
        let id = resource.id.clone();
        Some(match resource.kind.as_str() {
            ACTOR => Self::Actor(id),
            GROUP => Self::Group(id),
            REVISIONS => {
                let (first, last) = id.split_once("..").unwrap_or((&id, &id));
                Self::Revisions { first: first.parse().ok()?, last: last.parse().ok()? }
            }
            kind => Self::Resource { group: group.map(str::to_owned), kind: kind.to_owned(), id },
        })
    }

    /// Whether the event is covered by what its entry says.
    pub(crate) fn covers(&self, event: &Subject<'_>) -> bool {
        match self {
            Self::Actor(id) => event.actor == id,
            Self::Group(id) => event.group == Some(id),
            Self::Resource { group, kind, id } => {
                let here = group.is_none() || group.as_deref() == event.group;
                here && event.kind == Some(kind) && event.id == Some(id)
            }
            Self::Revisions { first, last } => (*first..=*last).contains(&event.revision),
        }
    }

    /// The keys whose changes are covered, whatever the entries of their events say.
    pub(crate) fn keys(&self) -> Option<KeyRange> {
        match self {
            Self::Group(id) => Some(KeyRange::prefix(layout::group_prefix(&GroupId::new(id.as_str()).ok()?))),
            Self::Resource { group, kind, id } => {
                let group = GroupId::new(group.as_deref().unwrap_or(layout::DEFAULT_GROUP)).ok()?;
                Some(KeyRange::key(layout::resource_key(&group, Kind::from_name(kind)?, id)))
            }
            Self::Actor(_) | Self::Revisions { .. } => None,
        }
    }
}
