use portolan_testkit::Upstream;
use portolan_testkit::upstream::Reply;
use serde_json::{Value, json};

use crate::harness::Gateway;
use crate::raw;

/// Routes by what is in the body, plainest last; the name of the one that answered is its status text.
async fn routes(gateway: &Gateway, upstream: &Upstream) {
    let route = |id: &str, vars: Value| {
        json!({
            "uri": "/*", "vars": vars, "priority": if id == "plain" { 0 } else { 1 },
            "plugins": {"response-rewrite": {"headers": {"set": {"x-route": id}}}},
            "upstream": {"nodes": {upstream.node(): 1}},
        })
    };
    for (id, vars) in [
        ("form", json!([["post_arg_user", "==", "jack"]])),
        ("document", json!([["post_arg.user.age", ">", 17]])),
        ("graphql", json!([["graphql_root_fields", "has", "owner"]])),
        ("plain", json!([])),
    ] {
        gateway.put(&format!("routes/{id}"), route(id, vars)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn routes_are_chosen_by_what_is_in_a_body() {
    let (gateway, _files) = Gateway::with(|config| config.limits.held_body_bytes = 1000).await;
    let upstream = Upstream::start(Reply::echo()).unwrap();
    routes(&gateway, &upstream).await;
    let client = reqwest::Client::new();
    let (form, json) = ("application/x-www-form-urlencoded", "application/json");
    for (kind, body, expected) in [
        (form, "user=jack&x=1", "form"),
        (form, "user=rose", "plain"),
        (json, r#"{"user":{"age":18}}"#, "document"),
        (json, r#"{"user":{"age":17}}"#, "plain"),
        (json, r#"{"query":"{ owner { name } }"}"#, "graphql"),
        ("text/plain", "query q { owner { name } }", "graphql"),
        ("text/plain", "", "plain"),
    ] {
        let request = client.post(gateway.http()).header("content-type", kind).body(body);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{body}");
        assert_eq!(response.headers()["x-route"], expected, "{body}");
        let seen: Value = response.json().await.unwrap();
        assert_eq!(seen["body"], body);
        // The same in chunks.
        let chunks: String = body.as_bytes().chunks(5).map(chunk).collect();
        let head = format!("POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-type: {kind}\r\n");
        let bytes = format!("{head}transfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n");
        let address = gateway.address();
        let answer = tokio::task::spawn_blocking(move || raw::exchange(&address, bytes.as_bytes())).await.unwrap();
        assert!(answer.contains(&format!("x-route: {expected}\r\n")), "{body}: {answer}");
    }
    // What would have to be held and is larger than that is refused.
    let large = client.post(gateway.http()).header("content-type", form).body("x=".to_owned() + &"y".repeat(2000));
    assert_eq!(large.send().await.unwrap().status(), 413);
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_know_what_is_in_a_body() {
    let (gateway, _files) = Gateway::new().await;
    let upstream = Upstream::start(Reply::echo()).unwrap();
    let plugins = json!({
        "proxy-rewrite": {"headers": {"set": {"x-model": "$post_arg.model"}}},
        "mocking": {"response_example": "mock", "_meta": {"filter": [["post_arg.mock", "==", true]]}},
    });
    gateway
        .put("routes/1", json!({"uri": "/*", "plugins": plugins, "upstream": {"nodes": {upstream.node(): 1}}}))
        .await;
    let client = reqwest::Client::new();
    let send = async |body: Value| {
        let response = client.post(gateway.http()).json(&body).send().await.unwrap();
        response.text().await.unwrap()
    };
    let passed: Value = serde_json::from_str(&send(json!({"model": "m-1", "mock": false})).await).unwrap();
    assert_eq!(passed["headers"]["x-model"], json!(["m-1"]));
    assert_eq!(passed["body"], json!({"model": "m-1", "mock": false}).to_string());
    assert_eq!(send(json!({"mock": true})).await, "mock");
}

fn chunk(bytes: &[u8]) -> String {
    format!("{:x}\r\n{}\r\n", bytes.len(), String::from_utf8_lossy(bytes))
}
