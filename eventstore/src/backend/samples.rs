//! Batches for the tests of the backends.

use std::sync::Arc;

use crate::backend::{Batch, EventRow, Head};
use crate::keyspace::{Change, Committed, KeyValue};

/// One event that puts or deletes a key; no two columns are alike.
pub(super) fn event(head: &Head, value: Option<&'static str>) -> Batch {
    let revision = head.revision + 1;
    let entry = format!("entry {revision}").into_bytes();
    let leaf_hash = crate::merkle::leaf_hash(&entry);
    let kv = |value: &'static str, version| KeyValue {
        key: "key".into(),
        value: value.into(),
        create_revision: 91,
        mod_revision: 90 + version,
        version,
        lease: 95,
    };
    let after = value.map(|value| Arc::new(kv(value, 3)));
    let change = Change { key: "key".into(), after, before: Some(Arc::new(kv("before", 2))) };
    let row = EventRow {
        revision,
        event_id: format!("event {revision}"),
        recorded_at: head.recorded_at + 10,
        action: "action".into(),
        outcome: "refused",
        actor_id: "actor".into(),
        actor_kind: "kind of actor",
        gateway_group: value.map(|_| "group".into()),
        resource_kind: Some("kind of resource".into()),
        resource_id: Some("resource".into()),
        request_id: "request".into(),
        causation_revision: value.map(|_| 7),
        entry,
        leaf_hash: leaf_hash.to_vec(),
        context_salt: vec![1; 32],
        context_body: b"context".to_vec(),
        changes_salt: Some(vec![2; 32]),
        committed: Arc::new(Committed { revision, recorded_at: head.recorded_at + 10, changes: vec![change] }),
    };
    let mut after = Head { revision, recorded_at: row.recorded_at, ..head.clone() };
    after.frontier.push(leaf_hash);
    Batch {
        events: vec![row],
        secrets: Vec::new(),
        requests: Vec::new(),
        ended_leases: Vec::new(),
        before: head.frontier.clone(),
        head: after,
    }
}
