//! What every backend must do.

use std::time::Duration;

use portolan_eventstore::keyspace::RangeQuery;
use portolan_eventstore::lease::LeaseError;
use portolan_eventstore::proposal::{Idempotency, Outcome, SecretWrite};
use portolan_eventstore::read::EventQuery;
use portolan_eventstore::txn::{self, Compare, Delete, Op, OpAnswer, Operand, Put, Relation, Txn};
use portolan_eventstore::{Appended, Context, Decision, Error, EventStore, Intent, KeyRange, Proposal, Refusal};

pub use crate::model::any_interleaving_equals_the_sequential_model;
use crate::stand::{Stand, committed, put};

fn all() -> KeyRange {
    KeyRange::prefix("")
}

fn delete(range: KeyRange) -> Op {
    Op::Delete(Delete { range, prev_kv: true })
}

/// The keys of a range as `key=value` at a revision (0 = now).
async fn state(store: &EventStore, revision: i64) -> Vec<String> {
    let query = RangeQuery { revision, ..RangeQuery::all(all()) };
    let kvs = store.range(&query).await.unwrap().1.kvs;
    kvs.iter().map(|kv| format!("{}={}", text(&kv.key), text(&kv.value))).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

pub async fn a_fresh_log_is_at_revision_one(stand: Stand) {
    assert_eq!(stand.store.revision(), 1);
    let event = stand.store.event(1).await.unwrap().unwrap();
    assert_eq!(event.entry.action, "log.created");
    assert!(stand.store.event(2).await.unwrap().is_none());
}

pub async fn revisions_are_gapless_and_counters_are_etcds(stand: Stand) {
    assert_eq!(stand.put("a", "1").await, 2);
    assert_eq!(stand.put("a", "1").await, 3, "an equal value is a new revision");
    let kv = stand.store.read(|view| view.get(b"a")).unwrap();
    assert_eq!((kv.create_revision, kv.mod_revision, kv.version), (2, 3, 2));
    assert_eq!(committed(stand.txn(Txn::of(vec![delete(all())])).await), 4);
    assert_eq!(stand.put("a", "2").await, 5);
    let kv = stand.store.read(|view| view.get(b"a")).unwrap();
    assert_eq!((kv.create_revision, kv.mod_revision, kv.version), (5, 5, 1), "counters restart after a delete");
    let both = vec![Op::Put(Put::new("b", "1")), Op::Put(Put::new("c", "1"))];
    assert_eq!(committed(stand.txn(Txn::of(both)).await), 6, "two changes, one revision");
    let mods = stand.store.read(|view| view.range(&all()).iter().map(|kv| kv.mod_revision).collect::<Vec<_>>());
    assert_eq!(mods, [5, 6, 6]);
}

pub async fn plain_answers_take_no_revision(stand: Stand) {
    let unmet = Txn {
        compares: vec![Compare {
            keys: KeyRange::key("a").into(),
            relation: Relation::Greater,
            operand: Operand::Create(0),
        }],
        success: vec![Op::Put(Put::new("a", "1"))],
        failure: vec![],
    };
    for txn in [unmet, Txn::of(vec![delete(all())]), Txn::of(vec![Op::Range(RangeQuery::all(all()))]), Txn::default()] {
        assert!(matches!(stand.txn(txn).await.unwrap(), Appended::Unchanged { revision: 1, .. }));
    }
    assert_eq!(stand.store.revision(), 1);
}

pub async fn refusals_and_records_are_events_without_changes(stand: Stand) {
    let refused =
        Proposal::new(Context::system(), "route.create", Intent::Refused(Refusal::invalid(400, "bad \u{1f6a2} \"x\"")));
    assert!(matches!(stand.store.append(refused).await.unwrap(), Appended::Refused { revision: 2, .. }));
    assert_eq!(committed(stand.store.append(Proposal::new(Context::system(), "auth.login", Intent::Record)).await), 3);
    let event = stand.store.event(2).await.unwrap().unwrap();
    assert_eq!((event.entry.outcome, event.entry.status), (Outcome::Refused, Some(400)));
    assert_eq!(event.personal.unwrap().message.unwrap(), "bad \u{1f6a2} \"x\"");
    assert!(event.changes.is_empty());
    assert_eq!(stand.put("a", "1").await, 4);
}

pub async fn decisions_see_the_writes_before_them(stand: Stand) {
    // Both are in the queue at once and may share a batch: the second must see the first.
    let create = || {
        let decide = |view: &dyn portolan_eventstore::View| match view.get(b"unique") {
            Some(_) => Decision::Refuse(Refusal::invalid(409, "exists")),
            None => Decision::Apply(Txn::of(vec![Op::Put(Put::new("unique", "1"))])),
        };
        stand.store.append(Proposal::new(Context::system(), "x.create", Intent::Decide(Box::new(decide))))
    };
    let (a, b, c) = tokio::join!(create(), create(), create());
    let outcomes = [a.unwrap(), b.unwrap(), c.unwrap()];
    let created = outcomes.iter().filter(|outcome| matches!(outcome, Appended::Committed { .. })).count();
    let refused = outcomes.iter().filter(|outcome| matches!(outcome, Appended::Refused { .. })).count();
    assert_eq!((created, refused), (1, 2));
    assert_eq!(stand.store.revision(), 4);
}

pub async fn concurrent_writers_are_batched_and_none_is_lost(stand: Stand) {
    let writers = (0..16).map(|writer| {
        let store = stand.store.clone();
        async move {
            let mut revisions = Vec::new();
            for n in 0..20 {
                revisions.push(put(&store, &format!("{writer}/{n}"), "v").await);
                let kv = store.read(|view| view.get(format!("{writer}/{n}").as_bytes()));
                assert!(kv.is_some(), "an acknowledged write is readable");
            }
            revisions
        }
    });
    let mut revisions = futures_util::future::join_all(writers).await.concat();
    revisions.sort_unstable();
    assert_eq!(revisions, (2..322).collect::<Vec<_>>());
}

pub async fn the_past_reads_the_same_from_memory_and_from_the_log(stand: Stand) {
    let mut expected = vec![(1, state(&stand.store, 0).await)];
    for n in 0..30 {
        let key = format!("k{}", n % 7);
        match n % 5 {
            4 => drop(stand.txn(Txn::of(vec![delete(KeyRange::key(key))])).await.unwrap()),
            _ => drop(stand.put(&key, &n.to_string()).await),
        }
        expected.push((stand.store.revision(), state(&stand.store, 0).await));
    }
    for (revision, then) in &expected {
        assert_eq!(&state(&stand.store, *revision).await, then, "memory at {revision}");
    }
    let stand = stand.reopen().await; // the window is empty now: the past comes from SQL
    for (revision, then) in &expected {
        assert_eq!(&state(&stand.store, *revision).await, then, "log at {revision}");
    }
    let future = RangeQuery { revision: 1_000, ..RangeQuery::all(all()) };
    assert!(matches!(stand.store.range(&future).await, Err(Error::Txn(txn::Error::FutureRevision))));
}

pub async fn a_reopened_store_is_the_same_store(stand: Stand) {
    stand.put("a", "1").await;
    stand.put("b", "2").await;
    let (before, cluster) = (stand.store.status().await.unwrap(), stand.store.cluster_id());
    let stand = stand.reopen().await;
    let after = stand.store.status().await.unwrap();
    assert_eq!((&before.epoch, before.revision, &before.tree_root), (&after.epoch, after.revision, &after.tree_root));
    assert_eq!(stand.store.cluster_id(), cluster);
    assert_eq!(state(&stand.store, 0).await, ["a=1", "b=2"]);
    assert_eq!(stand.put("c", "3").await, 4);
}

pub async fn watchers_read_whole_revisions_from_anywhere(stand: Stand) {
    stand.put("a", "1").await;
    stand.txn(Txn::of(vec![Op::Put(Put::new("a", "2")), Op::Put(Put::new("b", "1"))])).await.unwrap();
    stand.txn(Txn::of(vec![delete(all())])).await.unwrap();
    let shape = async |store: &EventStore, after| {
        let events = store.events_after(after, 100).await.unwrap();
        let change = |c: &portolan_eventstore::Change| {
            let value = |kv: &Option<std::sync::Arc<portolan_eventstore::KeyValue>>| {
                kv.as_ref().map_or("-".into(), |kv| format!("{}v{}", text(&kv.value), kv.version))
            };
            format!("{}:{}>{}", text(&c.key), value(&c.before), value(&c.after))
        };
        events.iter().map(|e| (e.revision, e.changes.iter().map(change).collect::<Vec<_>>())).collect::<Vec<_>>()
    };
    let expected = vec![
        (1, vec![]),
        (2, vec!["a:->1v1".to_owned()]),
        (3, vec!["a:1v1>2v2".to_owned(), "b:->1v1".to_owned()]),
        (4, vec!["a:2v2>-".to_owned(), "b:1v1>-".to_owned()]),
    ];
    assert_eq!(shape(&stand.store, 0).await, expected);
    assert_eq!(shape(&stand.store, 2).await, expected[2..]);
    assert!(shape(&stand.store, 4).await.is_empty());
    let mut head = stand.store.head();
    assert_eq!(*head.borrow_and_update(), 4);
    stand.put("c", "1").await;
    tokio::time::timeout(Duration::from_secs(30), head.changed()).await.unwrap().unwrap();
    assert_eq!(*head.borrow(), 5);
    let stand = stand.reopen().await;
    assert_eq!(shape(&stand.store, 0).await[..4], expected);
}

pub async fn the_audit_record_says_who_what_before_and_after(stand: Stand) {
    let mut context = Context::system();
    context.actor.id = "admin".into();
    context.source.ip = Some("192.0.2.7".into());
    context.source.user_agent = Some("curl/8".into());
    context.reason = Some("because".into());
    let update = |value: &str| {
        let txn = Txn::of(vec![Op::Put(Put::new("/apisix/routes/1", value.to_owned()))]);
        Proposal::new(context.clone(), "route.update", Intent::Txn(txn)).in_group("default").on("route", "1")
    };
    stand.store.append(update("old")).await.unwrap();
    stand.clock.advance(Duration::from_secs(5));
    stand.store.append(update("new")).await.unwrap();
    let event = stand.store.event(3).await.unwrap().unwrap();
    assert_eq!((event.entry.actor.id.as_str(), event.entry.action.as_str()), ("admin", "route.update"));
    assert_eq!(event.entry.gateway_group.as_deref(), Some("default"));
    assert_eq!(event.entry.recorded_at, 1_700_000_005_000_000);
    assert_eq!(event.entry.request_id, context.request_id.to_string());
    let personal = event.personal.unwrap();
    assert_eq!(
        (personal.ip.as_deref(), personal.user_agent.as_deref(), personal.reason.as_deref()),
        (Some("192.0.2.7"), Some("curl/8"), Some("because"))
    );
    let change = &event.changes[0];
    assert_eq!(text(&change.before.as_ref().unwrap().value), "old");
    assert_eq!(text(&change.after.as_ref().unwrap().value), "new");
    let history = stand.store.history(b"/apisix/routes/1", 10).await.unwrap();
    assert_eq!(history.iter().map(|event| event.revision).collect::<Vec<_>>(), [3, 2]);
}

pub async fn events_are_filtered_and_paged(stand: Stand) {
    for n in 0..10 {
        let action = if n % 2 == 0 { "a.even" } else { "a.odd" };
        let record = Proposal::new(Context::system(), action, Intent::Record).on("thing", n.to_string());
        stand.store.append(record).await.unwrap();
    }
    let find = async |query: EventQuery| {
        let page = stand.store.events(&query).await.unwrap();
        page.events.iter().map(|event| event.revision).collect::<Vec<_>>()
    };
    let query = EventQuery { limit: 3, ..EventQuery::default() };
    assert_eq!(find(query.clone()).await, [11, 10, 9]);
    assert_eq!(find(EventQuery { before: Some(9), ..query.clone() }).await, [8, 7, 6]);
    assert_eq!(find(EventQuery { after: Some(10), ..query.clone() }).await, [11]);
    assert_eq!(find(EventQuery { action: Some("a.even".into()), ..query.clone() }).await, [10, 8, 6]);
    assert_eq!(find(EventQuery { resource_id: Some("4".into()), ..query.clone() }).await, [6]);
    assert!(find(EventQuery { outcome: Some("refused".into()), ..query.clone() }).await.is_empty());
    assert!(find(EventQuery { actor: Some("nobody".into()), ..query }).await.is_empty());
}

pub async fn a_failed_transaction_writes_nothing(stand: Stand) {
    let keep_value = Put { value: None, ..Put::new("missing", "") };
    let no_lease = Put { lease: Some(99), ..Put::new("b", "1") };
    for (bad, expected) in [(keep_value, txn::Error::KeyNotFound), (no_lease, txn::Error::LeaseNotFound)] {
        let result = stand.txn(Txn::of(vec![Op::Put(Put::new("a", "1")), Op::Put(bad)])).await;
        assert!(matches!(result, Err(Error::Txn(error)) if error == expected));
    }
    assert_eq!((stand.store.revision(), state(&stand.store, 0).await.len()), (1, 0));
    let mut huge = Context::system();
    huge.trace_id = Some("x".repeat(70_000));
    let result = stand.store.append(Proposal::new(huge, "x.y", Intent::Record)).await;
    assert!(matches!(result, Err(Error::EntryTooLarge { .. })));
    assert_eq!(stand.put("a", "1").await, 2, "the writer goes on");
}

pub async fn a_large_event_is_written_whole(stand: Stand) {
    // More rows than a statement takes, and more bytes than a packet of MariaDB (16 MiB).
    let puts = (0..700).map(|n| Op::Put(Put::new(format!("{n:04}"), vec![b'v'; 25_000])));
    assert_eq!(committed(stand.txn(Txn::of(puts.collect())).await), 2);
    assert_eq!(committed(stand.txn(Txn::of(vec![delete(all())])).await), 3);
    let stand = stand.reopen().await;
    assert!(state(&stand.store, 0).await.is_empty());
    let (written, deleted) =
        (stand.store.event(2).await.unwrap().unwrap(), stand.store.event(3).await.unwrap().unwrap());
    assert_eq!((written.changes.len(), deleted.changes.len()), (700, 700));
    assert!(deleted.changes.iter().zip(&written.changes).all(|(deleted, written)| deleted.before == written.after));
}

pub async fn a_page_of_the_log_is_bounded_in_bytes(stand: Stand) {
    let large = "x".repeat(1_500_000);
    for n in 0..6 {
        stand.put(&n.to_string(), &large).await;
    }
    let both = Txn::of(vec![Op::Put(Put::new("0", large.clone())), Op::Put(Put::new("1", large.clone()))]);
    assert_eq!(committed(stand.txn(both).await), 8);
    assert_eq!(committed(stand.txn(Txn::of(vec![delete(all())])).await), 9);
    let stand = stand.reopen().await;
    let mut after = 0;
    let mut pages = Vec::new();
    loop {
        let page = stand.store.events_after(after, 1_000).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.revision;
        pages.push(page.iter().map(|event| event.changes.len()).collect::<Vec<_>>());
    }
    // The page ends with the event that fills it: 3 × 1.5 MB; twice new and old values of two keys; six old values.
    assert_eq!(pages, [vec![0, 1, 1, 1], vec![1, 1, 1], vec![2], vec![6]]);
}

pub async fn leases_end_as_one_event(stand: Stand) {
    let lease = stand.store.lease_grant(0, 60).await.unwrap();
    assert!(matches!(stand.store.lease_grant(lease.id, 60).await, Err(LeaseError::Exists)));
    assert_eq!(stand.store.lease_grant(7, 1).await.unwrap().ttl_seconds, 2, "raised to the minimum");
    assert_eq!(stand.store.revision(), 1, "grants take no revision");
    let attached = |key: &str, lease| Op::Put(Put { lease: Some(lease), ..Put::new(key.to_owned(), "v") });
    stand.txn(Txn::of(vec![attached("b", lease.id), attached("a", lease.id), attached("x", 7)])).await.unwrap();
    assert_eq!(stand.store.lease_time_to_live(lease.id).await.unwrap().unwrap().keys, ["a", "b"]);
    assert!(matches!(
        stand.store.lease_revoke(Context::system(), lease.id, |key| key != b"a").await,
        Err(LeaseError::Denied)
    ));
    assert_eq!(state(&stand.store, 0).await, ["a=v", "b=v", "x=v"]);
    let revision = stand.store.lease_revoke(Context::system(), lease.id, |_| true).await.unwrap();
    let events = stand.store.events_after(revision - 1, 1).await.unwrap();
    assert_eq!(events[0].changes.iter().map(|change| change.key.clone()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(matches!(stand.store.lease_revoke(Context::system(), lease.id, |_| true).await, Err(LeaseError::NotFound)));
    stand.clock.advance(Duration::from_secs(3));
    wait_for_state(&stand.store, &[]).await;
    assert_eq!(stand.store.event(revision + 1).await.unwrap().unwrap().entry.action, "lease.expire");
    assert!(stand.store.leases(None).await.unwrap().is_empty());
    assert_eq!(stand.store.lease_keep_alive(7, None).await.unwrap(), None);
}

pub async fn a_lease_survives_a_restart(stand: Stand) {
    let lease = stand.store.lease_grant(0, 10).await.unwrap();
    stand.txn(Txn::of(vec![Op::Put(Put { lease: Some(lease.id), ..Put::new("a", "v") })])).await.unwrap();
    let stand = stand.reopen().await;
    stand.clock.advance(Duration::from_secs(9));
    assert_eq!(stand.store.lease_keep_alive(lease.id, None).await.unwrap(), Some(10));
    stand.clock.advance(Duration::from_secs(9));
    assert_eq!(stand.store.lease_time_to_live(lease.id).await.unwrap().unwrap().ttl, 1);
    assert_eq!(state(&stand.store, 0).await, ["a=v"]);
    stand.clock.advance(Duration::from_secs(2));
    wait_for_state(&stand.store, &[]).await;
}

pub async fn secrets_are_written_with_their_event_only(stand: Stand) {
    let write = |intent, value: &[u8]| {
        let mut proposal = Proposal::new(Context::system(), "user.create", intent);
        proposal.secrets = vec![SecretWrite { name: "user/1".into(), value: Some(value.to_vec()) }];
        stand.store.append(proposal)
    };
    write(Intent::Refused(Refusal::invalid(400, "no")), b"refused").await.unwrap();
    assert_eq!(stand.store.secret("user/1").await.unwrap(), None);
    write(Intent::Record, b"hash").await.unwrap();
    assert_eq!(stand.store.secret("user/1").await.unwrap().unwrap(), b"hash");
}

pub async fn compaction_is_a_mark_not_a_loss(stand: Stand) {
    for n in 0..5 {
        stand.put("a", &n.to_string()).await;
    }
    assert_eq!(stand.store.compact(4).await.unwrap(), 6);
    assert!(matches!(stand.store.compact(4).await, Err(Error::Txn(txn::Error::Compacted))));
    assert!(matches!(stand.store.compact(7).await, Err(Error::Txn(txn::Error::FutureRevision))));
    let stand = stand.reopen().await;
    let at = |revision| RangeQuery { revision, ..RangeQuery::all(all()) };
    assert!(matches!(stand.store.range(&at(3)).await, Err(Error::Txn(txn::Error::Compacted))));
    assert_eq!(state(&stand.store, 4).await, ["a=2"], "the compacted revision itself is readable");
    let audited = stand.store.state_at(&all(), 3).await.unwrap();
    assert_eq!(text(&audited[0].value), "1", "the audit log still knows");
    let read = Txn::of(vec![Op::Range(at(5))]);
    let Appended::Unchanged { answer, .. } = stand.txn(read).await.unwrap() else { panic!("a read is a plain answer") };
    assert!(matches!(&answer.answers[0], OpAnswer::Range { answer, .. } if text(&answer.kvs[0].value) == "3"));
}

pub async fn a_repeated_request_is_answered_once(stand: Stand) {
    let attempt = |store: EventStore, actor: &str, key: &str, hash: u8, intent: Intent| {
        let mut context = Context::system();
        context.actor.id = actor.into();
        let mut proposal = Proposal::new(context, "route.update", intent);
        proposal.idempotency = Some(Idempotency { key: key.into(), body_hash: [hash; 32] });
        async move { store.append(proposal).await }
    };
    let put = || Intent::Txn(Txn::of(vec![Op::Put(Put::new("a", "1"))]));
    // Three at once, perhaps in one batch: one event, one answer.
    let store = || stand.store.clone();
    let (a, b, c) = tokio::join!(
        attempt(store(), "ann", "k", 1, put()),
        attempt(store(), "ann", "k", 1, put()),
        attempt(store(), "ann", "k", 1, put())
    );
    for appended in [a, b, c] {
        assert!(matches!(appended.unwrap(), Appended::Committed { revision: 2, changes, .. } if changes.len() == 1));
    }
    let other_body = attempt(store(), "ann", "k", 2, put()).await;
    assert!(matches!(other_body, Err(Error::IdempotencyConflict { revision: 2 })));
    assert_eq!(committed(attempt(store(), "bob", "k", 2, put()).await), 3, "keys belong to their actor");
    let refuse = || Intent::Refused(Refusal::invalid(400, "no"));
    attempt(store(), "ann", "bad", 1, refuse()).await.unwrap();
    let stand = stand.reopen().await;
    let replayed = attempt(stand.store.clone(), "ann", "bad", 1, refuse()).await.unwrap();
    assert!(matches!(replayed, Appended::Refused { revision: 4, refusal } if refusal == Refusal::invalid(400, "no")));
    assert_eq!(committed(attempt(stand.store.clone(), "ann", "k", 1, put()).await), 2);
    assert_eq!(stand.store.revision(), 4);
}

async fn wait_for_state(store: &EventStore, expected: &[&str]) {
    let mut head = store.head();
    let reached = async {
        while state(store, 0).await != expected {
            head.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reached).await.unwrap();
}
