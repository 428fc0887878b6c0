//! The check of one event after the other: leaf, order, time, commitments, and the roots that were signed.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::report::{Failure, Kind, Redacted};
use crate::entry::{CHANGES_TAG, CONTEXT_TAG, FORMAT, commitment};
use crate::merkle::{self, Frontier, Hash};
use crate::proposal::ResourceRef;
use crate::retention::Subject;
use crate::retention::accounts::{Accounts, Deed};

/// An entry with what it commits to.
pub(crate) struct Evidence<'a> {
    pub entry: &'a [u8],
    /// Salt and payload; `None` when erased.
    pub context: Option<(&'a [u8], &'a [u8])>,
    /// Salt and payload; `None` when there are no changes, or they were pruned.
    pub changes: Option<(&'a [u8], &'a [u8])>,
}

/// An event by itself: all of the check that needs no other event, which is nearly all of its cost.
pub(crate) struct Weighed {
    leaf: Hash,
    /// What the entry says, or why it can't be read.
    pub claims: Result<Claims, String>,
    context: Payload,
    changes: Payload,
}

/// A payload beside the entry's commitment to it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Payload {
    Gone,
    Opens,
    Differs,
}

/// What an entry of format 1 says.
#[derive(Deserialize)]
pub(crate) struct Claims {
    pub action: String,
    pub actor: Actor,
    pub causation_revision: Option<i64>,
    pub changes: Option<String>,
    pub context: String,
    pub epoch: String,
    pub event_id: String,
    pub format: i64,
    pub gateway_group: Option<String>,
    pub outcome: String,
    pub recorded_at: i64,
    pub request_id: String,
    pub resource: Option<ResourceRef>,
    pub revision: i64,
}

#[derive(Deserialize)]
pub(crate) struct Actor {
    pub id: String,
    pub kind: String,
}

/// The state of a check that has come to some revision.
pub(crate) struct Checker {
    epoch: String,
    tree: Frontier,
    recorded_at: i64,
    /// The signed roots by size.
    signed: BTreeMap<u64, Hash>,
    /// Everything up to here is under a signed root that was met.
    met: i64,
    /// What accounts for payloads that are gone.
    accounts: Accounts,
    /// The accounts are complete up to here.
    listed: i64,
    pub redacted: Redacted,
}

// === impl Evidence ===

impl Evidence<'_> {
    /// Hashes the entry, reads it, and compares the payloads with its commitments.
    pub(crate) fn weigh(&self) -> Weighed {
        let claims: Result<Claims, String> =
            serde_json::from_slice(self.entry).map_err(|error: serde_json::Error| error.to_string());
        let payload = |tag, payload: Option<(&[u8], &[u8])>, committed: Option<&str>| match payload {
            None => Payload::Gone,
            Some((salt, payload)) if committed.is_some_and(|hash| commitment(tag, salt, payload) == hash) => {
                Payload::Opens
            }
            Some(_) => Payload::Differs,
        };
        let read = claims.as_ref().ok();
        Weighed {
            leaf: merkle::leaf_hash(self.entry),
            context: payload(CONTEXT_TAG, self.context, read.map(|claims| claims.context.as_str())),
            changes: payload(CHANGES_TAG, self.changes, read.and_then(|claims| claims.changes.as_deref())),
            claims,
        }
    }
}

// === impl Claims ===

impl Claims {
    fn subject(&self) -> Subject<'_> {
        let resource = self.resource.as_ref();
        Subject {
            revision: self.revision,
            actor: &self.actor.id,
            group: self.gateway_group.as_deref(),
            kind: resource.map(|resource| resource.kind.as_str()),
            id: resource.map(|resource| resource.id.as_str()),
        }
    }
}

// === impl Checker ===

impl Checker {
    /// Begins after the leaves of `tree`.
    pub(crate) fn new(epoch: String, tree: Frontier, signed: BTreeMap<u64, Hash>) -> Result<Self, Failure> {
        let mut checker = Self {
            epoch,
            tree,
            recorded_at: i64::MIN,
            signed,
            met: 0,
            accounts: Accounts::default(),
            listed: 0,
            redacted: Redacted::default(),
        };
        checker.meet()?;
        // What lies before the range is not ours to blame.
        checker.met = size_of(&checker.tree);
        Ok(checker)
    }

    /// What accounts for payloads that are gone, complete up to a revision: the events in the range must say the same.
    pub(crate) fn account(&mut self, accounts: Accounts, listed: i64) {
        (self.accounts, self.listed) = (accounts, listed);
    }

    /// The last revision that accounts for something.
    pub(crate) fn last_account(&self) -> i64 {
        self.accounts.last()
    }

    /// The right edge of what was checked.
    pub(crate) fn tree(&self) -> &Frontier {
        &self.tree
    }

    /// When the last event was recorded.
    pub(crate) fn recorded_at(&self) -> i64 {
        self.recorded_at
    }

    /// Last revision under a signed root that was met.
    pub(crate) fn met(&self) -> i64 {
        self.met
    }

    /// The next revision.
    pub(crate) fn next(&self) -> i64 {
        size_of(&self.tree) + 1
    }

    /// Whether a payload of an event to come is gone and nothing that is known accounts for it.
    pub(crate) fn is_unaccounted(&self, event: &Weighed) -> bool {
        event.claims.as_ref().is_ok_and(|claims| {
            let subject = claims.subject();
            let context = event.context == Payload::Gone && self.accounts.context(&subject).is_none();
            let changes = event.changes == Payload::Gone && claims.changes.is_some();
            context || changes && self.accounts.changes(&subject).is_none()
        })
    }

    /// Checks the next event: the revision and the leaf hash that are kept of it, and what it is by itself. The order of the checks is part
    /// of the bundle's documentation: another verifier names the same kind.
    pub(crate) fn event(&mut self, found: i64, leaf_hash: &[u8], event: &Weighed) -> Result<(), Failure> {
        let revision = self.next();
        let fail = |kind, what: &str| Failure::at(revision, kind, what);
        if found != revision {
            return Err(fail(Kind::Gap, &format!("expected this revision, found {found}")));
        }
        if event.leaf != leaf_hash {
            return Err(fail(Kind::Leaf, "the entry is not the one that was hashed"));
        }
        let claims =
            event.claims.as_ref().map_err(|error| fail(Kind::Entry, &format!("the entry can't be read: {error}")))?;
        if claims.format != FORMAT {
            return Err(fail(Kind::Entry, &format!("the entry's format {} is not known", claims.format)));
        }
        if claims.revision != revision {
            return Err(fail(Kind::Gap, &format!("the entry is that of revision {}", claims.revision)));
        }
        if claims.epoch != self.epoch {
            return Err(fail(Kind::Entry, &format!("the entry belongs to the log {}", claims.epoch)));
        }
        if claims.recorded_at <= self.recorded_at {
            return Err(fail(Kind::Time, "recorded before the event that precedes it"));
        }
        match event.context {
            Payload::Opens => {}
            Payload::Differs => {
                return Err(fail(Kind::Context, "the context is not the one that the entry commits to"));
            }
            Payload::Gone if self.accounts.context(&claims.subject()).is_none() => {
                return Err(fail(Kind::Missing, "the context is gone, and no event accounts for that"));
            }
            Payload::Gone => self.redacted.context(revision),
        }
        match event.changes {
            Payload::Opens => {}
            Payload::Differs => {
                return Err(fail(Kind::Changes, "the changes are not those that the entry commits to"));
            }
            Payload::Gone if claims.changes.is_none() => {}
            Payload::Gone if self.accounts.changes(&claims.subject()).is_none() => {
                return Err(fail(Kind::Missing, "the changes are gone, and no event accounts for that"));
            }
            Payload::Gone => self.redacted.changes(revision),
        }
        if revision <= self.listed && self.accounts.get(revision) != Deed::of(claims).as_ref() {
            return Err(fail(Kind::Missing, "what the event accounts for is not what is listed"));
        }
        self.recorded_at = claims.recorded_at;
        self.tree.push(event.leaf);
        self.meet()
    }

    /// Compares the root at this size with the signed one, if there is one.
    fn meet(&mut self) -> Result<(), Failure> {
        let Some(signed) = self.signed.get(&self.tree.size()) else { return Ok(()) };
        let size = size_of(&self.tree);
        if self.tree.root() != *signed {
            let what = format!("the log does not lead to the signed root of checkpoint {size}: it was rewritten");
            return Err(Failure::between(self.met + 1, size, what));
        }
        self.met = size;
        Ok(())
    }
}

fn size_of(tree: &Frontier) -> i64 {
    i64::try_from(tree.size()).unwrap_or(i64::MAX)
}
