//! One event alone, and the same in a batch as of several.

use std::time::Duration;

use sqlx::{Connection as _, PgPool};

use super::*;
use crate::backend::Backend as _;
use crate::backend::postgres::Postgres;
use crate::backend::samples::event;

/// What is written in each table, and where the head is.
const WRITTEN: &str = "SELECT to_jsonb(e)::text FROM events e UNION ALL SELECT to_jsonb(x)::text FROM contexts x
 UNION ALL SELECT to_jsonb(c)::text FROM changes c UNION ALL SELECT (to_jsonb(h) - 'epoch')::text FROM log_head h ORDER BY 1";
const WAITING: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";

type Tamper = fn(&mut Batch);

/// By the function for one event, or by that for several.
#[derive(Clone, Copy, Debug)]
enum By {
    One,
    Many,
}

async fn append(pool: &PgPool, batch: &Batch, by: By) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    match by {
        By::One => write(&mut connection, batch, false).await,
        By::Many => write_many(&mut connection, batch, &batch.changes(), false).await,
    }
}

async fn written(pool: &PgPool) -> Vec<(String,)> {
    sqlx::query_as(WRITTEN).fetch_all(pool).await.unwrap()
}

#[tokio::test]
async fn an_event_is_written_alike_alone_and_among_others() {
    let mut told = Vec::new();
    for by in [By::One, By::Many] {
        let database = portolan_testkit::postgres::database().await.unwrap();
        let store = Postgres::open(database.url()).await.unwrap();
        for value in [Some("value"), None] {
            let batch = event(&store.head().await.unwrap(), value);
            append(&store.pool, &batch, by).await.unwrap();
        }
        assert_eq!(store.head().await.unwrap().revision, 2);
        told.push(written(&store.pool).await);
    }
    assert_eq!(told[0].len(), 7);
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn what_does_not_follow_the_head_or_is_not_its_hash_is_refused() {
    let cases: [(&str, Tamper); 6] = [
        ("23514", |batch| batch.events[0].leaf_hash[31] ^= 1),
        ("23514", |batch| batch.events[0].entry.push(b' ')),
        ("40001", |batch| batch.events[0].revision += 1),
        ("40001", |batch| batch.before = batch.head.frontier.clone()),
        ("55000", |batch| batch.head.epoch.push('x')),
        ("22008", |batch| batch.events[0].recorded_at -= 10),
    ];
    let database = portolan_testkit::postgres::database().await.unwrap();
    let store = Postgres::open(database.url()).await.unwrap();
    append(&store.pool, &event(&store.head().await.unwrap(), Some("value")), By::One).await.unwrap();
    let before = written(&store.pool).await;
    for by in [By::One, By::Many] {
        for (case, (code, tamper)) in cases.iter().enumerate() {
            let mut batch = event(&store.head().await.unwrap(), Some("other"));
            tamper(&mut batch);
            let error = append(&store.pool, &batch, by).await.expect_err(code);
            let said = error.as_database_error().and_then(|error| error.code().map(String::from));
            assert_eq!(said.as_deref(), Some(*code), "{by:?}, {case}: {error}");
            assert_eq!(written(&store.pool).await, before, "{by:?}, {case}");
        }
    }
}

#[tokio::test]
async fn an_event_waits_for_the_batch_before_it() {
    let database = portolan_testkit::postgres::database().await.unwrap();
    let store = Postgres::open(database.url()).await.unwrap();
    let first = event(&store.head().await.unwrap(), Some("first"));
    let second = event(&first.head, Some("second"));
    let mut connection = store.pool.acquire().await.unwrap();
    let mut tx = connection.begin().await.unwrap();
    write(&mut tx, &first, false).await.unwrap();
    let commits = async {
        while sqlx::query_as::<_, (i64,)>(WAITING).fetch_one(&store.pool).await.unwrap().0 == 0 {}
        tx.commit().await.unwrap();
    };
    let both = async { tokio::join!(append(&store.pool, &second, By::One), commits) };
    let (appended, ()) = tokio::time::timeout(Duration::from_secs(30), both).await.unwrap();
    appended.unwrap();
    assert_eq!(store.head().await.unwrap(), second.head);
}
