//! PostgreSQL: what statements read, counted by the server.

use sqlx::{AssertSqlSafe, Executor as _};

use super::*;
use crate::backend::plans::{Bound, CASES, Dialect, EVENTS, MOST, fill, named};

const READ: &str =
    "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint FROM pg_stat_xact_user_tables";
/// Executions of a statement after which PostgreSQL may plan it for any value: five, and some more.
const TIMES: usize = 8;

#[tokio::test]
async fn statements_read_what_they_answer_and_little_more() {
    let database = portolan_testkit::postgres::database().await.unwrap();
    let store = Postgres::open(database.url()).await.unwrap();
    let dialect = Dialect {
        series: "generate_series(1, 20000) n",
        text: "n::text",
        entry: "convert_to(repeat('x', 400), 'UTF8')",
        hash: r"sha256('\x00'::bytea || convert_to(repeat('x', 400), 'UTF8'))",
        salt: "sha256('')",
        key: "convert_to('k' || n % 100, 'UTF8')",
    };
    for statement in fill(&dialect) {
        let filled = store.pool.execute(AssertSqlSafe(statement)).await.unwrap();
        assert_eq!(filled.rows_affected(), EVENTS.unsigned_abs());
    }
    // With statistics and without: a planner that knows nothing must not be led astray, either.
    for analyse in ["SELECT 1", "ANALYZE"] {
        store.pool.execute(analyse).await.unwrap();
        for (name, bound) in CASES {
            let statement = named(name, &[evidence::ALL, listing::ALL, timeline::ALL]);
            let mut tx = store.pool.begin().await.unwrap();
            for _ in 0..TIMES {
                let (before,): (i64,) = sqlx::query_as(READ).fetch_one(&mut *tx).await.unwrap();
                let query = bound.iter().fold(sqlx::query(statement), |query, value| match value {
                    Bound::Text(text) => query.bind(*text),
                    Bound::Number(number) => query.bind(*number),
                });
                let answered = query.fetch_all(&mut *tx).await.unwrap().len();
                let (after,): (i64,) = sqlx::query_as(READ).fetch_one(&mut *tx).await.unwrap();
                assert!(answered > 0 && after - before <= MOST, "{name} read {} rows for {answered}", after - before);
            }
        }
    }
}
