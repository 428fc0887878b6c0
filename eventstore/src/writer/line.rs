//! The batches that are on their way into the log, oldest first.
//!
//! ```text
//! batch 1   decide ─ send ─ insert, move head ─ fsync ─ apply, answer
//! batch 2                   decide ─ send ─ (head is locked) ──┴─ insert, move head ─ fsync ─ apply, answer
//! ```
//! The second one is decided on what the first will leave, and names the edge of the tree that it follows: the database takes it only
//! where that is the head, so if the first is not written, the second is not either, whatever else has moved the head.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use parking_lot::Mutex;

use super::decide::Verdict;
use crate::backend::{Batch, CommitError, Head};
use crate::keyspace::Committed;
use crate::store::{Shared, Waiting};

/// Most batches on their way: one that is being written, and one that is there when it is.
pub(crate) const DEPTH: usize = 2;

/// A batch that was sent, and those who wait for its answers.
pub(super) struct Sent {
    pub(super) waiting: Vec<Waiting>,
    pub(super) verdicts: Vec<Verdict>,
    /// The head that it was decided on.
    pub(super) before: Head,
    pub(super) batch: Arc<Batch>,
}

/// A batch, and what the database said to it.
pub(super) type Arrived = (Sent, Result<(), CommitError>);

/// They arrive in the order in which they were sent.
#[derive(Default)]
pub(super) struct Line {
    sent: VecDeque<Sent>,
    /// Never locked: it makes a reference to the writer one that may go to another thread.
    results: Mutex<FuturesOrdered<BoxFuture<'static, Result<(), CommitError>>>>,
}

// === impl Line ===

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    pub(super) fn has_room(&self) -> bool {
        self.sent.len() < DEPTH
    }

    pub(super) fn last(&self) -> Option<&Sent> {
        self.sent.back()
    }

    /// The events that are on their way.
    pub(super) fn events(&self) -> impl Iterator<Item = &Arc<Committed>> {
        self.sent.iter().flat_map(|sent| &sent.batch.events).map(|event| &event.committed)
    }

    /// Sends a batch, as soon as somebody waits for the [`next`](Self::next).
    pub(super) fn send(&mut self, shared: &Arc<Shared>, sent: Sent) {
        let (shared, batch) = (shared.clone(), sent.batch.clone());
        self.results.get_mut().push_back(Box::pin(async move { shared.backend.append(batch).await }));
        self.sent.push_back(sent);
    }

    /// The oldest of them, once the database has answered. Never resolves when there is none. Nothing is lost when the wait is given up.
    pub(super) async fn next(&mut self) -> Arrived {
        let Some(result) = self.results.get_mut().next().await else { return std::future::pending().await };
        match self.sent.pop_front() {
            Some(sent) => (sent, result),
            None => std::future::pending().await,
        }
    }
}
