//! What was denied: recorded in the log, but nobody can fill the log from outside.
//!
//! The first denial of a peer is an event at once. Those that follow within a minute are counted, and the count is one more event
//! when the minute is over. A peer that goes on asking for what it does not get is answered late.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use portolan_eventstore::proposal::{Actor, ActorKind, Context, Intent, Refusal, Source};
use portolan_eventstore::{Error, EventStore, Proposal};
use portolan_rt::task::{Backoff, Kind, Supervisor};
use uuid::Uuid;

use crate::app::App;
use crate::identity::Unknown;

/// How long denials of one peer are only counted.
const QUIET_MICROS: i64 = 60 * 1_000_000;
/// Peers remembered; further ones share one entry until others have been quiet for a minute.
const MAX_PEERS: usize = 4096;
/// The entry that they share.
const OTHERS: &str = "others";
/// Denials of one peer in that time that are answered at once.
const AT_ONCE: u64 = 20;
/// How often is looked for counts that are due.
const PERIOD: Duration = Duration::from_secs(1);

/// The peers that were denied something lately.
#[derive(Debug, Default)]
pub(crate) struct Denials {
    peers: Mutex<HashMap<String, Peer>>,
}

/// Somebody did not get something.
#[derive(Clone, Debug)]
pub(crate) struct Denial {
    action: &'static str,
    /// Whose denials are counted together.
    key: String,
    context: Context,
    group: Option<String>,
    what: String,
}

#[derive(Debug)]
struct Peer {
    recorded_at: i64,
    unrecorded: u64,
    /// Stands for all that were only counted.
    last: Denial,
}

/// What to do about a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Noted {
    /// It becomes an event, with the count of those before it that did not.
    record: Option<u64>,
    /// The peer waits for its answer.
    late: bool,
}

/// Starts the task that writes the counts.
pub(crate) fn watch(app: &Arc<App>, supervisor: &Supervisor) {
    let (app, shutdown) = (app.clone(), supervisor.shutdown());
    supervisor.spawn("etcd denials", Kind::Restart(Backoff::default()), move || {
        let (app, shutdown) = (app.clone(), shutdown.clone());
        async move {
            while shutdown.until_soft(tokio::time::sleep(PERIOD)).await.is_some() {
                app.denials.write(&app.store, app.now(), QUIET_MICROS).await;
            }
            app.denials.write(&app.store, app.now(), 0).await;
            Ok::<(), Infallible>(())
        }
    });
}

// === impl Denials ===

impl Denials {
    /// Notes a denial, in the log or in the counts; says whether the peer should wait for its answer.
    pub(crate) async fn record(&self, store: &EventStore, now: i64, denial: Denial) -> bool {
        let noted = self.note(&denial, now);
        if let Some(before) = noted.record {
            let message = match before {
                0 => denial.what.clone(),
                more => format!("{}; {more} more since the last event", denial.what),
            };
            tracing::info!(peer = denial.key, before, "denied: {}", denial.what);
            let key = denial.key.clone();
            if let Err(error) = denial.append(store, message).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a denial could not be recorded");
                self.count_again(&key, before + 1);
            }
        }
        noted.late
    }

    /// Writes the counts of those whose last event is this old.
    async fn write(&self, store: &EventStore, now: i64, age: i64) {
        for (denial, count) in self.due(now, age) {
            let message = format!("{count} more since the last event, the last one: {}", denial.what);
            let key = denial.key.clone();
            if let Err(error) = denial.append(store, message).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "denials could not be recorded");
                self.count_again(&key, count);
            }
        }
    }

    /// What the log did not take stays counted, and is written when the log is there again.
    fn count_again(&self, key: &str, count: u64) {
        let mut peers = self.peers.lock();
        let key = if peers.contains_key(key) { key } else { OTHERS };
        if let Some(peer) = peers.get_mut(key) {
            peer.unrecorded += count;
        }
    }

    fn note(&self, denial: &Denial, now: i64) -> Noted {
        let mut peers = self.peers.lock();
        let known = peers.len() < MAX_PEERS || peers.contains_key(&denial.key);
        let key = if known { denial.key.as_str() } else { OTHERS };
        let Some(peer) = peers.get_mut(key) else {
            let last = Denial { key: key.to_owned(), ..denial.clone() };
            peers.insert(key.to_owned(), Peer { recorded_at: now, unrecorded: 0, last });
            return Noted { record: Some(0), late: false };
        };
        if now - peer.recorded_at < QUIET_MICROS {
            peer.unrecorded += 1;
            peer.last = Denial { key: key.to_owned(), ..denial.clone() };
            return Noted { record: None, late: peer.unrecorded >= AT_ONCE };
        }
        peer.recorded_at = now;
        Noted { record: Some(std::mem::take(&mut peer.unrecorded)), late: false }
    }

    /// Takes the counts of those whose last event is this old, and forgets who was quiet.
    fn due(&self, now: i64, age: i64) -> Vec<(Denial, u64)> {
        let mut due = Vec::new();
        self.peers.lock().retain(|_, peer| {
            if now - peer.recorded_at < age {
                return true;
            }
            let count = std::mem::take(&mut peer.unrecorded);
            if count > 0 {
                due.push((peer.last.clone(), count));
                peer.recorded_at = now;
            }
            count > 0
        });
        due
    }
}

// === impl Denial ===

impl Denial {
    /// A known peer wanted more than it may have.
    pub(crate) fn of(context: Context, group: Option<&str>, what: &str) -> Self {
        // Data planes of two groups may have one name; each group's log tells of its own.
        let key = format!("cn {} {}", group.unwrap_or_default(), context.actor.id);
        Self { action: "auth.denied", key, context, group: group.map(str::to_owned), what: what.to_owned() }
    }

    /// A peer without an identity was turned away.
    pub(crate) fn of_unknown(peer: Unknown) -> Self {
        let key = peer.ip.as_ref().map(IpAddr::to_string).unwrap_or_default();
        Self::of_stranger("auth.denied", peer.ip, key, "no certificate that names an identity")
    }

    /// Nobody that we know did not get something.
    pub(crate) fn of_stranger(action: &'static str, ip: Option<IpAddr>, key: String, what: &str) -> Self {
        let actor = Actor {
            id: "anonymous".to_owned(),
            kind: ActorKind::Anonymous,
            name: None,
            auth_method: "none".to_owned(),
            roles: Vec::new(),
        };
        let ip = ip.map(|ip| ip.to_string());
        let source = Source { ip, user_agent: None, interface: "etcd".to_owned() };
        let context = Context { actor, source, reason: None, request_id: Uuid::now_v7(), trace_id: None };
        Self { action, key, context, group: None, what: what.to_owned() }
    }

    async fn append(self, store: &EventStore, message: String) -> Result<(), Error> {
        let refusal = Intent::Refused(Refusal::denied(403, message));
        let proposal = Proposal::new(self.context, self.action, refusal);
        let proposal = match self.group {
            Some(group) => proposal.in_group(group),
            None => proposal,
        };
        store.append(proposal).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(denials: &Denials, key: &str, now: i64) -> Option<u64> {
        denials.note(&Denial::of_stranger("auth.denied", None, key.to_owned(), "no"), now).record
    }

    fn due(denials: &Denials, now: i64) -> Vec<(String, u64)> {
        denials.due(now, QUIET_MICROS).into_iter().map(|(denial, count)| (denial.key, count)).collect()
    }

    #[test]
    fn a_flood_is_two_events_in_the_first_minute_and_one_in_each_further() {
        let denials = Denials::default();
        assert_eq!(note(&denials, "a", 0), Some(0));
        for second in 1..60 {
            assert_eq!(note(&denials, "a", second * 1_000_000), None);
        }
        assert_eq!(due(&denials, 59_999_999), []);
        assert_eq!(note(&denials, "b", 30_000_000), Some(0), "each peer has its own minute");
        assert_eq!(due(&denials, 60_000_000), [("a".to_owned(), 59)]);
        assert_eq!(note(&denials, "a", 60_000_001), None);
        assert_eq!(note(&denials, "a", 120_000_000), Some(1), "the next minute, before the count was written");
        assert_eq!(due(&denials, 180_000_000), []);
        assert!(denials.peers.lock().is_empty(), "the quiet ones are forgotten");
    }

    #[tokio::test]
    async fn what_the_log_did_not_take_stays_counted() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(portolan_rt::clock::ManualClock::new(1));
        let url = format!("sqlite:{}", dir.path().join("log.db").display());
        let supervisor = Supervisor::new();
        let store = EventStore::open(portolan_eventstore::Options { url, clock }, &supervisor).await.unwrap();
        supervisor.shutdown().request();
        supervisor.run(Duration::from_secs(20)).await.unwrap();
        let denials = Denials::default();
        denials.record(&store, 0, Denial::of_stranger("auth.denied", None, "a".to_owned(), "no")).await;
        assert_eq!(due(&denials, QUIET_MICROS), [("a".to_owned(), 1)]);
    }

    #[test]
    fn data_planes_of_two_groups_are_counted_apart() {
        let denials = Denials::default();
        let of = |group| {
            let context = Denial::of_stranger("", None, String::new(), "").context;
            denials.note(&Denial::of(context, group, "no"), 0).record
        };
        assert_eq!([of(Some("eu")), of(Some("us")), of(None), of(Some("eu"))], [Some(0), Some(0), Some(0), None]);
    }

    #[test]
    fn who_goes_on_waits() {
        let denials = Denials::default();
        let denial = Denial::of_stranger("auth.denied", None, "a".to_owned(), "no");
        let late = |now| denials.note(&denial, now).late;
        assert!((0..20).all(|now| !late(now)) && (20..40).all(late));
        assert!(!late(QUIET_MICROS), "a new minute");
    }

    #[test]
    fn many_peers_share_one_entry() {
        let denials = Denials::default();
        for peer in 0..MAX_PEERS {
            assert_eq!(note(&denials, &peer.to_string(), 0), Some(0));
        }
        assert_eq!(note(&denials, "x", 1), Some(0));
        assert_eq!(note(&denials, "y", 1), None);
        assert_eq!(denials.peers.lock().len(), MAX_PEERS + 1);
        assert_eq!(due(&denials, QUIET_MICROS + 1), [("others".to_owned(), 1)]);
        assert_eq!(note(&denials, "z", QUIET_MICROS + 1), Some(0));
        assert_eq!(denials.peers.lock().len(), 2);
    }
}
