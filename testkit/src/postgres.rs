//! Throw-away PostgreSQL databases.
//!
//! One server per test run (nextest's setup script starts it and exports `PORTOLAN_TEST_POSTGRES`), else one per test process,
//! started when first asked for. Each test takes a database of its own with [`database`]. A test that must take the server itself
//! away starts one for itself with [`Server::start`].

use std::hash::{BuildHasher as _, RandomState};
use std::str::FromStr as _;

use anyhow::Context as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use tokio::sync::OnceCell;

use crate::throwaway::Program;

/// Its absence is no error: then the process starts a server of its own.
const VARIABLE: &str = "PORTOLAN_TEST_POSTGRES";
const SCRIPT: &str = "throwaway-postgres";

/// The server of this process, when the run has none. Statics are not dropped: the end of our end of its stdin is its end.
static OWN: OnceCell<Server> = OnceCell::const_new();

/// A server on a unix socket; stopped and removed when dropped, or when the test process dies.
#[derive(Debug)]
pub struct Server {
    program: Program,
}

/// An empty database, dropped with this value (which ends connections that are still open).
#[derive(Debug)]
pub struct Database {
    url: String,
    server: String,
    name: String,
}

/// An empty database on the server of the run.
///
/// # Errors
/// When PostgreSQL is not installed or refuses.
pub async fn database() -> anyhow::Result<Database> {
    Database::create(&run_server().await?, "template1").await
}

/// A database that is a copy of a prepared one. The first test of the run that asks for `template` prepares it with `prepare`
/// (which gets its URL, and must close its connections); the others wait for that and then copy, which takes milliseconds.
///
/// # Errors
/// When PostgreSQL is not installed or refuses, or when `prepare` fails.
pub async fn database_like<F, Fut>(template: &str, prepare: F) -> anyhow::Result<Database>
where
    F: FnOnce(String) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let server = run_server().await?;
    let mut connection = PgConnection::connect(&server).await?;
    // Held by this session: other test processes wait here while one of them prepares.
    connection.execute("SELECT pg_advisory_lock(7085)").await?;
    let found: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(template)
        .fetch_one(&mut connection)
        .await?;
    if !found {
        let draft = format!("{template}_draft");
        execute(&mut connection, format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)")).await?;
        execute(&mut connection, format!("CREATE DATABASE {draft}")).await?;
        prepare(url_of(&server, &draft)).await?;
        execute(&mut connection, format!("ALTER DATABASE {draft} RENAME TO {template}")).await?;
    }
    connection.close().await?;
    Database::create(&server, template).await
}

async fn run_server() -> anyhow::Result<String> {
    #[expect(clippy::disallowed_methods, reason = "the test runner's setting, not one of the product")]
    let given = std::env::var(VARIABLE);
    if let Ok(url) = given {
        return Ok(url);
    }
    let own = OWN.get_or_try_init(|| async { tokio::task::spawn_blocking(Server::start).await? }).await?;
    Ok(own.program.url().to_owned())
}

// === impl Server ===

impl Server {
    /// Starts one for this test alone. Blocks for about a second.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not come up.
    pub fn start() -> anyhow::Result<Self> {
        Ok(Self { program: Program::start(SCRIPT)? })
    }

    /// An empty database on this server.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn database(&self) -> anyhow::Result<Database> {
        Database::create(self.program.url(), "template1").await
    }

    /// Takes the server away at once, connections and all (an immediate shutdown of its postmaster).
    ///
    /// # Errors
    /// When it is gone already.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.program.command("stop")
    }

    /// kill -9 of all its processes.
    ///
    /// # Errors
    /// When it is gone already.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.program.command("kill")
    }

    /// Brings it back, with what was committed.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        self.program.command("start")
    }
}

// === impl Database ===

impl Database {
    async fn create(server: &str, template: &str) -> anyhow::Result<Self> {
        let name = format!("t_{}_{:016x}", std::process::id(), RandomState::new().hash_one(0));
        let mut connection = PgConnection::connect(server).await.context("could not reach the test server")?;
        execute(&mut connection, format!("CREATE DATABASE {name} TEMPLATE {template}")).await?;
        connection.close().await?;
        Ok(Self { url: url_of(server, &name), server: server.to_owned(), name })
    }

    /// `postgres://…`, as the store's setting takes it.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let server = self.server.clone();
        // A thread with its own runtime: the test's one can't be waited on from a drop.
        let dropping = std::thread::spawn(move || -> anyhow::Result<()> {
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
                let mut connection = PgConnectOptions::from_str(&server)?.disable_statement_logging().connect().await?;
                execute(&mut connection, statement).await
            })
        });
        // The server may be gone by intent; then the database is gone too.
        let _result = dropping.join();
    }
}

async fn execute(connection: &mut PgConnection, statement: String) -> anyhow::Result<()> {
    connection.execute(AssertSqlSafe(statement)).await?;
    Ok(())
}

fn url_of(server: &str, database: &str) -> String {
    server.replacen("/postgres?", &format!("/{database}?"), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn connected(url: &str) -> anyhow::Result<()> {
        PgConnection::connect(url).await?.ping().await?;
        Ok(())
    }

    #[tokio::test]
    async fn a_database_comes_and_goes() {
        let database = database().await.unwrap();
        let url = database.url().to_owned();
        let open = PgConnection::connect(&url).await.unwrap();
        drop(database);
        connected(&url).await.unwrap_err();
        drop(open);
    }

    #[tokio::test]
    async fn a_copy_has_what_was_prepared() {
        for _ in 0..2 {
            let copy = database_like("testkit_template", |url| async move {
                let mut connection = PgConnection::connect(&url).await?;
                connection.execute("CREATE TABLE prepared (x int)").await?;
                connection.close().await?;
                Ok(())
            })
            .await
            .unwrap();
            PgConnection::connect(copy.url()).await.unwrap().execute("INSERT INTO prepared VALUES (1)").await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_server_can_be_taken_away_and_come_back() {
        let mut server = Server::start().unwrap();
        let database = server.database().await.unwrap();
        connected(database.url()).await.unwrap();
        server.stop().unwrap();
        connected(database.url()).await.unwrap_err();
        server.start_again().unwrap();
        connected(database.url()).await.unwrap();
        server.kill().unwrap();
        connected(database.url()).await.unwrap_err();
        server.start_again().unwrap();
        connected(database.url()).await.unwrap();
    }
}
