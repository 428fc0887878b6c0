//! The kinds of resources, and how each is called in keys, paths and messages.

use std::fmt;

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
}

// === impl Kind ===

impl Kind {
    /// All kinds, parents before children: a resource refers only to kinds that stand before its own.
    pub const fn all() -> &'static [Self] {
        &[Self::Upstream, Self::Service, Self::Consumer, Self::Route]
    }

    /// The name in keys and paths: `routes`.
    pub const fn directory(self) -> &'static str {
        match self {
            Self::Route => "routes",
            Self::Service => "services",
            Self::Upstream => "upstreams",
            Self::Consumer => "consumers",
        }
    }

    /// The name in messages: `route`.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Service => "service",
            Self::Upstream => "upstream",
            Self::Consumer => "consumer",
        }
    }

    /// The kind of a directory name.
    pub fn from_directory(directory: &str) -> Option<Self> {
        Self::all().iter().copied().find(|kind| kind.directory() == directory)
    }

    /// The kind of a noun.
    pub fn from_noun(noun: &str) -> Option<Self> {
        Self::all().iter().copied().find(|kind| kind.noun() == noun)
    }

    /// The field of the document that names it.
    pub const fn id_field(self) -> &'static str {
        match self {
            Self::Route | Self::Service | Self::Upstream => "id",
            Self::Consumer => "username",
        }
    }

    /// Whether `id` can name a resource of this kind.
    pub fn accepts_id(self, id: &str) -> bool {
        match self {
            Self::Route | Self::Service | Self::Upstream => crate::id::is_id(id),
            Self::Consumer => crate::id::is_username(id),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.noun())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_the_kind() {
        for &kind in Kind::all() {
            assert_eq!(Kind::from_directory(kind.directory()), Some(kind));
            assert_eq!(Kind::from_noun(kind.noun()), Some(kind));
            assert_eq!(kind.to_string(), kind.noun());
        }
        assert_eq!(Kind::all().len(), 4);
        for unknown in ["", "route", "Routes", "ssls", "routes/"] {
            assert_eq!(Kind::from_directory(unknown), None, "{unknown}");
        }
        assert_eq!(Kind::Consumer.id_field(), "username");
        assert_eq!(Kind::Route.id_field(), "id");
    }
}
