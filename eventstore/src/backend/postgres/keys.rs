//! PostgreSQL: the current keys. Their table is brought up to date now and then; over it count the changes since then.

use sqlx::{Postgres, Transaction};

use crate::backend::rows;
use crate::keyspace::KeyValue;

const KEPT: &str = "-- keys_kept
SELECT key, value, create_revision, mod_revision, version, lease_id FROM keys ORDER BY key";
/// Of the keys that changed after the mark, what they are now.
const CHANGED: &str = "-- keys_changed
SELECT DISTINCT ON (key) key, value, create_revision, revision, version, lease_id
FROM changes WHERE revision > (SELECT revision FROM keys_mark) ORDER BY key, revision DESC";
pub(super) const FOLD: &str = "-- keys_fold
SELECT log_fold()";

/// All statements, prepared against the migrated schema by a test.
#[cfg(test)]
pub(super) const ALL: &[&str] = &[KEPT, CHANGED, FOLD];

/// All of them, in order, as of the transaction's state.
pub(super) async fn keys(tx: &mut Transaction<'static, Postgres>) -> Result<Vec<KeyValue>, sqlx::Error> {
    let kept: Vec<rows::KeyRow> = sqlx::query_as(KEPT).fetch_all(&mut **tx).await?;
    let changed: Vec<rows::ChangedKeyRow> = sqlx::query_as(CHANGED).fetch_all(&mut **tx).await?;
    Ok(rows::keys(kept, changed))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use portolan_rt::clock::SystemClock;
    use portolan_rt::task::Supervisor;

    use crate::keyspace::KeyRange;
    use crate::retention::Run;
    use crate::txn::{Delete, Op, Put, Txn};
    use crate::{Context, EventStore, Intent, Options, Proposal};

    async fn write(store: &EventStore, op: Op) {
        store.append(Proposal::new(Context::system(), "etcd.txn", Intent::Txn(Txn::of(vec![op])))).await.unwrap();
    }

    async fn told(store: &EventStore) -> Vec<String> {
        let (_, keys) = store.backend().load().await.unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        keys.iter().map(|kv| format!("{}={}@{}", text(&kv.key), text(&kv.value), kv.mod_revision)).collect()
    }

    #[tokio::test]
    async fn a_deletion_that_is_pruned_before_the_table_heard_of_it_stays_one() {
        let database = portolan_testkit::postgres::database().await.unwrap();
        let supervisor = Supervisor::new();
        let options = Options { url: database.url().to_owned(), clock: Arc::new(SystemClock) };
        let store = EventStore::open(options, &supervisor).await.unwrap();
        for key in ["a", "b", "c"] {
            write(&store, Op::Put(Put::new(key, "1"))).await; // 2, 3, 4
        }
        store.backend().fold().await.unwrap();
        write(&store, Op::Put(Put::new("b", "2"))).await;
        write(&store, Op::Delete(Delete { range: KeyRange::key("a"), prev_kv: false })).await; // 6
        write(&store, Op::Put(Put::new("d", "1"))).await;
        let expected = ["b=2@5", "c=1@4", "d=1@7"];
        assert_eq!(told(&store).await, expected);
        let pruned = store.prune_below(Context::system(), 7, Run::Real).await.unwrap();
        assert_eq!(pruned.changes, 3, "both of a, the first of b");
        assert_eq!(told(&store).await, expected);
        store.backend().fold().await.unwrap();
        assert_eq!(told(&store).await, expected);
    }
}
