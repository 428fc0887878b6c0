//! Protection of the log inside PostgreSQL: who may do what, made once by an administrator and checked at every start.
//!
//! The application's login can read and call the append function; it can't insert, change or delete a row by itself. The tables'
//! owner can't log in, and even as the owner nobody changes a row of `events` or a trigger. A superuser can do both: against that
//! stand the Merkle tree and its checkpoints, not the database.

use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{Connection as _, Executor as _};

use crate::backend::migrate_postgres;
use crate::error::Error;

const SET_APP_ROLE: &str = "-- protect_app_role
SELECT set_config('portolan.app_role', $1, true)";
const PROTECT: &str = include_str!("protect/protect.sql");
const OWNER: &str = "-- protection_owner
SELECT tableowner::text FROM pg_tables WHERE schemaname = current_schema AND tablename = 'events'";
/// The facts that matter, one per line, in an order of their own.
const FACTS: &str = include_str!("protect/facts.sql");
/// The facts as they should be; a test regenerates them.
const EXPECTED: &str = include_str!("protect/expected.txt");

/// How well the database protects the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protection {
    /// The database has no roles to separate (SQLite), or `portolan db protect` was never run.
    Off,
    /// As it should be.
    On,
    /// Was set up, and is no longer as it should be: each line names a fact that is missing (`-`) or should not be (`+`).
    Broken(Vec<String>),
}

/// Migrates the database and sets its protection up. `url` must be a superuser's; `app_role` is the existing login that control planes
/// will use.
///
/// # Errors
/// When the role is missing or a superuser, or the database refuses.
pub async fn protect(url: &str, app_role: &str) -> Result<(), Error> {
    let pool = PgPool::connect(url).await?;
    migrate_postgres(&pool).await?;
    pool.close().await;
    let mut connection = PgConnection::connect(url).await?;
    let mut tx = connection.begin().await?;
    sqlx::query(SET_APP_ROLE).bind(app_role).execute(&mut *tx).await?;
    tx.execute(PROTECT).await?;
    tx.commit().await?;
    connection.close().await?;
    Ok(())
}

/// Compares triggers, functions, grants and owners with what they should be.
pub(crate) async fn check(pool: &PgPool) -> Result<Protection, Error> {
    let (owner,): (String,) = sqlx::query_as(OWNER).fetch_one(pool).await?;
    if owner != "portolan_owner" {
        return Ok(Protection::Off);
    }
    let facts = facts(pool).await?;
    let differences = differences(&facts, &EXPECTED.lines().collect::<Vec<_>>());
    Ok(if differences.is_empty() { Protection::On } else { Protection::Broken(differences) })
}

async fn facts(pool: &PgPool) -> Result<Vec<String>, Error> {
    let rows: Vec<(String,)> = sqlx::query_as(FACTS).fetch_all(pool).await?;
    let mut facts: Vec<String> = rows.into_iter().map(|(fact,)| fact).collect();
    facts.sort_unstable();
    Ok(facts)
}

fn differences(facts: &[String], expected: &[&str]) -> Vec<String> {
    let missing = expected.iter().filter(|line| !facts.iter().any(|fact| fact == *line)).map(|line| format!("-{line}"));
    let surplus = facts.iter().filter(|fact| !expected.contains(&fact.as_str())).map(|fact| format!("+{fact}"));
    missing.chain(surplus).collect()
}

#[cfg(test)]
mod tests;
