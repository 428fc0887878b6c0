//! Verifies a database: every event against its entry, the tree against the signed roots, and what is derived (columns, key space,
//! head) against what it is derived from. Reads only; the log may be written meanwhile.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::check::{Checker, Evidence};
use super::error::Error;
use super::log::{Log, unsigned};
use super::note::Verifier;
use super::report::{Failure, Kind, Report, Verdict};
use super::trusted::Roots;
use crate::backend::Head;
use crate::backend::evidence::{EventEvidence, StoredCheckpoint};
use crate::merkle::Frontier;
use crate::retention::accounts::Accounts;
use crate::retention::{Subject, remove};

mod blocks;
mod columns;
mod replay;

use replay::Replay;

/// Events per read.
const PAGE: i64 = 512;
/// Checkpoints per read.
const CHECKPOINT_PAGE: i64 = 1_000;

/// Why a verification stopped.
enum Stop {
    Failure(Failure),
    Error(Error),
}

/// Verifies a log from its first event to its head. `held` are notes kept outside of the database: they must be met too, and are what
/// shows that a log was rewritten together with its own checkpoints.
///
/// # Errors
/// When the database can't be read; whatever is wrong with what is in it is a verdict.
pub async fn verify_store(log: &Log, keys: &[Verifier], held: &[String]) -> Result<Verdict, Error> {
    match run(log, keys, held).await {
        Ok(report) => Ok(Verdict::Ok(report)),
        Err(Stop::Failure(failure)) => Ok(Verdict::Fail(failure)),
        Err(Stop::Error(Error::Store(crate::Error::Corrupt(what)))) => Ok(Verdict::Fail(Failure::of(Kind::Head, what))),
        Err(Stop::Error(error)) => Err(error),
    }
}

async fn run(log: &Log, keys: &[Verifier], held: &[String]) -> Result<Report, Stop> {
    let stored = checkpoints(log).await?;
    let notes = stored.iter().map(|stored| stored.note.as_str()).chain(held.iter().map(String::as_str));
    let roots = Roots::open(notes, keys)?;
    columns::of_checkpoints(&stored, &roots)?;
    let epoch = log.backend().head().await?.epoch;
    let mut checker = Checker::new(epoch, Frontier::default(), roots.by_size.clone())?;
    let mut replay = Replay::default();
    walk(log, i64::MAX, &mut checker, &mut replay).await?;
    // Head and key space from one state, then the events that came meanwhile.
    let (head, keys) = log.backend().load().await?;
    walk(log, head.revision, &mut checker, &mut replay).await?;
    ends(&head, &checker, roots.last())?;
    if let Some(failure) = replay.blocks.compare(log).await? {
        return Err(failure.into());
    }
    replay.compare(&keys)?;
    // What accounts for something must be in the log, too.
    walk(log, checker.accounts().last(), &mut checker, &mut Replay::default()).await?;
    Ok(Report {
        origin: roots.origin.clone(),
        from: 1,
        to: checker.next() - 1,
        tree_size: roots.last(),
        root: roots.by_size.get(&unsigned(roots.last())).map(|root| STANDARD.encode(root)).unwrap_or_default(),
        redacted: checker.redacted,
    })
}

/// Checks events from the next one to the last, or to a revision.
async fn walk(log: &Log, to: i64, checker: &mut Checker, replay: &mut Replay) -> Result<(), Stop> {
    while checker.next() <= to {
        let limit = PAGE.min(to - checker.next() + 1);
        let page = log.backend().evidence(checker.next() - 1, limit).await?;
        if page.is_empty() {
            return Ok(());
        }
        // Read after the page: what was deleted when the page was read is accounted for by now.
        if page.iter().any(|event| is_unaccounted(event, checker.accounts())) {
            let accounts = remove::accounts(log.backend()).await?;
            let last = accounts.last();
            checker.account(accounts, last);
        }
        for event in page {
            check(&event, checker, replay)?;
        }
    }
    Ok(())
}

/// Whether a payload is gone and nothing that is known accounts for it.
fn is_unaccounted(event: &EventEvidence, accounts: &Accounts) -> bool {
    let columns = &event.columns;
    let subject = Subject {
        revision: columns.revision,
        actor: &columns.actor_id,
        group: columns.gateway_group.as_deref(),
        kind: columns.resource_kind.as_deref(),
        id: columns.resource_id.as_deref(),
    };
    let context = event.context.is_none() && accounts.context(&subject).is_none();
    // Canonical JSON: within a text the quotes would be escaped.
    const NONE: &[u8] = b"\"changes\":null";
    let commits = !event.entry.windows(NONE.len()).any(|part| part == NONE);
    context || commits && event.opened_changes().is_none() && accounts.changes(&subject).is_none()
}

fn check(event: &EventEvidence, checker: &mut Checker, replay: &mut Replay) -> Result<(), Failure> {
    let changes = event.opened_changes();
    let evidence = Evidence {
        revision: event.columns.revision,
        entry: &event.entry,
        leaf_hash: &event.leaf_hash,
        context: event.context.as_ref().map(|(salt, body)| (salt.as_slice(), body.as_slice())),
        changes: changes.as_ref().map(|(salt, payload)| (*salt, payload.as_slice())),
    };
    let claims = checker.event(&evidence)?;
    columns::of_event(event, &claims)?;
    replay.event(event);
    Ok(())
}

/// Whether the log ends where its head and its checkpoints say.
fn ends(head: &Head, checker: &Checker, signed: i64) -> Result<(), Failure> {
    let last = checker.next() - 1;
    if last < head.revision || last < signed {
        let (what, end) =
            if last < head.revision { ("head", head.revision) } else { ("last signed checkpoint", signed) };
        let what = format!("the events end at {last}, but the log's {what} is at {end}: the end was cut off");
        return Err(Failure::at(last + 1, Kind::Gap, what));
    }
    if last > head.revision {
        return Err(Failure::at(head.revision + 1, Kind::Head, "the log has events beyond its head"));
    }
    if head.frontier != *checker.tree() {
        return Err(Failure::of(Kind::Head, "the tree kept in the head is not that of the events"));
    }
    if head.recorded_at != checker.recorded_at() {
        return Err(Failure::of(Kind::Head, "the time kept in the head is not that of the last event"));
    }
    Ok(())
}

async fn checkpoints(log: &Log) -> Result<Vec<StoredCheckpoint>, Error> {
    let mut all: Vec<StoredCheckpoint> = Vec::new();
    loop {
        let next = all.last().map_or(0, |last| last.size + 1);
        let page = log.backend().checkpoints(next, CHECKPOINT_PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

// === impl Stop ===

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<crate::Error> for Stop {
    fn from(error: crate::Error) -> Self {
        Self::Error(error.into())
    }
}
