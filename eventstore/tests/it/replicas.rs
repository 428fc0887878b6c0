//! Several processes on one database: one order, seen by all.

use std::time::Duration;

use portolan_eventstore::keyspace::RangeQuery;
use portolan_eventstore::read::EventQuery;
use portolan_eventstore::retention::{Run, Scope};
use portolan_eventstore::txn::{Op, Put, Txn};
use portolan_eventstore::{Context, Error, EventStore, Intent, KeyRange, Proposal};

use crate::stand::{Stand, committed, put};

async fn wait_for(store: &EventStore, revision: i64) {
    let mut head = store.head();
    tokio::time::timeout(Duration::from_secs(30), head.wait_for(|head| *head >= revision)).await.unwrap().unwrap();
}

pub async fn replicas_append_at_once_and_see_one_order(stand: Stand) {
    let stores = [stand.store.clone(), stand.replica().await, stand.replica().await];
    let writers = (0..24).map(|writer: usize| {
        let store = stores[writer % 3].clone();
        async move {
            for n in 0..10 {
                put(&store, &format!("{}", (writer + n) % 5), &format!("{writer}/{n}")).await;
            }
        }
    });
    futures_util::future::join_all(writers).await;
    let mut logs = Vec::new();
    for store in &stores {
        wait_for(store, 241).await;
        let events = store.events_after(0, 1_000).await.unwrap();
        assert_eq!(events.iter().map(|event| event.revision).collect::<Vec<_>>(), (1..=241).collect::<Vec<_>>());
        logs.push(events.iter().map(|event| event.changes.clone()).collect::<Vec<_>>());
    }
    assert_eq!(logs[0], logs[1]);
    assert_eq!(logs[0], logs[2]);
    let root = stores[0].status().await.unwrap().tree_root;
    assert_eq!(stores[2].status().await.unwrap().tree_root, root);
}

pub async fn a_linearizable_read_sees_what_another_replica_acknowledged(stand: Stand) {
    let other = stand.replica().await;
    for n in 0..20 {
        let revision = put(&other, "k", &n.to_string()).await;
        assert!(stand.store.linearizable().await.unwrap() >= revision);
        let query = RangeQuery::all(KeyRange::key("k"));
        assert_eq!(stand.store.range(&query).await.unwrap().1.kvs[0].value, n.to_string());
    }
}

pub async fn reads_that_wait_share_one_question(stand: Stand) {
    let other = stand.replica().await;
    let revision = put(&other, "k", "v").await;
    let before = stand.store.linearizable_looks();
    let reads = futures_util::future::join_all((0..100).map(|_| stand.store.linearizable())).await;
    assert!(reads.into_iter().all(|read| read.unwrap() >= revision));
    let looks = stand.store.linearizable_looks() - before;
    assert!((1..=5).contains(&looks), "100 reads made {looks} questions");
}

pub async fn a_lease_that_another_replica_ended_takes_no_keys(stand: Stand) {
    let other = stand.replica().await;
    let lease = stand.store.lease_grant_to("portolan://data-plane/eu/a", 0, 60).await.unwrap().id;
    let attach = |owner: Option<&str>| {
        let put = Put { lease: Some(lease), ..Put::new("k", "v") };
        let mut proposal = Proposal::new(Context::system(), "etcd.put", Intent::Txn(Txn::of(vec![Op::Put(put)])));
        proposal.lease_owner = owner.map(str::to_owned);
        proposal
    };
    let gone = |answer| matches!(answer, Err(Error::Txn(portolan_eventstore::txn::Error::LeaseNotFound)));
    committed(other.append(attach(Some("portolan://data-plane/eu/a"))).await);
    assert!(gone(other.append(attach(Some("portolan://data-plane/eu/b"))).await), "not its lease");
    committed(other.append(attach(None)).await);
    assert_eq!(other.leases(Some("portolan://data-plane/eu/b")).await.unwrap(), [0; 0]);
    assert_eq!(other.leases(Some("portolan://data-plane/eu/a")).await.unwrap(), [lease]);
    assert_eq!(other.lease_keep_alive(lease, Some("portolan://data-plane/eu/b")).await.unwrap(), None);
    stand.store.lease_revoke(Context::system(), lease, |_| true).await.unwrap();
    assert!(gone(other.append(attach(None)).await), "the other replica still had it in memory");
    assert_eq!(other.lease_time_to_live(lease).await.unwrap(), None);
}

pub async fn a_lease_that_another_replica_renewed_goes_on_and_ends_once(stand: Stand) {
    let other = stand.replica().await;
    let leased = async |key: &str, seconds| {
        let lease = stand.store.lease_grant(0, seconds).await.unwrap().id;
        let put = Put { lease: Some(lease), ..Put::new(key.to_owned(), "v") };
        committed(stand.txn(Txn::of(vec![Op::Put(put)])).await);
        lease
    };
    let there = |key: &'static str| stand.store.read(|view| view.get(key.as_bytes()).is_some());
    // Whoever looks for leases that are due ends this one, after what was due before it.
    let until_looked = async |key: &'static str| {
        leased(key, 2).await;
        stand.clock.advance(Duration::from_secs(3));
        let mut head = stand.store.head();
        while there(key) {
            tokio::time::timeout(Duration::from_secs(30), head.changed()).await.unwrap().unwrap();
        }
    };
    let lease = leased("renewed", 10).await;
    stand.clock.advance(Duration::from_secs(9));
    assert_eq!(other.lease_keep_alive(lease, None).await.unwrap(), Some(10));
    // The first replica still has it in memory as due at 10.
    until_looked("first").await;
    until_looked("second").await;
    assert!(there("renewed"));
    stand.clock.advance(Duration::from_secs(10));
    assert_eq!(other.lease_keep_alive(lease, None).await.unwrap(), None, "what is due is not renewed");
    until_looked("third").await;
    until_looked("fourth").await;
    assert!(!there("renewed"));
    let query = EventQuery { action: Some("lease.expire".to_owned()), limit: 100, ..EventQuery::default() };
    assert_eq!(stand.store.events(&query).await.unwrap().events.len(), 5);
}

/// News of another replica come at once, not with the period of a second: twenty there and back.
pub async fn followers_do_not_wait_for_their_period(stand: Stand) {
    let other = stand.replica().await;
    // A machine that is busy with other tests may take its time, but not always.
    for _ in 0..8 {
        let there_and_back = async {
            for n in 0..10 {
                wait_for(&other, put(&stand.store, "k", &n.to_string()).await).await;
                wait_for(&stand.store, put(&other, "k", &n.to_string()).await).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(5), there_and_back).await.is_ok() {
            return;
        }
    }
    panic!("they wait for it");
}

pub async fn a_key_too_long_for_the_index_fails_alone(stand: Stand) {
    let attempt = |key: Vec<u8>| stand.txn(Txn::of(vec![Op::Put(Put::new(key, "v"))]));
    // Nothing for an index that compresses to gain from.
    let noise = |size: usize| (0..size as u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
    let (before, refused, after) = tokio::join!(attempt(b"a".into()), attempt(noise(5_000)), attempt(b"b".into()));
    let Err(Error::TooLarge { what: "key", size: 5_000, limit }) = refused else { panic!("{refused:?}") };
    assert_eq!((committed(before), committed(after)), (2, 3));
    assert_eq!(committed(attempt(noise(limit)).await), 4);
}

#[tokio::test]
async fn rows_of_events_cannot_be_changed_on_postgres() {
    let stand = Stand::postgres().await;
    rows_of_events_cannot_be_changed(
        stand,
        &[
            "UPDATE events SET action = 'x'",
            "DELETE FROM events",
            "TRUNCATE events CASCADE",
            "SET session_replication_role = replica; DELETE FROM events",
            "INSERT INTO events SELECT revision + 1, 'x', recorded_at, action, outcome, actor_id, actor_kind, NULL, NULL, NULL,
             request_id, NULL, entry, sha256('forged') FROM events",
        ],
    )
    .await;
}

#[tokio::test]
async fn rows_of_events_cannot_be_changed_on_mysql() {
    let stand = Stand::mysql().await;
    rows_of_events_cannot_be_changed(
        stand,
        &[
            "UPDATE events SET action = 'x'",
            "DELETE FROM events",
            "TRUNCATE events",
            "DROP TABLE events",
            "REPLACE INTO events SELECT * FROM events",
            "INSERT INTO events SELECT * FROM events AS e ON DUPLICATE KEY UPDATE action = 'x'",
            "INSERT INTO events SELECT revision + 1, 'x', recorded_at, action, outcome, actor_id, actor_kind, NULL, NULL, NULL,
             request_id, NULL, entry, unhex(sha2('forged', 256)) FROM events",
        ],
    )
    .await;
}

async fn rows_of_events_cannot_be_changed(stand: Stand, attacks: &[&'static str]) {
    for attack in attacks {
        assert!(stand.execute(attack).await.is_err(), "{attack}");
    }
    assert_eq!(stand.store.event(1).await.unwrap().unwrap().entry.action, "log.created");
}

pub async fn a_log_that_went_back_stops_the_writer(stand: Stand) {
    stand.put("a", "1").await;
    let back = "UPDATE log_head SET revision = 1, tree_frontier = (SELECT leaf_hash FROM events WHERE revision = 1)";
    stand.execute(back).await.unwrap();
    let refused = stand.txn(Txn::of(vec![Op::Put(Put::new("b", "1"))])).await.unwrap_err();
    assert!(matches!(refused, Error::Corrupt(_) | Error::Closed), "{refused:?}");
    assert_eq!(stand.store.range(&RangeQuery::all(KeyRange::prefix(""))).await.unwrap().1.kvs.len(), 1);
}

fn named(id: &str) -> Context {
    let mut context = Context::system();
    context.actor.id = id.to_owned();
    context
}

/// The events of an action after a revision.
async fn events(store: &EventStore, action: &str, after: i64) -> Vec<i64> {
    let query = EventQuery { action: Some(action.into()), after: Some(after), limit: 9, ..EventQuery::default() };
    store.events(&query).await.unwrap().events.iter().map(|event| event.revision).collect()
}

pub async fn what_two_replicas_prune_at_once_is_pruned_by_one(stand: Stand) {
    let other = stand.replica().await;
    for round in 0..10 {
        let last = put(&stand.store, "k", &round.to_string()).await;
        wait_for(&other, last).await;
        let prune =
            |store: EventStore, who| async move { store.prune_below(named(who), last, Run::Real).await.unwrap() };
        let (one, two) = tokio::join!(prune(stand.store.clone(), "ann"), prune(other.clone(), "bob"));
        let recorded = events(&stand.store, "audit.prune", last).await;
        let [event] = recorded.as_slice() else { panic!("round {round}: {recorded:?}") };
        let told: Vec<i64> = [one, two].into_iter().filter_map(|removed| removed.revision).collect();
        assert!(!told.is_empty() && told.iter().all(|told| told == event), "round {round}: {told:?}");
    }
}

pub async fn who_prunes_more_at_the_same_time_is_not_taken_for_done(stand: Stand) {
    let other = stand.replica().await;
    for round in 0..10 {
        let last = put(&stand.store, "k", &round.to_string()).await;
        wait_for(&other, last).await;
        let prune =
            |store: EventStore, below| async move { store.prune_below(named("ann"), below, Run::Real).await.unwrap() };
        tokio::join!(prune(stand.store.clone(), last - 1), prune(other.clone(), last));
        let left = stand.store.prune_below(named("ann"), last, Run::Dry).await.unwrap();
        assert_eq!((left.contexts, left.changes), (0, 0), "round {round}");
    }
}

pub async fn a_hold_that_two_replicas_release_at_once_is_released_once(stand: Stand) {
    let other = stand.replica().await;
    for round in 0..10 {
        let hold = stand.store.hold(named("law"), &Scope::Actor("ann".into())).await.unwrap();
        wait_for(&other, hold).await;
        let release = |store: EventStore, who| async move { store.release(named(who), hold).await.unwrap() };
        let (one, two) = tokio::join!(release(stand.store.clone(), "ann"), release(other.clone(), "bob"));
        let recorded = events(&stand.store, "audit.release", hold).await;
        let told: Vec<i64> = [one, two].into_iter().flatten().collect();
        assert_eq!((told.as_slice(), told.len()), (recorded.as_slice(), 1), "round {round}");
    }
}
