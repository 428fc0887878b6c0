//! Reads of the audit log: events with who, when, from where, what, before and after; history; the past state.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::backend::listing::By;
use crate::backend::{Backend, Head};
use crate::error::Error;
use crate::keyspace::{Change, KeyRange, KeyValue};
use crate::proposal::{ActorKind, Appended, Outcome, Refusal, ResourceRef};
use crate::protect::Protection;
use crate::store::EventStore;
use crate::txn::TxnAnswer;

/// Events per statement, at most.
const CHUNK: i64 = 512;
/// Revisions that the first statement of a page looks through; the next ones look through more while little is found. It bounds what a
/// database sorts that has no order in its index (MySQL, on long texts).
const WINDOW: i64 = 4_096;
/// Events that are looked at for one page: those that an index leads to, or all where none does. A page that finds little in so many
/// ends there, and says where to go on.
const MOST_LOOKED: i64 = 50_000;

/// Which events; all conditions must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// This action.
    pub action: Option<String>,
    /// This outcome: `success`, `refused`, `denied`, `failed`.
    pub outcome: Option<String>,
    /// This actor id.
    pub actor: Option<String>,
    /// Resources of this kind.
    pub resource_kind: Option<String>,
    /// Resources of this id.
    pub resource_id: Option<String>,
    /// This gateway group.
    pub gateway_group: Option<String>,
    /// Revisions below this one.
    pub before: Option<i64>,
    /// Revisions above this one.
    pub after: Option<i64>,
    /// At most this many.
    pub limit: i64,
}

/// A page of events, newest first.
#[derive(Clone, Debug, Default)]
pub struct Events {
    /// The events. A page that is not full need not be the last one.
    pub events: Vec<Event>,
    /// Where the next page begins: its `before`. `None` when there is none.
    pub next: Option<i64>,
}

/// One event as the audit log shows it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its revision.
    pub revision: i64,
    /// RFC 6962 leaf hash of the entry.
    pub leaf_hash: Vec<u8>,
    /// What the entry says.
    pub entry: Entry,
    /// The personal part; `None` when it was erased.
    pub personal: Option<Personal>,
    /// The key changes; empty when there were none (or when they were pruned).
    pub changes: Vec<Change>,
}

/// A part of an event that was pruned or erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Redacted {
    /// The personal part.
    Context,
    /// The key changes.
    Changes,
    /// A value that one of the changes replaced.
    Before,
}

/// The entry of an event, decoded (format 1).
#[derive(Clone, Debug, Deserialize)]
pub struct Entry {
    /// What was done.
    pub action: String,
    /// Who did it.
    pub actor: EntryActor,
    /// The revision that this event undid or answered to.
    pub causation_revision: Option<i64>,
    /// The commitment to the key changes; `None` when there were none.
    pub changes: Option<String>,
    /// UUIDv7 of the event.
    pub event_id: String,
    /// The gateway group concerned.
    pub gateway_group: Option<String>,
    /// Through which door the request came.
    pub interface: String,
    /// How it ended.
    pub outcome: Outcome,
    /// When it was recorded, in microseconds since 1970 UTC.
    pub recorded_at: i64,
    /// The request.
    pub request_id: String,
    /// The resource concerned.
    pub resource: Option<ResourceRef>,
    /// HTTP status of a refusal.
    pub status: Option<u16>,
    /// W3C trace id.
    pub trace_id: Option<String>,
}

/// The actor as the entry names it.
#[derive(Clone, Debug, Deserialize)]
pub struct EntryActor {
    /// How the actor proved to be itself.
    pub auth_method: String,
    /// Stable id.
    pub id: String,
    /// What the id names.
    pub kind: ActorKind,
    /// Roles held at that moment.
    pub roles: Vec<String>,
}

/// What is personal or free text about an event.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Personal {
    /// Readable name of the actor.
    pub actor_name: Option<String>,
    /// Address of the peer.
    pub ip: Option<String>,
    /// Text of a refusal.
    pub message: Option<String>,
    /// Why, in the actor's words.
    pub reason: Option<String>,
    /// `User-Agent`.
    pub user_agent: Option<String>,
}

/// An event as the database holds it, before it is decoded.
#[derive(Clone, Debug)]
pub(crate) struct StoredEvent {
    pub revision: i64,
    pub entry: Vec<u8>,
    pub context: Option<Vec<u8>>,
    pub leaf_hash: Vec<u8>,
}

/// Facts about the store for a status page.
#[derive(Clone, Debug)]
pub struct Status {
    /// `sqlite`, `postgres` or `mysql`.
    pub backend: &'static str,
    /// Identity of this log; another epoch is another log.
    pub epoch: String,
    /// Revision of the last event, which is also the size of the Merkle tree.
    pub revision: i64,
    /// RFC 6962 root of the tree at that revision, in hex.
    pub tree_root: String,
    /// Number of keys.
    pub keys: usize,
    /// Size of the database, in bytes.
    pub size_bytes: i64,
}

// === impl EventQuery ===

impl EventQuery {
    /// What leads to the fewest events, as far as that can be told without looking.
    fn lead(&self) -> By<'_> {
        match self {
            Self { resource_kind: Some(kind), resource_id: Some(id), .. } => By::Resource(kind, id),
            Self { actor: Some(actor), .. } => By::Actor(actor),
            Self { action: Some(action), .. } => By::Action(action),
            Self { outcome: None, resource_kind: None, resource_id: None, gateway_group: None, .. } => By::Revision,
            _ => By::Scan(self),
        }
    }

    fn matches(&self, event: &Event) -> bool {
        let entry = &event.entry;
        let resource = entry.resource.as_ref();
        let same = |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
        same(&self.action, Some(&entry.action))
            && same(&self.outcome, Some(entry.outcome.as_str()))
            && same(&self.actor, Some(&entry.actor.id))
            && same(&self.resource_kind, resource.map(|resource| resource.kind.as_str()))
            && same(&self.resource_id, resource.map(|resource| resource.id.as_str()))
            && same(&self.gateway_group, entry.gateway_group.as_deref())
    }
}

// === impl Event ===

impl Event {
    /// What of it is no longer there, though it was. What was never there, such as a reason that nobody gave, is not among it.
    pub fn redacted(&self) -> Vec<Redacted> {
        let gone = [
            (Redacted::Context, self.personal.is_none()),
            (Redacted::Changes, self.entry.changes.is_some() && self.changes.is_empty()),
            (Redacted::Before, self.changes.iter().any(Change::lost_what_it_replaced)),
        ];
        gone.into_iter().filter(|(_, gone)| *gone).map(|(part, _)| part).collect()
    }
}

// === impl EventStore ===

impl EventStore {
    /// Events by filter, newest first, with their changes: a page of them.
    pub async fn events(&self, query: &EventQuery) -> Result<Events, Error> {
        let by = query.lead();
        // There is nothing below 1, and what any number asks for must not overflow.
        let above = query.after.unwrap_or(0).clamp(0, i64::MAX - 1);
        let (mut below, mut window, mut looked) = (query.before.unwrap_or(i64::MAX), WINDOW, 0);
        // Beyond the head there is nothing to look through.
        below = below.min(self.backend().head().await?.revision.saturating_add(1));
        let mut page = Events::default();
        while below > above + 1 {
            if looked >= MOST_LOOKED {
                page.next = Some(below);
                break;
            }
            let from = above.max(below.saturating_sub(window + 1));
            let limit = query.limit.saturating_sub(count(&page.events)).clamp(1, CHUNK);
            let found = self.backend().listed(by, from, below, limit).await?;
            let whole = count(&found) < limit;
            looked += if by.is_indexed() { count(&found) } else { below - from };
            below = found.last().filter(|_| !whole).map_or(from + 1, |last| last.revision);
            window = if whole { window.saturating_mul(2) } else { window };
            for event in found {
                let event = decode(event, Vec::new())?;
                if query.matches(&event) {
                    page.events.push(event);
                }
            }
            if count(&page.events) >= query.limit {
                page.next = Some(below).filter(|below| *below > above + 1);
                break;
            }
        }
        let revisions: Vec<i64> = page.events.iter().map(|event| event.revision).collect();
        let mut changes: HashMap<i64, Vec<Change>> = HashMap::new();
        for (revision, change) in self.backend().changes_of(&revisions, &KeyRange::prefix("")).await? {
            changes.entry(revision).or_default().push(change);
        }
        for event in &mut page.events {
            event.changes = changes.remove(&event.revision).unwrap_or_default();
        }
        Ok(page)
    }

    /// One event; `None` when the log does not reach that revision.
    pub async fn event(&self, revision: i64) -> Result<Option<Event>, Error> {
        let Some(stored) = one(self.backend(), revision).await? else { return Ok(None) };
        let changes = self.backend().changes_of(&[revision], &KeyRange::prefix("")).await?;
        decode(stored, changes.into_iter().map(|(_, change)| change).collect()).map(Some)
    }

    /// The changes of one key with the events that made them, newest first.
    pub async fn history(&self, key: &[u8], limit: i64) -> Result<Vec<Event>, Error> {
        let history = self.backend().history(key, limit).await?;
        history.into_iter().map(|(event, change)| decode(event, vec![change])).collect()
    }

    /// The keys of a range as of a revision: from memory if it reaches back that far, else from the log.
    pub async fn state_at(&self, range: &KeyRange, revision: i64) -> Result<Vec<Arc<KeyValue>>, Error> {
        let past = revision < self.revision();
        let keys = match self.with_state(|state| state.range_at(range, revision)) {
            Some(keys) => keys,
            None => self.backend().state_at(range, revision).await?.into_iter().map(Arc::new).collect(),
        };
        // Asked afterwards: what was pruned meanwhile is missing from the database, and memory must not go on telling it.
        if past {
            self.can_tell(revision).await?;
        }
        Ok(keys)
    }

    /// Facts for a status page.
    pub async fn status(&self) -> Result<Status, Error> {
        let head = self.backend().head().await?;
        let size_bytes = self.backend().size().await?;
        let keys = self.with_state(crate::keyspace::State::len);
        let tree_root = hex::encode(head.frontier.root());
        let Head { epoch, revision, .. } = head;
        Ok(Status { backend: self.backend().name(), epoch, revision, tree_root, keys, size_bytes })
    }

    /// How well the database itself protects the log, as of now.
    pub async fn protection(&self) -> Result<Protection, Error> {
        self.backend().protection().await
    }

    /// A secret by name.
    pub async fn secret(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        self.backend().secret(name).await
    }
}

/// An event as stored.
async fn one(backend: &dyn Backend, revision: i64) -> Result<Option<StoredEvent>, Error> {
    let Some((above, below)) = revision.checked_sub(1).zip(revision.checked_add(1)) else { return Ok(None) };
    Ok(backend.listed(By::Revision, above, below, 1).await?.pop())
}

fn count<T>(things: &[T]) -> i64 {
    i64::try_from(things.len()).unwrap_or(i64::MAX)
}

/// The answer that an event was, for a repetition of its request. Texts that were erased since are gone from it.
pub(crate) async fn replay(backend: &dyn Backend, revision: i64) -> Result<Appended, Error> {
    let stored = one(backend, revision).await?;
    let stored =
        stored.ok_or_else(|| Error::Corrupt(format!("revision {revision} answers a request but is not there")))?;
    let changes =
        backend.changes_of(&[revision], &KeyRange::prefix("")).await?.into_iter().map(|(_, change)| change).collect();
    let Event { entry, personal, changes, .. } = decode(stored, changes)?;
    if entry.outcome == Outcome::Success {
        return Ok(Appended::Committed { revision, changes, answer: TxnAnswer::default() });
    }
    let message = personal.and_then(|personal| personal.message).unwrap_or_default();
    let refusal = Refusal { outcome: entry.outcome, status: entry.status.unwrap_or(400), message };
    Ok(Appended::Refused { revision, refusal })
}

pub(crate) fn decode(stored: StoredEvent, changes: Vec<Change>) -> Result<Event, Error> {
    let broken = |what: &str, error: serde_json::Error| {
        Error::Corrupt(format!("the {what} of revision {} can't be read: {error}", stored.revision))
    };
    let entry = serde_json::from_slice(&stored.entry).map_err(|error| broken("entry", error))?;
    let personal = match &stored.context {
        Some(body) => Some(serde_json::from_slice(body).map_err(|error| broken("context", error))?),
        None => None,
    };
    Ok(Event { revision: stored.revision, leaf_hash: stored.leaf_hash, entry, personal, changes })
}
