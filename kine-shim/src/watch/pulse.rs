//! What wakes the watch streams: one bell for each view, fed by one task. A stream waits for one thing (the log, revocations and
//! the end of the process come the same way), finds the newest revisions read already, and sleeps through those that show nothing to
//! its view: that a thousand data planes say how they are costs each of them its own word, not a thousand.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use portolan_eventstore::Committed;
use portolan_rt::task::{Backoff, Kind, Supervisor};

use super::bell::{Bell, Listener};
use super::watcher::CATCH_UP_REVISIONS;
use crate::app::App;
use crate::view::{Audience, View};

/// The task's end. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heart(Arc<Shared>);

/// A stream's end.
#[derive(Debug)]
pub(crate) struct Pulse {
    beats: Listener<Beat>,
    shared: Arc<Shared>,
}

/// How far the streams of a view can go without a look at the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    /// Of all revisions up to this one it is known whether they show something.
    pub(super) head: i64,
    /// The newest that may.
    last: i64,
    /// Between the two, exclusively, none does.
    quiet: (i64, i64),
}

/// Revisions without a gap, oldest first.
pub(super) type Revisions = Arc<[Arc<Committed>]>;

#[derive(Debug, Default)]
struct Shared {
    listeners: Mutex<Listeners>,
    /// Every stream was told of all revisions up to this one that concern it.
    position: AtomicI64,
}

#[derive(Debug, Default)]
struct Listeners {
    admins: Bell<Beat>,
    strangers: Bell<Beat>,
    /// By the prefix of the group's keys, then by that of the data plane's own.
    groups: HashMap<Bytes, HashMap<Bytes, Bell<Beat>>>,
    ended: bool,
}

/// What the streams of a view should know.
#[derive(Debug, Default)]
struct Beat {
    /// Read already; the last of them is `last`.
    latest: Option<Revisions>,
    /// The newest revision that may show something.
    last: i64,
    /// The one before `latest` that may.
    previous: i64,
    ended: bool,
}

// === impl Heart ===

impl Heart {
    /// What wakes the streams of a view, or those of strangers, who see nothing. `revision` is the log's, asked for in time.
    pub(crate) fn pulse(&self, view: Option<&View>, revision: impl FnOnce() -> i64) -> Pulse {
        let mut listeners = self.0.listeners.lock();
        let ended = listeners.ended;
        let beats = match view {
            None => listeners.strangers.listen(),
            Some(View::Everything) => listeners.admins.listen(),
            Some(View::DataPlane { stored, own }) => {
                let group = listeners.groups.entry(stored.clone()).or_default();
                // What was there before may show something: nobody looked at it for this view.
                let unknown = || Bell::new(Beat { last: revision(), ended, ..Beat::default() });
                group.entry(own.clone()).or_insert_with(unknown).listen()
            }
        };
        Pulse { beats, shared: self.0.clone() }
    }

    /// Starts the task.
    pub(crate) fn beat(&self, app: &Arc<App>, supervisor: &Supervisor) {
        let (app, heart) = (app.clone(), self.clone());
        supervisor.spawn("etcd watches", Kind::Restart(Backoff::default()), move || {
            let (app, heart, mut head, mut revocations) =
                (app.clone(), heart.clone(), app.store.head(), app.revocations.clone());
            async move {
                // After a restart of the task nobody knows what was missed.
                let mut seen = app.store.revision();
                heart.unread(seen);
                loop {
                    tokio::select! {
                        changed = head.changed() => if changed.is_err() { break },
                        () = revocations.changed() => heart.all(|_| {}),
                        () = app.shutdown.soft() => break,
                    }
                    let now = *head.borrow_and_update();
                    while seen < now {
                        match app.store.events_after(seen, CATCH_UP_REVISIONS).await {
                            Ok(revisions) if !revisions.is_empty() => seen = heart.read(&revisions.into(), seen),
                            // Those who want it read for themselves, and give the error to their clients.
                            Ok(_) | Err(_) => {
                                heart.unread(now);
                                seen = now;
                            }
                        }
                    }
                }
                heart.0.listeners.lock().ended = true;
                heart.all(|beat| beat.ended = true);
                Ok::<(), Infallible>(())
            }
        });
    }

    /// Tells those whom these revisions concern; gives the last one.
    fn read(&self, revisions: &Revisions, seen: i64) -> i64 {
        let (mut groups, mut owners) = (HashSet::new(), HashSet::new());
        for change in revisions.iter().flat_map(|revision| &revision.changes) {
            match Audience::of(&change.key) {
                Audience::Group(group) => drop(groups.insert(group)),
                Audience::Owner { group, own } => drop(owners.insert((group, own))),
                Audience::Nobody => {}
            }
        }
        let last = revisions.last().map_or(seen, |revision| revision.revision);
        let tell = |bell: &Bell<Beat>| {
            bell.ring(|beat| {
                beat.previous = beat.last;
                beat.last = last;
                beat.latest = Some(revisions.clone());
            });
        };
        let mut listeners = self.0.listeners.lock();
        tell(&listeners.admins);
        for group in &groups {
            let Some(instances) = listeners.groups.get_mut(*group) else { continue };
            instances.retain(|_, bell| bell.is_heard());
            instances.values().for_each(tell);
            if instances.is_empty() {
                listeners.groups.remove(*group);
            }
        }
        for (group, own) in owners.into_iter().filter(|(group, _)| !groups.contains(group)) {
            listeners.groups.get(group).and_then(|instances| instances.get(own)).into_iter().for_each(tell);
        }
        drop(listeners);
        // Afterwards: who reads it has heard of everything before.
        self.0.position.store(last, Ordering::Release);
        last
    }

    /// Tells all that the revisions up to this one may concern them.
    fn unread(&self, upto: i64) {
        self.all(|beat| {
            beat.previous = beat.last;
            beat.last = upto;
            beat.latest = None;
        });
        self.0.position.store(upto, Ordering::Release);
    }

    fn all(&self, modify: impl Fn(&mut Beat)) {
        let listeners = self.0.listeners.lock();
        let instances = listeners.groups.values().flat_map(HashMap::values);
        for bell in instances.chain([&listeners.admins, &listeners.strangers]) {
            bell.ring(&modify);
        }
    }
}

// === impl Pulse ===

impl Pulse {
    /// What comes after this wakes.
    pub(super) fn mark(&mut self) {
        self.beats.mark();
    }

    /// Resolves with the next beat after the mark.
    pub(super) async fn next(&self) {
        self.beats.rung().await;
    }

    /// Whether the process is at its end.
    pub(super) fn ended(&self) -> bool {
        self.beats.value().ended
    }

    /// How far the streams can go.
    pub(super) fn reach(&self) -> Reach {
        // First the position: the beat that is read then is as new, or newer.
        let position = self.shared.position.load(Ordering::Acquire);
        let beat = self.beats.value();
        let first = beat.latest.as_ref().map_or(beat.previous + 1, |latest| latest[0].revision);
        Reach { head: position.max(beat.last), last: beat.last, quiet: (beat.previous, first) }
    }

    /// The newest revisions, if they begin with this one.
    pub(super) fn from(&self, revision: i64) -> Option<Revisions> {
        self.beats.value().latest.as_ref().filter(|latest| latest[0].revision == revision).cloned()
    }
}

// === impl Reach ===

impl Reach {
    /// Where one that has to look at this revision next goes on.
    pub(super) fn skip(&self, next: i64) -> i64 {
        let (previous, first) = self.quiet;
        if next > self.last {
            next.max(self.head + 1)
        } else if next > previous {
            next.max(first)
        } else {
            next
        }
    }
}

#[cfg(test)]
mod tests;
