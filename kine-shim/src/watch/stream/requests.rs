//! What a client asks for on its stream: watchers that begin and end.

use futures_util::Stream;
use portolan_etcd_proto::etcdserverpb::watch_request::RequestUnion;
use portolan_etcd_proto::etcdserverpb::{WatchCreateRequest, WatchRequest, WatchResponse};
use portolan_eventstore::KeyRange;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tonic::Status;

use super::{NO_WATCHER, Watch};
use crate::errors;
use crate::view::View;
use crate::watch::Face;
use crate::watch::watcher::Watcher;

impl<R> Watch<R>
where
    R: Stream<Item = Result<WatchRequest, Status>> + Unpin + Send,
{
    pub(super) async fn request(&mut self, request: Option<WatchRequest>) {
        let Some(request) = request else {
            self.requests_ended = true;
            return;
        };
        match request.request_union {
            // Its future is large, and idle streams should not be.
            Some(RequestUnion::CreateRequest(create)) => Box::pin(self.create(create)).await,
            Some(RequestUnion::CancelRequest(cancel)) => self.cancel(cancel.watch_id),
            Some(RequestUnion::ProgressRequest(_)) => self.progress_asked = true,
            None => {}
        }
    }

    async fn create(&mut self, request: WatchCreateRequest) {
        let view = match &self.viewer {
            Ok(view) => view.clone(),
            Err(stranger) => {
                let status = self.app.turned_away(*stranger).await;
                self.refuse(format!("rpc error: code = {:?} desc = {}", status.code(), status.message()));
                return;
            }
        };
        if request.start_revision < 0 {
            self.refuse(errors::COMPACTED.1);
            return;
        }
        // As in etcd the empty key is the smallest one, "\0".
        let key = if request.key.is_empty() { bytes::Bytes::from_static(&[0]) } else { request.key.clone() };
        let range = KeyRange::from_etcd(key, request.range_end.clone());
        if range.is_empty() {
            self.refuse("mvcc: watcher range is empty");
            return;
        }
        let id = match request.watch_id {
            0 => self.free_id(),
            taken if self.place(taken).is_ok() => {
                self.refuse("mvcc: duplicate watch ID provided on the WatchStream");
                return;
            }
            free => free,
        };
        let head = self.app.store.revision();
        let start = if request.start_revision == 0 { head + 1 } else { request.start_revision };
        let header = Some(self.app.header(head));
        self.out.push_back(WatchResponse { header, watch_id: id, created: true, ..WatchResponse::default() }.into());
        if start > head + 1
            && let Some(revision) = self.went_back(&view, start).await
        {
            self.cancel_at(id, revision);
            return;
        }
        if request.progress_notify && self.progress.is_none() {
            let period = self.app.settings.progress_interval;
            let mut progress = interval_at(Instant::now() + period, period);
            progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
            self.progress = Some(progress);
        }
        let watcher = Watcher::new(id, view.inward(range), start, head, &request);
        if let Err(place) = self.place(id) {
            // Most streams have one.
            self.watchers.reserve_exact(usize::from(self.watchers.is_empty()));
            self.watchers.insert(place, watcher);
        }
        self.served = self.served.min(start - 1);
    }

    /// Ends a watcher; an id that names none gets no answer.
    fn cancel(&mut self, watch_id: i64) {
        if let Ok(place) = self.place(watch_id) {
            self.watchers.remove(place);
            self.out.push_back(WatchResponse { watch_id, canceled: true, ..self.response() }.into());
        }
    }

    /// Where the watcher of this id is, or where it would be.
    fn place(&self, id: i64) -> Result<usize, usize> {
        match self.watchers.last() {
            // Ids mostly go up.
            Some(last) if last.id < id => Err(self.watchers.len()),
            _ => self.watchers.binary_search_by_key(&id, |watcher| watcher.id),
        }
    }

    /// The next id of the stream's own; ids that the client took are left out.
    fn free_id(&mut self) -> i64 {
        while self.place(self.next_id).is_ok() {
            self.next_id += 1;
        }
        self.next_id += 1;
        self.next_id - 1
    }

    fn refuse(&mut self, reason: impl Into<String>) {
        let refused = WatchResponse {
            watch_id: NO_WATCHER,
            created: true,
            canceled: true,
            cancel_reason: reason.into(),
            ..self.response()
        };
        self.out.push_back(refused.into());
    }

    /// The head of a log that a data plane was ahead of when it comes back: the log was restored from a backup, or is another one.
    /// etcd would wait until it has grown past the client's revision, and an APISIX data plane would see no change until then and
    /// no error; told that its place is compacted, it loads everything anew. Only at the JSON face, which is theirs: an etcd
    /// client that waits for a future revision gets to wait.
    async fn went_back(&mut self, view: &View, start: i64) -> Option<i64> {
        let told = self.face == Face::Json && *view != View::Everything && self.app.settings.reload_when_ahead;
        if !told {
            return None;
        }
        // The client may know the log from another replica, which was further than we are.
        let head = self.app.store.linearizable().await.ok()?;
        (start > head + 1).then_some(head)
    }
}
