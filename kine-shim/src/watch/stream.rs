//! The life of one watch stream.
//!
//! The stream does its work when the client's side of the connection has room for more, in this order: what is ready to go, the
//! client's requests, the log, and then it waits for one of the last two.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, Stream, StreamExt as _, stream};
use portolan_etcd_proto::etcdserverpb::watch_request::RequestUnion;
use portolan_etcd_proto::etcdserverpb::{WatchCreateRequest, WatchRequest, WatchResponse};
use portolan_eventstore::KeyRange;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tonic::Status;

use super::Face;
use super::codec::Frame;
use super::watcher::{Batch, CATCH_UP_REVISIONS, Watcher};
use crate::app::App;
use crate::auth::Stranger;
use crate::errors;
use crate::identity::Identity;
use crate::metrics::Watching;
use crate::revocation::Revocations;
use crate::view::View;

/// The watch id of responses that belong to no watcher.
const NO_WATCHER: i64 = -1;

/// What a stream needs of the call that opens it.
pub(crate) struct Opening<R> {
    /// Who watches.
    pub(crate) viewer: Result<Identity, Stranger>,
    /// What they ask for.
    pub(crate) requests: R,
    /// How they want their answers.
    pub(crate) face: Face,
}

struct Watch<R> {
    app: Arc<App>,
    face: Face,
    viewer: Result<View, Stranger>,
    /// Whoever came with a password: may lose their rights while they watch.
    user: Option<Box<Identity>>,
    /// The certificate, and when it is revoked.
    serial: String,
    revocations: Revocations,
    requests: R,
    requests_ended: bool,
    head: watch::Receiver<i64>,
    /// The head up to which every watcher that is due was served.
    served: i64,
    watchers: BTreeMap<i64, Watcher>,
    next_id: i64,
    progress: Interval,
    progress_asked: bool,
    out: VecDeque<Frame>,
    watching: Watching,
}

/// Why the stream woke up.
enum Wake {
    Request(Result<Option<WatchRequest>, Status>),
    Log,
    Progress,
    Revoked,
    Shutdown,
}

/// Opens a stream for a call. It ends after the first error.
pub(crate) fn open<R>(app: Arc<App>, opening: Opening<R>) -> impl Stream<Item = Result<Frame, Status>> + Send
where
    R: Stream<Item = Result<WatchRequest, Status>> + Unpin + Send,
{
    let Opening { viewer, requests, face } = opening;
    let serial = viewer.as_ref().map(|identity| identity.serial.clone()).unwrap_or_default();
    let user = viewer.as_ref().ok().filter(|identity| identity.is_user()).cloned().map(Box::new);
    let viewer = viewer.map(|identity| View::of(&identity));
    let period = app.settings.progress_interval;
    let mut progress = interval_at(Instant::now() + period, period);
    progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let head = app.store.head();
    let watch = Watch {
        served: app.store.revision(),
        viewer,
        user,
        serial,
        revocations: app.revocations.clone(),
        face,
        requests,
        requests_ended: false,
        head,
        watchers: BTreeMap::new(),
        next_id: 0,
        progress,
        progress_asked: false,
        out: VecDeque::new(),
        watching: app.metrics.watching(),
        app,
    };
    stream::unfold(Some(watch), |watch| async {
        let mut watch = watch?;
        match watch.next().await {
            Ok(frame) => Some((Ok(frame), Some(watch))),
            Err(status) => Some((Err(status), None)),
        }
    })
}

// === impl Watch ===

impl<R> Watch<R>
where
    R: Stream<Item = Result<WatchRequest, Status>> + Unpin + Send,
{
    async fn next(&mut self) -> Result<Frame, Status> {
        loop {
            if self.viewer.is_ok() && self.revocations.contains(&self.serial) {
                return Err(errors::PERMISSION_DENIED.into());
            }
            if self.user.as_deref().is_some_and(|user| !self.app.still_admin(user)) {
                return Err(errors::INVALID_TOKEN.into());
            }
            if let Some(frame) = self.out.pop_front() {
                self.watching.watchers(self.watchers.len());
                if !frame.events.is_empty() {
                    self.watching.sent();
                }
                return Ok(frame);
            }
            if !self.requests_ended
                && let Some(request) = self.requests.next().now_or_never()
            {
                self.request(request.transpose().map_err(errors::received)?).await;
                continue;
            }
            self.serve().await?;
            if !self.out.is_empty() {
                continue;
            }
            match self.wait().await {
                Wake::Request(request) => self.request(request.map_err(errors::received)?).await,
                Wake::Log => {}
                Wake::Progress => self.notify(),
                Wake::Revoked => return Err(errors::PERMISSION_DENIED.into()),
                Wake::Shutdown => return Err(errors::STOPPED.into()),
            }
        }
    }

    async fn wait(&mut self) -> Wake {
        tokio::select! {
            request = self.requests.next(), if !self.requests_ended => Wake::Request(request.transpose()),
            changed = self.head.changed() => if changed.is_ok() { Wake::Log } else { Wake::Shutdown },
            _ = self.progress.tick() => Wake::Progress,
            () = self.revocations.revoked(&self.serial) => Wake::Revoked,
            () = self.app.shutdown.soft() => Wake::Shutdown,
        }
    }

    async fn request(&mut self, request: Option<WatchRequest>) {
        let Some(request) = request else {
            self.requests_ended = true;
            return;
        };
        match request.request_union {
            Some(RequestUnion::CreateRequest(create)) => self.create(create).await,
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
            taken if self.watchers.contains_key(&taken) => {
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
        self.watchers.insert(id, Watcher::new(id, view.inward(range), start, head, &request));
        self.served = self.served.min(start - 1);
    }

    /// Ends a watcher; an id that names none gets no answer.
    fn cancel(&mut self, watch_id: i64) {
        if self.watchers.remove(&watch_id).is_some() {
            self.out.push_back(WatchResponse { watch_id, canceled: true, ..self.response() }.into());
        }
    }

    /// The next id of the stream's own; ids that the client took are left out.
    fn free_id(&mut self) -> i64 {
        while self.watchers.contains_key(&self.next_id) {
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

    /// Serves the watchers that are furthest behind with the next batch; nothing is left to do when `out` stays empty.
    async fn serve(&mut self) -> Result<(), Status> {
        loop {
            // First the mark, then the look: what comes after the look wakes us again.
            self.head.mark_unchanged();
            let head = self.app.store.revision();
            if self.served < head {
                self.cancel_compacted();
            }
            let due = self.watchers.values().map(|watcher| watcher.next).filter(|next| *next <= head).min();
            let Some(place) = due.filter(|_| self.served < head) else {
                self.served = head;
                self.answer_progress(head);
                return Ok(());
            };
            let revisions = self.app.store.events_after(place - 1, CATCH_UP_REVISIONS).await;
            let revisions = revisions.map_err(|error| errors::status(&error))?;
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
            for watcher in self.watchers.values_mut().filter(|watcher| watcher.next == place) {
                watcher.take(&batch, &mut self.out);
            }
            if !self.out.is_empty() {
                return Ok(());
            }
            // A long stretch of the log that says nothing to anybody here: let others run between two batches.
            tokio::task::yield_now().await;
        }
    }

    /// Ends the watchers whose next revision is compacted, as etcd does: without reason and without revision in the header.
    fn cancel_compacted(&mut self) {
        let compact_revision = self.app.store.compact_revision();
        let gone: Vec<i64> = self.watchers.values().filter(|w| w.next < compact_revision).map(|w| w.id).collect();
        for watch_id in gone {
            self.watchers.remove(&watch_id);
            self.cancel_at(watch_id, compact_revision);
        }
    }

    fn cancel_at(&mut self, watch_id: i64, compact_revision: i64) {
        let header = Some(self.app.header(0));
        let canceled = WatchResponse { header, watch_id, canceled: true, compact_revision, ..WatchResponse::default() };
        self.out.push_back(canceled.into());
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

    /// Answers a progress request. Everything up to `head` was delivered; a watcher that waits for a later start has no progress
    /// to speak of, and then there is no answer.
    fn answer_progress(&mut self, head: i64) {
        let asked = std::mem::take(&mut self.progress_asked);
        if asked && self.watchers.values().all(|watcher| watcher.next <= head + 1) {
            let header = Some(self.app.header(head));
            self.out.push_back(WatchResponse { header, watch_id: NO_WATCHER, ..WatchResponse::default() }.into());
        }
    }

    /// Tells the watchers that want it, and had no events for a while, how far they have come.
    fn notify(&mut self) {
        let header = Some(self.app.header(self.served));
        for watcher in self.watchers.values_mut().filter(|watcher| watcher.progress_notify) {
            let quiet = !std::mem::take(&mut watcher.busy);
            if quiet && watcher.next == self.served + 1 {
                let response = WatchResponse { header, watch_id: watcher.id, ..WatchResponse::default() };
                self.out.push_back(response.into());
            }
        }
    }

    fn response(&self) -> WatchResponse {
        WatchResponse { header: Some(self.app.header(self.app.store.revision())), ..WatchResponse::default() }
    }
}

/// How often watchers that asked for it are told of progress when nothing else happens (etcd's default).
pub(crate) const PROGRESS_INTERVAL: Duration = Duration::from_secs(600);
