use super::super::tests::around;
use super::*;

/// The nodes in an answer, or nothing, when it makes no sense.
fn nodes(answer: Value, grpc: bool) -> Option<Vec<String>> {
    let nacos = Nacos::new(&serde_json::from_value(json!({"host": ["http://127.0.0.1:1"]})).unwrap(), &around());
    let answer: Instances = serde_json::from_value(answer).ok()?;
    let nodes = nacos.nodes(readable(answer.hosts, "web").ok()?, grpc);
    Some(nodes.iter().map(|node| format!("{}:{}*{}", node.host, node.port.unwrap(), node.weight)).collect())
}

#[test]
fn nodes_are_found_in_odd_answers() {
    let host = |more: Value| {
        let mut host = json!({"ip": "a", "port": 1});
        host.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        host
    };
    let cases = [
        (json!([]), Some(vec![])),
        (json!([host(json!({}))]), Some(vec!["a:1*100"])),
        (json!([host(json!({"weight": null, "enabled": null, "metadata": null}))]), Some(vec!["a:1*100"])),
        (json!([host(json!({"weight": 3.0}))]), Some(vec!["a:1*3"])),
        (json!([host(json!({"weight": 1.5})), host(json!({"weight": 0.25}))]), Some(vec!["a:1*150", "a:1*25"])),
        // However small a weight is, it is not nothing; nothing is nothing.
        (json!([host(json!({"weight": 0.0001})), host(json!({"weight": 0}))]), Some(vec!["a:1*1", "a:1*0"])),
        (json!([host(json!({"weight": 1e300}))]), Some(vec!["a:1*4294967295"])),
        (json!([host(json!({"weight": -3.5})), host(json!({}))]), Some(vec!["a:1*0", "a:1*10000"])),
        (json!([host(json!({"enabled": false})), host(json!({"enabled": true}))]), Some(vec!["a:1*100"])),
        (json!([host(json!({"port": 65_536})), host(json!({"ip": "b"}))]), Some(vec!["b:1*100"])),
        (json!([host(json!({"port": null})), 17, null, host(json!({"ip": "b"}))]), Some(vec!["b:1*100"])),
        (json!([host(json!({"ip": null}))]), None),
        (json!([17, "what"]), None),
        (json!(null), None),
        (json!({}), None),
    ];
    for (hosts, expected) in cases {
        let expected = expected.map(|all| all.into_iter().map(str::to_owned).collect());
        assert_eq!(nodes(json!({ "hosts": hosts }), false), expected, "{hosts}");
    }
    assert_eq!(nodes(json!({"code": 500, "message": "not today"}), false), None, "it is no list of nothing");
    for (port, expected) in [
        (json!("9848"), "a:9848*100"),
        (json!(9848), "a:9848*100"),
        (json!("x"), "a:1*100"),
        (json!(70_000), "a:1*100"),
        (Value::Null, "a:1*100"),
    ] {
        let answer = json!({"hosts": [host(json!({"metadata": {"gRPC_port": port}}))]});
        assert_eq!(nodes(answer.clone(), true), Some(vec![expected.to_owned()]), "{answer}");
        assert_eq!(nodes(answer, false), Some(vec!["a:1*100".to_owned()]));
    }
}
