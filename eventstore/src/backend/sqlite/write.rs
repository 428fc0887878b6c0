//! Writing a batch: several rows a statement. Each statement is a way to SQLite's own thread and back, which costs more than the work
//! that is done there for one row.

use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection};

use crate::backend::multi::{Multi, parts};
use crate::backend::{Batch, ChangeRow, EventRow, Request};
use crate::keyspace::KeyValue;

type Bound = Query<'static, Sqlite, SqliteArguments>;

const MOVE_HEAD: &str = "-- head_move
UPDATE log_head SET revision = ?, recorded_at = ?, tree_frontier = ? WHERE epoch = ?";
const PUT_SECRET: &str = "-- secret_put
INSERT INTO secrets (name, value, revision) VALUES (?, ?, ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, revision = excluded.revision";
const DELETE_SECRET: &str = "-- secret_delete
DELETE FROM secrets WHERE name = ?";
const INSERT_EVENTS: Multi = Multi {
    before: "-- events_insert
INSERT INTO events (revision, event_id, recorded_at, action, outcome, actor_id, actor_kind, gateway_group,
  resource_kind, resource_id, request_id, causation_revision, entry, leaf_hash) VALUES ",
    row: "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    after: "",
};
const INSERT_CONTEXTS: Multi = Multi {
    before: "-- contexts_insert
INSERT INTO contexts (revision, salt, body) VALUES ",
    row: "(?, ?, ?)",
    after: "",
};
const INSERT_CHANGES: Multi = Multi {
    before: "-- changes_insert
INSERT INTO changes (revision, ordinal, key, value, create_revision, version, prev_revision, lease_id, salt) VALUES ",
    row: "(?, ?, ?, ?, ?, ?, ?, ?, ?)",
    after: "",
};
const PUT_KEYS: Multi = Multi {
    before: "-- keys_put
INSERT INTO keys (key, value, create_revision, mod_revision, version, lease_id) VALUES ",
    row: "(?, ?, ?, ?, ?, ?)",
    after: "
ON CONFLICT (key) DO UPDATE SET value = excluded.value, create_revision = excluded.create_revision,
  mod_revision = excluded.mod_revision, version = excluded.version, lease_id = excluded.lease_id",
};
const DELETE_KEYS: Multi = Multi { before: "-- keys_delete\nDELETE FROM keys WHERE key IN (", row: "?", after: ")" };
const INSERT_REQUESTS: Multi = Multi {
    before: "-- requests_insert
INSERT INTO requests (actor_id, idempotency_key, body_hash, revision, recorded_at) VALUES ",
    row: "(?, ?, ?, ?, ?)",
    after: "",
};
const DELETE_LEASES: Multi =
    Multi { before: "-- leases_delete\nDELETE FROM leases WHERE id IN (", row: "?", after: ")" };

/// All statements, prepared against the migrated schema by a test.
#[cfg(test)]
pub(super) const ALL: &[&str] = &[MOVE_HEAD, PUT_SECRET, DELETE_SECRET];
/// The same for those over several rows.
#[cfg(test)]
pub(super) const ALL_MULTI: &[Multi] =
    &[INSERT_EVENTS, INSERT_CONTEXTS, INSERT_CHANGES, PUT_KEYS, DELETE_KEYS, INSERT_REQUESTS, DELETE_LEASES];

/// The whole batch, inside the transaction that holds the log.
pub(super) async fn batch(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), sqlx::Error> {
    let changes = batch.changes();
    match (batch.events.as_slice(), changes.as_slice()) {
        ([event], [row]) if batch.has_only_events() => match row.change.after.as_deref() {
            Some(put) => one(connection, batch, event, row, put).await,
            None => many(connection, batch, &changes).await,
        },
        _ => many(connection, batch, &changes).await,
    }
}

/// One event that puts one key, which is what a lone writer writes: all statements on one way.
async fn one(
    connection: &mut SqliteConnection,
    batch: &Batch,
    event: &EventRow,
    row: &ChangeRow<'_>,
    put: &KeyValue,
) -> Result<(), sqlx::Error> {
    let inserts = [INSERT_EVENTS, INSERT_CONTEXTS, INSERT_CHANGES, PUT_KEYS].map(|insert| insert.over(1).0);
    let text = [inserts.join(";\n"), MOVE_HEAD.to_owned()].join(";\n");
    let query = put_key(put_change(put_context(put_event(sqlx::query(AssertSqlSafe(text)), event), event), row), &put);
    let written = to_head(query, batch).execute(connection).await?;
    // A row of each, and the head.
    if written.rows_affected() == 5 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

async fn many(connection: &mut SqliteConnection, batch: &Batch, changes: &[ChangeRow<'_>]) -> Result<(), sqlx::Error> {
    execute(connection, &INSERT_EVENTS, &batch.events, put_event).await?;
    execute(connection, &INSERT_CONTEXTS, &batch.events, put_context).await?;
    execute(connection, &INSERT_CHANGES, changes, put_change).await?;
    keys(connection, batch).await?;
    for (revision, secret) in &batch.secrets {
        let query = match &secret.value {
            Some(value) => sqlx::query(PUT_SECRET).bind(&secret.name).bind(value).bind(revision),
            None => sqlx::query(DELETE_SECRET).bind(&secret.name),
        };
        query.execute(&mut *connection).await?;
    }
    let row = |insert: Bound, r: &Request| {
        let insert = insert.bind(r.actor_id.clone()).bind(r.idempotency_key.clone()).bind(r.body_hash.clone());
        insert.bind(r.revision).bind(r.recorded_at)
    };
    execute(connection, &INSERT_REQUESTS, &batch.requests, row).await?;
    execute(connection, &DELETE_LEASES, &batch.ended_leases, |delete, id| delete.bind(*id)).await?;
    let moved = to_head(sqlx::query(MOVE_HEAD), batch).execute(&mut *connection).await?;
    if moved.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

async fn keys(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), sqlx::Error> {
    let keys = batch.final_keys();
    let puts: Vec<&KeyValue> = keys.iter().filter_map(|(_, value)| value.as_deref()).collect();
    execute(connection, &PUT_KEYS, &puts, put_key).await?;
    let deleted: Vec<&[u8]> = keys.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| key.as_ref()).collect();
    execute(connection, &DELETE_KEYS, &deleted, |delete, key| delete.bind(key.to_vec())).await
}

fn put_event(insert: Bound, e: &EventRow) -> Bound {
    let insert = insert.bind(e.revision).bind(e.event_id.clone()).bind(e.recorded_at).bind(e.action.clone());
    let insert = insert.bind(e.outcome).bind(e.actor_id.clone()).bind(e.actor_kind).bind(e.gateway_group.clone());
    let insert = insert.bind(e.resource_kind.clone()).bind(e.resource_id.clone()).bind(e.request_id.clone());
    insert.bind(e.causation_revision).bind(e.entry.clone()).bind(e.leaf_hash.clone())
}

fn put_context(insert: Bound, e: &EventRow) -> Bound {
    insert.bind(e.revision).bind(e.context_salt.clone()).bind(e.context_body.clone())
}

fn put_change(insert: Bound, row: &ChangeRow<'_>) -> Bound {
    let after = row.change.after.as_deref();
    let insert = insert.bind(row.revision).bind(row.ordinal).bind(row.change.key.to_vec());
    let insert = insert.bind(after.map(|kv| kv.value.to_vec()));
    let insert = insert.bind(after.map_or(0, |kv| kv.create_revision)).bind(after.map_or(0, |kv| kv.version));
    let insert = insert.bind(row.change.before.as_deref().map_or(0, |kv| kv.mod_revision));
    insert.bind(after.map_or(0, |kv| kv.lease)).bind(row.salt.map(<[u8]>::to_vec))
}

fn put_key(put: Bound, kv: &&KeyValue) -> Bound {
    let put = put.bind(kv.key.to_vec()).bind(kv.value.to_vec()).bind(kv.create_revision);
    put.bind(kv.mod_revision).bind(kv.version).bind(kv.lease)
}

fn to_head(update: Bound, batch: &Batch) -> Bound {
    let head = &batch.head;
    update.bind(head.revision).bind(head.recorded_at).bind(head.frontier.to_bytes()).bind(head.epoch.clone())
}

async fn execute<T>(
    connection: &mut SqliteConnection,
    statement: &Multi,
    rows: &[T],
    bind: impl Fn(Bound, &T) -> Bound,
) -> Result<(), sqlx::Error> {
    // Nothing limits the size of a statement's values here but memory, which holds them already.
    for part in parts(rows, usize::MAX, |_| 0) {
        part.iter().fold(sqlx::query(statement.over(part.len())), &bind).execute(&mut *connection).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Backend as _;
    use crate::backend::samples::event;
    use crate::backend::sqlite::Sqlite;

    /// What is written in each table, and where the head is.
    const WRITTEN: &str = "SELECT json_array(revision, event_id, recorded_at, action, outcome, actor_id, actor_kind, gateway_group,
        resource_kind, resource_id, request_id, causation_revision, hex(entry), hex(leaf_hash)) FROM events
      UNION ALL SELECT json_array(revision, hex(salt), hex(body)) FROM contexts
      UNION ALL SELECT json_array(revision, ordinal, hex(key), hex(value), create_revision, version, prev_revision, lease_id,
        hex(salt)) FROM changes
      UNION ALL SELECT json_array(hex(key), hex(value), create_revision, mod_revision, version, lease_id) FROM keys
      UNION ALL SELECT json_array(revision, recorded_at, hex(tree_frontier)) FROM log_head";

    #[tokio::test]
    async fn an_event_is_written_alike_alone_and_among_others() {
        let mut told = Vec::new();
        for alone in [true, false] {
            let dir = tempfile::tempdir().unwrap();
            let store = Sqlite::open(dir.path().join("log.db").to_str().unwrap()).await.unwrap();
            for value in ["value", "other"] {
                let put = event(&store.head().await.unwrap(), Some(value));
                let mut connection = store.writer.acquire().await.unwrap();
                if alone {
                    batch(&mut connection, &put).await.unwrap();
                } else {
                    many(&mut connection, &put, &put.changes()).await.unwrap();
                }
            }
            let rows: Vec<(String,)> = sqlx::query_as(WRITTEN).fetch_all(&store.readers).await.unwrap();
            assert_eq!(rows.len(), 8);
            told.push(rows);
        }
        assert_eq!(told[0], told[1]);
    }

    #[tokio::test]
    async fn an_event_of_another_log_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(dir.path().join("log.db").to_str().unwrap()).await.unwrap();
        let mut put = event(&store.head().await.unwrap(), Some("value"));
        put.head.epoch.push('x');
        let lock = store.lock().await.unwrap();
        assert!(lock.commit(put.into()).await.is_err());
        assert_eq!(store.head().await.unwrap().revision, 0);
    }
}
