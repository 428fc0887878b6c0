//! What was denied: recorded in the log, but nobody can fill the log from outside.
//!
//! The first denial of a peer is an event at once. Those that follow within a minute are counted, and the next event after
//! that minute carries the count.

use std::collections::HashMap;
use std::net::IpAddr;

use parking_lot::Mutex;
use portolan_eventstore::proposal::{Actor, ActorKind, Context, Intent, Refusal, Source};
use portolan_eventstore::{EventStore, Proposal};
use uuid::Uuid;

use crate::identity::Unknown;

/// How long denials of one peer are only counted.
const QUIET_MICROS: i64 = 60 * 1_000_000;
/// Peers remembered; further ones share one entry until others have been quiet for a minute.
const MAX_PEERS: usize = 4096;

/// The peers that were denied something lately.
#[derive(Debug, Default)]
pub(crate) struct Denials {
    peers: Mutex<HashMap<String, Peer>>,
}

#[derive(Debug)]
struct Peer {
    recorded_at: i64,
    unrecorded: u64,
}

// === impl Denials ===

impl Denials {
    /// Records that a peer without an identity was turned away.
    pub(crate) async fn unknown(&self, store: &EventStore, now: i64, peer: Unknown) {
        let ip = peer.ip.as_ref().map(IpAddr::to_string);
        let context = Context {
            actor: Actor {
                id: "anonymous".to_owned(),
                kind: ActorKind::Anonymous,
                name: None,
                auth_method: "none".to_owned(),
                roles: Vec::new(),
            },
            source: Source { ip: ip.clone(), user_agent: None, interface: "etcd".to_owned() },
            reason: None,
            request_id: Uuid::now_v7(),
            trace_id: None,
        };
        let key = ip.unwrap_or_default();
        self.record(store, now, &key, context, None, "no certificate that names an identity").await;
    }

    /// Records that a known peer wanted more than it may have.
    pub(crate) async fn denied(&self, store: &EventStore, now: i64, context: Context, group: Option<&str>, what: &str) {
        let key = format!("cn {}", context.actor.id);
        self.record(store, now, &key, context, group, what).await;
    }

    pub(crate) async fn record(
        &self,
        store: &EventStore,
        now: i64,
        key: &str,
        context: Context,
        group: Option<&str>,
        what: &str,
    ) {
        let Some(unrecorded) = self.admit(key, now) else { return };
        let message = match unrecorded {
            0 => what.to_owned(),
            more => format!("{what}; {more} more since the last event"),
        };
        tracing::info!(peer = key, unrecorded, "denied: {what}");
        let mut proposal = Proposal::new(context, "auth.denied", Intent::Refused(Refusal::denied(403, message)));
        if let Some(group) = group {
            proposal = proposal.in_group(group);
        }
        if let Err(error) = store.append(proposal).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a denial could not be recorded");
        }
    }

    /// Whether this denial becomes an event, and then how many since the last one did not.
    fn admit(&self, key: &str, now: i64) -> Option<u64> {
        let mut peers = self.peers.lock();
        if peers.len() >= MAX_PEERS && !peers.contains_key(key) {
            peers.retain(|_, peer| now - peer.recorded_at < QUIET_MICROS);
        }
        let key = if peers.len() < MAX_PEERS || peers.contains_key(key) { key } else { "others" };
        let Some(peer) = peers.get_mut(key) else {
            peers.insert(key.to_owned(), Peer { recorded_at: now, unrecorded: 0 });
            return Some(0);
        };
        if now - peer.recorded_at < QUIET_MICROS {
            peer.unrecorded += 1;
            return None;
        }
        let unrecorded = std::mem::take(&mut peer.unrecorded);
        peer.recorded_at = now;
        Some(unrecorded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_one_event_a_minute() {
        let denials = Denials::default();
        assert_eq!(denials.admit("a", 0), Some(0));
        for second in 1..60 {
            assert_eq!(denials.admit("a", second * 1_000_000), None);
        }
        assert_eq!(denials.admit("b", 30_000_000), Some(0), "each peer has its own minute");
        assert_eq!(denials.admit("a", 60_000_000), Some(59));
        assert_eq!(denials.admit("a", 60_000_001), None);
    }

    #[test]
    fn many_peers_share_one_entry() {
        let denials = Denials::default();
        for peer in 0..MAX_PEERS {
            assert_eq!(denials.admit(&peer.to_string(), 0), Some(0));
        }
        assert_eq!(denials.admit("x", 1), Some(0));
        assert_eq!(denials.admit("y", 1), None);
        assert_eq!(denials.peers.lock().len(), MAX_PEERS + 1);
        assert_eq!(denials.admit("z", QUIET_MICROS + 1), Some(0), "the quiet ones are forgotten");
        assert!(denials.peers.lock().len() < 3);
    }
}
