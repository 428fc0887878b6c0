//! A superuser changes the database in every way we can think of: `verify_store` names the first bad revision.

use aws_lc_rs::digest;
use portolan_eventstore::proof::report::{Kind, Verdict};
use portolan_eventstore::proof::{Log, verify_store};

use super::ledger::{self, Keys};
use super::raw::Raw;
use crate::stand::Stand;

/// What the verifier must say: the first bad revision (0 = none), and what is wrong.
type Expected = (i64, Kind);

#[tokio::test]
async fn sqlite() {
    matrix(Stand::sqlite().await).await;
}

#[tokio::test]
async fn postgres() {
    matrix(Stand::postgres().await).await;
}

#[tokio::test]
async fn mysql() {
    matrix(Stand::mysql().await).await;
}

async fn matrix(stand: Stand) {
    let keys = Keys::new();
    ledger::fill(&stand, &keys).await;
    let mut raw = Raw::connect(&stand.url).await;
    raw.disarm().await;
    verdict(&stand.url, &keys, &[]).await.unwrap();
    let mut cases = columns(&mut raw).await;
    cases.extend(rows(&mut raw, &keys).await);
    for (name, statements, expected) in cases {
        for statement in &statements {
            raw.run(statement).await;
        }
        let found = verdict(&stand.url, &keys, &[]).await;
        assert_eq!(found.err(), Some(expected), "{name}");
        raw.restore().await;
    }
    erasures(&stand, &mut raw, &keys).await;
    rewrites(&stand, &mut raw, &keys).await;
    verdict(&stand.url, &keys, &[]).await.unwrap();
}

async fn verdict(url: &str, keys: &Keys, held: &[String]) -> Result<(i64, i64), Expected> {
    // A handle of its own, as a verifier has it: nothing is remembered from before.
    let log = Log::open(url).await.unwrap();
    match verify_store(&log, &keys.trusted(), held, &|_| {}).await.unwrap() {
        Verdict::Ok(report) => Ok((report.redacted.contexts, report.redacted.changes)),
        Verdict::Fail(failure) => Err((failure.revision.unwrap_or(0), failure.kind)),
    }
}

type Case = (String, Vec<String>, Expected);

/// One value of each column of revision 8 (or of the head, or of checkpoint 8) is changed by one bit or one step.
async fn columns(raw: &mut Raw) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |table: &str, column: &str, value: &str, row: &str, expected: Expected| {
        let statement = format!("UPDATE {table} SET {column} = {value} WHERE {row}");
        cases.push((format!("{table}.{column}"), vec![statement], expected));
    };
    for column in
        ["event_id", "action", "actor_id", "actor_kind", "gateway_group", "resource_kind", "resource_id", "request_id"]
    {
        case("events", column, "'x'", "revision = 8", (8, Kind::Column));
    }
    case("events", "outcome", "'failed'", "revision = 8", (8, Kind::Column));
    case("events", "gateway_group", "NULL", "revision = 8", (8, Kind::Column));
    case("events", "recorded_at", "recorded_at + 1", "revision = 8", (8, Kind::Column));
    case("events", "causation_revision", "causation_revision + 1", "revision = 8", (8, Kind::Column));
    case("events", "revision", "100", "revision = 8", (8, Kind::Gap));
    let blobs = [
        ("events", "entry", "revision = 8", (8, Kind::Leaf)),
        ("events", "leaf_hash", "revision = 8", (8, Kind::Leaf)),
        ("contexts", "salt", "revision = 8", (8, Kind::Context)),
        ("contexts", "body", "revision = 8", (8, Kind::Context)),
        ("changes", "salt", "revision = 8 AND ordinal = 0", (8, Kind::Changes)),
        ("changes", "value", "revision = 8 AND ordinal = 1", (8, Kind::Changes)),
        ("log_head", "tree_frontier", "one = 1", (0, Kind::Head)),
        ("checkpoints", "root", "size = 8", (0, Kind::Checkpoint)),
    ];
    for (table, column, row, expected) in blobs {
        let mut bytes = raw.bytes(&format!("SELECT {column} FROM {table} WHERE {row}")).await;
        bytes[0] ^= 1;
        let value = raw.literal(&bytes);
        case(table, column, &value, row, expected);
    }
    let key = raw.literal(b"x");
    case("changes", "\"key\"", &key, "revision = 8 AND ordinal = 0", (8, Kind::Changes));
    for column in ["create_revision", "version", "prev_revision", "lease_id"] {
        let value = format!("{column} + 1");
        case("changes", column, &value, "revision = 8 AND ordinal = 1", (8, Kind::Changes));
        // A deletion has counters as well, all 0.
        case("changes", column, &value, "revision = 6", (6, Kind::Changes));
    }
    case("changes", "ordinal", "ordinal + 1", "revision = 8 AND ordinal = 1", (8, Kind::Column));
    case("changes", "revision", "100", "revision = 8 AND ordinal = 1", (8, Kind::Changes));
    case("changes", "value", "NULL", "revision = 8 AND ordinal = 1", (8, Kind::Changes));
    case("changes", "salt", "NULL", "revision = 8", (8, Kind::Changes));
    case("log_head", "epoch", "'x'", "one = 1", (1, Kind::Entry));
    case("log_head", "recorded_at", "recorded_at + 1", "one = 1", (0, Kind::Head));
    case("log_head", "revision", "12", "one = 1", (0, Kind::Head));
    case("checkpoints", "size", "9", "size = 8", (0, Kind::Checkpoint));
    case("checkpoints", "note", "'x'", "size = 8", (0, Kind::Checkpoint));
    let value = raw.literal(b"other");
    let of_c = format!("\"key\" = {}", raw.literal(b"c"));
    case("\"keys\"", "value", &value, &of_c, (8, Kind::Keys));
    for column in ["create_revision", "version", "lease_id", "mod_revision"] {
        case("\"keys\"", column, &format!("{column} + 1"), &of_c, (8, Kind::Keys));
    }
    // It keeps its revision under another name, and the one it had is missing.
    case("\"keys\"", "\"key\"", &key, &of_c, (8, Kind::Keys));
    cases
}

/// Whole rows are removed, moved and added.
async fn rows(raw: &mut Raw, keys: &Keys) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |name: &str, statements: &[&str], expected: Expected| {
        cases.push((name.to_owned(), statements.iter().map(|text| (*text).to_owned()).collect(), expected));
    };
    let everything_of = |revision: &str| {
        ["events", "contexts", "changes"].map(|table| format!("DELETE FROM {table} WHERE revision {revision}"))
    };
    let delete = |revision: &str| everything_of(revision).to_vec();
    for (name, revision, first) in [("an event", "= 8", 8), ("the first event", "= 1", 1), ("the tail", "> 10", 11)] {
        let statements = delete(revision);
        case(&format!("delete {name}"), &statements.iter().map(String::as_str).collect::<Vec<_>>(), (first, Kind::Gap));
    }
    // The head is made to fit the shorter log; the checkpoint of size 12 still knows better.
    let mut cut = delete("> 11");
    let frontier = [raw.root(1..=8).await, raw.root(9..=10).await, raw.root(11..=11).await].concat();
    let time = raw.texts(&format!("SELECT {} FROM events WHERE revision = 11", raw.text("recorded_at"))).await;
    cut.push(format!(
        "UPDATE log_head SET revision = 11, recorded_at = {}, tree_frontier = {}",
        time[0],
        raw.literal(&frontier)
    ));
    case("delete the tail and move the head", &cut.iter().map(String::as_str).collect::<Vec<_>>(), (12, Kind::Gap));
    case("delete a change", &["DELETE FROM changes WHERE revision = 8 AND ordinal = 0"], (8, Kind::Changes));
    let apart = "INSERT INTO change_salts SELECT revision, salt FROM changes WHERE revision = 8 AND ordinal = 0";
    case("delete all changes, not their salt", &[apart, "DELETE FROM changes WHERE revision = 8"], (8, Kind::Changes));
    case("delete a key", &["DELETE FROM \"keys\" WHERE mod_revision = 10"], (10, Kind::Keys));
    case("delete all checkpoints", &["DELETE FROM checkpoints"], (0, Kind::Checkpoint));
    case(
        "swap two events",
        &[
            "UPDATE events SET revision = 100 WHERE revision = 9",
            "UPDATE events SET revision = 9 WHERE revision = 10",
            "UPDATE events SET revision = 10 WHERE revision = 100",
        ],
        (9, Kind::Gap),
    );
    case(
        "swap two contexts",
        &[
            "UPDATE contexts SET revision = 100 WHERE revision = 9",
            "UPDATE contexts SET revision = 9 WHERE revision = 10",
            "UPDATE contexts SET revision = 10 WHERE revision = 100",
        ],
        (9, Kind::Context),
    );
    case("put an event in the middle", &["UPDATE events SET revision = 14 WHERE revision = 13", "INSERT INTO events
        SELECT 13, 'x', recorded_at, action, outcome, actor_id, actor_kind, gateway_group, resource_kind, resource_id, request_id,
        causation_revision, entry, leaf_hash FROM events WHERE revision = 12"], (13, Kind::Gap));
    case("add an event beyond the head", &["INSERT INTO events
        SELECT 14, 'x', recorded_at, action, outcome, actor_id, actor_kind, gateway_group, resource_kind, resource_id, request_id,
        causation_revision, entry, leaf_hash FROM events WHERE revision = 13"], (14, Kind::Gap));
    case("add a change to an event that has none", &["INSERT INTO changes
        SELECT 13, 0, \"key\", value, create_revision, version, prev_revision, lease_id, salt FROM changes WHERE revision = 7"],
        (13, Kind::Changes));
    case(
        "add a key",
        &["INSERT INTO \"keys\" SELECT value, value, 7, 7, 1, 0 FROM \"keys\" WHERE mod_revision = 10"],
        (7, Kind::Keys),
    );
    // Signed with a key of the attacker's own.
    let other = Keys::new();
    let (_, note) = portolan_eventstore::proof::Checkpoint::sign(&other.signer(), 13, [7; 32]);
    let root = raw.literal(&[7; 32]);
    case(
        "forge a checkpoint",
        &[&format!("INSERT INTO checkpoints (size, root, note, at) VALUES (13, {root}, '{note}', 0)")],
        (0, Kind::Checkpoint),
    );
    assert_ne!(other.vkey, keys.vkey);
    cases
}

/// A payload that is gone without an event that says so, whole with its salt.
async fn erasures(stand: &Stand, raw: &mut Raw, keys: &Keys) {
    raw.run("DELETE FROM contexts WHERE revision IN (5, 8)").await;
    assert_eq!(verdict(&stand.url, keys, &[]).await, Err((5, Kind::Missing)));
    raw.restore().await;
    raw.run("DELETE FROM changes WHERE revision IN (3, 6)").await;
    assert_eq!(verdict(&stand.url, keys, &[]).await, Err((3, Kind::Missing)));
    raw.restore().await;
}

/// History is rewritten with all its hashes, and the head with it.
async fn rewrites(stand: &Stand, raw: &mut Raw, keys: &Keys) {
    let signed = ledger::sign(stand, keys, ledger::on_demand(), Vec::new(), None);
    signed.cover(13).await;
    drop(signed);
    let kept = ledger::notes(&stand.url).await;
    assert_eq!(kept.len(), 5);
    raw.run("DELETE FROM checkpoints WHERE size = 13").await;
    for (revision, expected) in [(3, 2), (6, 5), (10, 9)] {
        rewrite(raw, revision).await;
        // The signed roots say between which two checkpoints it happened.
        assert_eq!(verdict(&stand.url, keys, &[]).await, Err((expected, Kind::Root)), "{revision}");
        raw.restore().await;
    }
    // After the last checkpoint in the database nothing in it can tell; a note that was kept elsewhere can.
    rewrite(raw, 13).await;
    assert_eq!(verdict(&stand.url, keys, &[]).await, Ok((0, 0)));
    assert_eq!(verdict(&stand.url, keys, &kept).await, Err((13, Kind::Root)));
    raw.restore().await;
    // Cut off with its checkpoint: the same.
    for table in ["events", "contexts"] {
        raw.run(&format!("DELETE FROM {table} WHERE revision = 13")).await;
    }
    let frontier = [raw.root(1..=8).await, raw.root(9..=12).await].concat();
    let time = raw.texts(&format!("SELECT {} FROM events WHERE revision = 12", raw.text("recorded_at"))).await;
    let frontier = raw.literal(&frontier);
    raw.run(&format!("UPDATE log_head SET revision = 12, recorded_at = {}, tree_frontier = {frontier}", time[0])).await;
    assert_eq!(verdict(&stand.url, keys, &[]).await, Ok((0, 0)));
    assert_eq!(verdict(&stand.url, keys, &kept).await, Err((13, Kind::Gap)));
    raw.restore().await;
}

/// Puts another actor into an event, with all hashes recomputed.
async fn rewrite(raw: &mut Raw, revision: i64) {
    let entry = raw.bytes(&format!("SELECT entry FROM events WHERE revision = {revision}")).await;
    let entry = String::from_utf8(entry).unwrap().replace(r#""id":"admin""#, r#""id":"someone""#);
    let (leaf, entry) = (raw.literal(&leaf_hash(entry.as_bytes())), raw.literal(entry.as_bytes()));
    raw.run(&format!(
        "UPDATE events SET entry = {entry}, leaf_hash = {leaf}, actor_id = 'someone' WHERE revision = {revision}"
    ))
    .await;
    let frontier = [raw.root(1..=8).await, raw.root(9..=12).await, raw.root(13..=13).await].concat();
    let frontier = raw.literal(&frontier);
    raw.run(&format!("UPDATE log_head SET tree_frontier = {frontier}")).await;
}

impl Raw {
    /// RFC 6962, from the leaf hashes as they are now.
    async fn root(&mut self, revisions: std::ops::RangeInclusive<i64>) -> Vec<u8> {
        let mut level = Vec::new();
        for revision in revisions {
            level.push(self.bytes(&format!("SELECT leaf_hash FROM events WHERE revision = {revision}")).await);
        }
        while level.len() > 1 {
            level = level.chunks(2).map(|pair| sha256(&[&[1], &pair[0], &pair[1]])).collect();
        }
        level.remove(0)
    }

    /// A column as text.
    fn text(&self, column: &str) -> String {
        let kind = if matches!(self, Self::Mysql(_)) { "char" } else { "text" };
        format!("CAST({column} AS {kind})")
    }
}

fn leaf_hash(entry: &[u8]) -> Vec<u8> {
    sha256(&[&[0], entry])
}

fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    digest::digest(&digest::SHA256, &parts.concat()).as_ref().to_vec()
}
