//! Ranges and the window, without a database.

use super::*;

fn kv(key: &str, value: &str, mod_revision: i64) -> Arc<KeyValue> {
    let (key, value) = (key.to_owned().into(), value.to_owned().into());
    Arc::new(KeyValue { key, value, create_revision: mod_revision, mod_revision, version: 1, lease: 0 })
}

#[test]
fn prefixes_end_at_the_next_key_that_does_not_share_them() {
    assert_eq!(KeyRange::prefix("/a").end, End::Before("/b".into()));
    assert_eq!(KeyRange::prefix(vec![b'a', 0xff]).end, End::Before("b".into()));
    assert_eq!(KeyRange::prefix(vec![0xff]).end, End::Unbounded);
    assert_eq!(KeyRange::prefix("").end, End::Unbounded);
}

#[test]
fn etcds_range_end_has_three_forms() {
    assert_eq!(KeyRange::from_etcd("a".into(), "".into()).end, End::Single);
    assert_eq!(KeyRange::from_etcd("a".into(), "\0".into()).end, End::Unbounded);
    assert!(KeyRange::from_etcd("b".into(), "a".into()).is_empty());
}

#[test]
fn intersections_hold_exactly_the_common_keys() {
    let ranges = [
        KeyRange::key("b"),
        KeyRange::prefix("b"),
        KeyRange::prefix(""),
        KeyRange { start: "a".into(), end: End::Before("c".into()) },
        KeyRange { start: "bb".into(), end: End::Unbounded },
        KeyRange { start: "c".into(), end: End::Before("b".into()) },
    ];
    let keys = ["a", "b", "ba", "bb", "bz", "c", "d"];
    for one in &ranges {
        for other in &ranges {
            let both = one.intersect(other);
            for key in keys.map(str::as_bytes) {
                let expected = one.contains(key) && other.contains(key);
                assert_eq!(both.as_ref().is_some_and(|both| both.contains(key)), expected, "{one:?} {other:?} {key:?}");
            }
        }
    }
}

#[test]
fn the_window_forgets_the_oldest_and_says_so() {
    let mut state = State::load(Vec::new(), 0, 0);
    let total = i64::try_from(WINDOW_EVENTS).unwrap() + 10;
    for revision in 1..=total {
        let change = Change { key: "k".into(), after: Some(kv("k", "v", revision)), before: state.get(b"k") };
        state.apply(Arc::new(Committed { revision, recorded_at: revision, changes: vec![change] }));
    }
    assert!(state.events_after(9, 1).is_none());
    assert_eq!(state.events_after(10, 2).unwrap().iter().map(|event| event.revision).collect::<Vec<_>>(), [11, 12]);
    assert!(state.range_at(&KeyRange::prefix(""), 9).is_none());
    assert_eq!(state.range_at(&KeyRange::prefix(""), 10).unwrap()[0].mod_revision, 10);
}

#[test]
fn a_bound_on_bytes_also_bounds_the_window() {
    let mut state = State::load(Vec::new(), 0, 0);
    let large = "x".repeat(WINDOW_BYTES / 4);
    for revision in 1..=8 {
        let change = Change { key: "k".into(), after: Some(kv("k", &large, revision)), before: None };
        state.apply(Arc::new(Committed { revision, recorded_at: revision, changes: vec![change] }));
    }
    assert!(state.window.len() < 5);
}

#[test]
fn limits_filters_and_sorts_follow_etcd() {
    let kvs = vec![kv("a", "3", 5), kv("b", "1", 6), kv("c", "2", 7)];
    let query = RangeQuery::all(KeyRange::prefix(""));
    let keys = |answer: &RangeAnswer| answer.kvs.iter().map(|kv| kv.key.clone()).collect::<Vec<_>>();
    let by_value = RangeQuery { target: SortTarget::Value, limit: 2, ..query.clone() }.answer(kvs.clone());
    assert_eq!((keys(&by_value), by_value.more, by_value.count), (vec!["b".into(), "c".into()], true, 3));
    let newest = RangeQuery { order: SortOrder::Descend, target: SortTarget::Mod, ..query.clone() }.answer(kvs.clone());
    assert_eq!(keys(&newest), ["c", "b", "a"]);
    let filter = Filter { min_mod_revision: 6, max_mod_revision: 6, ..Filter::default() };
    let filtered = RangeQuery { filter, ..query.clone() }.answer(kvs.clone());
    assert_eq!((keys(&filtered), filtered.count), (vec!["b".into()], 3), "the count ignores filters");
    let counted = RangeQuery { count_only: true, limit: 1, ..query.clone() }.answer(kvs.clone());
    assert_eq!((counted.kvs.len(), counted.count, counted.more), (0, 3, false));
    let bare = RangeQuery { keys_only: true, ..query }.answer(kvs);
    assert!(bare.kvs.iter().all(|kv| kv.value.is_empty() && kv.mod_revision > 0));
}
