//! PostgreSQL: appending a batch, in one statement.

use sqlx::PgConnection;

use crate::backend::{Batch, ChangeRow, EventRow};
use crate::keyspace::KeyValue;

const MANY: &str = "-- log_append
SELECT log_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
  $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38)";
const ONE: &str = "-- log_append_one
SELECT log_append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
  $25, $26, $27)";

/// All statements, prepared against the migrated schema by a test.
#[cfg(test)]
pub(super) const ALL: &[&str] = &[MANY, ONE];

/// The whole batch in one round trip.
pub(super) async fn write(connection: &mut PgConnection, batch: &Batch, notify: bool) -> Result<(), sqlx::Error> {
    let changes = batch.changes();
    match (batch.events.as_slice(), changes.as_slice()) {
        ([event], [change]) if batch.has_only_events() => write_one(connection, batch, event, change, notify).await,
        _ => write_many(connection, batch, &changes, notify).await,
    }
}

/// One event that changes one key: what a lone writer writes each time. Arrays of one would cost the database two thirds more.
async fn write_one(
    connection: &mut PgConnection,
    batch: &Batch,
    event: &EventRow,
    row: &ChangeRow<'_>,
    notify: bool,
) -> Result<(), sqlx::Error> {
    let after = row.change.after.as_deref();
    sqlx::query(ONE)
        .bind(&batch.head.epoch)
        .bind(batch.before.to_bytes())
        .bind(batch.head.frontier.to_bytes())
        .bind(notify)
        .bind(event.revision)
        .bind(event.event_id.as_str())
        .bind(event.recorded_at)
        .bind(event.action.as_str())
        .bind(event.outcome)
        .bind(event.actor_id.as_str())
        .bind(event.actor_kind)
        .bind(event.gateway_group.as_deref())
        .bind(event.resource_kind.as_deref())
        .bind(event.resource_id.as_deref())
        .bind(event.request_id.as_str())
        .bind(event.causation_revision)
        .bind(event.entry.as_slice())
        .bind(event.leaf_hash.as_slice())
        .bind(event.context_salt.as_slice())
        .bind(event.context_body.as_slice())
        .bind(row.change.key.as_ref())
        .bind(after.map(|kv| kv.value.as_ref()))
        .bind(after.map_or(0, |kv| kv.create_revision))
        .bind(after.map_or(0, |kv| kv.version))
        .bind(row.change.before.as_deref().map_or(0, |kv| kv.mod_revision))
        .bind(after.map_or(0, |kv| kv.lease))
        .bind(row.salt)
        .execute(connection)
        .await?;
    Ok(())
}

async fn write_many(
    connection: &mut PgConnection,
    batch: &Batch,
    changes: &[ChangeRow<'_>],
    notify: bool,
) -> Result<(), sqlx::Error> {
    let events = &batch.events;
    let after = |of: fn(&KeyValue) -> i64| column(changes, |c| c.change.after.as_deref().map_or(0, of));
    let (secrets, requests) = (&batch.secrets, &batch.requests);
    sqlx::query(MANY)
        .bind(&batch.head.epoch)
        .bind(batch.before.to_bytes())
        .bind(batch.head.frontier.to_bytes())
        .bind(notify)
        .bind(column(events, |e| e.revision))
        .bind(column(events, |e| e.event_id.as_str()))
        .bind(column(events, |e| e.recorded_at))
        .bind(column(events, |e| e.action.as_str()))
        .bind(column(events, |e| e.outcome))
        .bind(column(events, |e| e.actor_id.as_str()))
        .bind(column(events, |e| e.actor_kind))
        .bind(column(events, |e| e.gateway_group.as_deref()))
        .bind(column(events, |e| e.resource_kind.as_deref()))
        .bind(column(events, |e| e.resource_id.as_deref()))
        .bind(column(events, |e| e.request_id.as_str()))
        .bind(column(events, |e| e.causation_revision))
        .bind(column(events, |e| e.entry.as_slice()))
        .bind(column(events, |e| e.leaf_hash.as_slice()))
        .bind(column(events, |e| e.context_salt.as_slice()))
        .bind(column(events, |e| e.context_body.as_slice()))
        .bind(column(changes, |c| c.revision))
        .bind(column(changes, |c| c.ordinal))
        .bind(column(changes, |c| c.change.key.as_ref()))
        .bind(column(changes, |c| c.change.after.as_deref().map(|kv| kv.value.as_ref())))
        .bind(after(|kv| kv.create_revision))
        .bind(after(|kv| kv.version))
        .bind(column(changes, |c| c.change.before.as_deref().map_or(0, |kv| kv.mod_revision)))
        .bind(after(|kv| kv.lease))
        .bind(column(changes, |c| c.salt))
        .bind(column(secrets, |s| s.1.name.as_str()))
        .bind(column(secrets, |s| s.1.value.as_deref()))
        .bind(column(secrets, |s| s.0))
        .bind(column(requests, |r| r.actor_id.as_str()))
        .bind(column(requests, |r| r.idempotency_key.as_str()))
        .bind(column(requests, |r| r.body_hash.as_slice()))
        .bind(column(requests, |r| r.revision))
        .bind(column(requests, |r| r.recorded_at))
        .bind(&batch.ended_leases)
        .execute(connection)
        .await?;
    Ok(())
}

/// One column of a multi-row statement.
pub(super) fn column<'a, T, C>(rows: &'a [T], of: impl Fn(&'a T) -> C) -> Vec<C> {
    rows.iter().map(of).collect()
}

#[cfg(test)]
mod tests;
