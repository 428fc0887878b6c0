//! The check of one event after the other: leaf, order, time, commitments, and the roots that were signed.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::report::{Failure, Kind, Redacted};
use crate::entry::{CHANGES_TAG, CONTEXT_TAG, FORMAT, commitment};
use crate::merkle::{self, Frontier, Hash};
use crate::proposal::ResourceRef;
use crate::retention::Subject;
use crate::retention::accounts::{Accounts, Deed};

/// An event with what its entry commits to.
pub(crate) struct Evidence<'a> {
    pub revision: i64,
    pub entry: &'a [u8],
    pub leaf_hash: &'a [u8],
    /// Salt and payload; `None` when erased.
    pub context: Option<(&'a [u8], &'a [u8])>,
    /// Salt and payload; `None` when there are no changes, or they were pruned.
    pub changes: Option<(&'a [u8], &'a [u8])>,
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

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.accounts
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

    /// Checks the next event. The order of the checks is part of the bundle's documentation: another verifier names the same kind.
    pub(crate) fn event(&mut self, evidence: &Evidence<'_>) -> Result<Claims, Failure> {
        let revision = self.next();
        let fail = |kind, what: &str| Failure::at(revision, kind, what);
        if evidence.revision != revision {
            return Err(fail(Kind::Gap, &format!("expected this revision, found {}", evidence.revision)));
        }
        let leaf = merkle::leaf_hash(evidence.entry);
        if leaf != evidence.leaf_hash {
            return Err(fail(Kind::Leaf, "the entry is not the one that was hashed"));
        }
        let claims: Claims = serde_json::from_slice(evidence.entry)
            .map_err(|error| fail(Kind::Entry, &format!("the entry can't be read: {error}")))?;
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
        match evidence.context {
            Some((salt, payload)) if commitment(CONTEXT_TAG, salt, payload) != claims.context => {
                return Err(fail(Kind::Context, "the context is not the one that the entry commits to"));
            }
            Some(_) => {}
            None if self.accounts.context(&claims.subject()).is_none() => {
                return Err(fail(Kind::Missing, "the context is gone, and no event accounts for that"));
            }
            None => self.redacted.context(revision),
        }
        match (evidence.changes, &claims.changes) {
            (Some((salt, payload)), Some(committed)) if commitment(CHANGES_TAG, salt, payload) == *committed => {}
            (None, None) => {}
            (None, Some(_)) if self.accounts.changes(&claims.subject()).is_none() => {
                return Err(fail(Kind::Missing, "the changes are gone, and no event accounts for that"));
            }
            (None, Some(_)) => self.redacted.changes(revision),
            (Some(_), _) => return Err(fail(Kind::Changes, "the changes are not those that the entry commits to")),
        }
        if revision <= self.listed && self.accounts.get(revision) != Deed::of(&claims).as_ref() {
            return Err(fail(Kind::Missing, "what the event accounts for is not what is listed"));
        }
        self.recorded_at = claims.recorded_at;
        self.tree.push(leaf);
        self.meet()?;
        Ok(claims)
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
