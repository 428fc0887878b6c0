//! Events, encoded once for all watchers that share a view and a face.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use portolan_etcd_proto::described;
use portolan_etcd_proto::mvccpb::event::EventType;
use portolan_etcd_proto::mvccpb::{Event, KeyValue};
use portolan_eventstore::{Change, Committed};
use prost::Message as _;

use super::Face;
use crate::gateway::json;
use crate::view::{Audience, View};
use crate::wire;

/// Encoded revisions kept for watchers that are about to want them. Those of one stream come at once, those of other streams
/// within milliseconds; one that is later encodes again.
const MAX_REVISIONS: usize = 256;
/// Bytes of encoded events kept.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Field number of `events` in `WatchResponse`.
const EVENTS_FIELD: u32 = 11;

/// One event of a revision.
#[derive(Debug)]
pub(super) struct Encoded {
    /// The key, as stored.
    pub(super) key: Bytes,
    /// Whether the key was deleted.
    pub(super) deleted: bool,
    /// The event as it stands in a watch response: tag, length, message; or a JSON object.
    pub(super) bytes: Bytes,
}

/// The recently encoded revisions.
#[derive(Debug, Default)]
pub(crate) struct Events {
    recent: Mutex<Recent>,
}

#[derive(Debug, Default)]
struct Recent {
    revisions: HashMap<Variant, Arc<[Encoded]>>,
    order: VecDeque<Variant>,
    bytes: usize,
}

/// What makes two encodings of a revision differ.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Variant {
    revision: i64,
    /// Prefix of the keys that are seen.
    seen: Bytes,
    prev_kv: bool,
    face: Face,
}

// === impl Events ===

impl Events {
    /// The events of a revision as a view sees them, in the order of their keys' changes.
    pub(super) fn encode(&self, view: &View, event: &Committed, prev_kv: bool, face: Face) -> Arc<[Encoded]> {
        let variant = Variant { revision: event.revision, seen: seen(view, event), prev_kv, face };
        if let Some(encoded) = self.recent.lock().revisions.get(&variant) {
            return encoded.clone();
        }
        let encoded: Arc<[Encoded]> =
            event.changes.iter().filter_map(|change| encode(&variant, view, change)).collect();
        self.recent.lock().keep(variant, encoded.clone());
        encoded
    }
}

/// What the view of an event depends on. The data planes of a group share one, unless somebody's own keys are concerned.
fn seen(view: &View, event: &Committed) -> Bytes {
    let View::DataPlane { stored, own } = view else { return Bytes::new() };
    let owned = |change: &Change| matches!(Audience::of(&change.key), Audience::Owner { .. });
    if event.changes.iter().any(owned) { own.clone() } else { stored.clone() }
}

fn encode(variant: &Variant, view: &View, change: &Change) -> Option<Encoded> {
    let Variant { revision, prev_kv, face, .. } = variant;
    let key = view.visible(&change.key)?;
    let (kind, kv) = match &change.after {
        Some(after) => (EventType::Put, wire::key_value(view, after)),
        None => (EventType::Delete, KeyValue { key, mod_revision: *revision, ..KeyValue::default() }),
    };
    let created = kind == EventType::Put && kv.create_revision == kv.mod_revision;
    let prev_kv = change.before.as_ref().filter(|_| *prev_kv && !created).map(|kv| wire::key_value(view, kv));
    let event = Event { r#type: kind.into(), kv: Some(kv), prev_kv };
    let mut bytes = BytesMut::new();
    match face {
        Face::Grpc => prost::encoding::message::encode(EVENTS_FIELD, &event, &mut bytes),
        Face::Json => json::write(&described::EVENT, &event.encode_to_vec(), &mut bytes),
    }
    Some(Encoded { key: change.key.clone(), deleted: kind == EventType::Delete, bytes: bytes.freeze() })
}

// === impl Recent ===

impl Recent {
    fn keep(&mut self, variant: Variant, encoded: Arc<[Encoded]>) {
        let size = size(&encoded);
        if size > MAX_BYTES || self.revisions.insert(variant.clone(), encoded).is_some() {
            return;
        }
        self.bytes += size;
        self.order.push_back(variant);
        while self.order.len() > MAX_REVISIONS || self.bytes > MAX_BYTES {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(gone) = self.revisions.remove(&oldest) {
                self.bytes -= self::size(&gone);
            }
        }
    }
}

fn size(events: &[Encoded]) -> usize {
    events.iter().map(|event| event.bytes.len()).sum()
}

#[cfg(test)]
mod tests {
    use portolan_etcd_proto::etcdserverpb::WatchResponse;
    use portolan_eventstore as store;
    use prost::Message as _;

    use super::*;

    fn kv(key: &'static str, create_revision: i64, mod_revision: i64) -> Arc<store::KeyValue> {
        let value = Bytes::from(format!("v{mod_revision}"));
        Arc::new(store::KeyValue { key: key.into(), value, create_revision, mod_revision, version: 1, lease: 0 })
    }

    fn revision(revision: i64, changes: Vec<Change>) -> Committed {
        Committed { revision, recorded_at: revision, changes }
    }

    #[test]
    fn encoded_events_are_the_field_of_the_response() {
        let events = Events::default();
        let (old, new) = (kv("/apisix/routes/1", 2, 2), kv("/apisix/routes/1", 2, 3));
        let put = Change { key: old.key.clone(), before: Some(old.clone()), after: Some(new) };
        let gone = kv("/apisix/routes/2", 2, 2);
        let delete = Change { key: gone.key.clone(), before: Some(gone), after: None };
        let event = revision(3, vec![put, delete]);
        for prev_kv in [false, true] {
            let encoded = events.encode(&View::Everything, &event, prev_kv, Face::Grpc);
            let joined: Vec<u8> = encoded.iter().flat_map(|event| event.bytes.to_vec()).collect();
            let read = WatchResponse::decode(joined.as_slice()).unwrap().events;
            assert_eq!(read.len(), 2);
            assert_eq!(read[0].kv.as_ref().unwrap().value, "v3");
            assert_eq!(read[0].prev_kv.as_ref().map(|kv| kv.value.clone()), prev_kv.then(|| "v2".into()));
            assert_eq!((read[1].r#type(), read[1].kv.as_ref().unwrap().mod_revision), (EventType::Delete, 3));
            assert_eq!(read[1].kv.as_ref().unwrap().version, 0);
            assert_eq!(read[1].prev_kv.is_some(), prev_kv);
        }
    }

    #[test]
    fn a_revision_is_encoded_once_for_all_who_see_the_same() {
        let events = Events::default();
        let new = kv("/portolan/groups/eu/routes/1", 3, 3);
        let event = revision(3, vec![Change { key: new.key.clone(), before: None, after: Some(new) }]);
        let view = |stored: &'static str, own: &'static str| View::DataPlane { stored: stored.into(), own: own.into() };
        let eu = view("/portolan/groups/eu/", "/portolan/groups/eu/data_plane/by/a/");
        let mate = view("/portolan/groups/eu/", "/portolan/groups/eu/data_plane/by/b/");
        let us = view("/portolan/groups/us/", "/portolan/groups/us/data_plane/by/a/");
        let encode = |view: &View, event: &Committed| events.encode(view, event, false, Face::Grpc);
        assert!(Arc::ptr_eq(&encode(&eu, &event), &encode(&mate, &event)));
        assert_eq!((encode(&eu, &event).len(), encode(&us, &event).len()), (1, 0));
        let report = kv("/portolan/groups/eu/data_plane/by/a/instances/1", 4, 4);
        let event = revision(4, vec![Change { key: report.key.clone(), before: None, after: Some(report) }]);
        assert_eq!((encode(&eu, &event).len(), encode(&mate, &event).len()), (1, 0));
    }

    #[test]
    fn old_encodings_make_room() {
        let events = Events::default();
        for number in 1..2_000 {
            let new = kv("/apisix/routes/1", number, number);
            let change = Change { key: new.key.clone(), before: None, after: Some(new) };
            events.encode(&View::Everything, &revision(number, vec![change]), false, Face::Grpc);
        }
        let recent = events.recent.lock();
        assert_eq!((recent.order.len(), recent.revisions.len()), (MAX_REVISIONS, MAX_REVISIONS));
        assert_eq!(recent.bytes, recent.revisions.values().map(|events| size(events)).sum::<usize>());
    }
}
