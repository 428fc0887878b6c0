use serde_json::{Value, json};

use super::*;
use crate::context::tests::with_snapshot;

pub(crate) const PREFIX: &str = "/apisix/";

pub(crate) fn put(directory: &str, id: &str, mod_revision: i64, value: &Value) -> Change {
    let key = format!("{PREFIX}{directory}/{id}").into();
    Change::Put(Arc::new(Document { key, value: value.to_string().into(), create_revision: 1, mod_revision }))
}

pub(crate) fn snapshot(changes: Vec<Change>) -> Arc<Snapshot> {
    let mut compiler = Compiler::new(PREFIX);
    let snapshot = compiler.apply(changes, 1);
    assert_eq!(compiler.problems(), []);
    snapshot
}

fn gone(directory: &str, id: &str) -> Change {
    Change::Delete(format!("{directory}/{id}").into())
}

fn node() -> Value {
    json!({"nodes": {"127.0.0.1:80": 1}})
}

/// Id of the route for a path, and where it leads.
fn find(snapshot: &Snapshot, uri: &str) -> Option<(String, &'static str)> {
    with_snapshot(http::Request::get(uri).header("host", "a.example"), snapshot, |context| {
        let route = snapshot.router.find(context)?.route;
        let target = match &route.target {
            Target::Upstream(_) => "upstream",
            Target::None => "none",
            Target::MissingUpstream(_) => "missing upstream",
            Target::MissingService(_) => "missing service",
            Target::MissingPluginConfig(_) => "missing plugin config",
        };
        Some((route.id.to_string(), target))
    })
}

#[test]
fn a_resource_that_does_not_compile_leaves_its_previous_form() {
    let mut compiler = Compiler::new(PREFIX);
    compiler.apply([put("routes", "1", 1, &json!({"uri": "/a", "upstream": node()}))], 1);
    let broken = [
        json!({"uri": "/b", "upstream": node(), "plugins": {"no-such": {}}}),
        json!({"uri": "/b", "upstream": node(), "plugins": {"limit-count": {"count": 1}}}),
        json!({"uri": "/b", "upstream": node(), "filter_func": "function() end"}),
        json!({"uri": "/b", "upstream": node(), "script": "x"}),
        json!({"uri": "/b", "upstream": node(), "vars": [["a", "=>", "1"]]}),
        json!({"uri": "/b", "upstream": {"type": "mine", "nodes": {"127.0.0.1:80": 1}}}),
        json!({"uri": 1}),
        json!("init_dir"),
    ];
    for (revision, document) in (2..).zip(broken) {
        let snapshot = compiler.apply([put("routes", "1", revision, &document)], revision);
        let problems = compiler.problems();
        assert_eq!(problems.len(), 1, "{document}");
        assert!(problems[0].previous_in_use && problems[0].mod_revision == revision, "{problems:?}");
        assert_eq!(find(&snapshot, "/a"), Some(("1".into(), "upstream")), "{document}");
        assert_eq!(find(&snapshot, "/b"), None, "{document}");
    }
    let snapshot = compiler.apply([put("routes", "1", 20, &json!({"uri": "/b", "upstream": node()}))], 20);
    assert_eq!(compiler.problems(), []);
    assert_eq!((find(&snapshot, "/a"), find(&snapshot, "/b")), (None, Some(("1".into(), "upstream"))));
    let bad = json!({"uri": "/c", "plugins": {"no-such": {}}});
    compiler.apply([put("routes", "2", 21, &bad)], 21);
    assert!(!compiler.problems()[0].previous_in_use);
    compiler.apply([gone("routes", "2")], 22);
    assert_eq!(compiler.problems(), []);
}

#[test]
fn what_is_not_served_yet_is_reported_and_nothing_else_suffers() {
    let mut compiler = Compiler::new(PREFIX);
    let found = json!({"nodes": {"127.0.0.1:1": 1}, "scheme": "kafka", "type": "roundrobin"});
    let changes = [put("routes", "1", 1, &json!({"uri": "/a", "upstream": node()})), put("upstreams", "1", 2, &found)];
    let snapshot = compiler.apply(changes, 2);
    let problems = compiler.problems();
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].key.as_str(), problems[0].previous_in_use), ("/apisix/upstreams/1", false));
    assert!(problems[0].error.contains("scheme"), "{}", problems[0].error);
    assert!(find(&snapshot, "/a").is_some());
    let snapshot = compiler.apply([gone("upstreams", "1")], 3);
    assert_eq!(compiler.problems(), []);
    assert!(find(&snapshot, "/a").is_some(), "a route of the same id stays");
}

#[test]
fn routes_follow_their_service_and_upstream() {
    let mut compiler = Compiler::new(PREFIX);
    let route = json!({"uri": "/a", "service_id": "s"});
    let snapshot = compiler.apply([put("routes", "1", 1, &route)], 1);
    assert_eq!(find(&snapshot, "/a"), Some(("1".into(), "missing service")));
    let service = json!({"upstream_id": "u", "plugins": {"key-auth": {}}});
    let snapshot = compiler.apply([put("services", "s", 2, &service)], 2);
    assert_eq!(find(&snapshot, "/a"), Some(("1".into(), "missing upstream")));
    let snapshot = compiler.apply([put("upstreams", "u", 3, &node())], 3);
    assert_eq!(find(&snapshot, "/a"), Some(("1".into(), "upstream")));
    let chain = |snapshot: &Snapshot| {
        snapshot.routes.get(b"1").unwrap().plugins.names().map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(chain(&snapshot), ["key-auth"]);
    // The service's hosts are those of the route, which names none.
    let service = json!({"upstream_id": "u", "hosts": ["b.example"], "plugins": {"cors": {}}});
    let snapshot = compiler.apply([put("services", "s", 4, &service)], 4);
    assert_eq!(find(&snapshot, "/a"), None);
    assert_eq!(chain(&snapshot), ["cors"]);
    let snapshot = compiler.apply([gone("services", "s"), gone("upstreams", "u")], 5);
    assert_eq!(find(&snapshot, "/a"), Some(("1".into(), "missing service")));
}

#[test]
fn an_old_snapshot_stays_as_it_was() {
    let mut compiler = Compiler::new(PREFIX);
    let before = compiler.apply([put("routes", "1", 1, &json!({"uri": "/a", "upstream": node()}))], 1);
    let after =
        compiler.apply([gone("routes", "1"), put("routes", "2", 2, &json!({"uri": "/b", "upstream": node()}))], 2);
    assert_eq!((find(&before, "/a"), find(&before, "/b")), (Some(("1".into(), "upstream")), None));
    assert_eq!((find(&after, "/a"), find(&after, "/b")), (None, Some(("2".into(), "upstream"))));
}

#[test]
fn plugins_merge_and_order_as_configured() {
    let route = json!({"uri": "/a", "service_id": "s", "plugins": {
        "limit-count": {"count": 1, "time_window": 1, "_meta": {"priority": 9000}},
        "cors": {"_meta": {"disable": true}},
    }});
    let service = json!({"plugins": {"limit-count": {"count": 9, "time_window": 1}, "key-auth": {}}});
    let snapshot = snapshot(vec![put("services", "s", 1, &service), put("routes", "1", 1, &route)]);
    let route = snapshot.routes.get(b"1").unwrap();
    assert_eq!(route.plugins.names().collect::<Vec<_>>(), [("limit-count", 9000), ("key-auth", 2500)]);
}

fn names(chain: &Chain) -> Vec<&'static str> {
    chain.names().map(|(name, _)| name).collect()
}

#[test]
fn a_disabled_plugin_covers_the_one_below_and_may_be_wrong() {
    let route =
        json!({"uri": "/a", "service_id": "s", "plugins": {"cors": {"max_age": "x", "_meta": {"disable": true}}}});
    let service = json!({"plugins": {"cors": {}, "key-auth": {}}});
    let snapshot = snapshot(vec![put("services", "s", 1, &service), put("routes", "1", 1, &route)]);
    assert_eq!(names(&snapshot.routes.get(b"1").unwrap().plugins), ["key-auth"]);
}

#[test]
fn shared_plugins_merge_in_order_and_follow_their_changes() {
    let limit = |count: u32| json!({"count": count, "time_window": 60});
    let mut compiler = Compiler::new(PREFIX);
    let route = json!({"uri": "/a", "service_id": "s", "plugin_config_id": 7, "upstream": node()});
    let service =
        json!({"plugins": {"cors": {}, "limit-count": {"count": 1, "time_window": 60, "_meta": {"priority": 1}}}});
    let snapshot = compiler.apply([put("services", "s", 1, &service), put("routes", "1", 1, &route)], 1);
    assert_eq!(find(&snapshot, "/a"), Some(("1".into(), "missing plugin config")));
    let config = json!({"plugins": {"limit-count": limit(2), "key-auth": {}}});
    let snapshot = compiler.apply([put("plugin_configs", "7", 2, &config)], 2);
    assert_eq!(find(&snapshot, "/a"), Some(("1".into(), "upstream")));
    let merged: Vec<_> = snapshot.routes.get(b"1").unwrap().plugins.names().collect();
    assert_eq!(merged, [("cors", 4000), ("key-auth", 2500), ("limit-count", 1002)]);
    let snapshot = compiler.apply([put("plugin_configs", "7", 3, &json!({"plugins": {}}))], 3);
    let merged: Vec<_> = snapshot.routes.get(b"1").unwrap().plugins.names().collect();
    assert_eq!(merged, [("cors", 4000), ("limit-count", 1)]);

    let consumer = json!({"username": "jack", "group_id": "g", "plugins": {"key-auth": {"key": "k"}, "cors": {}}});
    let snapshot = compiler.apply([put("consumers", "jack", 4, &consumer)], 4);
    assert!(snapshot.credential("key-auth", "k").unwrap().consumer.missing_group.is_some());
    let snapshot = compiler.apply([put("consumer_groups", "g", 5, &json!({"plugins": {"limit-count": limit(5)}}))], 5);
    let known = snapshot.credential("key-auth", "k").unwrap();
    assert_eq!(
        (names(&known.consumer.plugins), known.consumer.missing_group.as_ref()),
        (vec!["cors", "limit-count"], None)
    );

    let rules = [
        put("global_rules", "1", 6, &json!({"plugins": {"cors": {}}})),
        put("global_rules", "2", 6, &json!({"plugins": {"limit-count": limit(9)}})),
    ];
    assert_eq!(names(&compiler.apply(rules, 6).global), ["cors", "limit-count"]);
    assert_eq!(names(&compiler.apply([gone("global_rules", "1")], 7).global), ["limit-count"]);
    // Metadata that does not fit is refused as a whole; what fits reaches everybody who has the plugin.
    compiler.apply([put("plugin_metadata", "limit-count", 8, &json!({"limit_header": 1}))], 8);
    assert_eq!(compiler.problems().len(), 1);
    compiler.apply([put("plugin_metadata", "limit-count", 9, &json!({"limit_header": "a b"}))], 9);
    let problems = compiler.problems();
    assert!(
        problems.iter().any(|problem| problem.key.ends_with("global_rules/2") && problem.previous_in_use),
        "{problems:?}"
    );
    compiler.apply([gone("plugin_metadata", "limit-count")], 10);
    assert_eq!(compiler.problems(), []);
}

#[test]
fn disabled_routes_take_no_requests_and_ids_may_be_reused() {
    let mut compiler = Compiler::new(PREFIX);
    let of = |status: u8| json!({"uri": "/a", "status": status, "upstream": node()});
    assert_eq!(find(&compiler.apply([put("routes", "1", 1, &of(0))], 1), "/a"), None);
    assert!(find(&compiler.apply([put("routes", "1", 2, &of(1))], 2), "/a").is_some());
    let snapshot = compiler.apply([put("routes", "1", 3, &of(0))], 3);
    assert_eq!(find(&snapshot, "/a"), None);
    assert!(snapshot.routes.get(b"1").is_some());
}

#[test]
fn one_identity_has_one_holder() {
    let mut compiler = Compiler::new(PREFIX);
    let consumer = |name: &str| json!({"username": name, "plugins": {"key-auth": {"key": "k"}}});
    let holder = |snapshot: &Snapshot| snapshot.credential("key-auth", "k").map(|c| c.consumer.username.to_string());
    let snapshot =
        compiler.apply([put("consumers", "a", 1, &consumer("a")), put("consumers", "b", 2, &consumer("b"))], 2);
    assert_eq!(holder(&snapshot).as_deref(), Some("b"));
    let snapshot = compiler.apply([gone("consumers", "b")], 3);
    assert_eq!(holder(&snapshot).as_deref(), Some("a"));
    let snapshot = compiler.apply([put("consumers", "a", 4, &json!({"username": "a"}))], 4);
    assert_eq!(holder(&snapshot), None);
    let secret = json!({"username": "a", "plugins": {"key-auth": {"key": "$ENV://KEY"}}});
    let snapshot = compiler.apply([put("consumers", "a", 5, &secret)], 5);
    assert!(snapshot.credential("key-auth", "$ENV://KEY").is_none());
    assert_eq!(compiler.problems().len(), 1);
}

#[test]
fn credentials_may_come_before_their_consumer_and_go_with_it() {
    let mut compiler = Compiler::new(PREFIX);
    let credential = json!({"id": "c", "plugins": {"key-auth": {"key": "k"}}});
    let known = |snapshot: &Snapshot| snapshot.credential("key-auth", "k").is_some();
    let snapshot = compiler.apply([put("consumers", "a/credentials/c", 1, &credential)], 1);
    assert!(!known(&snapshot));
    let snapshot = compiler.apply([put("consumers", "a", 2, &json!({"username": "a"}))], 2);
    assert!(known(&snapshot));
    let snapshot = compiler.apply([gone("consumers", "a")], 3);
    assert!(!known(&snapshot));
    compiler.apply([put("consumers", "a", 4, &json!({"username": "a"}))], 4);
    let snapshot = compiler.apply([gone("consumers", "a/credentials/c")], 5);
    assert!(!known(&snapshot));
}

/// The bound is wide, because the machine may be busy; a scan or a full rebuild would take seconds here.
#[test]
fn one_change_among_many_routes_is_quick() {
    let mut compiler = Compiler::new(PREFIX);
    let route = |id: u32, uri: &str| {
        let host = format!("h{}.example", id % 100);
        put("routes", &id.to_string(), 1, &json!({"uri": uri, "host": host, "upstream": node()}))
    };
    compiler.apply((0..5_000).map(|id| route(id, &format!("/p/{id}/*"))), 1);
    let began = std::time::Instant::now();
    for id in 0..100 {
        compiler.apply([route(id, &format!("/q/{id}/*"))], i64::from(id) + 2);
    }
    assert!(began.elapsed() < std::time::Duration::from_secs(1), "{:?} for 100 changes", began.elapsed());
}

#[test]
fn secrets_are_read_with_the_keys_they_were_stored_with() {
    let keyring = Keyring::new(["edd1c9f0985e76a2"]).unwrap();
    for (keyring, works) in [(keyring, true), (Keyring::default(), false)] {
        let mut compiler = Compiler::new(PREFIX).with_keyring(keyring);
        // "bar", as APISIX stores it with this key.
        let plugins = json!({"key-auth": {"key": "77+NmbYqNfN+oLm0aX5akg=="}});
        let changes = [
            put("consumers", "jack", 1, &json!({"username": "jack", "plugins": plugins})),
            put("consumers", "ann", 1, &json!({"username": "ann"})),
            put("consumers", "ann/credentials/c", 1, &json!({"plugins": {"key-auth": {"key": "plain"}}})),
        ];
        let snapshot = compiler.apply(changes, 1);
        let holder = |key: &str| snapshot.credential("key-auth", key).map(|found| found.consumer.username.to_string());
        assert_eq!(holder("bar").as_deref(), works.then_some("jack"));
        assert_eq!(holder("plain").as_deref(), Some("ann"));
    }
}
