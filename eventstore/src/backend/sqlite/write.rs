//! Writing a batch: several rows a statement. Each statement is a way to SQLite's own thread and back, which costs more than the work
//! that is done there for one row.

use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite, SqliteConnection};

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
    events(connection, batch).await?;
    changes(connection, batch).await?;
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
    let head = &batch.head;
    let moved = sqlx::query(MOVE_HEAD)
        .bind(head.revision)
        .bind(head.recorded_at)
        .bind(head.frontier.to_bytes())
        .bind(&head.epoch)
        .execute(&mut *connection)
        .await?;
    if moved.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

async fn events(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), sqlx::Error> {
    let row = |insert: Bound, e: &EventRow| {
        let insert = insert.bind(e.revision).bind(e.event_id.clone()).bind(e.recorded_at).bind(e.action.clone());
        let insert = insert.bind(e.outcome).bind(e.actor_id.clone()).bind(e.actor_kind).bind(e.gateway_group.clone());
        let insert = insert.bind(e.resource_kind.clone()).bind(e.resource_id.clone()).bind(e.request_id.clone());
        insert.bind(e.causation_revision).bind(e.entry.clone()).bind(e.leaf_hash.clone())
    };
    execute(connection, &INSERT_EVENTS, &batch.events, row).await?;
    let row =
        |insert: Bound, e: &EventRow| insert.bind(e.revision).bind(e.context_salt.clone()).bind(e.context_body.clone());
    execute(connection, &INSERT_CONTEXTS, &batch.events, row).await
}

async fn changes(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), sqlx::Error> {
    let row = |insert: Bound, row: &ChangeRow<'_>| {
        let after = row.change.after.as_deref();
        let insert = insert.bind(row.revision).bind(row.ordinal).bind(row.change.key.to_vec());
        let insert = insert.bind(after.map(|kv| kv.value.to_vec()));
        let insert = insert.bind(after.map_or(0, |kv| kv.create_revision)).bind(after.map_or(0, |kv| kv.version));
        let insert = insert.bind(row.change.before.as_deref().map_or(0, |kv| kv.mod_revision));
        insert.bind(after.map_or(0, |kv| kv.lease)).bind(row.salt.map(<[u8]>::to_vec))
    };
    execute(connection, &INSERT_CHANGES, &batch.changes(), row).await
}

async fn keys(connection: &mut SqliteConnection, batch: &Batch) -> Result<(), sqlx::Error> {
    let keys = batch.final_keys();
    let puts: Vec<&KeyValue> = keys.iter().filter_map(|(_, value)| value.as_deref()).collect();
    let row = |put: Bound, kv: &&KeyValue| {
        let put = put.bind(kv.key.to_vec()).bind(kv.value.to_vec()).bind(kv.create_revision);
        put.bind(kv.mod_revision).bind(kv.version).bind(kv.lease)
    };
    execute(connection, &PUT_KEYS, &puts, row).await?;
    let deleted: Vec<&[u8]> = keys.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| key.as_ref()).collect();
    execute(connection, &DELETE_KEYS, &deleted, |delete, key| delete.bind(key.to_vec())).await
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
