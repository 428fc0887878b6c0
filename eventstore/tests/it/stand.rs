//! A store under test that can be closed and opened again.

use std::sync::Arc;

use portolan_eventstore::txn::{Op, Put, Txn};
use portolan_eventstore::{Appended, Context, Error, EventStore, Intent, Options, Proposal};
use portolan_rt::clock::ManualClock;
use portolan_rt::task::Supervisor;
use sqlx::{Connection as _, Executor as _};

/// A database with a store on it.
pub struct Stand {
    pub store: EventStore,
    pub clock: Arc<ManualClock>,
    pub url: String,
    supervisor: Supervisor,
    /// The files or the throw-away database, removed with this value.
    _home: Box<dyn std::any::Any + Send>,
}

impl Stand {
    pub async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::open(format!("sqlite:{}", dir.path().join("log.db").display()), dir).await
    }

    pub async fn postgres() -> Self {
        let database = portolan_testkit::postgres::database().await.unwrap();
        Self::open(database.url().to_owned(), database).await
    }

    pub async fn mysql() -> Self {
        let database = portolan_testkit::mariadb::database().await.unwrap();
        Self::open(database.url().to_owned(), database).await
    }

    async fn open(url: String, home: impl std::any::Any + Send) -> Self {
        let clock = Arc::new(ManualClock::new(1_700_000_000_000_000));
        let (store, supervisor) = open(&url, clock.clone()).await;
        Self { store, clock, url, supervisor, _home: Box::new(home) }
    }

    /// Closes the store and opens the same database again.
    pub async fn reopen(self) -> Self {
        self.supervisor.shutdown().request_now();
        let (store, supervisor) = open(&self.url, self.clock.clone()).await;
        Self { store, supervisor, ..self }
    }

    /// A second replica on the same database.
    pub async fn replica(&self) -> EventStore {
        open(&self.url, self.clock.clone()).await.0
    }

    /// Runs SQL past the store.
    pub async fn execute(&self, sql: &'static str) -> Result<(), sqlx::Error> {
        if self.url.starts_with("mysql:") {
            sqlx::MySqlConnection::connect(&self.url).await?.execute(sql).await?;
        } else {
            sqlx::PgConnection::connect(&self.url).await?.execute(sql).await?;
        }
        Ok(())
    }

    pub async fn put(&self, key: &str, value: &str) -> i64 {
        put(&self.store, key, value).await
    }

    pub async fn txn(&self, txn: Txn) -> Result<Appended, Error> {
        self.store.append(Proposal::new(Context::system(), "etcd.txn", Intent::Txn(txn))).await
    }
}

async fn open(url: &str, clock: Arc<ManualClock>) -> (EventStore, Supervisor) {
    let supervisor = Supervisor::new();
    let store = EventStore::open(Options { url: url.to_owned(), clock }, &supervisor).await.unwrap();
    (store, supervisor)
}

/// Puts a key; answers the revision.
pub async fn put(store: &EventStore, key: &str, value: &str) -> i64 {
    let txn = Txn::of(vec![Op::Put(Put::new(key.to_owned(), value.to_owned()))]);
    let proposal = Proposal::new(Context::system(), "etcd.put", Intent::Txn(txn));
    committed(store.append(proposal).await)
}

/// The revision of a committed event.
pub fn committed(appended: Result<Appended, Error>) -> i64 {
    match appended.unwrap() {
        Appended::Committed { revision, .. } => revision,
        other => panic!("expected a committed event, got {other:?}"),
    }
}
