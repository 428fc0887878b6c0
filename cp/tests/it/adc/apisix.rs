//! The calls that the real ADC makes to the APISIX face.

use serde_json::{Value, json};

use crate::plane::Plane;

/// What every command reads first, in parallel; here one after the other.
const LISTS: [&str; 9] = [
    "services",
    "routes",
    "upstreams",
    "ssls",
    "consumers",
    "plugin_configs",
    "global_rules",
    "plugin_metadata",
    "stream_routes",
];

async fn dump(plane: &Plane) -> Vec<Value> {
    let mut read = Vec::new();
    for list in LISTS {
        let answer = plane.call("GET", &format!("/apisix/admin/{list}"), Value::Null).await;
        if list == "stream_routes" && answer.status == 400 {
            continue;
        }
        assert_eq!((answer.status, answer.header("server")), (200, "APISIX/3.18.0"), "{list}: {}", answer.text);
        assert!(answer.json()["list"].is_array(), "{list}");
        read.push(answer.json());
    }
    for consumer in read[4]["list"].as_array().unwrap().clone() {
        let path = format!("/apisix/admin/consumers/{}/credentials", consumer["value"]["username"].as_str().unwrap());
        read.push(plane.call("GET", &path, Value::Null).await.json());
    }
    read
}

#[tokio::test(flavor = "multi_thread")]
async fn ping_validate_sync_and_an_empty_second_diff() {
    let plane = Plane::new().await;
    let empty = dump(&plane).await;
    let upstream = json!({"id": "s", "name": "svc", "type": "roundrobin", "scheme": "http", "pass_host": "pass",
        "nodes": [{"host": "127.0.0.1", "port": 80, "weight": 1, "priority": 0}]});
    let service = json!({"id": "s", "name": "svc", "labels": {"managed-by": "adc"}, "upstream_id": "s", "plugins": {}});
    let route = json!({"id": "r", "name": "route", "uris": ["/x"], "methods": ["GET"], "service_id": "s", "plugins": {},
        "status": 1});
    let credential = json!({"id": "c", "name": "key", "plugins": {"key-auth": {"key": "k"}}});
    let state = json!({"routes": [route], "services": [service], "upstreams": [upstream], "consumers": [], "ssls": [],
        "global_rules": [{"id": "cors", "plugins": {"cors": {}}}], "stream_routes": [], "plugin_metadata": []});
    plane.expect("POST", "/apisix/admin/configs/validate", state, 200).await;
    let puts = [
        ("upstreams/s", upstream),
        ("services/s", service),
        ("routes/r", route),
        ("consumers/jack", json!({"username": "jack", "plugins": {}})),
        ("global_rules/cors", json!({"plugins": {"cors": {}}})),
        ("consumers/jack/credentials/c", credential),
    ];
    for (path, body) in &puts {
        plane.expect("PUT", &format!("/apisix/admin/{path}"), body.clone(), 201).await;
    }
    // Nothing is added that a comparison would see.
    let dumped = dump(&plane).await;
    for (list, (_, sent)) in [(0, &puts[1]), (1, &puts[2]), (2, &puts[0]), (6, &puts[4])] {
        let mut value = dumped[list]["list"][0]["value"].clone();
        let fields = value.as_object_mut().unwrap();
        fields.remove("create_time");
        fields.remove("update_time");
        fields.retain(|name, _| sent.get(name).is_some() || name != "id");
        assert_eq!(&value, sent, "{}", LISTS[list]);
    }
    let mut gone = vec!["routes/r", "services/s", "upstreams/s", "global_rules/cors"];
    // ADC deletes the credentials of a consumer after the consumer that took them along.
    gone.extend(["consumers/jack", "consumers/jack/credentials/c"]);
    for path in gone {
        plane.expect("DELETE", &format!("/apisix/admin/{path}"), Value::Null, 200).await;
    }
    assert_eq!(dump(&plane).await, empty);
}
