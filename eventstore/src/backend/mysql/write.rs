//! Writing a batch: several rows a statement, cut so that a statement fits the server's packet and few texts are prepared.

use sqlx::mysql::MySqlArguments;
use sqlx::query::Query;
use sqlx::{MySql, Transaction};

use super::statements as sql;
use crate::backend::multi::{Multi, parts};
use crate::backend::{Batch, ChangeRow, EventRow, Request};
use crate::keyspace::KeyValue;
use crate::merkle::sha256;

pub(super) type Tx = Transaction<'static, MySql>;
type Bound = Query<'static, MySql, MySqlArguments>;

/// What a row has besides its large columns, in bytes, generously.
const SMALL: usize = 512;

/// The whole batch, inside the transaction that holds the head's lock.
pub(super) async fn batch(tx: &mut Tx, batch: &Batch, packet: usize) -> Result<(), sqlx::Error> {
    events(tx, batch, packet).await?;
    changes(tx, batch, packet).await?;
    keys(tx, batch, packet).await?;
    for (revision, secret) in &batch.secrets {
        let query = match &secret.value {
            Some(value) => sqlx::query(sql::PUT_SECRET).bind(secret.name.as_bytes()).bind(value).bind(revision),
            None => sqlx::query(sql::DELETE_SECRET).bind(secret.name.as_bytes()),
        };
        query.execute(&mut **tx).await?;
    }
    let size = |r: &Request| r.actor_id.len() + r.idempotency_key.len() + SMALL;
    for part in parts(&batch.requests, packet, size) {
        let row = |insert: Bound, r: &Request| {
            let insert = insert.bind(request_id(&r.actor_id, &r.idempotency_key)).bind(&r.actor_id);
            insert.bind(&r.idempotency_key).bind(&r.body_hash).bind(r.revision).bind(r.recorded_at)
        };
        execute(tx, &sql::INSERT_REQUESTS, part, row).await?;
    }
    for part in parts(&batch.ended_leases, packet, |_| SMALL) {
        execute(tx, &sql::DELETE_LEASES, part, |delete, id| delete.bind(*id)).await?;
    }
    let head = &batch.head;
    let moved = sqlx::query(sql::MOVE_HEAD)
        .bind(head.revision)
        .bind(head.recorded_at)
        .bind(head.frontier.to_bytes())
        .bind(&head.epoch)
        .execute(&mut **tx)
        .await?;
    if moved.rows_affected() == 1 { Ok(()) } else { Err(sqlx::Error::RowNotFound) }
}

/// The primary key of an idempotency key: its actor and itself, so that no two pairs read the same.
pub(super) fn request_id(actor: &str, key: &str) -> Vec<u8> {
    sha256(&[&(actor.len() as u64).to_be_bytes(), actor.as_bytes(), key.as_bytes()]).to_vec()
}

async fn events(tx: &mut Tx, batch: &Batch, packet: usize) -> Result<(), sqlx::Error> {
    // The words of an event stand in its entry, too.
    for part in parts(&batch.events, packet, |e: &EventRow| 2 * e.entry.len() + SMALL) {
        let row = |insert: Bound, e: &EventRow| {
            let insert = insert.bind(e.revision).bind(&e.event_id).bind(e.recorded_at).bind(&e.action).bind(e.outcome);
            let insert = insert.bind(&e.actor_id).bind(e.actor_kind).bind(&e.gateway_group).bind(&e.resource_kind);
            let insert = insert.bind(&e.resource_id).bind(&e.request_id).bind(e.causation_revision);
            insert.bind(&e.entry).bind(&e.leaf_hash)
        };
        execute(tx, &sql::INSERT_EVENTS, part, row).await?;
    }
    for part in parts(&batch.events, packet, |e: &EventRow| e.context_body.len() + SMALL) {
        let row = |insert: Bound, e: &EventRow| insert.bind(e.revision).bind(&e.context_salt).bind(&e.context_body);
        execute(tx, &sql::INSERT_CONTEXTS, part, row).await?;
    }
    Ok(())
}

async fn changes(tx: &mut Tx, batch: &Batch, packet: usize) -> Result<(), sqlx::Error> {
    let changes = batch.changes();
    for part in parts(&changes, packet, |row| size(&row.change.key, row.change.after.as_deref())) {
        let row = |insert: Bound, row: &ChangeRow<'_>| {
            let after = row.change.after.as_deref();
            let insert = insert.bind(row.revision).bind(row.ordinal).bind(row.change.key.as_ref());
            let insert = insert.bind(after.map(|kv| kv.value.as_ref()));
            let insert = insert.bind(after.map_or(0, |kv| kv.create_revision)).bind(after.map_or(0, |kv| kv.version));
            let insert = insert.bind(row.change.before.as_deref().map_or(0, |kv| kv.mod_revision));
            insert.bind(after.map_or(0, |kv| kv.lease)).bind(row.salt)
        };
        execute(tx, &sql::INSERT_CHANGES, part, row).await?;
    }
    Ok(())
}

async fn keys(tx: &mut Tx, batch: &Batch, packet: usize) -> Result<(), sqlx::Error> {
    let keys = batch.final_keys();
    let puts: Vec<&KeyValue> = keys.iter().filter_map(|(_, value)| value.as_deref()).collect();
    for part in parts(&puts, packet, |kv| size(&kv.key, Some(kv))) {
        let row = |put: Bound, kv: &&KeyValue| {
            let put = put.bind(kv.key.as_ref()).bind(kv.value.as_ref()).bind(kv.create_revision);
            put.bind(kv.mod_revision).bind(kv.version).bind(kv.lease)
        };
        execute(tx, &sql::PUT_KEYS, part, row).await?;
    }
    let deleted: Vec<&[u8]> = keys.iter().filter(|(_, value)| value.is_none()).map(|(key, _)| key.as_ref()).collect();
    for part in parts(&deleted, packet, |key| key.len() + SMALL) {
        execute(tx, &sql::DELETE_KEYS, part, |delete, key| delete.bind(*key)).await?;
    }
    Ok(())
}

/// What a change takes of a packet.
pub(super) fn size(key: &[u8], after: Option<&KeyValue>) -> usize {
    key.len() + after.map_or(0, |kv| kv.value.len()) + SMALL
}

async fn execute<T>(
    tx: &mut Tx,
    statement: &Multi,
    rows: &[T],
    bind: impl Fn(Bound, &T) -> Bound,
) -> Result<(), sqlx::Error> {
    rows.iter().fold(sqlx::query(statement.over(rows.len())), bind).execute(&mut **tx).await?;
    Ok(())
}
