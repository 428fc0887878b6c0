//! A database that an older version has written: migrated, read, proven; and one of a newer version, which is refused.
//!
//! `before/0005.sql` is the dump of such a SQLite database (migrations 1 to 5) without its secrets: five events of a first start, six of
//! the Admin API (routes made, changed, deleted, not found, and by a lease; one with an idempotency key), one of a denial.

use std::sync::Arc;

use portolan_eventstore::keyspace::RangeQuery;
use portolan_eventstore::proof::{Log, Verdict, Verifier, verify_store};
use portolan_eventstore::read::EventQuery;
use portolan_eventstore::txn::{Op, Put, Txn};
use portolan_eventstore::{Appended, Context, EventStore, Intent, KeyRange, Options, Proposal};
use portolan_rt::clock::SystemClock;
use portolan_rt::task::Supervisor;
use sqlx::{Connection as _, SqliteConnection};

const DUMP: &str = include_str!("before/0005.sql");
/// What its checkpoints are verified with.
const KEY: &str = "portolan/01a209fc-d6f1-7626-afed-df22446618df+e35a8909+ARBqhB6/IvjctOOXi0zzRf69U2QLeSRLZ3JttkmYRx41";
const HEAD: i64 = 12;

/// A file with that database, and its URL.
async fn database() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("log.db").display());
    execute(&url, DUMP).await;
    (dir, url)
}

async fn execute(url: &str, sql: &'static str) {
    let mut connection = SqliteConnection::connect(&format!("{url}?mode=rwc")).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn open(url: &str) -> Result<(EventStore, Supervisor), portolan_eventstore::Error> {
    let supervisor = Supervisor::new();
    let options = Options { url: url.to_owned(), clock: Arc::new(SystemClock) };
    Ok((EventStore::open(options, &supervisor).await?, supervisor))
}

#[tokio::test]
async fn what_it_holds_is_read_and_goes_on() {
    let (_dir, url) = database().await;
    let (store, _supervisor) = open(&url).await.unwrap();
    assert_eq!(store.revision(), HEAD);
    let events = store.events(&EventQuery { limit: 100, ..EventQuery::default() }).await.unwrap().events;
    let actions: Vec<_> = events.iter().rev().map(|event| event.entry.action.as_str()).collect();
    let made = ["log.created", "ca.create", "certificate.issue", "log.key_created", "user.create"];
    let asked =
        ["route.create", "route.create", "route.update", "route.delete", "route.delete", "route.create", "auth.denied"];
    assert_eq!(actions, [made.as_slice(), &asked].concat());
    assert_eq!(
        events[0].personal.as_ref().unwrap().message.as_deref().map(|text| text.contains("credentials")),
        Some(true)
    );

    let keys = |kvs: &[Arc<portolan_eventstore::KeyValue>]| -> Vec<String> {
        kvs.iter().map(|kv| String::from_utf8_lossy(&kv.key).into_owned()).collect()
    };
    let routes = KeyRange::prefix("/apisix/routes/");
    let now = store.range(&RangeQuery::all(routes.clone())).await.unwrap().1.kvs;
    // The lease of the other one may have ended by now.
    assert!(keys(&now).contains(&"/apisix/routes/r1".to_owned()), "{now:?}");
    let then = store.state_at(&routes, 7).await.unwrap();
    assert_eq!(keys(&then), ["/apisix/routes/r1", "/apisix/routes/r2"]);
    let versions = store.history(b"/apisix/routes/r1", 10).await.unwrap();
    assert_eq!(versions.iter().map(|event| event.revision).collect::<Vec<_>>(), [8, 6]);

    let put = Intent::Txn(Txn::of(vec![Op::Put(Put::new("/new", "v"))]));
    let appended = store.append(Proposal::new(Context::system(), "test", put)).await.unwrap();
    assert!(matches!(appended, Appended::Committed { revision, .. } if revision > HEAD), "{appended:?}");
}

#[tokio::test]
async fn its_proofs_hold() {
    let (_dir, url) = database().await;
    let (store, _supervisor) = open(&url).await.unwrap();
    let trusted = Verifier::parse_list(KEY).unwrap();
    let verdict = verify_store(&Log::open(&url).await.unwrap(), &trusted, &[], &|_| {}).await.unwrap();
    assert!(matches!(verdict, Verdict::Ok { .. }), "{verdict}");
    drop(store);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_with_the_way_out() {
    let (_dir, url) = database().await;
    execute(&url, "INSERT INTO _sqlx_migrations VALUES (9999, 'to come', CURRENT_TIMESTAMP, TRUE, x'00', 1)").await;
    let error = open(&url).await.err().unwrap();
    let said =
        "the database was migrated by a newer version of Portolan: start that one, or restore a backup from before";
    assert_eq!(error.to_string(), said);
}
