//! One watcher: what it asked for, how far it has come, and the responses it gets.

use bytes::Bytes;
use portolan_etcd_proto::etcdserverpb::watch_create_request::FilterType;
use portolan_etcd_proto::etcdserverpb::{ResponseHeader, WatchCreateRequest, WatchResponse};
use portolan_eventstore::{Committed, KeySet};

use super::Face;
use super::codec::Frame;
use super::events::Events;
use crate::view::View;

/// A response that holds several revisions, to a watcher that catches up, ends after the revision with which it reaches this size.
const CATCH_UP_BYTES: usize = 1024 * 1024;
/// Revisions in one response to a watcher that catches up, at most (etcd's watchBatchMaxRevs).
pub(super) const CATCH_UP_REVISIONS: usize = 1000;
/// A watcher that had caught up but fell this many revisions behind gets them in batches again.
const BEHIND_REVISIONS: i64 = 100;
/// A response larger than this is cut into fragments, for those who asked for it (etcd: request limit + 512 KiB).
const FRAGMENT_BYTES: usize = 2 * 1024 * 1024;

/// One watcher.
#[derive(Debug)]
pub(super) struct Watcher {
    /// Its id on the stream.
    pub(super) id: i64,
    /// The next revision it has to look at.
    pub(super) next: i64,
    /// Whether it wants progress responses by itself.
    pub(super) progress_notify: bool,
    /// Whether it was sent events since the last such response was due.
    pub(super) busy: bool,
    keys: KeySet,
    no_put: bool,
    no_delete: bool,
    prev_kv: bool,
    fragment: bool,
    /// Has seen everything once; from then on each revision is a response of its own.
    pub(super) synced: bool,
}

/// What a batch of revisions is read with.
pub(super) struct Batch<'a> {
    /// Revisions without a gap, oldest first.
    pub(super) revisions: &'a [std::sync::Arc<Committed>],
    /// The revision up to which the log reached when they were read.
    pub(super) head: i64,
    /// Versions below it are gone.
    pub(super) compact_revision: i64,
    /// Whose eyes.
    pub(super) view: &'a View,
    /// Encoded events.
    pub(super) events: &'a Events,
    /// How they are encoded.
    pub(super) face: Face,
    /// Header of all responses; the revision is filled in.
    pub(super) header: ResponseHeader,
}

// === impl Watcher ===

impl Watcher {
    /// A watcher of keys, as stored, from a revision on.
    pub(super) fn new(id: i64, keys: KeySet, next: i64, head: i64, request: &WatchCreateRequest) -> Self {
        let filter = |kind: FilterType| request.filters.contains(&kind.into());
        Self {
            id,
            next,
            progress_notify: request.progress_notify,
            busy: false,
            keys,
            no_put: filter(FilterType::Noput),
            no_delete: filter(FilterType::Nodelete),
            prev_kv: request.prev_kv,
            fragment: request.fragment,
            synced: next > head,
        }
    }

    /// Takes in a batch that begins at its place, and moves on. The responses go to `out`.
    pub(super) fn take(&mut self, batch: &Batch<'_>, out: &mut impl Extend<Frame>) {
        if batch.head - self.next >= BEHIND_REVISIONS {
            self.synced = false;
        }
        let mut events = Vec::new();
        let mut size = 0;
        for revision in batch.revisions {
            self.next = revision.revision + 1;
            let before = events.len();
            self.select(batch, revision, &mut events);
            size += events[before..].iter().map(Bytes::len).sum::<usize>();
            if self.synced && !events.is_empty() {
                out.extend(self.responses(batch, revision.revision, std::mem::take(&mut events)));
            } else if size >= CATCH_UP_BYTES {
                break;
            }
        }
        let reached = self.next > batch.head;
        if !events.is_empty() {
            // etcd puts the current revision here also when more is to come; a client that resumes from the header would then miss
            // what is between. We say how far the response goes.
            let through = if reached { batch.head } else { self.next - 1 };
            out.extend(self.responses(batch, through, events));
        }
        self.synced |= reached;
    }

    fn select(&self, batch: &Batch<'_>, revision: &Committed, into: &mut Vec<Bytes>) {
        let wanted = revision.changes.iter().any(|change| self.keys.contains(&change.key));
        if !wanted {
            return;
        }
        // As in etcd the version before the compacted revision can't be shown any more.
        let prev_kv = self.prev_kv && revision.revision > batch.compact_revision;
        for event in batch.events.encode(batch.view, revision, prev_kv, batch.face).iter() {
            let filtered = if event.deleted { self.no_delete } else { self.no_put };
            if !filtered && self.keys.contains(&event.key) {
                into.push(event.bytes.clone());
            }
        }
    }

    fn responses(&mut self, batch: &Batch<'_>, revision: i64, events: Vec<Bytes>) -> Vec<Frame> {
        self.busy = true;
        let header = ResponseHeader { revision, ..batch.header };
        let head = WatchResponse { header: Some(header), watch_id: self.id, ..WatchResponse::default() };
        let whole = Frame { head, events };
        if self.fragment { fragments(whole) } else { vec![whole] }
    }
}

/// Cuts a response between events, so that each part stays below the limit as long as it holds more than one event.
fn fragments(whole: Frame) -> Vec<Frame> {
    if whole.size() < FRAGMENT_BYTES {
        return vec![whole];
    }
    let Frame { mut head, events } = whole;
    head.fragment = true;
    let empty = Frame::from(head.clone()).size();
    let mut parts = vec![Frame::from(head.clone())];
    let mut size = empty;
    for event in events {
        let Some(part) = parts.last_mut() else { break };
        if !part.events.is_empty() && size + event.len() >= FRAGMENT_BYTES {
            size = empty + event.len();
            parts.push(Frame { head: head.clone(), events: vec![event] });
        } else {
            size += event.len();
            part.events.push(event);
        }
    }
    if let Some(last) = parts.last_mut() {
        last.head.fragment = false;
    }
    parts
}
