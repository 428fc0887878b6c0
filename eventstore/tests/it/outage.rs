//! The database goes away in the middle of commits, and comes back.

use std::sync::Arc;
use std::time::Duration;

use portolan_eventstore::txn::{Op, Put, Txn};
use portolan_eventstore::{Appended, Context, Error, EventStore, Intent, KeyRange, Options, Proposal};
use portolan_rt::clock::SystemClock;
use portolan_rt::task::Supervisor;

const WRITERS: usize = 8;
const PUTS: usize = 60;

/// Each put is tried again as long as the store says that it was not written, and no longer.
async fn write(store: &EventStore, key: String) -> usize {
    loop {
        let txn = Txn::of(vec![Op::Put(Put::new(key.clone(), "v"))]);
        match store.append(Proposal::new(Context::system(), "etcd.put", Intent::Txn(txn))).await {
            Ok(Appended::Committed { .. }) => return 1,
            Err(Error::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(Error::Unknown(_)) => return 0,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_mariadb_acknowledged_is_there_once_after_it_was_killed() {
    let mut server = portolan_testkit::mariadb::Server::start().unwrap();
    let database = server.database().await.unwrap();
    let options = Options { url: database.url().to_owned(), clock: Arc::new(SystemClock) };
    let store = EventStore::open(options, &Supervisor::new()).await.unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        async move {
            let mut acknowledged = 0;
            for n in 0..PUTS {
                acknowledged += write(&store, format!("{writer}/{n}")).await;
            }
            acknowledged
        }
    });
    let kills = async {
        for kill in 1..=3 {
            let mut head = store.head();
            let target = i64::try_from(kill * WRITERS * PUTS / 5).unwrap();
            head.wait_for(|revision| *revision >= target).await.unwrap();
            let restart = move || {
                server.stop().unwrap();
                server.start_again().unwrap();
                server
            };
            server = tokio::task::spawn_blocking(restart).await.unwrap();
        }
        server
    };
    let (acknowledged, _server) = tokio::join!(futures_util::future::join_all(writers), kills);
    let acknowledged: usize = acknowledged.into_iter().sum();
    let events = store.events_after(0, 10_000).await.unwrap();
    assert!(events.iter().map(|event| event.revision).eq(1..=i64::try_from(events.len()).unwrap()), "gapless");
    let keys = store.read(|view| view.range(&KeyRange::prefix("")));
    assert!(keys.iter().all(|kv| kv.version == 1), "none twice");
    assert!((acknowledged..=WRITERS * PUTS).contains(&keys.len()), "{acknowledged} acknowledged, {} there", keys.len());
    let at_rest = store.state_at(&KeyRange::prefix(""), store.revision()).await.unwrap();
    assert_eq!(keys, at_rest);
}
