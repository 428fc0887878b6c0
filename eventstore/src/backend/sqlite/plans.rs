//! SQLite: how statements read, as it plans them.

use sqlx::{AssertSqlSafe, Executor as _};

use super::*;
use crate::backend::plans::{Bound, CASES, Dialect, fill, named};

#[tokio::test]
async fn statements_read_what_they_answer_and_little_more() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path().join("log.db").to_str().unwrap()).await.unwrap();
    let dialect = Dialect {
        series: "(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000) SELECT n FROM numbers)",
        text: "CAST(n AS TEXT)",
        entry: "zeroblob(400)",
        hash: "zeroblob(32)",
        salt: "zeroblob(32)",
        key: "CAST('k' || n % 100 AS BLOB)",
    };
    for statement in fill(&dialect) {
        (&store.writer).execute(AssertSqlSafe(statement)).await.unwrap();
    }
    for analyse in ["SELECT 1", "ANALYZE"] {
        (&store.writer).execute(analyse).await.unwrap();
        for (name, bound) in CASES {
            let statement = named(name, &[evidence::ALL, listing::ALL, timeline::ALL]);
            let explain = format!("EXPLAIN QUERY PLAN {statement}");
            let query = bound.iter().fold(sqlx::query_as(AssertSqlSafe(explain)), |query, value| match value {
                Bound::Text(text) => query.bind(*text),
                Bound::Number(number) => query.bind(*number),
            });
            let plan: Vec<(i64, i64, i64, String)> = query.fetch_all(&store.writer).await.unwrap();
            // A subquery's result is scanned, of as many rows as are wanted.
            let whole = plan.iter().find(|step| step.3.starts_with("SCAN") && step.3 != "SCAN made");
            assert!(!plan.is_empty() && whole.is_none(), "{name}: {plan:?}");
        }
    }
}
