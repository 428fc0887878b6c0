//! Letting go of payloads: pruning by age, erasing a person, and the legal hold that wins over both.
//!
//! Entries stay for ever; what goes are the contexts (who by name, from where, why) and the changes, each with its salt, so that the
//! proof holds and nothing can be guessed back. Every removal is accounted for by an event that is in the log before it happens:
//!
//! ```text
//! audit.prune    on revisions 1..N   contexts and changes of these go; changes stay that the state after N is told from
//! audit.erase    on actor ID         the contexts of this actor's earlier events go
//! audit.hold     on a scope          nothing that it covers goes, past or to come
//! audit.release  causation_revision  the hold that this revision set ends
//! ```
//! Invariant: the key space, and every state from [`EventStore::floor`] on, can be told from what is left.
//! Invariant: what is missing without such an event, or against a hold, is a failure of verification, not a redaction.

use crate::error::Error;
use crate::proposal::{Appended, Context, Intent, Proposal, Refusal};
use crate::store::EventStore;

pub(crate) mod accounts;
mod ranges;
pub(crate) mod remove;
mod scope;

use accounts::{ERASE, HOLD, PRUNE, RELEASE};
use ranges::Ranges;
use remove::{Reach, Work};
pub use scope::Scope;
pub(crate) use scope::Subject;

/// A legal hold in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The revision that set it, which is its name.
    pub revision: i64,
    /// What it covers.
    pub scope: Scope,
}

/// What was, or would be, let go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// The event that accounts for it; none when there was nothing to do, or it was only looked at.
    pub revision: Option<i64>,
    /// Number of contexts.
    pub contexts: u64,
    /// Number of events whose changes go.
    pub changes: u64,
    /// Number of payloads that a legal hold kept.
    pub held: u64,
}

/// Whether to do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// Only count.
    Dry,
    /// Record it and do it.
    Real,
}

// === impl Hold ===

impl Hold {
    /// Makes a proposal the one that releases this hold. Of several at once one gets it into the log.
    #[must_use]
    pub fn releasing(&self, mut proposal: Proposal) -> Proposal {
        let (resource, group) = self.scope.named();
        (proposal.resource, proposal.gateway_group) = (Some(resource), group);
        proposal.causation_revision = Some(self.revision);
        proposal.once = Some(format!("release {}", self.revision));
        proposal
    }
}

// === impl EventStore ===

impl EventStore {
    /// The first revision whose state can be told; those before it were pruned.
    pub async fn floor(&self) -> Result<i64, Error> {
        self.backend().floor().await
    }

    /// The first revision that was recorded at a time or after it; one more than the last when there is none.
    pub async fn revision_from(&self, micros: i64) -> Result<i64, Error> {
        let (mut low, mut high) = (1, self.backend().head().await?.revision + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let missing = || Error::Corrupt(format!("revision {middle} is missing"));
            match self.backend().recorded_at(middle).await?.ok_or_else(missing)? < micros {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        Ok(low)
    }

    /// Sets a legal hold. Answers its revision.
    pub async fn hold(&self, context: Context, scope: &Scope) -> Result<i64, Error> {
        let (resource, group) = scope.named();
        let mut proposal = Proposal::new(context, HOLD, Intent::Record).on(resource.kind, resource.id);
        proposal.gateway_group = group;
        self.recorded(proposal).await
    }

    /// Ends a legal hold. Answers the revision that did; `None` when there is no such hold in force.
    pub async fn release(&self, context: Context, hold: i64) -> Result<Option<i64>, Error> {
        let Some(found) = self.holds().await?.into_iter().find(|found| found.revision == hold) else { return Ok(None) };
        match self.recorded(found.releasing(Proposal::new(context, RELEASE, Intent::Record))).await {
            Err(Error::Already { .. }) => Ok(None),
            released => released.map(Some),
        }
    }

    /// The legal holds in force.
    pub async fn holds(&self) -> Result<Vec<Hold>, Error> {
        let accounts = remove::accounts(self.backend()).await?;
        let hold = |(revision, scope): (i64, &Scope)| Hold { revision, scope: scope.clone() };
        Ok(accounts.holds_at(i64::MAX).map(hold).collect())
    }

    /// Lets go of payloads of events that were recorded before a time.
    pub async fn prune(&self, context: Context, before: i64, run: Run) -> Result<Removed, Error> {
        self.prune_below(context, self.revision_from(before).await?, run).await
    }

    /// The same of events below a revision. The last event always stays whole. When others prune as much at this moment, at any replica,
    /// there is one event, and all of them work by it.
    pub async fn prune_below(&self, context: Context, revision: i64, run: Run) -> Result<Removed, Error> {
        let floor = revision.min(self.backend().head().await?.revision);
        let reach = Reach { actor: None, floor };
        let event = loop {
            let accounts = remove::accounts(self.backend()).await?;
            let found = remove::work(self, &reach, Work::Count).await?;
            if run == Run::Dry || found.contexts + found.changes == 0 {
                return Ok(found);
            }
            if let Some(event) = accounts.pruned(floor - 1) {
                // Begun before, at another replica or by a process that ended: there it goes on.
                break event;
            }
            match self.recorded(pruning(context.clone(), floor - 1, accounts.last())).await {
                // Somebody prunes, maybe less than this: by what is known now.
                Err(Error::Already { .. }) => {}
                event => break event?,
            }
        };
        let found = remove::work(self, &reach, Work::Remove { event }).await?;
        if found.changes > 0 {
            self.compacted(floor);
        }
        Ok(Removed { revision: Some(event), ..found })
    }

    /// Lets go of everything personal about the events of an actor: names, addresses, free text. The id stays.
    ///
    /// When a legal hold covers all of it, the attempt is refused, and recorded as refused.
    pub async fn erase(&self, context: Context, actor: &str, run: Run) -> Result<Result<Removed, Refusal>, Error> {
        let head = self.backend().head().await?.revision;
        let found = remove::work(self, &Reach { actor: Some(actor), floor: head + 1 }, Work::Count).await?;
        let named = |intent| Proposal::new(context, ERASE, intent).on(scope::ACTOR, actor);
        if found.contexts == 0 && found.held > 0 {
            let refusal = Refusal::invalid(409, format!("a legal hold covers all events of {actor}"));
            if run == Run::Real {
                self.append(named(Intent::Refused(refusal.clone()))).await?;
            }
            return Ok(Err(refusal));
        }
        if run == Run::Dry || found.contexts == 0 {
            return Ok(Ok(found));
        }
        let event = self.recorded(named(Intent::Record)).await?;
        let found = remove::work(self, &Reach { actor: Some(actor), floor: event }, Work::Remove { event }).await?;
        Ok(Ok(Removed { revision: Some(event), ..found }))
    }

    async fn recorded(&self, proposal: Proposal) -> Result<i64, Error> {
        Ok(match self.append(proposal).await? {
            Appended::Committed { revision, .. }
            | Appended::Unchanged { revision, .. }
            | Appended::Refused { revision, .. } => revision,
        })
    }
}

/// The event that revisions up to one are pruned. Of those who knew the same deeds one gets it into the log.
fn pruning(context: Context, last: i64, known: i64) -> Proposal {
    let range = Ranges::between(1, last).to_string();
    let mut proposal = Proposal::new(context, PRUNE, Intent::Record).on(scope::REVISIONS, range);
    proposal.once = Some(format!("prune after {known}"));
    proposal
}
