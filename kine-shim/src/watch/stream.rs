//! The life of one watch stream.
//!
//! The stream does its work when the client's side of the connection has room for more, in this order: what is ready to go, the
//! client's requests, the log, and then it waits for one of the last two.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, Stream, StreamExt as _, stream};
use portolan_etcd_proto::etcdserverpb::watch_request::RequestUnion;
use portolan_etcd_proto::etcdserverpb::{WatchCreateRequest, WatchRequest, WatchResponse};
use portolan_eventstore::KeyRange;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tonic::Status;

use super::Face;
use super::codec::Frame;
use super::pulse::{Pulse, Revisions};
use super::watcher::{Batch, CATCH_UP_REVISIONS, Watcher};
use crate::app::App;
use crate::auth::Stranger;
use crate::errors;
use crate::identity::Identity;
use crate::metrics::Watching;
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
    requests: R,
    requests_ended: bool,
    /// Whether the client has said nothing since it was last listened to.
    listened: bool,
    pulse: Pulse,
    /// The head up to which every watcher that is due was served.
    served: i64,
    /// In the order of their ids.
    watchers: Vec<Watcher>,
    next_id: i64,
    /// For those that want to hear of progress; most don't.
    progress: Option<Interval>,
    progress_asked: bool,
    /// Whether those that want to hear of progress are to be told.
    progress_due: bool,
    out: VecDeque<Frame>,
    watching: Watching,
}

/// Why the stream woke up.
enum Wake {
    Request(Result<Option<WatchRequest>, Status>),
    Pulse,
    Progress,
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
    let watch = Box::new(Watch {
        // First this, then the revision: what comes after the revision wakes.
        pulse: app.heart.pulse(viewer.as_ref().ok(), || app.store.revision()),
        served: app.store.revision(),
        viewer,
        user,
        serial,
        face,
        requests,
        requests_ended: false,
        listened: false,
        watchers: Vec::new(),
        next_id: 0,
        progress: None,
        progress_asked: false,
        progress_due: false,
        out: VecDeque::new(),
        watching: app.metrics.watching(),
        app,
    });
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
            if self.viewer.is_ok() && self.app.revocations.contains(&self.serial) {
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
            // A client that has the log read to it for a long time is listened to in between.
            if !std::mem::replace(&mut self.listened, false)
                && self.served < self.app.store.revision()
                && !self.requests_ended
                && let Some(request) = self.requests.next().now_or_never()
            {
                self.request(request.transpose().map_err(errors::received)?).await;
                continue;
            }
            self.serve().await?;
            if !self.out.is_empty() {
                continue;
            }
            if self.pulse.ended() {
                return Err(errors::STOPPED.into());
            }
            let wake = self.wait().await;
            self.listened = true;
            match wake {
                Wake::Request(request) => self.request(request.map_err(errors::received)?).await,
                Wake::Pulse => {}
                Wake::Progress => self.progress_due = true,
            }
        }
    }

    async fn wait(&mut self) -> Wake {
        let progress = async {
            match &mut self.progress {
                Some(progress) => drop(progress.tick().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            request = self.requests.next(), if !self.requests_ended => Wake::Request(request.transpose()),
            () = self.pulse.next() => Wake::Pulse,
            () = progress => Wake::Progress,
        }
    }

    async fn request(&mut self, request: Option<WatchRequest>) {
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

    /// Serves the watchers that are furthest behind with the next batch; nothing is left to do when `out` stays empty.
    async fn serve(&mut self) -> Result<(), Status> {
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

    fn response(&self) -> WatchResponse {
        WatchResponse { header: Some(self.app.header(self.app.store.revision())), ..WatchResponse::default() }
    }
}

async fn revisions_from(app: &App, place: i64) -> Result<Revisions, Status> {
    let revisions = app.store.events_after(place - 1, CATCH_UP_REVISIONS).await;
    Ok(revisions.map_err(|error| errors::status(&error))?.into())
}

/// How often watchers that asked for it are told of progress when nothing else happens (etcd's default).
pub(crate) const PROGRESS_INTERVAL: Duration = Duration::from_secs(600);
