//! The life of one watch stream.
//!
//! The stream does its work when the client's side of the connection has room for more, in this order: what is ready to go, the
//! client's requests (`stream/requests.rs`), the log (`stream/serve.rs`), and then it waits for one of the last two.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, Stream, StreamExt as _, stream};
use portolan_etcd_proto::etcdserverpb::WatchRequest;
use tokio::time::Interval;
use tonic::Status;

use super::Face;
use super::codec::Frame;
use super::pulse::Pulse;
use super::watcher::Watcher;
use crate::app::App;
use crate::auth::Stranger;
use crate::errors;
use crate::identity::Identity;
use crate::metrics::Watching;
use crate::view::View;

mod requests;
mod serve;

/// How often watchers that asked for it are told of progress when nothing else happens (etcd's default).
pub(crate) const PROGRESS_INTERVAL: Duration = Duration::from_secs(600);
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
}
