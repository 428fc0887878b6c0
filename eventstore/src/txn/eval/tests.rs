//! Transactions over a small state.

use super::*;
use crate::keyspace::{Committed, State};

struct AnyLease;

impl Leases for AnyLease {
    fn exists(&self, _: i64) -> bool {
        true
    }
}

struct Memory<'a>(&'a State);

impl Past for Memory<'_> {
    fn range_at(&self, range: &KeyRange, revision: i64) -> Result<Vec<Arc<KeyValue>>, Error> {
        self.0.range_at(range, revision).ok_or(Error::Compacted)
    }
}

fn state() -> State {
    let mut state = State::load(Vec::new(), 0, 0);
    let put = |key: &'static str, mod_revision| {
        let after = KeyValue {
            key: key.into(),
            value: "v".into(),
            create_revision: mod_revision,
            mod_revision,
            version: 1,
            lease: 0,
        };
        Change { key: key.into(), after: Some(Arc::new(after)), before: None }
    };
    for (revision, key) in [(1, "a"), (2, "b")] {
        state.apply(Arc::new(Committed { revision, recorded_at: revision, changes: vec![put(key, revision)] }));
    }
    state
}

fn run(txn: &Txn) -> Result<(TxnAnswer, Vec<Change>), Error> {
    let state = state();
    let (overlay, past) = (Overlay::new(&state), Memory(&state));
    let mut draft = Draft::new(&overlay, &AnyLease, &past);
    let answer = draft.run(txn)?;
    Ok((answer, draft.into_changes()))
}

fn compare(range: KeyRange, relation: Relation, operand: Operand) -> Txn {
    Txn { compares: vec![Compare { keys: range.into(), relation, operand }], ..Txn::default() }
}

#[test]
fn compares_follow_etcd() {
    let a = || KeyRange::key("a");
    let missing = || KeyRange::key("zz");
    let all = || KeyRange::prefix("");
    let cases = [
        (compare(a(), Relation::Equal, Operand::Version(1)), true),
        (compare(a(), Relation::Less, Operand::Mod(1)), false),
        (compare(a(), Relation::NotEqual, Operand::Value("w".into())), true),
        (compare(missing(), Relation::Equal, Operand::Create(0)), true),
        (compare(missing(), Relation::Equal, Operand::Lease(0)), true),
        (compare(missing(), Relation::NotEqual, Operand::Value("w".into())), false),
        (compare(all(), Relation::Equal, Operand::Value("v".into())), true),
        (compare(all(), Relation::Equal, Operand::Mod(1)), false),
        (compare(KeyRange::prefix("zz"), Relation::Equal, Operand::Version(0)), true),
        (Txn::default(), true),
    ];
    for (txn, expected) in cases {
        assert_eq!(run(&txn).unwrap().0.succeeded, expected, "{txn:?}");
    }
}

#[test]
fn nested_compares_do_not_see_the_writes_of_the_outer_transaction() {
    let inner = Txn {
        success: vec![Op::Put(Put::new("inner", "yes"))],
        failure: vec![Op::Put(Put::new("inner", "no"))],
        ..compare(KeyRange::key("new"), Relation::Equal, Operand::Version(0))
    };
    let (answer, changes) = run(&Txn::of(vec![Op::Put(Put::new("new", "1")), Op::Txn(inner)])).unwrap();
    assert!(matches!(&answer.answers[1], OpAnswer::Txn(inner) if inner.succeeded));
    assert_eq!(changes.last().unwrap().after.as_ref().unwrap().value, "yes");
}

#[test]
fn reads_inside_see_earlier_writes_and_the_revision_moves_with_the_first() {
    let read = || Op::Range(RangeQuery::all(KeyRange::prefix("")));
    let (answer, _) = run(&Txn::of(vec![read(), Op::Put(Put::new("c", "1")), read()])).unwrap();
    let seen = |at: usize| match &answer.answers[at] {
        OpAnswer::Range { revision, answer } => (*revision, answer.kvs.len()),
        other => panic!("{other:?}"),
    };
    assert_eq!((seen(0), seen(2)), ((2, 2), (3, 3)));
}

#[test]
fn reads_of_the_past_inside_a_transaction() {
    let read = |revision| {
        Txn::of(vec![
            Op::Put(Put::new("c", "1")),
            Op::Range(RangeQuery { revision, ..RangeQuery::all(KeyRange::prefix("")) }),
        ])
    };
    let count = |revision| match run(&read(revision)).unwrap().0.answers.remove(1) {
        OpAnswer::Range { answer, .. } => answer.count,
        other => panic!("{other:?}"),
    };
    assert_eq!((count(1), count(2), count(0)), (1, 2, 3));
    assert_eq!(run(&read(3)).unwrap_err(), Error::FutureRevision, "its own revision is not there yet");
}

#[test]
fn a_batch_of_pending_events_can_be_read_at_each_revision() {
    let state = state();
    let (mut overlay, past) = (Overlay::new(&state), Memory(&state));
    for key in ["c", "d"] {
        let mut draft = Draft::new(&overlay, &AnyLease, &past);
        draft.run(&Txn::of(vec![Op::Put(Put::new(key, "1"))])).unwrap();
        let changes = draft.into_changes();
        let revision = overlay.revision() + 1;
        overlay.commit(Arc::new(Committed { revision, recorded_at: revision, changes }));
    }
    assert_eq!(overlay.revision(), 4);
    let count = |revision| overlay.range_at(&KeyRange::prefix(""), revision, &past).unwrap().len();
    assert_eq!([1, 2, 3, 4].map(count), [1, 2, 3, 4]);
}

#[test]
fn a_put_can_keep_value_and_lease() {
    let first = Put { lease: Some(5), ..Put::new("a", "w") };
    let second = Put { value: None, lease: None, prev_kv: true, key: "a".into() };
    let (answer, changes) = run(&Txn::of(vec![Op::Put(first), Op::Put(second)])).unwrap();
    assert_eq!(changes.len(), 1, "two writes of a key fold into one change");
    let after = changes[0].after.as_ref().unwrap();
    assert_eq!((after.value.as_ref(), after.lease, after.version), (b"w".as_ref(), 5, 3));
    assert!(matches!(&answer.answers[1], OpAnswer::Put { prev_kv: Some(kv) } if kv.version == 2));
}
