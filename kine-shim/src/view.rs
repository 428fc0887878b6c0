//! What an identity sees of the key space, and where it may write.
//!
//! A data plane sees the keys of its gateway group as `/apisix/…`, wherever they are stored, and no others exist for it: reads
//! and watches are cut to that part. Under `/apisix/data_plane/` it sees, and writes, keys of its own, which are stored under the
//! name in its certificate; those of other data planes do not exist for it. An administrator sees everything as stored.

use bytes::{BufMut, Bytes, BytesMut};
use portolan_eventstore::keyspace::End;
use portolan_eventstore::{KeyRange, KeySet};

use portolan_model::layout::{self, APISIX_PREFIX, CERTIFIED_DIRECTORY, DATA_PLANE_DIRECTORY, GROUPS_PREFIX};

use crate::identity::{Identity, Role};

/// Where every data plane finds its configuration.
const SEEN: &[u8] = APISIX_PREFIX.as_bytes();
/// Where every data plane finds its own keys.
const OWN: &[u8] = b"/apisix/data_plane/";

/// One identity's view of the key space.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum View {
    /// All keys, as stored.
    Everything,
    /// What a data plane sees.
    DataPlane {
        /// Prefix under which the keys of its group are stored, with its final slash.
        stored: Bytes,
        /// Prefix under which its own keys are stored, likewise.
        own: Bytes,
    },
}

/// Who sees a key, administrators aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Audience<'k> {
    /// The data planes of the group whose keys have this prefix.
    Group(&'k [u8]),
    /// The data plane whose own keys have this prefix.
    Owner {
        /// Prefix of its group.
        group: &'k [u8],
        /// Prefix of its own keys.
        own: &'k [u8],
    },
    /// No data plane.
    Nobody,
}

// === impl View ===

impl View {
    /// The view of an identity.
    pub(crate) fn of(identity: &Identity) -> Self {
        match &identity.role {
            Role::Admin | Role::User { .. } => Self::Everything,
            Role::DataPlane { group, instance } => Self::DataPlane {
                stored: layout::group_prefix(group).into(),
                own: layout::instance_prefix(group, instance).into(),
            },
        }
    }

    /// The stored keys that a range means; those outside of the view do not exist, so it may be none.
    pub(crate) fn inward(&self, range: KeyRange) -> KeySet {
        let Self::DataPlane { stored, own } = self else { return range.into() };
        let (all, mine) = (KeyRange::prefix(SEEN), KeyRange::prefix(OWN));
        let after = match &mine.end {
            End::Before(end) => end.clone(),
            End::Single | End::Unbounded => Bytes::new(),
        };
        let before_mine = KeyRange { start: all.start, end: End::Before(mine.start.clone()) };
        let after_mine = KeyRange { start: after, end: all.end };
        // Moved, they stand in the same order.
        let parts = [(before_mine, SEEN, stored), (mine, OWN, own), (after_mine, SEEN, stored)];
        KeySet::of(parts.into_iter().filter_map(|(part, from, to)| Some(moved(range.intersect(&part)?, from, to))))
    }

    /// The key as the identity sees it. The key must come from a set that [`View::inward`] gave.
    pub(crate) fn outward(&self, key: &Bytes) -> Bytes {
        match self {
            Self::Everything => key.clone(),
            Self::DataPlane { own, .. } if key.starts_with(own) => swap(key, own, OWN),
            Self::DataPlane { stored, .. } if stored != SEEN => swap(key, stored, SEEN),
            Self::DataPlane { .. } => key.clone(),
        }
    }

    /// The stored keys that a write to this range means; `None` when the identity may not write to all of it.
    pub(crate) fn writable(&self, range: KeyRange) -> Option<KeyRange> {
        let Self::DataPlane { own, .. } = self else { return Some(range) };
        if range.is_empty() {
            return Some(KeyRange { start: own.clone(), end: End::Before(own.clone()) });
        }
        let inside = range.intersect(&KeyRange::prefix(OWN)).as_ref() == Some(&range);
        inside.then(|| moved(range, OWN, own))
    }

    /// Whether a stored key may be written, for keys that a lease is about to take away.
    pub(crate) fn may_write_stored(&self, key: &[u8]) -> bool {
        match self {
            Self::Everything => true,
            Self::DataPlane { own, .. } => key.starts_with(own),
        }
    }

    /// The stored key as the identity sees it, if it does.
    pub(crate) fn visible(&self, key: &Bytes) -> Option<Bytes> {
        let Self::DataPlane { stored, own } = self else { return Some(key.clone()) };
        let seen = match Audience::of(key) {
            Audience::Group(group) => group == stored,
            Audience::Owner { own: whose, .. } => whose == own,
            Audience::Nobody => false,
        };
        seen.then(|| self.outward(key))
    }
}

// === impl Audience ===

impl<'k> Audience<'k> {
    /// Who sees a stored key.
    pub(crate) fn of(key: &'k [u8]) -> Self {
        let Some(group) = group_prefix_len(key) else { return Self::Nobody };
        let (group, rest) = key.split_at(group);
        let Some(rest) = rest.strip_prefix(DATA_PLANE_DIRECTORY.as_bytes()) else { return Self::Group(group) };
        let instance = rest.strip_prefix(CERTIFIED_DIRECTORY.as_bytes());
        match instance.and_then(|rest| Some(rest.len() - slash(rest)? - 1)) {
            Some(below) => Self::Owner { group, own: &key[..key.len() - below] },
            None => Self::Nobody,
        }
    }
}

/// Length of the prefix of the gateway group that a stored key belongs to.
fn group_prefix_len(key: &[u8]) -> Option<usize> {
    if key.starts_with(SEEN) {
        return Some(SEEN.len());
    }
    Some(GROUPS_PREFIX.len() + slash(key.strip_prefix(GROUPS_PREFIX.as_bytes())?)? + 1)
}

fn slash(text: &[u8]) -> Option<usize> {
    text.iter().position(|byte| *byte == b'/')
}

/// A range of keys that begin with `from`, where they begin with `to` instead.
fn moved(range: KeyRange, from: &[u8], to: &Bytes) -> KeyRange {
    if from == to {
        return range;
    }
    let end = match range.end {
        End::Single => End::Single,
        End::Before(end) if end.starts_with(from) => End::Before(swap(&end, from, to)),
        // The end of everything that begins so.
        End::Before(_) | End::Unbounded => KeyRange::prefix(to.clone()).end,
    };
    KeyRange { start: swap(&range.start, from, to), end }
}

fn swap(key: &Bytes, from: &[u8], to: &[u8]) -> Bytes {
    let rest = &key[from.len()..];
    let mut swapped = BytesMut::with_capacity(to.len() + rest.len());
    swapped.put_slice(to);
    swapped.put_slice(rest);
    swapped.freeze()
}

#[cfg(test)]
mod tests;
