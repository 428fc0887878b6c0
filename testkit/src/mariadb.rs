//! Throw-away MariaDB databases, as [`postgres`](crate::postgres) has them.
//!
//! One server per test run (nextest's setup script exports `PORTOLAN_TEST_MARIADB`), else one per test process, started when
//! first asked for. Each test takes a database of its own with [`database`].

use std::hash::{BuildHasher as _, RandomState};
use std::str::FromStr as _;

use anyhow::Context as _;
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};
use tokio::sync::OnceCell;

use crate::throwaway::Program;

/// Its absence is no error: then the process starts a server of its own.
const VARIABLE: &str = "PORTOLAN_TEST_MARIADB";
const SCRIPT: &str = "throwaway-mariadb";

/// The server of this process, when the run has none. Statics are not dropped: the end of our end of its stdin is its end.
static OWN: OnceCell<Server> = OnceCell::const_new();

/// A server on a unix socket; stopped and removed when dropped, or when the test process dies.
#[derive(Debug)]
pub struct Server {
    program: Program,
}

/// An empty database, dropped with this value.
#[derive(Debug)]
pub struct Database {
    url: String,
    server: String,
    name: String,
}

/// An empty database on the server of the run.
///
/// # Errors
/// When MariaDB is not installed or refuses.
pub async fn database() -> anyhow::Result<Database> {
    #[expect(clippy::disallowed_methods, reason = "the test runner's setting, not one of the product")]
    let given = std::env::var(VARIABLE);
    if let Ok(url) = given {
        return Database::create(&url).await;
    }
    let own = OWN.get_or_try_init(|| async { tokio::task::spawn_blocking(Server::start).await? }).await?;
    own.database().await
}

// === impl Server ===

impl Server {
    /// Starts one for this test alone. Blocks for about a second.
    ///
    /// # Errors
    /// When MariaDB is not installed or does not come up.
    pub fn start() -> anyhow::Result<Self> {
        Ok(Self { program: Program::start(SCRIPT)? })
    }

    /// An empty database on this server.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn database(&self) -> anyhow::Result<Database> {
        Database::create(self.program.url()).await
    }

    /// Takes the server away at once, connections and all.
    ///
    /// # Errors
    /// When it is gone already.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.program.command("stop")
    }

    /// Brings it back, with what was committed.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start_again(&mut self) -> anyhow::Result<()> {
        self.program.command("start")
    }
}

/// No TLS inside the socket: MySQL offers it there too, and hangs up before the client's TLS has said goodbye.
fn options(server: &str) -> anyhow::Result<MySqlConnectOptions> {
    Ok(MySqlConnectOptions::from_str(server)?.ssl_mode(MySqlSslMode::Disabled))
}

// === impl Database ===

impl Database {
    async fn create(server: &str) -> anyhow::Result<Self> {
        let name = format!("t_{}_{:016x}", std::process::id(), RandomState::new().hash_one(0));
        let mut connection = options(server)?.connect().await.context("could not reach the test server")?;
        connection.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
        connection.close().await?;
        Ok(Self { url: server.replacen("/mysql?", &format!("/{name}?"), 1), server: server.to_owned(), name })
    }

    /// `mysql://…`, as the store's setting takes it.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Waits for transactions that are still open, but not for ever.
        let statement = format!("SET lock_wait_timeout = 5; DROP DATABASE IF EXISTS {}", self.name);
        let server = self.server.clone();
        // A thread with its own runtime: the test's one can't be waited on from a drop.
        let dropping = std::thread::spawn(move || -> anyhow::Result<()> {
            tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
                let mut connection = options(&server)?.disable_statement_logging().connect().await?;
                connection.execute(AssertSqlSafe(statement)).await?;
                Ok(())
            })
        });
        // The server may be gone by intent; then the database is gone too.
        let _result = dropping.join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn connected(url: &str) -> anyhow::Result<()> {
        options(url)?.connect().await?.ping().await?;
        Ok(())
    }

    #[tokio::test]
    async fn a_database_comes_and_goes() {
        let database = database().await.unwrap();
        let url = database.url().to_owned();
        let open = options(&url).unwrap().connect().await.unwrap();
        drop(database);
        connected(&url).await.unwrap_err();
        drop(open);
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
    }
}
