//! What statements read of a log that is much longer than their answer, for the tests of the backends.

/// Events of the log.
pub(super) const EVENTS: i64 = 20_000;
/// Rows that a statement of [`CASES`] may touch.
pub(super) const MOST: i64 = 1_000;

/// A value to bind.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    Text(Option<&'static str>),
    Number(i64),
}
use Bound::{Number, Text};

const AFTER: Bound = Number(19_000);
const TO: Bound = Number(19_100);
const PAGE: Bound = Number(100);
const RARELY: Bound = Text(Some("rare"));
const ANY: Bound = Text(None);
const FIRST: Bound = Number(0);
const LAST: Bound = Number(EVENTS + 1);

/// Names of statements, and what to bind.
pub(super) const CASES: &[(&str, &[Bound])] = &[
    ("evidence_events", &[AFTER, PAGE]),
    ("evidence_contexts", &[AFTER, TO]),
    ("evidence_salts", &[AFTER, TO]),
    ("evidence_changes", &[AFTER, TO]),
    ("leaves", &[AFTER, PAGE]),
    ("events_list_by_actor", &[RARELY, FIRST, LAST, PAGE]),
    ("events_list_by_action", &[RARELY, FIRST, LAST, PAGE]),
    ("events_list_by_resource", &[RARELY, RARELY, FIRST, LAST, PAGE]),
    ("events_list", &[FIRST, LAST, PAGE]),
    // It looks at all events in between, whatever there is to answer.
    ("events_scan", &[ANY, Text(Some("route")), ANY, ANY, AFTER, TO, PAGE]),
    ("made_by_actor", &[RARELY, FIRST, LAST, PAGE]),
    ("made_by_action", &[RARELY, FIRST, LAST, PAGE]),
];

/// The statement of a name.
pub(super) fn named(name: &str, all: &[&[&'static str]]) -> &'static str {
    let head = format!("-- {name}\n");
    all.iter().copied().flatten().find(|statement| statement.starts_with(&head)).expect("a statement of that name")
}

/// How a database says what the tables are filled with.
pub(super) struct Dialect {
    /// A table of the numbers from 1, as `n`.
    pub series: &'static str,
    /// A number as text.
    pub text: &'static str,
    /// The bytes of an entry, its leaf hash, a salt and a key.
    pub entry: &'static str,
    pub hash: &'static str,
    pub salt: &'static str,
    pub key: &'static str,
}

/// What fills the tables.
pub(super) fn fill(dialect: &Dialect) -> [String; 4] {
    let Dialect { series, text, entry, hash, salt, key } = dialect;
    let or = |common: &str| format!("CASE WHEN n BETWEEN 100 AND 104 THEN 'rare' ELSE '{common}' END");
    let (action, actor, kind, id) = (or("route.update"), or("admin"), or("route"), or("1"));
    [
        format!(
            "INSERT INTO events (revision, event_id, recorded_at, action, outcome, actor_id, actor_kind, gateway_group,
               resource_kind, resource_id, request_id, causation_revision, entry, leaf_hash)
             SELECT n, {text}, n, {action}, 'success', {actor}, 'user', 'default', {kind}, {id}, '', NULL, {entry}, {hash}
             FROM {series}"
        ),
        format!("INSERT INTO contexts SELECT n, {salt}, {salt} FROM {series}"),
        format!("INSERT INTO change_salts SELECT n, {salt} FROM {series}"),
        format!("INSERT INTO changes SELECT n, 0, {key}, {salt}, 1, 1, 0, 0, {salt} FROM {series}"),
    ]
}
