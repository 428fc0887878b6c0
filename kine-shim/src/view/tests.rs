use portolan_model::GroupId;

use super::*;

fn range(key: &'static str, end: &'static str) -> KeyRange {
    KeyRange::from_etcd(Bytes::from_static(key.as_bytes()), Bytes::from_static(end.as_bytes()))
}

fn view(group: &str, instance: &str) -> View {
    let group = GroupId::new(group).unwrap();
    let (stored, own) = (layout::group_prefix(&group), layout::instance_prefix(&group, instance));
    View::DataPlane { stored: stored.into(), own: own.into() }
}

#[test]
fn ranges_are_cut_to_the_group_and_moved_to_where_it_is_stored() {
    let eu = view("eu", "a");
    let configuration = [
        ("/portolan/groups/eu/", "/portolan/groups/eu/data_plane/"),
        ("/portolan/groups/eu/data_plane/by/a/", "/portolan/groups/eu/data_plane/by/a0"),
        ("/portolan/groups/eu/data_plane0", "/portolan/groups/eu0"),
    ];
    for (asked, meant) in [
        // What APISIX reads: the prefix without its slash.
        (("/apisix", "/apisiy"), &configuration[..]),
        (("/apisix/", "/apisix0"), &configuration),
        (("\0", "\0"), &configuration),
        (("/apisix/routes/", "/apisix/routes0"), &[("/portolan/groups/eu/routes/", "/portolan/groups/eu/routes0")]),
        (("/apisix/routes/1", ""), &[("/portolan/groups/eu/routes/1", "")]),
        (("/apisix/routes/1", "\0"), &[("/portolan/groups/eu/routes/1", "/portolan/groups/eu0")]),
        (("/apisix/data_plane", ""), &[("/portolan/groups/eu/data_plane", "")]),
        (("/apisix/data_plane/x", ""), &[("/portolan/groups/eu/data_plane/by/a/x", "")]),
        (("/apisix/data_plane/", "/apisix/data_plane0"), &configuration[1..2]),
        (
            ("/apisix/data_plane/", "/apisix/data_plane/x"),
            &[(configuration[1].0, "/portolan/groups/eu/data_plane/by/a/x")],
        ),
        (
            ("/apisix/data_plane/x", "\0"),
            &[("/portolan/groups/eu/data_plane/by/a/x", configuration[1].1), configuration[2]],
        ),
        (
            ("/apisix/data_plane/by/b/", "/apisix/data_plane/by/b0"),
            &[("/portolan/groups/eu/data_plane/by/a/by/b/", "/portolan/groups/eu/data_plane/by/a/by/b0")],
        ),
        (("/apisix", ""), &[]),
        (("/portolan/", "/portolan0"), &[]),
        (("/apisix/z", "/apisix/a"), &[]),
    ] {
        let got = eu.inward(range(asked.0, asked.1));
        assert_eq!(got, KeySet::of(meant.iter().map(|(key, end)| range(key, end))), "{asked:?}");
        assert_eq!(got.is_empty(), meant.is_empty(), "{asked:?}");
    }
    let moved = view("default", "a").inward(range("/apisix", "/apisiy"));
    let expected = [
        ("/apisix/", "/apisix/data_plane/"),
        ("/apisix/data_plane/by/a/", "/apisix/data_plane/by/a0"),
        ("/apisix/data_plane0", "/apisix0"),
    ];
    assert_eq!(moved, KeySet::of(expected.map(|(key, end)| range(key, end))));
    assert_eq!(View::Everything.inward(range("/apisix", "/apisiy")), range("/apisix", "/apisiy").into());
}

#[test]
fn keys_come_back_as_the_identity_knows_them() {
    let seen = |group: &str, key: &'static str| view(group, "a").visible(&Bytes::from_static(key.as_bytes()));
    for (group, key, seen_as) in [
        ("eu", "/portolan/groups/eu/routes/1", Some("/apisix/routes/1")),
        ("us", "/portolan/groups/eu/routes/1", None),
        ("eu", "/portolan/groups/eu/data_plane/by/a/instances/1", Some("/apisix/data_plane/instances/1")),
        ("eu", "/portolan/groups/eu/data_plane/by/b/instances/1", None),
        ("us", "/portolan/groups/eu/data_plane/by/a/instances/1", None),
        ("eu", "/portolan/groups/eu/data_plane/server_info/1", None),
        ("eu", "/portolan/groups/eu/data_plane/by/a", None),
        ("eu", "/portolan/groups/eu/data_plane/by/", None),
        ("eu", "/portolan/groups/eu/data_plane", Some("/apisix/data_plane")),
        ("default", "/apisix/routes/1", Some("/apisix/routes/1")),
        ("default", "/apisix/data_plane/by/a/x", Some("/apisix/data_plane/x")),
        ("default", "/apisix/data_plane/by/aa/x", None),
        ("default", "/apisix", None),
        ("default", "/portolan/users/1", None),
        ("default", "", None),
    ] {
        assert_eq!(seen(group, key), seen_as.map(Bytes::from), "{key} for {group}");
        assert_eq!(View::Everything.visible(&key.into()), Some(key.into()));
    }
}

/// What a range finds is what is visible, one by one, whatever the range.
#[test]
fn ranges_and_keys_agree() {
    let keys = [
        "/apisix",
        "/apisix/",
        "/apisix/consumers/x",
        "/apisix/data_plane",
        "/apisix/data_plane/",
        "/apisix/data_plane/by/",
        "/apisix/data_plane/by/a",
        "/apisix/data_plane/by/a/",
        "/apisix/data_plane/by/a/x",
        "/apisix/data_plane/by/b/x",
        "/apisix/data_plane/x",
        "/apisix/data_plane0",
        "/apisix/routes/1",
        "/apisix0",
        "/portolan/groups/eu/routes/1",
    ];
    let stored = |key: &str| Bytes::copy_from_slice(key.as_bytes());
    for seen_by in [view("default", "a"), view("default", "b"), view("eu", "a"), View::Everything] {
        for start in keys {
            for end in keys.into_iter().chain(["", "\0"]) {
                let asked = KeyRange::from_etcd(stored(start), stored(end));
                let set = seen_by.inward(asked.clone());
                for key in keys {
                    let visible = seen_by.visible(&stored(key)).is_some_and(|seen| asked.contains(&seen));
                    assert_eq!(set.contains(key.as_bytes()), visible, "{key} in {start} .. {end} for {seen_by:?}");
                }
            }
        }
    }
}

#[test]
fn a_data_plane_writes_its_own_keys_and_nothing_else() {
    let eu = view("eu", "a");
    let meant = |key, end| eu.writable(range(key, end));
    assert_eq!(meant("/apisix/data_plane/a", ""), Some(range("/portolan/groups/eu/data_plane/by/a/a", "")));
    assert_eq!(
        meant("/apisix/data_plane/", "/apisix/data_plane0"),
        Some(range("/portolan/groups/eu/data_plane/by/a/", "/portolan/groups/eu/data_plane/by/a0"))
    );
    assert_eq!(meant("/apisix/routes/1", ""), None);
    assert_eq!(meant("/apisix/data_plane", ""), None);
    assert_eq!(meant("/apisix/data_plane/", "\0"), None);
    assert_eq!(meant("/apisix/", "/apisix0"), None);
    assert!(meant("/apisix/z", "/apisix/a").is_some_and(|nothing| nothing.is_empty()));
    assert!(eu.may_write_stored(b"/portolan/groups/eu/data_plane/by/a/x"));
    assert!(!eu.may_write_stored(b"/portolan/groups/eu/data_plane/by/ab/x"));
    assert!(!eu.may_write_stored(b"/portolan/groups/eu/data_plane/x"));
    assert!(!eu.may_write_stored(b"/portolan/groups/eu/routes/x"));
    assert!(!eu.may_write_stored(b"/apisix/data_plane/by/a/x"));
}
