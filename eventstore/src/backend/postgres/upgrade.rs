//! What control planes of the versions before have written, and write beside one of this version.

use super::*;
use crate::backend::evidence::Evidence as _;

/// The versions: how many migrations they know, and how they append one event that puts `value` at `key`.
const BEFORE: [(usize, &str); 2] = [
    (
        6,
        "SELECT log_append('epoch', $1, $2, false, ARRAY[$3], ARRAY['id'], ARRAY[$3], ARRAY['etcd.put'],
  ARRAY['success'], ARRAY['ann'], ARRAY['user'], ARRAY[NULL::text], ARRAY[NULL::text], ARRAY[NULL::text], ARRAY['request'],
  ARRAY[NULL::bigint], ARRAY['entry'::bytea], ARRAY[sha256('\\x00'::bytea || 'entry'::bytea)], ARRAY[sha256('context')],
  ARRAY['{}'::bytea], ARRAY[$3], ARRAY[sha256($4)], ARRAY[$3, $3], ARRAY[0::bigint, 1], ARRAY['both'::bytea, $4], ARRAY[$5, $5],
  ARRAY[$3, $3], ARRAY[1::bigint, 1], ARRAY[0::bigint, 0], ARRAY[0::bigint, 0], '{}'::text[], '{}'::bytea[], '{}'::bigint[],
  '{}'::text[], '{}'::text[], '{}'::bytea[], '{}'::bigint[], '{}'::bigint[], '{}'::bigint[])",
    ),
    (
        7,
        "SELECT log_append('epoch', $1, $2, false, ARRAY[$3], ARRAY['id'], ARRAY[$3], ARRAY['etcd.put'],
  ARRAY['success'], ARRAY['ann'], ARRAY['user'], ARRAY[NULL::text], ARRAY[NULL::text], ARRAY[NULL::text], ARRAY['request'],
  ARRAY[NULL::bigint], ARRAY['entry'::bytea], ARRAY[sha256('\\x00'::bytea || 'entry'::bytea)], ARRAY[sha256('context')],
  ARRAY['{}'::bytea], ARRAY[$3, $3], ARRAY[0::bigint, 1], ARRAY['both'::bytea, $4], ARRAY[$5, $5],
  ARRAY[$3, $3], ARRAY[1::bigint, 1], ARRAY[0::bigint, 0], ARRAY[0::bigint, 0], ARRAY[sha256($4), NULL],
  '{}'::text[], '{}'::bytea[], '{}'::bigint[],
  '{}'::text[], '{}'::text[], '{}'::bytea[], '{}'::bigint[], '{}'::bigint[], '{}'::bigint[])",
    ),
];

async fn append_before(pool: &PgPool, append: &'static str, revision: i64, key: &str, value: &str) {
    let edge = |revision: i64| [revision.to_be_bytes(); 4].concat().repeat(revision.count_ones() as usize);
    let append = sqlx::query(append).bind(edge(revision - 1)).bind(edge(revision)).bind(revision);
    append.bind(key.as_bytes()).bind(value.as_bytes()).execute(pool).await.unwrap();
}

#[tokio::test]
async fn what_was_written_before_the_upgrade_and_beside_it_is_there() {
    for (known, append) in BEFORE {
        is_there(known, append).await;
    }
}

async fn is_there(known: usize, append: &'static str) {
    let database = portolan_testkit::postgres::database().await.unwrap();
    let pool = PgPool::connect(database.url()).await.unwrap();
    let before = migrations::postgres().iter().take(known).cloned().collect();
    sqlx::migrate::Migrator::with_migrations(before).run(&pool).await.unwrap();
    sqlx::query(INIT_HEAD).bind("epoch").execute(&pool).await.unwrap();
    append_before(&pool, append, 1, "old", "1").await;
    let store = Postgres::open(database.url()).await.unwrap();
    append_before(&pool, append, 2, "new", "2").await;
    for folded in [false, true] {
        if folded {
            store.fold().await.unwrap();
        }
        let (head, keys) = store.load().await.unwrap();
        let told = keys.iter().map(|kv| (&kv.key[..], &kv.value[..], kv.mod_revision)).collect::<Vec<_>>();
        assert_eq!(head.revision, 2);
        assert_eq!(told, [(&b"both"[..], &b"2"[..], 2), (b"new", b"2", 2), (b"old", b"1", 1)], "{folded}");
    }
    let evidence = store.evidence(0, 10).await.unwrap();
    for (event, key) in evidence.iter().zip(["old", "new"]) {
        assert_eq!(event.changes.len(), 2);
        assert_eq!(event.changes_salt.as_deref(), Some(&crate::merkle::sha256(&[key.as_bytes()])[..]));
    }
}
