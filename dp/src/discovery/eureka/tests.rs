use super::super::tests::around;
use super::*;

/// The nodes by application, or nothing, when the answer makes no sense.
fn services(eureka: &Eureka, answer: Value) -> Option<Vec<String>> {
    let services = eureka.services(serde_json::from_value(answer).ok()?).ok()?;
    let node = |node: &Node| format!("{}:{}*{}", node.host, node.port.unwrap(), node.weight);
    let shown = |nodes: &[Node]| nodes.iter().map(node).collect::<Vec<_>>().join(",");
    Some(services.iter().map(|(name, nodes)| format!("{name}={}", shown(nodes))).collect())
}

fn eureka() -> Eureka {
    Eureka::new(&serde_json::from_value(json!({"host": ["http://127.0.0.1:1"]})).unwrap(), &around())
}

fn up(more: Value) -> Value {
    let mut instance = json!({"ipAddr": "10.0.0.1", "status": "UP", "port": {"$": 8080, "@enabled": "true"}});
    instance.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    instance
}

#[test]
fn instances_are_read_or_left_out() {
    let eureka = eureka();
    let cases = [
        (up(json!({})), Some("10.0.0.1:8080*100")),
        (up(json!({"status": "DOWN"})), None),
        (up(json!({"status": "STARTING", "overriddenStatus": "UP"})), Some("10.0.0.1:8080*100")),
        (up(json!({"overriddenStatus": "OUT_OF_SERVICE"})), None),
        (up(json!({"overriddenstatus": "OUT_OF_SERVICE"})), None),
        (up(json!({"overriddenstatus": "UNKNOWN", "overriddenStatus": null})), Some("10.0.0.1:8080*100")),
        (up(json!({"port": {"$": "8081", "@enabled": true}})), Some("10.0.0.1:8081*100")),
        (up(json!({"port": {"$": 8081, "@enabled": "false"}})), None),
        (up(json!({"port": {"$": 0, "@enabled": "true"}})), None),
        (up(json!({"port": {"$": 70_000, "@enabled": "true"}})), None),
        (up(json!({"port": {"@enabled": "true"}})), None),
        (up(json!({"port": null})), None),
        (up(json!({"securePort": {"$": 8443, "@enabled": "true"}})), Some("10.0.0.1:8443*100")),
        (up(json!({"securePort": {"$": 8443, "@enabled": "false"}})), Some("10.0.0.1:8080*100")),
        (up(json!({"metadata": null})), Some("10.0.0.1:8080*100")),
        (up(json!({"metadata": {"weight": 7}})), Some("10.0.0.1:8080*7")),
        (up(json!({"metadata": {"weight": " 7 "}})), Some("10.0.0.1:8080*7")),
        (up(json!({"metadata": {"weight": 0}})), Some("10.0.0.1:8080*0")),
        (up(json!({"metadata": {"weight": "much"}})), Some("10.0.0.1:8080*100")),
        (up(json!({"metadata": {"weight": 99_999_999_999_u64}})), Some("10.0.0.1:8080*100")),
        (up(json!({"metadata": {"weight": -1}})), Some("10.0.0.1:8080*100")),
        // What makes no sense at all.
        (up(json!({"ipAddr": null})), None),
        (up(json!({"port": 8080})), None),
        (json!("what"), None),
    ];
    for (instance, expected) in cases {
        let shown = instance.to_string();
        // Beside another, as a list; and alone, as Eureka writes a list of one.
        let other = up(json!({"ipAddr": "10.0.0.2"}));
        let all = expected.into_iter().chain(["10.0.0.2:8080*100"]).collect::<Vec<_>>().join(",");
        let beside = json!({"applications": {"application": [{"name": "WEB", "instance": [instance, other]}]}});
        assert_eq!(services(&eureka, beside), Some(vec![format!("WEB={all}")]), "{shown}");
        let alone = json!({"applications": {"application": {"name": "WEB", "instance": instance}}});
        let expected = expected.map(|node| format!("WEB={node}"));
        assert_eq!(services(&eureka, alone), Some(expected.into_iter().collect()), "{shown}");
    }
}

#[test]
fn an_application_that_makes_no_sense_leaves_the_others_and_keeps_its_nodes() {
    let eureka = eureka();
    let whole = json!({"applications": {"application": [
        {"name": "A", "instance": [up(json!({}))]}, {"name": "B", "instance": [up(json!({}))]},
    ]}});
    let first = eureka.services(serde_json::from_value(whole).unwrap()).unwrap();
    eureka.directory.replace(first);
    let odd = json!({"applications": {"application": [
        {"name": "A", "instance": [17, "what"]}, {"name": "B"}, {"name": "C", "instance": up(json!({}))}, {"instance": []},
    ]}});
    let expected = ["A=10.0.0.1:8080*100", "C=10.0.0.1:8080*100"].map(str::to_owned);
    assert_eq!(services(&eureka, odd), Some(expected.to_vec()));
    for (answer, is_read) in [
        (json!({"applications": {}}), true),
        (json!({"applications": {"application": null}}), true),
        (json!({"applications": {"application": []}}), true),
        (json!({"applications": null}), false),
        (json!({"applications": {"application": [17, "what"]}}), false),
        (json!({}), false),
        (json!([]), false),
    ] {
        assert_eq!(services(&eureka, answer.clone()), is_read.then(Vec::new), "{answer}");
    }
}
