//! Letting go of payloads: what goes, what stays, and that the log still proves and tells the rest.

use std::collections::BTreeMap;

use portolan_eventstore::proof::report::{Kind, Verdict};
use portolan_eventstore::proof::{Log, verify_store};
use portolan_eventstore::read::Redacted;
use portolan_eventstore::retention::{Removed, Run, Scope};
use portolan_eventstore::txn::{Delete, Op, Put, Txn};
use portolan_eventstore::{Context, Error, Intent, KeyRange, Proposal};

use crate::proof::ledger::{self, Keys};
use crate::proof::raw::Raw;
use crate::stand::Stand;

/// The verdict over the database, signed up to its head: numbers of redacted contexts and changes.
pub async fn verdict(stand: &Stand, keys: &Keys) -> Result<(i64, i64), (i64, Kind)> {
    let head = stand.store.revision();
    ledger::sign(stand, keys, ledger::on_demand(), Vec::new(), None).cover(head).await;
    match verify_store(&Log::open(&stand.url).await.unwrap(), &keys.trusted(), &[], &|_| {}).await.unwrap() {
        Verdict::Ok(report) => Ok((report.redacted.contexts, report.redacted.changes)),
        Verdict::Fail(failure) => Err((failure.revision.unwrap_or(0), failure.kind)),
    }
}

async fn prune(stand: &Stand, before: i64) -> Removed {
    stand.store.prune(Context::system(), before, Run::Real).await.unwrap()
}

async fn delete(stand: &Stand, key: &'static str) {
    let delete = Op::Delete(Delete { range: KeyRange::key(key), prev_kv: false });
    stand.txn(Txn::of(vec![delete])).await.unwrap();
}

fn actor(id: &str) -> Context {
    let mut context = Context::system();
    context.actor.id = id.to_owned();
    context.actor.name = Some(format!("Name of {id}"));
    context.reason = Some("personal".into());
    context
}

/// A range of one revision is written without dots, which the database's own check of a removal has to know.
pub async fn one_revision_goes_alone(stand: Stand) {
    let keys = Keys::new();
    stand.put("a", "1").await;
    let pruned = stand.store.prune_below(Context::system(), 2, Run::Real).await.unwrap();
    assert_eq!((pruned.revision, pruned.contexts), (Some(3), 1));
    let event = stand.store.event(3).await.unwrap().unwrap();
    assert_eq!(event.entry.resource.unwrap().id, "1");
    assert_eq!(verdict(&stand, &keys).await, Ok((1, 0)));
}

pub async fn what_is_old_and_not_needed_goes(stand: Stand) {
    let keys = Keys::new();
    stand.put("a", "1").await; // 2
    stand.put("b", "1").await; // 3: current for ever
    stand.put("a", "2").await;
    delete(&stand, "a").await; // 5
    stand.put("c", "1").await;
    stand.clock.advance(std::time::Duration::from_secs(60));
    stand.put("c", "2").await; // 7: the first that is young
    stand.put("a", "3").await;
    let young = stand.store.event(7).await.unwrap().unwrap().entry.recorded_at;
    assert_eq!(stand.store.revision_from(young).await.unwrap(), 7);
    assert_eq!(stand.store.revision_from(0).await.unwrap(), 1);
    assert_eq!(stand.store.revision_from(i64::MAX).await.unwrap(), 9);

    let looked = stand.store.prune(Context::system(), young, Run::Dry).await.unwrap();
    let expected = Removed { revision: None, contexts: 6, changes: 4, held: 0 };
    assert_eq!((looked, stand.store.revision()), (expected.clone(), 8));
    let pruned = prune(&stand, young).await;
    assert_eq!(pruned, Removed { revision: Some(9), ..expected });
    let event = stand.store.event(9).await.unwrap().unwrap();
    assert_eq!((event.entry.action.as_str(), event.entry.resource.unwrap().id.as_str()), ("audit.prune", "1..6"));
    assert_eq!(prune(&stand, young).await, Removed::default(), "nothing is left to do, nothing is recorded");
    assert_eq!(verdict(&stand, &keys).await, Ok((6, 4)));

    // Exact from the floor on, an error before it, also after memory is gone; the etcd face knows it as compacted.
    let stand = stand.reopen().await;
    assert_eq!((stand.store.floor().await.unwrap(), stand.store.compact_revision()), (7, 7));
    let told = |state: Vec<_>| -> Vec<String> { state.iter().map(pair).collect() };
    assert_eq!(told(stand.store.state_at(&KeyRange::prefix(""), 7).await.unwrap()), ["b=1", "c=2"]);
    assert_eq!(told(stand.store.state_at(&KeyRange::prefix(""), 8).await.unwrap()), ["a=3", "b=1", "c=2"]);
    let refused = stand.store.state_at(&KeyRange::prefix(""), 6).await;
    assert!(matches!(refused, Err(Error::Pruned { revision: 6, floor: 7 })), "{refused:?}");
    assert!(matches!(stand.store.events_after(5, 10).await, Err(Error::Txn(_))));
    assert_eq!(stand.store.events_after(6, 10).await.unwrap().len(), 3);

    // What was not his to take: something young, and what the present is told from.
    let mut raw = Raw::connect(&stand.url).await;
    raw.disarm().await;
    for (revision, failed) in [(8, (8, Kind::Missing)), (3, (3, Kind::Keys))] {
        raw.run(&format!("DELETE FROM changes WHERE revision = {revision}")).await;
        assert_eq!(verdict(&stand, &keys).await, Err(failed));
        raw.restore().await;
    }
}

fn pair(kv: &std::sync::Arc<portolan_eventstore::KeyValue>) -> String {
    format!("{}={}", String::from_utf8_lossy(&kv.key), String::from_utf8_lossy(&kv.value))
}

pub async fn a_legal_hold_wins(stand: Stand) {
    let keys = Keys::new();
    let route = |value: &str| Intent::Txn(Txn::of(vec![Op::Put(Put::new("/apisix/routes/1", value.to_owned()))]));
    for (who, value) in [("ann", "1"), ("bob", "2"), ("ann", "3")] {
        let proposal = Proposal::new(actor(who), "route.update", route(value)).in_group("default").on("route", "1");
        stand.store.append(proposal).await.unwrap(); // 2, 3, 4
    }
    // The event of a batch does not name the route; its change does.
    stand.store.append(Proposal::new(actor("bob"), "group.apply", route("4"))).await.unwrap(); // 5
    stand.put("other", "1").await;
    stand.put("other", "2").await; // 7
    let route = Scope::Resource { group: Some("default".into()), kind: "route".into(), id: "1".into() };
    let hold = stand.store.hold(actor("law"), &route).await.unwrap(); // 8
    let ann = stand.store.hold(actor("law"), &Scope::Actor("ann".into())).await.unwrap(); // 9
    assert_eq!(stand.store.holds().await.unwrap().iter().map(|hold| hold.revision).collect::<Vec<_>>(), [hold, ann]);

    let refused = stand.store.erase(actor("admin"), "ann", Run::Real).await.unwrap(); // 10
    assert_eq!(refused.unwrap_err().status, 409);
    assert_eq!(stand.store.event(10).await.unwrap().unwrap().entry.action, "audit.erase");
    let pruned = prune(&stand, i64::MAX).await; // 11
    // Held: contexts 2 to 5 and the one of each hold in force; changes 2 to 5.
    assert_eq!(pruned, Removed { revision: Some(11), contexts: 3, changes: 1, held: 10 });
    assert!(stand.store.event(5).await.unwrap().unwrap().personal.is_some());
    assert_eq!(verdict(&stand, &keys).await, Ok((3, 1)));

    assert_eq!(stand.store.release(actor("law"), 7).await.unwrap(), None, "that is no hold");
    assert_eq!(stand.store.release(actor("law"), hold).await.unwrap(), Some(12));
    assert_eq!(stand.store.release(actor("law"), hold).await.unwrap(), None, "not twice");
    let released = stand.store.event(12).await.unwrap().unwrap().entry;
    assert_eq!((released.action.as_str(), released.causation_revision), ("audit.release", Some(hold)));
    let pruned = prune(&stand, i64::MAX).await; // 13
    assert_eq!((pruned.revision, pruned.changes, pruned.held), (Some(13), 1, 5), "Ann's are still held");
    assert_eq!(stand.store.holds().await.unwrap().len(), 1);
    assert!(verdict(&stand, &keys).await.is_ok());

    // Against the hold by hand: found, though an event prunes this range.
    let mut raw = Raw::connect(&stand.url).await;
    raw.disarm().await;
    raw.run("DELETE FROM contexts WHERE revision = 4").await;
    assert_eq!(verdict(&stand, &keys).await, Err((4, Kind::Missing)));
}

pub async fn a_person_is_erased(stand: Stand) {
    let keys = Keys::new();
    for who in ["ann", "bob", "ann"] {
        stand.store.append(Proposal::new(actor(who), "auth.login", Intent::Record)).await.unwrap();
    }
    let looked = stand.store.erase(actor("admin"), "ann", Run::Dry).await.unwrap().unwrap();
    assert_eq!((looked.contexts, looked.revision, stand.store.revision()), (2, None, 4));
    let erased = stand.store.erase(actor("admin"), "ann", Run::Real).await.unwrap().unwrap();
    assert_eq!(erased, Removed { revision: Some(5), contexts: 2, changes: 0, held: 0 });
    for (revision, gone) in [(2, true), (3, false), (4, true), (5, false)] {
        let event = stand.store.event(revision).await.unwrap().unwrap();
        assert_eq!(event.personal.is_none(), gone, "{revision}");
    }
    let left = stand.store.event(4).await.unwrap().unwrap();
    assert_eq!(left.entry.actor.id, "ann", "the same person did both, whoever it was");
    assert_eq!(stand.store.floor().await.unwrap(), 1);
    assert_eq!(verdict(&stand, &keys).await, Ok((2, 0)));
    assert_eq!(stand.store.erase(actor("admin"), "ann", Run::Real).await.unwrap().unwrap(), Removed::default());
    let mut raw = Raw::connect(&stand.url).await;
    raw.disarm().await;
    raw.run("DELETE FROM contexts WHERE revision = 3").await;
    assert_eq!(verdict(&stand, &keys).await, Err((3, Kind::Missing)));
}

pub async fn what_is_gone_is_marked(stand: Stand) {
    let write = async |who: &str, value: &str| {
        let put = Intent::Txn(Txn::of(vec![Op::Put(Put::new("a", value.to_owned()))]));
        stand.store.append(Proposal::new(actor(who), "route.update", put)).await.unwrap();
    };
    for (who, value) in [("ann", "1"), ("bob", "2"), ("ann", "3")] {
        write(who, value).await; // 2, 3, 4
    }
    stand.store.append(Proposal::new(actor("bob"), "auth.login", Intent::Record)).await.unwrap(); // 5
    let marks = async |revision| stand.store.event(revision).await.unwrap().unwrap().redacted();
    for revision in 1..=5 {
        assert_eq!(marks(revision).await, [], "{revision}: what was never there is not gone");
    }
    stand.store.erase(actor("admin"), "ann", Run::Real).await.unwrap().unwrap(); // 6
    assert_eq!((marks(2).await, marks(3).await), (vec![Redacted::Context], vec![]));
    stand.store.prune_below(actor("admin"), 4, Run::Real).await.unwrap(); // 7
    assert_eq!(marks(3).await, [Redacted::Context, Redacted::Changes]);
    assert_eq!(marks(4).await, [Redacted::Context, Redacted::Before], "what it replaced went with revision 3");
    assert_eq!((marks(5).await, marks(1).await), (vec![], vec![Redacted::Context]));
}

pub async fn a_hold_that_says_nothing_stops_no_pruning(stand: Stand) {
    stand.put("a", "1").await;
    stand.put("a", "2").await;
    // Nothing of ours writes such an event; a pruning that waited for it to be understood would wait for ever.
    stand.store.append(Proposal::new(Context::system(), "audit.hold", Intent::Record)).await.unwrap(); // 4
    stand.put("a", "3").await;
    let pruned = stand.store.prune_below(Context::system(), 3, Run::Real);
    let pruned = tokio::time::timeout(std::time::Duration::from_secs(30), pruned).await.unwrap().unwrap();
    assert_eq!((pruned.contexts, pruned.changes), (2, 1));
}

/// Salts that were written before they stood with the changes: they open what they opened, and go with it.
pub async fn salts_of_before_count(stand: Stand) {
    let keys = Keys::new();
    for value in ["1", "2", "3"] {
        stand.put("a", value).await; // 2, 3, 4
    }
    let mut raw = Raw::connect(&stand.url).await;
    raw.disarm().await;
    raw.run("INSERT INTO change_salts SELECT revision, salt FROM changes WHERE revision < 4").await;
    raw.run("UPDATE changes SET salt = NULL WHERE revision < 4").await;
    assert_eq!(verdict(&stand, &keys).await, Ok((0, 0)));
    let pruned = stand.store.prune_below(Context::system(), 4, Run::Real).await.unwrap();
    assert_eq!((pruned.contexts, pruned.changes), (3, 2));
    assert_eq!(verdict(&stand, &keys).await, Ok((3, 2)));
}

/// Random puts and deletes, pruned now and then: the replay of the changes equals the keys at every revision from the floor on.
pub async fn every_state_that_can_be_told_is_told_right(stand: Stand) {
    let keys = Keys::new();
    let mut random = crate::model::Random(0x5eed);
    let mut states: BTreeMap<i64, BTreeMap<String, String>> = BTreeMap::new();
    let mut now: BTreeMap<String, String> = BTreeMap::new();
    for round in 0..6 {
        for _ in 0..25 {
            let mut ops = Vec::new();
            let mut next = now.clone();
            let mut used = std::collections::BTreeSet::new();
            for _ in 0..=random.below(3) {
                let key = format!("k{}", random.below(12));
                if !used.insert(key.clone()) {
                    continue;
                }
                if random.below(3) == 0 {
                    next.remove(&key);
                    ops.push(Op::Delete(Delete { range: KeyRange::key(key), prev_kv: false }));
                } else {
                    let value = random.below(1_000).to_string();
                    next.insert(key.clone(), value.clone());
                    ops.push(Op::Put(Put::new(key, value)));
                }
            }
            stand.txn(Txn::of(ops)).await.unwrap();
            now = next;
            states.insert(stand.store.revision(), now.clone());
        }
        let middle = stand.store.event(stand.store.revision() - 20).await.unwrap().unwrap().entry.recorded_at;
        prune(&stand, if round % 2 == 0 { middle } else { middle - 10 }).await;
        states.insert(stand.store.revision(), now.clone());
    }
    let stand = stand.reopen().await;
    let floor = stand.store.floor().await.unwrap();
    assert!(floor > 100, "{floor}");
    let all = KeyRange::prefix("");
    let told = |kvs: Vec<std::sync::Arc<portolan_eventstore::KeyValue>>| -> BTreeMap<String, String> {
        let text = |bytes: &bytes::Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        kvs.iter().map(|kv| (text(&kv.key), text(&kv.value))).collect()
    };
    let mut replayed = told(stand.store.state_at(&all, floor).await.unwrap());
    for revision in floor..=stand.store.revision() {
        if revision > floor {
            for event in stand.store.events_after(revision - 1, 1).await.unwrap() {
                for change in &event.changes {
                    let key = String::from_utf8(change.key.to_vec()).unwrap();
                    let before = change.before.as_ref().map(|kv| String::from_utf8(kv.value.to_vec()).unwrap());
                    assert_eq!(before, replayed.get(&key).cloned(), "{revision} {key}");
                    match &change.after {
                        Some(kv) => replayed.insert(key, String::from_utf8(kv.value.to_vec()).unwrap()),
                        None => replayed.remove(&key),
                    };
                }
            }
        }
        let (_, expected) = states.range(..=revision).next_back().unwrap();
        assert_eq!(&replayed, expected, "replayed {revision}");
        assert_eq!(&told(stand.store.state_at(&all, revision).await.unwrap()), expected, "told {revision}");
    }
    let (contexts, changes) = verdict(&stand, &keys).await.unwrap();
    assert!(contexts > 100 && changes > 50, "{contexts} {changes}");
}
