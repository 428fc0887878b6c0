use super::super::tests::around;
use super::*;

/// The nodes of a service's health, as `host:port`; or nothing, when it makes no sense.
fn nodes(settings: Value, health: Value) -> Option<Vec<String>> {
    let mut all = json!({"servers": ["http://127.0.0.1:1"]});
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let consul = Consul::new(&serde_json::from_value(all).unwrap(), &around());
    let entries = readable::<Entry>(serde_json::from_value(health).unwrap(), "web").ok()?;
    let shown = |node: Node| format!("{}:{}*{} {}", node.host, node.port.unwrap(), node.weight, json!(node.metadata));
    Some(consul.nodes(entries).into_iter().map(shown).collect())
}

#[test]
fn nodes_are_found_in_odd_answers() {
    let at = |address: Value, port: Value| json!({"Node": {"Address": "10.0.0.9"}, "Service": {"Address": address, "Port": port}});
    let cases = [
        (json!([]), Some(vec![])),
        (json!([at(json!("10.0.0.1"), json!(8080))]), Some(vec!["10.0.0.1:8080*1 {}"])),
        // Its machine's address, and the usual port.
        (json!([at(json!(""), json!(0))]), Some(vec!["10.0.0.9:80*1 {}"])),
        (json!([at(Value::Null, Value::Null)]), Some(vec!["10.0.0.9:80*1 {}"])),
        (json!([{"Node": {"Address": "10.0.0.9"}, "Service": {}}]), Some(vec!["10.0.0.9:80*1 {}"])),
        (json!([{"Service": {"Address": "10.0.0.1", "Port": 1}}]), Some(vec!["10.0.0.1:1*1 {}"])),
        // Nowhere to go.
        (json!([{"Node": {"Address": null}, "Service": {"Port": 1}}, {"Node": {}}, {}]), Some(vec![])),
        (json!([{"Node": null, "Service": null}]), Some(vec![])),
        // The same twice.
        (
            json!([at(json!("a"), json!(1)), at(json!("a"), json!(1)), at(json!("a"), json!(2))]),
            Some(vec!["a:1*1 {}", "a:2*1 {}"]),
        ),
        // What makes no sense does not hide the others, and is not nothing when it is alone.
        (json!([at(json!("a"), json!(70_000)), at(json!("b"), json!(1)), 17, null]), Some(vec!["b:1*1 {}"])),
        (json!([at(json!("a"), json!("8080")), at(json!("b"), json!(1))]), Some(vec!["b:1*1 {}"])),
        (json!([at(json!("a"), json!(-1))]), None),
        (json!([17, "what"]), None),
        (
            json!([{"Service": {"Address": "a", "Port": 1, "Meta": {"zone": "z", "n": 1}}}]),
            Some(vec![r#"a:1*1 {"zone":"z","n":1}"#]),
        ),
        (json!([{"Service": {"Address": "a", "Port": 1, "Meta": null}}]), Some(vec!["a:1*1 {}"])),
        (json!([{"Service": {"Address": "fd00::1", "Port": 1}}]), Some(vec!["fd00::1:1*1 {}"])),
    ];
    for (health, expected) in cases {
        let shown = health.to_string();
        assert_eq!(
            nodes(json!({}), health),
            expected.map(|all| all.into_iter().map(str::to_owned).collect()),
            "{shown}"
        );
    }
}

#[test]
fn nodes_are_sorted_as_wanted() {
    let at = |address: &str, port: u16| json!({"Service": {"Address": address, "Port": port}});
    let health = json!([at("b", 2), at("a", 2), at("b", 1), at("a", 3)]);
    for (sort, expected) in [
        ("origin", "b:2 a:2 b:1 a:3"),
        ("host_sort", "a:2 a:3 b:2 b:1"),
        ("port_sort", "b:1 b:2 a:2 a:3"),
        ("combine_sort", "a:2 a:3 b:1 b:2"),
    ] {
        let all = nodes(json!({"sort_type": sort, "weight": 7}), health.clone()).unwrap().join(" ");
        assert_eq!(all.replace("*7 {}", ""), expected, "{sort}");
    }
}

#[test]
fn an_index_is_a_number_or_is_not_said() {
    for (said, expected) in [(None, 0), (Some("17"), 17), (Some(""), 0), (Some("x"), 0), (Some("-1"), 0)] {
        let mut headers = HeaderMap::new();
        headers.extend(said.map(|said| (HeaderName::from_static("x-consul-index"), said.parse().unwrap())));
        assert_eq!(index(&headers), expected, "{said:?}");
    }
}
