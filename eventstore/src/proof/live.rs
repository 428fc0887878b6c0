//! Verifies a database: every event against its entry, the tree against the signed roots, and what is derived (columns, key space,
//! head) against what it is derived from. Reads only; the log may be written meanwhile.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::check::{Checker, Evidence, Weighed};
use super::error::Error;
use super::log::{Log, unsigned};
use super::note::Verifier;
use super::pages::Pages;
use super::parallel::{self, blocking};
use super::report::{Failure, Kind, Progress, Report, Verdict};
use super::trusted::Roots;
use crate::backend::Head;
use crate::backend::evidence::{EventEvidence, StoredCheckpoint};
use crate::merkle::Frontier;
use crate::retention::remove;

mod blocks;
mod columns;
mod replay;

use replay::Replay;

/// Checkpoints per read.
const CHECKPOINT_PAGE: i64 = 1_000;

/// How far the events were checked.
struct State {
    checker: Checker,
    replay: Replay,
}

/// Why a verification stopped.
enum Stop {
    Failure(Failure),
    Error(Error),
}

/// Verifies a log from its first event to its head. `held` are notes kept outside of the database: they must be met too, and are what
/// shows that a log was rewritten together with its own checkpoints. `progress` is told the last revision that was checked, now and then.
///
/// # Errors
/// When the database can't be read; whatever is wrong with what is in it is a verdict.
pub async fn verify_store(
    log: &Log,
    keys: &[Verifier],
    held: &[String],
    progress: Progress<'_>,
) -> Result<Verdict, Error> {
    match run(log, keys, held, progress).await {
        Ok(report) => Ok(Verdict::Ok(report)),
        Err(Stop::Failure(failure)) => Ok(Verdict::Fail(failure)),
        Err(Stop::Error(Error::Store(crate::Error::Corrupt(what)))) => Ok(Verdict::Fail(Failure::of(Kind::Head, what))),
        Err(Stop::Error(error)) => Err(error),
    }
}

async fn run(log: &Log, keys: &[Verifier], held: &[String], progress: Progress<'_>) -> Result<Report, Stop> {
    let stored = checkpoints(log).await?;
    let notes = stored.iter().map(|stored| stored.note.as_str()).chain(held.iter().map(String::as_str));
    let roots = Roots::open(notes, keys)?;
    columns::of_checkpoints(&stored, &roots)?;
    let epoch = log.backend().head().await?.epoch;
    let checker = Checker::new(epoch, Frontier::default(), roots.by_size.clone())?;
    let state = State { checker, replay: Replay::default() };
    let state = walk(log, i64::MAX, state, progress).await?;
    // Head and key space from one state, then the events that came meanwhile.
    let (head, keys) = log.backend().load().await?;
    let State { checker, replay } = walk(log, head.revision, state, progress).await?;
    ends(&head, &checker, roots.last())?;
    if let Some(failure) = replay.blocks.compare(log).await? {
        return Err(failure.into());
    }
    replay.compare(&keys)?;
    // What accounts for something must be in the log, too.
    let last = checker.last_account();
    let State { checker, .. } = walk(log, last, State { checker, replay: Replay::default() }, progress).await?;
    Ok(Report {
        origin: roots.origin.clone(),
        from: 1,
        to: checker.next() - 1,
        tree_size: roots.last(),
        root: roots.by_size.get(&unsigned(roots.last())).map(|root| STANDARD.encode(root)).unwrap_or_default(),
        redacted: checker.redacted,
    })
}

/// Checks events from the next one to the last, or to a revision. While a page is checked the next one is read.
async fn walk(log: &Log, to: i64, mut state: State, progress: Progress<'_>) -> Result<State, Stop> {
    let mut pages = Pages::new(log, state.checker.next() - 1, to);
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            return Ok(state);
        }
        state = pages.beside(check(log, page, state)).await??;
        progress(state.checker.next() - 1);
    }
}

/// Checks a page: its events each by itself, then one after the other.
async fn check(log: &Log, page: Vec<EventEvidence>, mut state: State) -> Result<State, Stop> {
    let (page, weighed) = blocking(move || {
        let weighed = parallel::map(&page, weigh);
        (page, weighed)
    })
    .await;
    // Read after the page: what was deleted when the page was read is accounted for by now.
    if weighed.iter().any(|event| state.checker.is_unaccounted(event)) {
        let accounts = remove::accounts(log.backend()).await?;
        let last = accounts.last();
        state.checker.account(accounts, last);
    }
    blocking(move || {
        for (event, weighed) in page.iter().zip(&weighed) {
            state.checker.event(event.columns.revision, &event.leaf_hash, weighed)?;
            if let Ok(claims) = &weighed.claims {
                columns::of_event(event, claims)?;
            }
            state.replay.event(event);
        }
        Ok(state)
    })
    .await
}

fn weigh(event: &EventEvidence) -> Weighed {
    let changes = event.opened_changes();
    let evidence = Evidence {
        entry: &event.entry,
        context: event.context.as_ref().map(|(salt, body)| (salt.as_slice(), body.as_slice())),
        changes: changes.as_ref().map(|(salt, payload)| (*salt, payload.as_slice())),
    };
    evidence.weigh()
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
