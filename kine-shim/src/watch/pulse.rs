//! What wakes the watch streams: one channel for all that concerns every one of them (the log, revocations, the end of the process),
//! fed by one task. A stream waits for one thing instead of three, and finds the newest revisions read already.

use std::convert::Infallible;
use std::sync::Arc;

use portolan_eventstore::Committed;
use portolan_rt::task::{Backoff, Kind, Supervisor};
use tokio::sync::watch;

use super::watcher::CATCH_UP_REVISIONS;
use crate::app::App;

/// The streams' end. Clones hear the same.
#[derive(Clone, Debug)]
pub(crate) struct Pulse(watch::Receiver<Beat>);

/// The task's end.
#[derive(Debug)]
pub(crate) struct Heart(watch::Sender<Beat>);

/// What all streams should know.
#[derive(Debug, Default)]
struct Beat {
    latest: Option<Revisions>,
    ended: bool,
}

/// Revisions without a gap, oldest first.
pub(super) type Revisions = Arc<[Arc<Committed>]>;

/// Both ends.
pub(crate) fn channel() -> (Heart, Pulse) {
    let (sender, receiver) = watch::channel(Beat::default());
    (Heart(sender), Pulse(receiver))
}

// === impl Heart ===

impl Heart {
    /// Starts the task.
    pub(crate) fn beat(self, app: &Arc<App>, supervisor: &Supervisor) {
        let (app, heart) = (app.clone(), Arc::new(self));
        supervisor.spawn("etcd watches", Kind::Restart(Backoff::default()), move || {
            let (app, heart, mut head, mut revocations) =
                (app.clone(), heart.clone(), app.store.head(), app.revocations.clone());
            async move {
                // After a restart of the task nobody knows what was missed.
                heart.0.send_modify(|beat| beat.latest = None);
                let mut seen = app.store.revision();
                loop {
                    tokio::select! {
                        changed = head.changed() => if changed.is_err() { break },
                        () = revocations.changed() => {}
                        () = app.shutdown.soft() => break,
                    }
                    let now = *head.borrow_and_update();
                    let latest = if now > seen { read(&app, seen).await } else { None };
                    seen = now.max(seen);
                    heart.0.send_modify(|beat| beat.latest = latest);
                }
                heart.0.send_modify(|beat| beat.ended = true);
                Ok::<(), Infallible>(())
            }
        });
    }
}

/// The revisions after one. Without them the streams read for themselves.
async fn read(app: &App, seen: i64) -> Option<Revisions> {
    let revisions = app.store.events_after(seen, CATCH_UP_REVISIONS).await.ok()?;
    (!revisions.is_empty()).then(|| revisions.into())
}

// === impl Pulse ===

impl Pulse {
    /// What comes after this wakes.
    pub(super) fn mark(&mut self) {
        self.0.mark_unchanged();
    }

    /// Resolves with the next beat after the mark.
    pub(super) async fn next(&mut self) {
        // Without a task the process is at its end, which `ended` says.
        let _gone = self.0.changed().await;
    }

    /// Whether the process is at its end.
    pub(super) fn ended(&self) -> bool {
        self.0.borrow().ended || self.0.has_changed().is_err()
    }

    /// The newest revisions, if they begin with this one.
    pub(super) fn from(&self, revision: i64) -> Option<Revisions> {
        self.0.borrow().latest.as_ref().filter(|latest| latest[0].revision == revision).cloned()
    }
}
