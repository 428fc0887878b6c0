//! What an identity sees of the key space, and where it may write.
//!
//! A data plane sees the keys of its gateway group as `/apisix/…`, wherever they are stored, and no others exist for it: reads
//! and watches are cut to that part. It may write only under `/apisix/data_plane/`. An administrator sees everything as stored.

use bytes::{BufMut, Bytes, BytesMut};
use portolan_eventstore::KeyRange;
use portolan_eventstore::keyspace::End;

use portolan_model::layout::{self, APISIX_PREFIX, DATA_PLANE_DIRECTORY};

use crate::identity::{Identity, Role};

/// Where every data plane finds its configuration.
const SEEN: &[u8] = APISIX_PREFIX.as_bytes();

/// One identity's view of the key space.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum View {
    /// All keys, as stored.
    Everything,
    /// One gateway group's keys.
    Group {
        /// Prefix under which they are stored, with its final slash.
        stored: Bytes,
    },
}

// === impl View ===

impl View {
    /// The view of an identity.
    pub(crate) fn of(identity: &Identity) -> Self {
        match &identity.role {
            Role::Admin | Role::User { .. } => Self::Everything,
            Role::DataPlane { group } => Self::Group { stored: layout::group_prefix(group).into() },
        }
    }

    /// The stored keys that a range means; those outside of the view do not exist, so the range may become empty.
    pub(crate) fn inward(&self, range: KeyRange) -> KeyRange {
        let Self::Group { stored } = self else { return range };
        let Some(visible) = range.intersect(&KeyRange::prefix(SEEN)) else {
            return KeyRange { start: stored.clone(), end: End::Before(stored.clone()) };
        };
        if stored == SEEN {
            return visible;
        }
        let end = match visible.end {
            End::Single => End::Single,
            End::Before(end) if end.starts_with(SEEN) => End::Before(swap(&end, SEEN, stored)),
            // The end of everything below SEEN.
            End::Before(_) | End::Unbounded => KeyRange::prefix(stored.clone()).end,
        };
        KeyRange { start: swap(&visible.start, SEEN, stored), end }
    }

    /// The key as the identity sees it. The key must come from a range that [`View::inward`] gave.
    pub(crate) fn outward(&self, key: &Bytes) -> Bytes {
        match self {
            Self::Group { stored } if stored != SEEN => swap(key, stored, SEEN),
            _ => key.clone(),
        }
    }

    /// The stored keys that a write to this range means; `None` when the identity may not write to all of it.
    pub(crate) fn writable(&self, range: KeyRange) -> Option<KeyRange> {
        if *self == Self::Everything {
            return Some(range);
        }
        let own = KeyRange::prefix([APISIX_PREFIX, DATA_PLANE_DIRECTORY].concat());
        let inside = range.is_empty() || range.intersect(&own).as_ref() == Some(&range);
        inside.then(|| self.inward(range))
    }

    /// Whether a stored key may be written, for keys that a lease is about to take away.
    pub(crate) fn may_write_stored(&self, key: &[u8]) -> bool {
        match self {
            Self::Everything => true,
            Self::Group { stored } => {
                key.strip_prefix(stored.as_ref()).is_some_and(|rest| rest.starts_with(DATA_PLANE_DIRECTORY.as_bytes()))
            }
        }
    }

    /// The stored key as the identity sees it, if it does.
    pub(crate) fn visible(&self, key: &Bytes) -> Option<Bytes> {
        match self {
            Self::Everything => Some(key.clone()),
            Self::Group { stored } => key.starts_with(stored).then(|| self.outward(key)),
        }
    }
}

fn swap(key: &Bytes, from: &[u8], to: &[u8]) -> Bytes {
    let rest = &key[from.len()..];
    let mut swapped = BytesMut::with_capacity(to.len() + rest.len());
    swapped.put_slice(to);
    swapped.put_slice(rest);
    swapped.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(key: &'static str, end: &'static str) -> KeyRange {
        KeyRange::from_etcd(Bytes::from_static(key.as_bytes()), Bytes::from_static(end.as_bytes()))
    }

    fn group(stored: &'static str) -> View {
        View::Group { stored: Bytes::from_static(stored.as_bytes()) }
    }

    #[test]
    fn ranges_are_cut_to_the_group_and_moved_to_where_it_is_stored() {
        let eu = group("/portolan/groups/eu/");
        for (asked, meant) in [
            // What APISIX reads: the prefix without its slash.
            (("/apisix", "/apisiy"), Some(("/portolan/groups/eu/", "/portolan/groups/eu0"))),
            (("/apisix/", "/apisix0"), Some(("/portolan/groups/eu/", "/portolan/groups/eu0"))),
            (("\0", "\0"), Some(("/portolan/groups/eu/", "/portolan/groups/eu0"))),
            (
                ("/apisix/routes/", "/apisix/routes0"),
                Some(("/portolan/groups/eu/routes/", "/portolan/groups/eu/routes0")),
            ),
            (("/apisix/routes/1", ""), Some(("/portolan/groups/eu/routes/1", ""))),
            (("/apisix/routes/1", "\0"), Some(("/portolan/groups/eu/routes/1", "/portolan/groups/eu0"))),
            (("/apisix", ""), None),
            (("/portolan/", "/portolan0"), None),
            (("/apisix/z", "/apisix/a"), None),
        ] {
            let got = eu.inward(range(asked.0, asked.1));
            match meant {
                Some((key, end)) => assert_eq!(got, range(key, end), "{asked:?}"),
                None => assert!(got.is_empty(), "{asked:?} gave {got:?}"),
            }
        }
        assert_eq!(group("/apisix/").inward(range("/apisix", "/apisiy")), range("/apisix/", "/apisix0"));
        assert_eq!(View::Everything.inward(range("/apisix", "/apisiy")), range("/apisix", "/apisiy"));
    }

    #[test]
    fn keys_come_back_as_the_identity_knows_them() {
        let stored = Bytes::from_static(b"/portolan/groups/eu/routes/1");
        let eu = group("/portolan/groups/eu/");
        assert_eq!(eu.outward(&stored), "/apisix/routes/1");
        assert_eq!(eu.visible(&stored).unwrap(), "/apisix/routes/1");
        assert_eq!(group("/portolan/groups/us/").visible(&stored), None);
        assert_eq!(View::Everything.outward(&stored), stored);
    }

    #[test]
    fn a_data_plane_writes_its_status_and_nothing_else() {
        let eu = group("/portolan/groups/eu/");
        let meant = |key, end| eu.writable(range(key, end));
        assert_eq!(meant("/apisix/data_plane/a", ""), Some(range("/portolan/groups/eu/data_plane/a", "")));
        assert!(meant("/apisix/data_plane/", "/apisix/data_plane0").is_some());
        assert_eq!(meant("/apisix/routes/1", ""), None);
        assert_eq!(meant("/apisix/data_plane", ""), None);
        assert_eq!(meant("/apisix/data_plane/", "\0"), None);
        assert_eq!(meant("/apisix/", "/apisix0"), None);
        assert!(eu.may_write_stored(b"/portolan/groups/eu/data_plane/x"));
        assert!(!eu.may_write_stored(b"/portolan/groups/eu/routes/x"));
        assert!(!eu.may_write_stored(b"/apisix/data_plane/x"));
    }
}
