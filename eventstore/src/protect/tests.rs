//! Attacks on a protected log, as the roles that an attacker could have.

use std::sync::Arc;

use portolan_rt::clock::SystemClock;
use portolan_rt::task::Supervisor;
use portolan_testkit::postgres::Database;

use super::*;
use crate::retention::{Run, Scope};
use crate::txn::{Op, Put, Txn};
use crate::{Context, EventStore, Intent, Options, Proposal};

/// A protected database, and the application's URL of it.
async fn protected() -> (Database, String) {
    let database = portolan_testkit::postgres::database().await.unwrap();
    let role = format!("app_{}", uuid::Uuid::now_v7().simple());
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    let create = format!("CREATE ROLE {role} LOGIN");
    connection.execute(sqlx::AssertSqlSafe(create)).await.unwrap();
    protect(database.url(), &role).await.unwrap();
    protect(database.url(), &role).await.unwrap(); // a second time changes nothing
    let url = as_user(database.url(), &role);
    (database, url)
}

/// The same database as another user.
fn as_user(url: &str, user: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let host = rest.split_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{user}@{host}")
}

async fn open(url: &str) -> (EventStore, Supervisor) {
    let supervisor = Supervisor::new();
    let options = Options { url: url.to_owned(), clock: Arc::new(SystemClock) };
    (EventStore::open(options, &supervisor).await.unwrap(), supervisor)
}

#[tokio::test]
async fn the_facts_are_the_committed_ones() {
    let (_database, url) = protected().await;
    let pool = PgPool::connect(&url).await.unwrap();
    let facts = facts(&pool).await.unwrap().join("\n") + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/protect/expected.txt"), &facts).unwrap();
    }
    assert_eq!(facts, EXPECTED, "after a change of the migrations: UPDATE=1 cargo test -p portolan-eventstore protect");
}

#[tokio::test]
async fn the_application_appends_and_can_do_nothing_else() {
    let (_database, url) = protected().await;
    let (store, _supervisor) = open(&url).await;
    assert_eq!(store.protection().await.unwrap(), Protection::On);
    store.append(Proposal::new(Context::system(), "auth.login", Intent::Record)).await.unwrap();
    assert_eq!(store.revision(), 2);
    let lease = store.lease_grant(0, 60).await.unwrap();
    store.lease_revoke(Context::system(), lease.id, |_| true).await.unwrap();
    store.compact(2).await.unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    for attack in [
        "INSERT INTO events SELECT * FROM events",
        "UPDATE events SET action = 'x'",
        "DELETE FROM events",
        "TRUNCATE events CASCADE",
        "UPDATE contexts SET body = ''",
        "DELETE FROM changes",
        "DELETE FROM contexts",
        "DELETE FROM change_salts",
        "UPDATE log_floor SET revision = 99",
        "SET ROLE portolan_keeper",
        "UPDATE log_head SET revision = 0",
        "INSERT INTO keys SELECT * FROM keys",
        "UPDATE secrets SET value = ''",
        "ALTER TABLE events DISABLE TRIGGER ALL",
        "DROP TABLE events CASCADE",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "SET session_replication_role = replica",
        "SET ROLE portolan_owner",
        "SET ROLE portolan_writer",
        "DROP EVENT TRIGGER portolan_refuse_ddl",
    ] {
        let error = connection.execute(attack).await.expect_err(attack);
        let code = error.as_database_error().and_then(|error| error.code().map(String::from));
        assert_eq!(code.as_deref(), Some("42501"), "{attack}: {error}");
    }
    assert_eq!(store.protection().await.unwrap(), Protection::On);
}

#[tokio::test]
async fn payloads_go_only_where_an_event_accounts_for_it() {
    let (_database, url) = protected().await;
    let (store, _supervisor) = open(&url).await;
    let put = |value: &'static str| Intent::Txn(Txn::of(vec![Op::Put(Put::new("key", value))]));
    for value in ["1", "2", "3"] {
        store.append(Proposal::new(Context::system(), "etcd.put", put(value))).await.unwrap(); // 2, 3, 4
    }
    let hold = store.hold(Context::system(), &Scope::Revisions { first: 2, last: 2 }).await.unwrap(); // 5
    // Appended by the application, as it may; carried out by nobody yet.
    let prune = Proposal::new(Context::system(), "audit.prune", Intent::Record).on("revisions", "1..4");
    store.append(prune).await.unwrap(); // 6
    let erase = Proposal::new(Context::system(), "audit.erase", Intent::Record).on("actor", "ann");
    store.append(erase).await.unwrap(); // 7
    let mut connection = PgConnection::connect(&url).await.unwrap();
    for (attack, why) in [
        ("SELECT log_remove(4, 5, '{1}', '{}', 0)", "no event accounts"),
        ("SELECT log_remove(99, 5, '{1}', '{}', 0)", "no event accounts"),
        ("SELECT log_remove(6, 5, '{6}', '{}', 0)", "does not cover"),
        ("SELECT log_remove(6, 5, '{}', '{3}', 9)", "prunes up to 4"),
        ("SELECT log_remove(6, 5, '{2}', '{}', 5)", "legal hold"),
        ("SELECT log_remove(6, 5, '{}', '{2}', 5)", "legal hold"),
        ("SELECT log_remove(6, 5, '{}', '{4}', 5)", "state after the floor"),
        ("SELECT log_remove(7, 5, '{1}', '{}', 0)", "does not cover"),
        ("SELECT log_remove(7, 5, '{}', '{3}', 0)", "contexts alone"),
    ] {
        let error = connection.execute(attack).await.expect_err(attack);
        let code = error.as_database_error().and_then(|error| error.code().map(String::from));
        assert_eq!((code.as_deref(), error.to_string().contains(why)), (Some("42501"), true), "{attack}: {error}");
    }
    let (known,): (bool,) =
        sqlx::query_as("SELECT log_remove(6, 0, '{1}', '{}', 5)").fetch_one(&mut connection).await.unwrap();
    assert!(!known, "it was asked without knowing of the hold");
    let pruned = store.prune(Context::system(), i64::MAX, Run::Real).await.unwrap();
    assert_eq!((pruned.contexts, pruned.changes, pruned.held), (4, 1, 3));
    assert_eq!(store.holds().await.unwrap()[0].revision, hold);
    assert_eq!(store.protection().await.unwrap(), Protection::On);
}

#[tokio::test]
async fn not_even_the_owner_changes_an_event_or_a_trigger() {
    let (database, url) = protected().await;
    let (store, _supervisor) = open(&url).await;
    let put = Intent::Txn(Txn::of(vec![Op::Put(Put::new("key", "value"))]));
    store.append(Proposal::new(Context::system(), "etcd.put", put)).await.unwrap();
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    // As an earlier version wrote them.
    connection.execute("INSERT INTO change_salts SELECT revision, salt FROM changes").await.unwrap();
    connection.execute("SET ROLE portolan_owner").await.unwrap();
    for attack in [
        "UPDATE events SET action = 'x'",
        "DELETE FROM events",
        "TRUNCATE events CASCADE",
        "DELETE FROM contexts",
        "UPDATE contexts SET body = ''",
        "DELETE FROM changes",
        "UPDATE changes SET value = NULL",
        "DELETE FROM change_salts",
        "TRUNCATE contexts",
        "ALTER TABLE events DISABLE TRIGGER events_no_change",
        "DROP TRIGGER events_no_change ON events",
        "ALTER TABLE events DROP CONSTRAINT events_check",
        "DROP TABLE events CASCADE",
        "CREATE RULE r AS ON INSERT TO events DO INSTEAD NOTHING",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "GRANT INSERT ON events TO PUBLIC",
        "SET ROLE portolan_owner; ALTER EVENT TRIGGER portolan_refuse_ddl DISABLE",
    ] {
        let error = connection.execute(attack).await.expect_err(attack);
        let code = error.as_database_error().and_then(|error| error.code().map(String::from));
        assert_eq!(code.as_deref(), Some("42501"), "{attack}: {error}");
    }
    assert_eq!(store.protection().await.unwrap(), Protection::On);
    assert!(store.event(1).await.unwrap().is_some());
}

#[tokio::test]
async fn what_a_superuser_takes_apart_is_named_at_the_next_look() {
    let (database, url) = protected().await;
    let (store, _supervisor) = open(&url).await;
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    for (attack, named) in [
        ("ALTER TABLE events DISABLE TRIGGER events_no_change", "-trigger events_no_change on events enabled=A"),
        ("GRANT UPDATE ON events TO PUBLIC", "+application may UPDATE events"),
        (
            "CREATE OR REPLACE FUNCTION refuse_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
            "-function refuse_ddl",
        ),
        ("ALTER TABLE changes OWNER TO CURRENT_USER", "-table changes owner=portolan_owner"),
        ("ALTER TABLE events DROP CONSTRAINT events_check", "-constraint events_check on events: CHECK"),
        ("CREATE RULE quiet AS ON INSERT TO events DO INSTEAD NOTHING", "+rule quiet on events"),
    ] {
        connection.execute(attack).await.unwrap();
        let Protection::Broken(lines) = store.protection().await.unwrap() else { panic!("{attack} went unseen") };
        assert!(lines.iter().any(|line| line.starts_with(named)), "{attack}: {lines:?}");
    }
}

#[tokio::test]
async fn a_superuser_is_no_application() {
    let database = portolan_testkit::postgres::database().await.unwrap();
    let refused = protect(database.url(), "postgres").await;
    let Err(Error::Unavailable(error)) = refused else { panic!("{refused:?}") };
    assert!(error.to_string().contains("superuser"), "{error}");
    let (store, _supervisor) = open(database.url()).await;
    assert_eq!(store.protection().await.unwrap(), Protection::Off);
}

#[tokio::test]
async fn who_starts_a_newer_version_is_told_to_protect_again() {
    let (database, url) = protected().await;
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    let before = "DELETE FROM _sqlx_migrations WHERE version = (SELECT max(version) FROM _sqlx_migrations)";
    connection.execute(before).await.unwrap();
    let options = Options { url, clock: Arc::new(SystemClock) };
    let refused = EventStore::open(options, &Supervisor::new()).await.err().unwrap().to_string();
    assert!(refused.contains("run `portolan db protect` with the new version"), "{refused}");
}
