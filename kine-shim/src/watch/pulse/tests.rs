use portolan_eventstore::Change;
use portolan_model::{GroupId, layout};

use super::*;

fn data_plane(group: &str, instance: &str) -> View {
    let group = GroupId::new(group).unwrap();
    let (stored, own) = (layout::group_prefix(&group), layout::instance_prefix(&group, instance));
    View::DataPlane { stored: stored.into(), own: own.into() }
}

fn revision(revision: i64, key: &str) -> Arc<Committed> {
    let change = Change { key: Bytes::copy_from_slice(key.as_bytes()), before: None, after: None };
    Arc::new(Committed { revision, recorded_at: revision, changes: vec![change] })
}

/// Which of them were woken since the last time.
fn woken(pulses: &mut [(&'static str, Pulse)]) -> Vec<&'static str> {
    let woken = |(name, pulse): &mut (&'static str, Pulse)| {
        let woken = pulse.beats.has_rung();
        pulse.mark();
        woken.then_some(*name)
    };
    pulses.iter_mut().filter_map(woken).collect()
}

#[test]
fn only_those_wake_who_see_something() {
    let heart = Heart::default();
    let pulse = |view: Option<&View>| heart.pulse(view, || 1);
    let mut all = [
        ("admin", pulse(Some(&View::Everything))),
        ("stranger", pulse(None)),
        ("a", pulse(Some(&data_plane("default", "a")))),
        ("a too", pulse(Some(&data_plane("default", "a")))),
        ("b", pulse(Some(&data_plane("default", "b")))),
        ("eu", pulse(Some(&data_plane("eu", "a")))),
    ];
    for (at, (key, expected)) in (2..).zip([
        ("/apisix/routes/1", &["admin", "a", "a too", "b"][..]),
        ("/portolan/groups/eu/routes/1", &["admin", "eu"]),
        ("/portolan/users/1", &["admin"]),
        ("/apisix/data_plane/by/a/instances/1", &["admin", "a", "a too"]),
        ("/apisix/data_plane/by/b/instances/1", &["admin", "b"]),
        ("/portolan/groups/eu/data_plane/by/a/x", &["admin", "eu"]),
        ("/apisix/data_plane/server_info/1", &["admin"]),
    ]) {
        heart.read(&[revision(at, key)].into(), at - 1);
        assert_eq!(woken(&mut all), expected, "{key}");
    }
    heart.all(|_| {});
    assert_eq!(woken(&mut all).len(), all.len(), "a certificate was revoked");
}

#[test]
fn who_slept_goes_on_behind_what_it_did_not_have_to_see() {
    let heart = Heart::default();
    let read = |range: std::ops::RangeInclusive<i64>, key: &str| {
        let seen = range.start() - 1;
        heart.read(&range.map(|at| revision(at, key)).collect::<Vec<_>>().into(), seen)
    };
    read(1..=5, "/apisix/routes/1");
    let pulse = heart.pulse(Some(&data_plane("default", "a")), || 5);
    assert_eq!((pulse.reach().skip(3), pulse.reach().skip(6), pulse.reach().head), (3, 6, 5));

    read(6..=9, "/apisix/data_plane/by/b/x");
    assert_eq!((pulse.reach().skip(5), pulse.reach().skip(6), pulse.reach().skip(20)), (5, 10, 20));
    assert!(pulse.from(6).is_none(), "nobody has to see them");

    read(10..=12, "/apisix/routes/1");
    assert_eq!((pulse.reach().skip(5), pulse.reach().skip(6), pulse.reach().skip(11)), (5, 10, 11));
    assert_eq!(pulse.from(10).unwrap().len(), 3);

    read(13..=14, "/apisix/routes/1");
    assert_eq!((pulse.reach().skip(6), pulse.reach().skip(13), pulse.reach().skip(15)), (6, 13, 15));

    heart.unread(16);
    assert_eq!((pulse.reach().skip(14), pulse.reach().skip(15), pulse.reach().skip(17)), (14, 15, 17));
    assert_eq!(pulse.reach().head, 16);
}

/// A thousand data planes report, twice each: two words each, not two thousand.
#[test]
fn reports_cost_in_proportion() {
    let heart = Heart::default();
    let names: Vec<String> = (0..1000).map(|n| format!("dp-{n}")).collect();
    let mut pulses: Vec<_> = names.iter().map(|name| heart.pulse(Some(&data_plane("eu", name)), || 1)).collect();
    let mut wakes = 0;
    for (at, name) in (2..).zip(names.iter().chain(&names)) {
        heart.read(&[revision(at, &format!("/portolan/groups/eu/data_plane/by/{name}/instances/1"))].into(), at - 1);
        for pulse in &mut pulses {
            wakes += usize::from(pulse.beats.has_rung());
            pulse.mark();
        }
    }
    assert_eq!(wakes, 2_000);
}

#[test]
fn who_is_gone_is_forgotten() {
    let heart = Heart::default();
    let (stays, goes) = (data_plane("eu", "a"), data_plane("eu", "b"));
    let (pulse, gone) = (heart.pulse(Some(&stays), || 1), heart.pulse(Some(&goes), || 1));
    drop(gone);
    let event = |at| [revision(at, "/portolan/groups/eu/routes/1")].into();
    heart.read(&event(2), 1);
    assert_eq!(heart.0.listeners.lock().groups.values().map(HashMap::len).collect::<Vec<_>>(), [1]);
    drop(pulse);
    heart.read(&event(3), 2);
    assert!(heart.0.listeners.lock().groups.is_empty());
}
