//! Several processes on one PostgreSQL: one order, seen by all.

use std::time::Duration;

use portolan_eventstore::keyspace::RangeQuery;
use portolan_eventstore::{EventStore, KeyRange};
use sqlx::{Connection as _, Executor as _};

use crate::stand::{Stand, put};

async fn wait_for(store: &EventStore, revision: i64) {
    let mut head = store.head();
    tokio::time::timeout(Duration::from_secs(10), head.wait_for(|head| *head >= revision)).await.unwrap().unwrap();
}

#[tokio::test]
async fn replicas_append_at_once_and_see_one_order() {
    let stand = Stand::postgres().await;
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

#[tokio::test]
async fn a_linearizable_read_sees_what_another_replica_acknowledged() {
    let stand = Stand::postgres().await;
    let other = stand.replica().await;
    for n in 0..20 {
        let revision = put(&other, "k", &n.to_string()).await;
        assert!(stand.store.linearizable().await.unwrap() >= revision);
        let query = RangeQuery::all(KeyRange::key("k"));
        assert_eq!(stand.store.range(&query).await.unwrap().1.kvs[0].value, n.to_string());
    }
}

#[tokio::test]
async fn rows_of_events_cannot_be_changed() {
    let stand = Stand::postgres().await;
    let mut connection = sqlx::PgConnection::connect(&stand.url).await.unwrap();
    for attack in [
        "UPDATE events SET action = 'x'",
        "DELETE FROM events",
        "TRUNCATE events CASCADE",
        "SET session_replication_role = replica; DELETE FROM events",
        "INSERT INTO events SELECT revision + 1, 'x', recorded_at, action, outcome, actor_id, actor_kind, NULL, NULL, NULL,
         request_id, NULL, entry, sha256('forged') FROM events",
    ] {
        assert!(connection.execute(attack).await.is_err(), "{attack}");
    }
    assert!(stand.store.event(1).await.unwrap().is_some());
}

#[tokio::test]
async fn a_log_that_went_back_stops_the_writer() {
    let stand = Stand::postgres().await;
    stand.put("a", "1").await;
    let mut connection = sqlx::PgConnection::connect(&stand.url).await.unwrap();
    connection
        .execute("UPDATE log_head SET revision = 1, tree_frontier = (SELECT leaf_hash FROM events WHERE revision = 1)")
        .await
        .unwrap();
    let txn = portolan_eventstore::txn::Txn::of(vec![portolan_eventstore::txn::Op::Put(
        portolan_eventstore::txn::Put::new("b", "1"),
    )]);
    let refused = stand.txn(txn).await.unwrap_err();
    assert!(
        matches!(refused, portolan_eventstore::Error::Corrupt(_) | portolan_eventstore::Error::Closed),
        "{refused:?}"
    );
    assert_eq!(stand.store.range(&RangeQuery::all(KeyRange::prefix(""))).await.unwrap().1.kvs.len(), 1);
}
