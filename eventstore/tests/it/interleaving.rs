//! Any interleaving of writes, erasures, prunings and holds: the log proves what is left, every state that can be told is told right, and
//! nothing that a hold covered went while it was in force.

use std::collections::{BTreeMap, BTreeSet};

use portolan_eventstore::read::EventQuery;
use portolan_eventstore::retention::{Run, Scope};
use portolan_eventstore::txn::{Delete, Op, Put, Txn};
use portolan_eventstore::{Appended, Change, Context, EventStore, Intent, KeyRange, Proposal};

use crate::model::Random;
use crate::proof::ledger::Keys;
use crate::retention::verdict;
use crate::stand::Stand;

const ACTORS: [&str; 3] = ["ann", "bob", "eve"];
const WRITES: usize = 40;
const ROUNDS: usize = 8;

type State = BTreeMap<String, String>;

fn context(actor: &str) -> Context {
    let mut context = Context::system();
    context.actor.id = actor.to_owned();
    context.actor.name = Some(format!("Name of {actor}"));
    context
}

fn pick<'a>(random: &mut Random, of: &[&'a str]) -> &'a str {
    of[usize::try_from(random.below(of.len() as u64)).unwrap()]
}

/// One actor's writes with what they changed.
async fn writer(store: EventStore, actor: &str, seed: u64) -> Vec<(i64, Vec<Change>)> {
    let mut random = Random(seed);
    let mut written = Vec::new();
    for _ in 0..WRITES {
        let key = format!("/apisix/routes/{}", random.below(5));
        let op = match random.below(4) {
            0 => Op::Delete(Delete { range: KeyRange::key(key), prev_kv: false }),
            _ => Op::Put(Put::new(key, random.below(1_000).to_string())),
        };
        let proposal = Proposal::new(context(actor), "route.update", Intent::Txn(Txn::of(vec![op])));
        if let Appended::Committed { revision, changes, .. } = store.append(proposal).await.unwrap() {
            written.push((revision, changes));
        }
        tokio::task::yield_now().await;
    }
    written
}

async fn pruner(store: EventStore, seed: u64) {
    let mut random = Random(seed);
    for _ in 0..ROUNDS {
        let below = store.revision() - i64::try_from(random.below(20)).unwrap();
        store.prune_below(context("clerk"), below.max(1), Run::Real).await.unwrap();
    }
}

async fn eraser(store: EventStore, seed: u64) {
    let mut random = Random(seed);
    for _ in 0..ROUNDS {
        // Refused when a hold covers everything: also an answer.
        let _ = store.erase(context("clerk"), pick(&mut random, &ACTORS), Run::Real).await.unwrap();
    }
}

/// Sets holds and releases them; what was there when a hold was acknowledged is there when its release is asked for.
async fn holder(store: EventStore, seed: u64) {
    let mut random = Random(seed);
    for round in 0..ROUNDS {
        let head = store.revision();
        let scope = match round % 3 {
            0 => Scope::Actor(pick(&mut random, &ACTORS).to_owned()),
            1 => Scope::Revisions { first: 1 + head / 2, last: head },
            _ => {
                Scope::Resource { group: Some("default".into()), kind: "route".into(), id: random.below(5).to_string() }
            }
        };
        let hold = store.hold(context("law"), &scope).await.unwrap();
        let before = covered(&store, &scope, hold).await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        let after = covered(&store, &scope, hold).await;
        assert!(after.is_superset(&before), "{scope:?}: {:?} went", before.difference(&after));
        if random.below(4) > 0 {
            assert!(store.release(context("law"), hold).await.unwrap().is_some());
        }
    }
}

/// Payloads up to a hold that it covers and that are there: revision, and whether it is the context.
async fn covered(store: &EventStore, scope: &Scope, hold: i64) -> BTreeSet<(i64, bool)> {
    let query = EventQuery { before: Some(hold + 1), limit: i64::MAX, ..EventQuery::default() };
    let mut there = BTreeSet::new();
    for event in store.events(&query).await.unwrap().events {
        let inside = event.revision == hold
            || match scope {
                Scope::Actor(id) => event.entry.actor.id == *id,
                Scope::Revisions { first, last } => (*first..=*last).contains(&event.revision),
                Scope::Resource { id, .. } => {
                    let key = format!("/apisix/routes/{id}");
                    event.changes.iter().any(|change| change.key == key)
                }
                Scope::Group(_) => false,
            };
        if inside {
            there.extend(event.personal.is_some().then_some((event.revision, true)));
            there.extend((!event.changes.is_empty()).then_some((event.revision, false)));
        }
    }
    there
}

pub async fn any_interleaving_with_erasures_and_holds_stays_true(stand: Stand) {
    let keys = Keys::new();
    let mut written: BTreeMap<i64, Vec<Change>> = BTreeMap::new();
    for seed in [1, 2] {
        let store = || stand.store.clone();
        let writers = ACTORS.iter().zip(0..).map(|(actor, n)| writer(store(), actor, seed * 100 + n));
        let (told_now, ..) = tokio::join!(
            futures_util::future::join_all(writers),
            pruner(store(), seed * 7),
            pruner(store(), seed * 11),
            eraser(store(), seed * 13),
            holder(store(), seed * 17),
            holder(store(), seed * 19),
        );
        written.extend(told_now.into_iter().flatten());
        // The states as the writers were told them, from the floor on.
        let floor = stand.store.floor().await.unwrap();
        let told = async |revision| -> State {
            let keys = stand.store.state_at(&KeyRange::prefix("/apisix/"), revision).await.unwrap();
            keys.iter().map(|kv| (text(&kv.key), text(&kv.value))).collect()
        };
        let mut model = told(floor).await;
        for revision in floor + 1..=stand.store.revision() {
            for change in written.get(&revision).map_or(&[][..], Vec::as_slice) {
                match &change.after {
                    Some(kv) => model.insert(text(&kv.key), text(&kv.value)),
                    None => model.remove(&text(&change.key)),
                };
            }
            assert_eq!(told(revision).await, model, "seed {seed}, revision {revision}");
        }
        let now: State = stand
            .store
            .read(|view| view.range(&KeyRange::prefix("/apisix/")))
            .iter()
            .map(|kv| (text(&kv.key), text(&kv.value)))
            .collect();
        assert_eq!(now, model, "seed {seed}");
        verdict(&stand, &keys).await.unwrap();
    }
}

fn text(bytes: &bytes::Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
