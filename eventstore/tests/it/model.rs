//! Any interleaving of proposals equals a sequential model: random transactions from several clients at once, then the log's own
//! order replayed on a map.

use std::collections::BTreeMap;

use portolan_eventstore::keyspace::RangeQuery;
use portolan_eventstore::txn::{Compare, Delete, Op, OpAnswer, Operand, Put, Relation, Txn, TxnAnswer};
use portolan_eventstore::{Appended, Context, EventStore, Intent, KeyRange, Proposal};

use crate::stand::Stand;

const CLIENTS: u64 = 8;
const TRANSACTIONS: usize = 40;

/// splitmix64: small, seeded, the same everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn key(&mut self) -> String {
        format!("k{}", self.below(6))
    }

    fn range(&mut self) -> KeyRange {
        if self.below(3) == 0 { KeyRange::prefix("k") } else { KeyRange::key(self.key()) }
    }

    fn op(&mut self, depth: u64) -> Op {
        match self.below(if depth == 0 { 4 } else { 3 }) {
            0 => Op::Put(Put { prev_kv: true, ..Put::new(self.key(), self.below(3).to_string()) }),
            1 => Op::Delete(Delete { range: self.range(), prev_kv: true }),
            2 => Op::Range(RangeQuery::all(self.range())),
            _ => Op::Txn(self.txn(depth + 1)),
        }
    }

    fn ops(&mut self, depth: u64) -> Vec<Op> {
        (0..self.below(3)).map(|_| self.op(depth)).collect()
    }

    fn txn(&mut self, depth: u64) -> Txn {
        let compare = |random: &mut Self| Compare {
            keys: random.range().into(),
            relation: [Relation::Equal, Relation::Greater, Relation::Less, Relation::NotEqual]
                [usize::try_from(random.below(4)).unwrap()],
            operand: match random.below(3) {
                0 => Operand::Version(i64::try_from(random.below(3)).unwrap()),
                1 => Operand::Value(random.below(3).to_string().into()),
                _ => Operand::Create(0),
            },
        };
        Txn {
            compares: (0..self.below(2)).map(|_| compare(self)).collect(),
            success: self.ops(depth),
            failure: self.ops(depth),
        }
    }
}

/// What a key is in the model: value, create revision, version.
type Model = BTreeMap<String, (String, i64, i64)>;

/// The transaction as etcd's documentation has it, on a map. Compares first, all of them, then the operations in order.
fn run(model: &mut Model, txn: &Txn, revision: i64) -> TxnShape {
    fn choose(model: &Model, txn: &Txn, path: &mut Vec<bool>) {
        let holds = txn.compares.iter().all(|compare| holds(model, compare));
        path.push(holds);
        for op in if holds { &txn.success } else { &txn.failure } {
            if let Op::Txn(inner) = op {
                choose(model, inner, path);
            }
        }
    }
    fn act(model: &mut Model, txn: &Txn, revision: i64, path: &mut impl Iterator<Item = bool>) -> TxnShape {
        let succeeded = path.next().unwrap();
        let ops = if succeeded { &txn.success } else { &txn.failure };
        let answers = ops
            .iter()
            .map(|op| match op {
                Op::Put(put) => {
                    let key = text(&put.key);
                    let before = model.get(&key).cloned();
                    let (create, version) =
                        before.as_ref().map_or((revision, 1), |(_, create, version)| (*create, version + 1));
                    model.insert(key, (text(put.value.as_ref().unwrap()), create, version));
                    format!("put {:?}", before.map(|(value, ..)| value))
                }
                Op::Delete(delete) => {
                    let gone: Vec<String> =
                        model.keys().filter(|key| delete.range.contains(key.as_bytes())).cloned().collect();
                    gone.iter().for_each(|key| drop(model.remove(key)));
                    format!("deleted {gone:?}")
                }
                Op::Range(query) => {
                    let found = model.iter().filter(|(key, _)| query.keys.contains(key.as_bytes()));
                    format!(
                        "range {:?}",
                        found.map(|(key, (value, ..))| (key.clone(), value.clone())).collect::<Vec<_>>()
                    )
                }
                Op::Txn(inner) => format!("txn {:?}", act(model, inner, revision, path)),
            })
            .collect();
        TxnShape { succeeded, answers }
    }
    let mut path = Vec::new();
    choose(model, txn, &mut path);
    act(model, txn, revision, &mut path.into_iter())
}

fn holds(model: &Model, compare: &Compare) -> bool {
    let found: Vec<_> = model.iter().filter(|(key, _)| compare.keys.contains(key.as_bytes())).collect();
    let related = |ordering: std::cmp::Ordering| match compare.relation {
        Relation::Equal => ordering.is_eq(),
        Relation::Greater => ordering.is_gt(),
        Relation::Less => ordering.is_lt(),
        Relation::NotEqual => ordering.is_ne(),
    };
    let one = |kv: Option<&(String, i64, i64)>| match &compare.operand {
        Operand::Version(v) => related(kv.map_or(0, |kv| kv.2).cmp(v)),
        Operand::Create(v) => related(kv.map_or(0, |kv| kv.1).cmp(v)),
        Operand::Value(v) => kv.is_some_and(|kv| related(kv.0.as_bytes().cmp(v.as_ref()))),
        other => panic!("not generated: {other:?}"),
    };
    if found.is_empty() { one(None) } else { found.into_iter().all(|(_, kv)| one(Some(kv))) }
}

/// An answer reduced to what both sides can say.
#[derive(Debug, PartialEq, Eq)]
struct TxnShape {
    succeeded: bool,
    answers: Vec<String>,
}

fn shape(answer: &TxnAnswer) -> TxnShape {
    let answers = answer.answers.iter().map(|answer| match answer {
        OpAnswer::Put { prev_kv } => format!("put {:?}", prev_kv.as_ref().map(|kv| text(&kv.value))),
        OpAnswer::Delete { prev_kvs, .. } => {
            format!("deleted {:?}", prev_kvs.iter().map(|kv| text(&kv.key)).collect::<Vec<_>>())
        }
        OpAnswer::Range { answer, .. } => {
            format!("range {:?}", answer.kvs.iter().map(|kv| (text(&kv.key), text(&kv.value))).collect::<Vec<_>>())
        }
        OpAnswer::Txn(inner) => format!("txn {:?}", shape(inner)),
    });
    TxnShape { succeeded: answer.succeeded, answers: answers.collect() }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// One client's transactions with what it was told.
async fn client(store: EventStore, seed: u64) -> Vec<(Txn, Appended)> {
    let mut random = Random(seed);
    let mut told = Vec::new();
    for _ in 0..TRANSACTIONS {
        let txn = random.txn(0);
        let proposal = Proposal::new(Context::system(), "etcd.txn", Intent::Txn(txn.clone()));
        told.push((txn, store.append(proposal).await.unwrap()));
    }
    told
}

pub async fn any_interleaving_equals_the_sequential_model(stand: Stand) {
    for seed in [1, 2, 3] {
        let before = stand.store.revision();
        let keys = stand.store.read(|view| view.range(&KeyRange::prefix("k")));
        let mut model: Model =
            keys.iter().map(|kv| (text(&kv.key), (text(&kv.value), kv.create_revision, kv.version))).collect();
        let clients = (0..CLIENTS).map(|n| client(stand.store.clone(), seed * 1_000 + n));
        let told: Vec<_> = futures_util::future::join_all(clients).await.into_iter().flatten().collect();
        // Committed ones in the order of the log; plain ones belong after the revision that they name.
        let mut events: Vec<_> = told
            .iter()
            .map(|(txn, appended)| match appended {
                Appended::Committed { revision, answer, .. } => (*revision, 0, txn, answer),
                Appended::Unchanged { revision, answer } => (*revision, 1, txn, answer),
                Appended::Refused { .. } => panic!("no transaction is refused"),
            })
            .collect();
        events.sort_by_key(|(revision, plain, ..)| (*revision, *plain));
        let mut next = before + 1;
        for (revision, plain, txn, answer) in events {
            assert_eq!(run(&mut model, txn, revision), shape(answer), "seed {seed}, revision {revision}: {txn:?}");
            if plain == 0 {
                assert_eq!(revision, next, "seed {seed}");
                next += 1;
            }
            let at = stand.store.state_at(&KeyRange::prefix("k"), revision).await.unwrap();
            let at: Model =
                at.iter().map(|kv| (text(&kv.key), (text(&kv.value), kv.create_revision, kv.version))).collect();
            assert_eq!(at, model, "seed {seed}, revision {revision}");
        }
        assert_eq!(stand.store.revision(), next - 1);
    }
    // The projection in the database equals the replay of the changes, at every revision.
    let head = stand.store.revision();
    let memory = stand.store.state_at(&KeyRange::prefix(""), head).await.unwrap();
    let stand = stand.reopen().await;
    assert_eq!(stand.store.state_at(&KeyRange::prefix(""), head).await.unwrap(), memory);
    let mut replayed = BTreeMap::new();
    for event in stand.store.events_after(0, usize::MAX).await.unwrap() {
        for change in &event.changes {
            match &change.after {
                Some(after) => replayed.insert(change.key.clone(), after.clone()),
                None => replayed.remove(&change.key),
            };
        }
        let from_log = stand.store.state_at(&KeyRange::prefix(""), event.revision).await.unwrap();
        assert_eq!(from_log, replayed.values().cloned().collect::<Vec<_>>(), "revision {}", event.revision);
    }
}
