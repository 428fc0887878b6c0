//! The database as its superuser has it: no trigger, no check, no reference stands in the way.

use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

/// The tables that an attacker may want to change.
const TABLES: [&str; 8] =
    ["events", "changes", "change_salts", "contexts", "keys", "log_head", "checkpoints", "tree_blocks"];

pub enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    Mysql(MySqlConnection),
}

macro_rules! on {
    ($raw:expr, $connection:ident => $work:expr) => {
        match $raw {
            Raw::Sqlite($connection) => $work,
            Raw::Postgres($connection) => $work,
            Raw::Mysql($connection) => $work,
        }
    };
}

impl Raw {
    pub async fn connect(url: &str) -> Self {
        match url.split_once(':').unwrap().0 {
            "sqlite" => Self::Sqlite(SqliteConnection::connect(url).await.unwrap()),
            "postgres" | "postgresql" => Self::Postgres(PgConnection::connect(url).await.unwrap()),
            _ => {
                let mut raw = Self::Mysql(MySqlConnection::connect(url).await.unwrap());
                raw.run("SET SESSION sql_mode = concat(@@sql_mode, ',ANSI_QUOTES')").await;
                raw
            }
        }
    }

    pub async fn run(&mut self, sql: &str) {
        let done = on!(self, connection => connection.execute(AssertSqlSafe(sql.to_owned())).await.map(drop));
        assert!(done.is_ok(), "{sql}: {done:?}");
    }

    pub async fn texts(&mut self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        on!(self, connection => sqlx::query_scalar(sql).fetch_all(connection).await.unwrap())
    }

    pub async fn bytes(&mut self, sql: &str) -> Vec<u8> {
        let sql = AssertSqlSafe(sql.to_owned());
        on!(self, connection => sqlx::query_scalar(sql).fetch_one(connection).await.unwrap())
    }

    /// A literal for bytes.
    pub fn literal(&self, bytes: &[u8]) -> String {
        match self {
            Self::Postgres(_) => format!("'\\x{}'::bytea", hex::encode(bytes)),
            Self::Sqlite(_) | Self::Mysql(_) => format!("x'{}'", hex::encode(bytes)),
        }
    }

    /// Takes every guard away and remembers the tables as they are.
    pub async fn disarm(&mut self) {
        match self {
            Self::Sqlite(_) => {
                self.run("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON").await;
                for trigger in self.texts("SELECT name FROM sqlite_schema WHERE type = 'trigger'").await {
                    self.run(&format!("DROP TRIGGER {trigger}")).await;
                }
            }
            Self::Postgres(_) => {
                // What an attacker changes in `keys` counts from then on.
                self.run("SELECT log_fold()").await;
                let checks =
                    "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) FROM pg_constraint
                    WHERE connamespace = current_schema::regnamespace AND contype IN ('c', 'f')";
                for statement in self.texts(checks).await {
                    self.run(&statement).await;
                }
                for table in TABLES {
                    self.run(&format!("ALTER TABLE \"{table}\" DISABLE TRIGGER USER")).await;
                }
            }
            Self::Mysql(_) => {
                self.run("SET SESSION foreign_key_checks = 0").await;
                // MariaDB has a switch, MySQL an attribute of each check.
                if self.texts("SELECT version()").await.concat().contains("MariaDB") {
                    self.run("SET SESSION check_constraint_checks = 0").await;
                } else {
                    let checks =
                        "SELECT concat('ALTER TABLE \"', table_name, '\" ALTER CHECK \"', constraint_name, '\" NOT ENFORCED')
                        FROM information_schema.table_constraints
                        WHERE constraint_schema = database() AND constraint_type = 'CHECK'";
                    for statement in self.texts(checks).await {
                        self.run(&statement).await;
                    }
                }
                let triggers = "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = database()";
                for trigger in self.texts(triggers).await {
                    self.run(&format!("DROP TRIGGER {trigger}")).await;
                }
            }
        }
        for table in TABLES {
            self.run(&format!("CREATE TABLE saved_{table} AS SELECT * FROM \"{table}\"")).await;
        }
    }

    /// Puts the tables back as they were.
    pub async fn restore(&mut self) {
        for table in TABLES {
            self.run(&format!("DELETE FROM \"{table}\"")).await;
            self.run(&format!("INSERT INTO \"{table}\" SELECT * FROM saved_{table}")).await;
        }
    }
}
