//! A batch that was sent while the one before it was still on its way.

use std::time::Duration;

use portolan_eventstore::txn::{Compare, Op, Operand, Put, Relation, Txn};
use portolan_eventstore::{Appended, Context, Error, EventStore, Intent, KeyRange, Proposal};
use sqlx::PgPool;
use tokio::task::JoinHandle;

use crate::stand::{Stand, put};

/// Enough to be sent before the batch ahead of them is written.
const MANY: usize = 32;

/// Waits until so many backends wait for the head.
async fn wait_for_appends(pool: &PgPool, count: i64) {
    let waiting = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(pool).await.unwrap() < count {
        assert!(tokio::time::Instant::now() < deadline, "{count} appends never waited");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Puts the key if it still has this version.
fn update(store: &EventStore, key: &str, version: i64) -> JoinHandle<Result<Appended, Error>> {
    let compare = Compare {
        keys: KeyRange::key(key.to_owned()).into(),
        relation: Relation::Equal,
        operand: Operand::Version(version),
    };
    let success = vec![Op::Put(Put::new(key.to_owned(), version.to_string()))];
    let txn = Txn { compares: vec![compare], success, failure: Vec::new() };
    let proposal = Proposal::new(Context::system(), "etcd.txn", Intent::Txn(txn));
    let store = store.clone();
    #[expect(clippy::disallowed_methods, reason = "a client of the store, of which each test has some")]
    tokio::spawn(async move { store.append(proposal).await })
}

/// Two batches of this store wait for the head: one of one update, and one of many updates that are right after it only.
async fn two_batches(store: &EventStore, pool: &PgPool, others: i64) -> Vec<JoinHandle<Result<Appended, Error>>> {
    let mut updates = vec![update(store, "k", 0)];
    wait_for_appends(pool, others + 1).await;
    for version in 1..=MANY {
        updates.push(update(store, "k", i64::try_from(version).unwrap()));
        // In this order into the queue.
        tokio::task::yield_now().await;
    }
    wait_for_appends(pool, others + 2).await;
    updates
}

async fn all_succeed(updates: Vec<JoinHandle<Result<Appended, Error>>>) -> Vec<i64> {
    let mut revisions = Vec::new();
    for update in updates {
        match update.await.unwrap() {
            Ok(Appended::Committed { revision, answer, .. }) if answer.succeeded => revisions.push(revision),
            other => panic!("{other:?}"),
        }
    }
    revisions
}

async fn gapless(store: &EventStore) {
    let events = store.events_after(0, 1_000).await.unwrap();
    assert!(events.iter().map(|event| event.revision).eq(1..=store.revision()));
}

#[tokio::test]
async fn a_batch_is_decided_on_what_the_one_before_it_will_leave() {
    let stand = Stand::postgres().await;
    let pool = PgPool::connect(&stand.url).await.unwrap();
    put(&stand.store, "other", "the head is known now").await;
    let mut lock = pool.begin().await.unwrap();
    sqlx::query("SELECT FROM log_head FOR UPDATE").execute(&mut *lock).await.unwrap();
    let updates = two_batches(&stand.store, &pool, 0).await;
    lock.rollback().await.unwrap();
    let revisions = all_succeed(updates).await;
    assert!(revisions.iter().copied().eq(revisions[0]..revisions[0] + 33), "{revisions:?}");
    gapless(&stand.store).await;
}

#[tokio::test]
async fn a_head_of_the_right_number_that_another_replica_wrote_is_not_the_one_to_follow() {
    let stand = Stand::postgres().await;
    let other = stand.replica().await;
    let pool = PgPool::connect(&stand.url).await.unwrap();
    put(&stand.store, "other", "the head is known now").await;
    let mut lock = pool.begin().await.unwrap();
    sqlx::query("SELECT FROM log_head FOR UPDATE").execute(&mut *lock).await.unwrap();
    // The other replica comes first, with one event: so many as our first batch has.
    let theirs = update(&other, "theirs", 0);
    wait_for_appends(&pool, 1).await;
    let updates = two_batches(&stand.store, &pool, 1).await;
    lock.rollback().await.unwrap();
    let before = all_succeed(vec![theirs]).await[0];
    let revisions = all_succeed(updates).await;
    assert!(revisions.iter().copied().eq(before + 1..before + 34), "{revisions:?} after {before}");
    gapless(&stand.store).await;
}

#[tokio::test]
async fn what_was_sent_behind_a_batch_that_was_lost_is_decided_again() {
    let stand = Stand::postgres().await;
    let pool = PgPool::connect(&stand.url).await.unwrap();
    put(&stand.store, "other", "the head is known now").await;
    let mut lock = pool.begin().await.unwrap();
    sqlx::query("SELECT FROM log_head FOR UPDATE").execute(&mut *lock).await.unwrap();
    let updates = two_batches(&stand.store, &pool, 0).await;
    // The one that waits for us is the first; the second waits for it.
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'transactionid'";
    let killed = sqlx::query(kill).fetch_all(&pool).await.unwrap();
    assert_eq!(killed.len(), 1);
    lock.rollback().await.unwrap();
    let revisions = all_succeed(updates).await;
    assert!(revisions.iter().copied().eq(revisions[0]..revisions[0] + 33), "{revisions:?}");
    gapless(&stand.store).await;
}
