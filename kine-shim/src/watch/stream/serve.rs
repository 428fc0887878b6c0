//! What a stream says by itself: the log, read to its watchers, and how far they have come.

use futures_util::Stream;
use portolan_etcd_proto::etcdserverpb::{WatchRequest, WatchResponse};
use tonic::Status;

use super::{NO_WATCHER, Watch};
use crate::app::App;
use crate::errors;
use crate::watch::pulse::Revisions;
use crate::watch::watcher::{Batch, CATCH_UP_REVISIONS, Watcher};

impl<R> Watch<R>
where
    R: Stream<Item = Result<WatchRequest, Status>> + Unpin + Send,
{
    /// Serves the watchers that are furthest behind with the next batch; nothing is left to do when `out` stays empty.
    pub(super) async fn serve(&mut self) -> Result<(), Status> {
        loop {
            // First the mark, then the look: what comes after the look wakes us again.
            self.pulse.mark();
            let reach = self.pulse.reach();
            for watcher in &mut self.watchers {
                watcher.next = reach.skip(watcher.next);
            }
            // What is newer wakes us if it shows something; only who speaks of progress has to look.
            let tell = self.progress_asked || self.progress_due;
            let head = if tell { self.app.store.revision() } else { reach.head };
            if self.served < head {
                self.cancel_compacted();
            }
            let due = self.watchers.iter().map(|watcher| watcher.next).filter(|next| *next <= head).min();
            let Some(place) = due.filter(|_| self.served < head) else {
                self.served = self.served.max(head);
                if tell {
                    self.answer_progress(head);
                    self.notify();
                }
                return Ok(());
            };
            let revisions = match self.pulse.from(place) {
                Some(revisions) => revisions,
                None => Box::pin(revisions_from(&self.app, place)).await?,
            };
            let (Ok(view), Some(last)) = (&self.viewer, revisions.last()) else { return Ok(()) };
            let batch = Batch {
                // The head may have moved while we read; a response never says less than it holds.
                head: head.max(last.revision),
                revisions: &revisions,
                compact_revision: self.app.store.compact_revision(),
                view,
                events: &self.app.events,
                face: self.face,
                header: self.app.header(0),
            };
            for watcher in self.watchers.iter_mut().filter(|watcher| watcher.next == place) {
                watcher.take(&batch, &mut self.out);
            }
            if !self.out.is_empty() {
                return Ok(());
            }
            // A long stretch of the log that says nothing to anybody here: let others run between two batches.
            tokio::task::yield_now().await;
        }
    }

    /// Ends the watchers whose next revision is compacted, as etcd does: without reason and without revision in the header. One that
    /// had seen everything keeps its place: the log still has what it has to see.
    fn cancel_compacted(&mut self) {
        let compact_revision = self.app.store.compact_revision();
        let compacted = |watcher: &Watcher| watcher.next < compact_revision && !watcher.synced;
        let gone: Vec<i64> = self.watchers.iter().filter(|w| compacted(w)).map(|w| w.id).collect();
        self.watchers.retain(|watcher| !compacted(watcher));
        for watch_id in gone {
            self.cancel_at(watch_id, compact_revision);
        }
    }

    pub(super) fn cancel_at(&mut self, watch_id: i64, compact_revision: i64) {
        let header = Some(self.app.header(0));
        let canceled = WatchResponse { header, watch_id, canceled: true, compact_revision, ..WatchResponse::default() };
        self.out.push_back(canceled.into());
    }

    /// Answers a progress request. Everything up to `head` was delivered; a watcher that waits for a later start has no progress
    /// to speak of, and then there is no answer.
    fn answer_progress(&mut self, head: i64) {
        let asked = std::mem::take(&mut self.progress_asked);
        if asked && self.watchers.iter().all(|watcher| watcher.next <= head + 1) {
            let header = Some(self.app.header(head));
            self.out.push_back(WatchResponse { header, watch_id: NO_WATCHER, ..WatchResponse::default() }.into());
        }
    }

    /// Tells the watchers that want it, and had no events for a while, how far they have come.
    fn notify(&mut self) {
        if !std::mem::take(&mut self.progress_due) {
            return;
        }
        let header = Some(self.app.header(self.served));
        for watcher in self.watchers.iter_mut().filter(|watcher| watcher.progress_notify) {
            let quiet = !std::mem::take(&mut watcher.busy);
            if quiet && watcher.next == self.served + 1 {
                let response = WatchResponse { header, watch_id: watcher.id, ..WatchResponse::default() };
                self.out.push_back(response.into());
            }
        }
    }

    pub(super) fn response(&self) -> WatchResponse {
        WatchResponse { header: Some(self.app.header(self.app.store.revision())), ..WatchResponse::default() }
    }
}

async fn revisions_from(app: &App, place: i64) -> Result<Revisions, Status> {
    let revisions = app.store.events_after(place - 1, CATCH_UP_REVISIONS).await;
    Ok(revisions.map_err(|error| errors::status(&error))?.into())
}
