//! Deciding a batch: each proposal in turn, on the state that the ones before it leave. No SQL, no I/O.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::backend::{Batch, EventRow, Head, Request};
use crate::entry::{self, Facts, Salts};
use crate::error::Error;
use crate::keyspace::{Committed, KeyRange, KeyValue, State, View};
use crate::proposal::{Decision, Intent, Outcome, Proposal, Refusal, ResourceRef};
use crate::store::Shared;
use crate::txn::eval::{Draft, Overlay, Past};
use crate::txn::{Txn, TxnAnswer};

/// What became of a proposal, before the commit.
pub(super) enum Verdict {
    /// An event of the batch; the answer follows the commit.
    Event { at: usize, answer: TxnAnswer, refusal: Option<Refusal> },
    /// A plain answer, as of the revision that stood before it.
    Plain { revision: i64, answer: TxnAnswer },
    /// The event of this revision answered the same request before; its answer follows the commit.
    Replay { revision: i64 },
    /// Can't be carried out.
    Failed(Error),
}

/// In place of an actor: a deed that is done once, whoever does it.
pub(super) const ANYBODY: &str = "";

/// Answered idempotency keys: (actor, key) → (body hash, revision).
pub(super) type Seen = HashMap<(String, String), (Vec<u8>, i64)>;

/// The batch while it is being decided.
struct Draught<'a> {
    shared: &'a Shared,
    past: Reach<'a>,
    seen: Seen,
    overlay: Overlay<'a>,
    head: Head,
    batch: Batch,
    salts: Salts,
}

/// Decides the proposals, in order, over what memory holds and the events that are on their way into the log; `None` when these do not
/// lead to that head.
pub(super) fn decide<'a>(
    shared: &Shared,
    proposals: impl Iterator<Item = &'a Proposal>,
    past: &[PastRange],
    seen: Seen,
    head: Head,
    ahead: impl Iterator<Item = &'a Arc<Committed>>,
) -> Option<(Vec<Verdict>, Batch)> {
    shared.with_state(|state| {
        let mut overlay = Overlay::new(state);
        // The follower may have seen some of them already.
        for event in ahead.skip_while(|event| event.revision <= state.revision()) {
            if event.revision != overlay.revision() + 1 {
                return None;
            }
            overlay.commit(event.clone());
        }
        if overlay.revision() != head.revision {
            return None;
        }
        let batch = Batch {
            before: head.frontier.clone(),
            events: Vec::with_capacity(proposals.size_hint().0),
            secrets: Vec::new(),
            requests: Vec::new(),
            ended_leases: Vec::new(),
            head: head.clone(),
        };
        let past = Reach { state, fetched: past };
        let mut draught = Draught { shared, past, seen, overlay, head, batch, salts: Salts::default() };
        let verdicts = proposals.map(|proposal| draught.decide(proposal)).collect();
        draught.batch.head = draught.head;
        Some((verdicts, draught.batch))
    })
}

// === impl Draught ===

impl Draught<'_> {
    fn decide(&mut self, proposal: &Proposal) -> Verdict {
        if let Some(idempotency) = &proposal.idempotency {
            let key = (proposal.context.actor.id.clone(), idempotency.key.clone());
            match self.seen.get(&key) {
                Some((hash, revision)) if *hash == idempotency.body_hash => {
                    return Verdict::Replay { revision: *revision };
                }
                Some((_, revision)) => {
                    return Verdict::Failed(Error::IdempotencyConflict { revision: *revision });
                }
                None => {}
            }
        }
        if let Some(deed) = &proposal.once
            && let Some((_, revision)) = self.seen.get(&(ANYBODY.to_owned(), deed.clone()))
        {
            return Verdict::Failed(Error::Already { revision: *revision });
        }
        let verdict = match &proposal.intent {
            Intent::Txn(txn) => self.transact(proposal, Naming::of(proposal), txn),
            Intent::Record => self.record(proposal, &Naming::of(proposal), None),
            Intent::Refused(refusal) => self.record(proposal, &Naming::of(proposal), Some(refusal.clone())),
            Intent::Decide(decide) => match decide(&self.overlay) {
                Decision::Apply(txn) => self.transact(proposal, Naming::of(proposal), &txn),
                Decision::ApplyAs { action, resource, txn } => {
                    self.transact(proposal, Naming { action, resource }, &txn)
                }
                Decision::Record => self.record(proposal, &Naming::of(proposal), None),
                Decision::Refuse(refusal) => self.record(proposal, &Naming::of(proposal), Some(refusal)),
                Decision::Unchanged => {
                    Verdict::Plain { revision: self.overlay.revision(), answer: TxnAnswer::default() }
                }
            },
        };
        if let Some(lease) = proposal.ends_lease
            && !matches!(verdict, Verdict::Failed(_) | Verdict::Event { refusal: Some(_), .. })
        {
            self.batch.ended_leases.push(lease);
        }
        verdict
    }

    fn transact(&mut self, proposal: &Proposal, naming: Naming, txn: &Txn) -> Verdict {
        let owner = proposal.lease_owner.as_deref();
        let leases = OpenLeases { shared: self.shared, ended: &self.batch.ended_leases, owner };
        let mut draft = Draft::new(&self.overlay, &leases, &self.past);
        let answer = match draft.run(txn) {
            Ok(answer) => answer,
            Err(error) => return Verdict::Failed(error.into()),
        };
        let changes = draft.into_changes();
        if changes.is_empty() {
            return Verdict::Plain { revision: self.overlay.revision(), answer };
        }
        // Before the batch is written: there it would fail its neighbours, too.
        if let Err(error) = changes.iter().try_for_each(|change| self.shared.backend.fits(change)) {
            return Verdict::Failed(error);
        }
        self.event(proposal, &naming, changes, answer, None)
    }

    fn record(&mut self, proposal: &Proposal, naming: &Naming, refusal: Option<Refusal>) -> Verdict {
        self.event(proposal, naming, Vec::new(), TxnAnswer::default(), refusal)
    }

    fn event(
        &mut self,
        proposal: &Proposal,
        naming: &Naming,
        changes: Vec<crate::keyspace::Change>,
        answer: TxnAnswer,
        refusal: Option<Refusal>,
    ) -> Verdict {
        let revision = self.head.revision + 1;
        // Strictly increasing, whatever the clock does.
        let recorded_at = self.shared.clock.now_micros().max(self.head.recorded_at + 1);
        let event_id = Uuid::now_v7();
        let outcome = refusal.as_ref().map_or(Outcome::Success, |refusal| refusal.outcome);
        let facts = Facts {
            epoch: &self.head.epoch,
            revision,
            recorded_at,
            event_id,
            action: &naming.action,
            outcome,
            context: &proposal.context,
            gateway_group: proposal.gateway_group.as_deref(),
            resource: naming.resource.as_ref(),
            causation_revision: proposal.causation_revision,
            refusal: refusal.as_ref(),
            changes: &changes,
        };
        let sealed = match entry::seal(&facts, &mut self.salts) {
            Ok(sealed) => sealed,
            Err(error) => return Verdict::Failed(error),
        };
        self.head.revision = revision;
        self.head.recorded_at = recorded_at;
        self.head.frontier.push(sealed.leaf_hash);
        if let Some(deed) = proposal.once.as_ref().filter(|_| refusal.is_none()) {
            self.remember(ANYBODY, deed, &[0; 32]);
        }
        if refusal.is_none() {
            self.batch.secrets.extend(proposal.secrets.iter().map(|secret| (revision, secret.clone())));
        }
        if let Some(idempotency) = &proposal.idempotency {
            self.remember(&proposal.context.actor.id, &idempotency.key, &idempotency.body_hash);
        }
        let committed = Arc::new(Committed { revision, recorded_at, changes });
        self.batch.events.push(EventRow {
            revision,
            event_id: event_id.to_string(),
            recorded_at,
            action: naming.action.clone(),
            outcome: outcome.as_str(),
            actor_id: proposal.context.actor.id.clone(),
            actor_kind: proposal.context.actor.kind.as_str(),
            gateway_group: proposal.gateway_group.clone(),
            resource_kind: naming.resource.as_ref().map(|resource| resource.kind.clone()),
            resource_id: naming.resource.as_ref().map(|resource| resource.id.clone()),
            request_id: proposal.context.request_id.to_string(),
            causation_revision: proposal.causation_revision,
            entry: sealed.entry,
            leaf_hash: sealed.leaf_hash.to_vec(),
            context_salt: sealed.context_salt.to_vec(),
            context_body: sealed.context_body,
            changes_salt: sealed.changes_salt.map(|salt| salt.to_vec()),
            committed: committed.clone(),
        });
        self.overlay.commit(committed);
        Verdict::Event { at: self.batch.events.len() - 1, answer, refusal }
    }

    /// That the event at the head answers this key.
    fn remember(&mut self, actor_id: &str, key: &str, body_hash: &[u8; 32]) {
        let request = Request {
            actor_id: actor_id.to_owned(),
            idempotency_key: key.to_owned(),
            body_hash: body_hash.to_vec(),
            revision: self.head.revision,
            recorded_at: self.head.recorded_at,
        };
        let key = (request.actor_id.clone(), request.idempotency_key.clone());
        self.seen.insert(key, (request.body_hash.clone(), request.revision));
        self.batch.requests.push(request);
    }
}

/// Action and resource as the event will name them.
struct Naming {
    action: String,
    resource: Option<ResourceRef>,
}

// === impl Naming ===

impl Naming {
    fn of(proposal: &Proposal) -> Self {
        Self { action: proposal.action.clone(), resource: proposal.resource.clone() }
    }
}

/// The leases that exist at this point of the batch for the one who proposes.
struct OpenLeases<'a> {
    shared: &'a Shared,
    ended: &'a [i64],
    owner: Option<&'a str>,
}

impl crate::txn::eval::Leases for OpenLeases<'_> {
    fn exists(&self, id: i64) -> bool {
        !self.ended.contains(&id) && self.shared.knows_lease_for(id, self.owner)
    }
}

/// A state of the past, read from the log before the batch was decided.
pub(super) struct PastRange {
    pub(super) range: KeyRange,
    pub(super) revision: i64,
    pub(super) kvs: Vec<Arc<KeyValue>>,
}

/// How far back transactions of this batch can read.
struct Reach<'a> {
    state: &'a State,
    fetched: &'a [PastRange],
}

impl Past for Reach<'_> {
    fn range_at(&self, range: &KeyRange, revision: i64) -> Result<Vec<Arc<KeyValue>>, crate::txn::Error> {
        if revision < self.state.compact_revision() {
            return Err(crate::txn::Error::Compacted);
        }
        if let Some(kvs) = self.state.range_at(range, revision) {
            return Ok(kvs);
        }
        let fetched = self.fetched.iter().find(|past| past.revision == revision && past.range == *range);
        // The window may have moved on since the batch was prepared; the client reads again.
        fetched.map(|past| past.kvs.clone()).ok_or(crate::txn::Error::Compacted)
    }
}
