//! MySQL: what statements read, counted by the server.

use sqlx::{AssertSqlSafe, Executor as _};

use super::*;
use crate::backend::plans::{Bound, CASES, Dialect, EVENTS, MOST, fill, named};

#[tokio::test]
async fn statements_read_what_they_answer_and_little_more() {
    let database = portolan_testkit::mariadb::database().await.unwrap();
    let store = MySql::open(database.url()).await.unwrap();
    let dialect = Dialect {
        // In two steps: MySQL's recursion ends at 1,000.
        series: "(WITH RECURSIVE part (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM part WHERE n < 199)
            SELECT hundreds.n * 100 + ones.n + 1 AS n FROM part hundreds JOIN part ones ON ones.n < 100) numbers",
        text: "n",
        entry: "repeat('x', 400)",
        hash: "unhex(sha2(concat(x'00', repeat('x', 400)), 256))",
        salt: "unhex(sha2('', 256))",
        key: "concat('k', n % 100)",
    };
    for statement in fill(&dialect) {
        let filled = store.pool.execute(AssertSqlSafe(statement)).await.unwrap();
        assert_eq!(filled.rows_affected(), EVENTS.unsigned_abs());
    }
    for analyse in ["DO 1", "ANALYZE TABLE events, contexts, change_salts, changes"] {
        store.pool.execute(analyse).await.unwrap();
        for (name, bound) in CASES {
            let statement = named(name, &[evidence::ALL, listing::ALL, timeline::ALL]);
            let mut connection = store.pool.acquire().await.unwrap();
            let before = read(&mut connection).await;
            let query = bound.iter().fold(sqlx::query(statement), |query, value| match value {
                Bound::Text(text) => query.bind(*text),
                Bound::Number(number) => query.bind(*number),
            });
            let answered = query.fetch_all(&mut *connection).await.unwrap().len();
            let rows = read(&mut connection).await - before;
            assert!(answered > 0 && rows <= MOST, "{name} read {rows} rows for {answered}");
        }
    }
}

/// Rows that the connection has read so far.
async fn read(connection: &mut MySqlConnection) -> i64 {
    let status = sqlx::query_as("SHOW SESSION STATUS LIKE 'Handler_read%'").fetch_all(connection);
    let status: Vec<(String, String)> = status.await.unwrap();
    status.iter().map(|(_, count)| count.parse::<i64>().unwrap()).sum()
}
