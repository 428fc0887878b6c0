//! Time travel: changes between revisions replay to the states, pages lose nothing, a moment is a revision, and what was pruned is an
//! error.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use portolan_eventstore::retention::Run;
use portolan_eventstore::timeline::{Changes, ChangesQuery};
use portolan_eventstore::txn::{Delete, Op, Put, Txn};
use portolan_eventstore::{Context, Error, Intent, KeyRange, KeyValue, Proposal};

use crate::model::Random;
use crate::stand::Stand;

type State = BTreeMap<Bytes, Arc<KeyValue>>;

fn everything(from: i64, to: i64) -> ChangesQuery {
    ChangesQuery { keys: KeyRange::prefix(""), actor: None, action: None, from, to, limit: 5 }
}

/// All pages after one another.
async fn walk(stand: &Stand, query: ChangesQuery) -> Vec<Changes> {
    let mut pages = Vec::new();
    let mut next = Some(query.from);
    while let Some(from) = next {
        let page = stand.store.changes(&ChangesQuery { from, ..query.clone() }).await.unwrap();
        assert!(page.next.is_none_or(|next| next > from), "a page leads on");
        next = page.next;
        pages.push(page);
    }
    pages
}

async fn state(stand: &Stand, revision: i64) -> State {
    let keys = stand.store.state_at(&KeyRange::prefix(""), revision).await.unwrap();
    keys.into_iter().map(|kv| (kv.key.clone(), kv)).collect()
}

/// Random changes of three groups' keys by three actors with two actions, and events without changes between them.
async fn write(stand: &Stand, random: &mut Random, events: usize) {
    for _ in 0..events {
        let key = |random: &mut Random| format!("/{}/k{}", ["a", "b", "c"][at(random, 3)], random.below(4));
        let mut ops = BTreeMap::new();
        for _ in 0..=random.below(3) {
            let key = key(random);
            let op = match random.below(4) {
                0 => Op::Delete(Delete { range: KeyRange::key(key.clone()), prev_kv: false }),
                _ => Op::Put(Put::new(key.clone(), random.below(1_000).to_string())),
            };
            ops.insert(key, op);
        }
        let mut context = Context::system();
        context.actor.id = ["ann", "bob", "eve"][at(random, 3)].into();
        let intent = match random.below(5) {
            0 => Intent::Record,
            _ => Intent::Txn(Txn::of(ops.into_values().collect())),
        };
        let action = ["route.update", "group.apply"][at(random, 2)];
        stand.store.append(Proposal::new(context, action, intent)).await.unwrap();
        stand.clock.advance(Duration::from_millis(1 + random.below(3)));
    }
}

fn at(random: &mut Random, n: u64) -> usize {
    usize::try_from(random.below(n)).unwrap()
}

pub async fn changes_replay_to_the_state_at_every_revision(stand: Stand) {
    write(&stand, &mut Random(7), 120).await;
    let head = stand.store.revision();
    let stand = stand.reopen().await;
    for from in [0, 1, 17, head - 1, head] {
        let mut replayed = state(&stand, from).await;
        let pages = walk(&stand, everything(from, head)).await;
        let mut events: BTreeMap<i64, _> = BTreeMap::new();
        for event in pages.iter().flat_map(|page| &page.events) {
            assert!(events.insert(event.revision, event).is_none(), "{} twice", event.revision);
        }
        for revision in from + 1..=head {
            for change in events.get(&revision).map_or(&[][..], |event| event.changes.as_slice()) {
                assert_eq!(replayed.get(&change.key), change.before.as_ref(), "{revision}");
                match &change.after {
                    Some(after) => replayed.insert(change.key.clone(), after.clone()),
                    None => replayed.remove(&change.key),
                };
            }
            assert_eq!(replayed, state(&stand, revision).await, "from {from}, revision {revision}");
        }
    }
    let short = walk(&stand, everything(5, 9)).await;
    assert!(short.iter().flat_map(|page| &page.events).all(|event| (6..=9).contains(&event.revision)));
    assert!(walk(&stand, everything(head, head + 50)).await[0].events.is_empty(), "the future is empty");
}

pub async fn pages_of_a_filter_lose_nothing_and_tell_nothing_twice(stand: Stand) {
    write(&stand, &mut Random(11), 150).await;
    let head = stand.store.revision();
    let all = walk(&stand, everything(0, head)).await;
    let all: Vec<_> = all.iter().flat_map(|page| &page.events).collect();
    let ranges = [KeyRange::prefix(""), KeyRange::prefix("/b/"), KeyRange::key("/a/k1"), KeyRange::prefix("/nothing/")];
    for keys in ranges {
        for actor in [None, Some("ann"), Some("nobody")] {
            for action in [None, Some("group.apply")] {
                for limit in [1, 4, 1_000] {
                    let query = ChangesQuery {
                        keys: keys.clone(),
                        actor: actor.map(str::to_owned),
                        action: action.map(str::to_owned),
                        limit,
                        ..everything(3, head - 3)
                    };
                    let pages = walk(&stand, query.clone()).await;
                    let mut told = Vec::new();
                    for page in &pages {
                        let size: usize = page.events.iter().map(|event| event.changes.len()).sum();
                        let last = page.events.last().map_or(0, |event| event.changes.len());
                        assert!(size < limit + last.max(1), "a page ends with what fills it: {query:?}");
                        told.extend(page.events.iter().map(|event| (event.revision, event.changes.clone())));
                    }
                    let mut expected = Vec::new();
                    for event in &all {
                        let inside = (4..=head - 3).contains(&event.revision);
                        let by = actor.is_none_or(|actor| actor == event.entry.actor.id);
                        let own: Vec<_> =
                            event.changes.iter().filter(|change| keys.contains(&change.key)).cloned().collect();
                        if inside && by && action.is_none_or(|action| action == event.entry.action) && !own.is_empty() {
                            expected.push((event.revision, own));
                        }
                    }
                    assert_eq!(told, expected, "{query:?}");
                }
            }
        }
    }
}

pub async fn a_moment_is_the_revision_that_was_the_last_one_then(stand: Stand) {
    let first = stand.store.event(1).await.unwrap().unwrap().entry.recorded_at;
    let mut times = vec![first];
    for n in 0..5 {
        stand.clock.advance(Duration::from_millis(10));
        let revision = stand.put("a", &n.to_string()).await;
        times.push(stand.store.event(revision).await.unwrap().unwrap().entry.recorded_at);
    }
    assert_eq!(stand.store.revision_at(first - 1).await.unwrap(), 0);
    assert!(state(&stand, 0).await.is_empty(), "before the first event there was nothing");
    for (revision, time) in (1..).zip(&times) {
        assert_eq!(stand.store.revision_at(*time).await.unwrap(), revision, "at its own time");
        assert_eq!(stand.store.revision_at(time + 1).await.unwrap(), revision, "between two");
    }
    assert_eq!(stand.store.revision_at(i64::MAX).await.unwrap(), 6);
    let between = stand.store.revision_at(times[3] + 5_000).await.unwrap();
    assert_eq!(state(&stand, between).await[&Bytes::from("a")].value, "2");
}

pub async fn changes_below_the_floor_are_an_error(stand: Stand) {
    for n in 0..6 {
        stand.put("a", &n.to_string()).await;
    }
    stand.store.prune_below(Context::system(), 5, Run::Real).await.unwrap();
    let head = stand.store.revision();
    let stand = stand.reopen().await;
    assert_eq!(stand.store.floor().await.unwrap(), 5);
    for from in [0, 1, 4] {
        let told = stand.store.changes(&everything(from, head)).await;
        assert!(matches!(told, Err(Error::Pruned { floor: 5, .. })), "{from}: {told:?}");
    }
    let told = walk(&stand, everything(5, head)).await;
    let changes: Vec<_> = told.iter().flat_map(|page| &page.events).flat_map(|event| &event.changes).collect();
    assert_eq!(changes.len(), 2);
    assert!(changes.iter().all(|change| change.before.is_some()), "what was replaced is told as well");
    assert!(matches!(stand.store.state_at(&KeyRange::key("a"), 0).await, Err(Error::Pruned { .. })));
}

pub async fn a_page_of_changes_is_bounded_in_bytes_and_in_work(stand: Stand) {
    let large = "x".repeat(1_500_000);
    for _ in 0..4 {
        stand.put("/a/large", &large).await;
    }
    let pages = walk(&stand, ChangesQuery { limit: 1_000, ..everything(0, 5) }).await;
    assert_eq!(pages.iter().map(|page| page.events.len()).collect::<Vec<_>>(), [2, 2]);
}
