//! `POST /api/apply` and `GET /api/export`.

use serde_json::{Value, json};

use crate::plane::{ADMIN_KEY, Plane, VIEWER_KEY, send};

/// What ADC's documentation shows, shortened.
const STATE: &str = r#"
services:
  - name: httpbin
    description: an echo
    labels: { team: [a, b] }
    hosts: [httpbin.example]
    upstream:
      type: roundrobin
      nodes: [{ host: 127.0.0.1, port: 80, weight: 1 }]
    upstreams:
      - name: canary
        nodes: [{ host: 127.0.0.1, port: 81, weight: 1 }]
    routes:
      - name: anything
        uris: [/anything/*]
        methods: [GET]
      - id: own
        name: status
        uris: [/status/*]
consumers:
  - username: jack
    plugins: {}
    credentials:
      - name: main
        type: key-auth
        config: { key: jacks-secret }
global_rules:
  cors: {}
"#;

async fn apply(plane: &Plane, query: &str, state: &str) -> crate::plane::Answer {
    let request = plane.request("POST", &format!("/api/apply?{query}")).header("x-api-key", ADMIN_KEY);
    send(request.header("content-type", "application/yaml").body(state.to_owned())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_state_is_one_event_and_then_nothing() {
    let plane = Plane::new().await;
    let head = plane.head().await;
    let plan = apply(&plane, "dry_run=true", STATE).await;
    assert_eq!(plan.status, 200, "{}", plan.text);
    assert_eq!((&plan.json()["errors"], plan.json()["changes"].as_array().unwrap().len()), (&json!([]), 8));
    assert_eq!(plane.head().await, head);
    let done = apply(&plane, "reason=first", STATE).await;
    assert_eq!(done.status, 200, "{}", done.text);
    assert_eq!(done.json()["revision"], head + 1);
    let event = &plane.events(1).await[0];
    assert_eq!((&event["action"], &event["reason"]), (&json!("group.apply"), &json!("first")));
    assert_eq!(event["changes"].as_array().unwrap().len(), 8);
    assert!(!event.to_string().contains("jacks-secret"));

    // The ids are ADC's.
    let service = "/apisix/admin/services/1f6c5d1b9fdea3f9aa8bbf8a4f1f4e0a";
    let id = sha1_of("httpbin");
    assert_ne!(service, id);
    let service = plane.expect("GET", &format!("/apisix/admin/services/{id}"), Value::Null, 200).await;
    assert_eq!((&service["value"]["upstream_id"], &service["value"]["desc"]), (&json!(id), &json!("an echo")));
    assert_eq!(service["value"]["labels"]["team"], r#"["a","b"]"#);
    let route = format!("/apisix/admin/routes/{}", sha1_of("httpbin.anything"));
    assert_eq!(plane.expect("GET", &route, Value::Null, 200).await["value"]["service_id"], id);
    plane.expect("GET", "/apisix/admin/routes/own", Value::Null, 200).await;

    let again = apply(&plane, "", STATE).await.json();
    assert_eq!((&again["revision"], &again["changes"]), (&Value::Null, &json!([])));
    assert_eq!(plane.head().await, head + 1);
    // What is exported is what was applied.
    let state = plane.expect("GET", "/api/export", Value::Null, 200).await;
    assert_eq!(plane.events(1).await[0]["action"], "group.export");
    assert_eq!(state["services"][0]["routes"].as_array().unwrap().len(), 2);
    assert_eq!(state["consumers"][0]["credentials"][0]["config"]["key"], "jacks-secret");
    let again = apply(&plane, "", &state.to_string()).await.json();
    assert_eq!(again["changes"], json!([]), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_told_by_field_and_deletions_follow_from_absence() {
    let plane = Plane::new().await;
    apply(&plane, "", STATE).await;
    let changed =
        STATE.replace("[GET]", "[GET, PUT]").replace("jacks-secret", "another-secret").replace("  cors: {}", "  {}");
    let plan = apply(&plane, "dry_run=true", &changed).await.json();
    assert_eq!(plan["errors"], json!([]));
    let told: Vec<_> = plan["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["action"].clone(), c["kind"].clone(), c["fields"].clone()))
        .collect();
    assert_eq!(
        told,
        [
            (json!("update"), json!("credential"), json!([{"path": "", "before": "******", "after": "******"}])),
            (
                json!("update"),
                json!("route"),
                json!([{"path": "/methods", "before": ["GET"], "after": ["GET", "PUT"]}])
            ),
            (json!("delete"), json!("global_rule"), Value::Null),
        ]
    );
    let gone = apply(&plane, "", "{}").await.json();
    assert_eq!(gone["changes"].as_array().unwrap().len(), 8, "{gone}");
    for kind in ["routes", "services", "upstreams", "consumers"] {
        assert_eq!(plane.expect("GET", &format!("/apisix/admin/{kind}"), Value::Null, 200).await["total"], 0, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_format_can_not_say_stays_unless_listed() {
    let plane = Plane::new().await;
    plane.expect("PUT", "/apisix/admin/upstreams/u", json!({"nodes": {}}), 201).await;
    plane.expect("PUT", "/apisix/admin/routes/r", json!({"uri": "/", "upstream_id": "u"}), 201).await;
    assert_eq!(apply(&plane, "", "{}").await.json()["changes"], json!([]));
    let state = plane.expect("GET", "/api/export", Value::Null, 200).await;
    assert_eq!((&state["routes"][0]["id"], &state["upstreams"][0]["id"]), (&json!("r"), &json!("u")));
    assert_eq!(apply(&plane, "dry_run=true", &state.to_string()).await.json()["changes"], json!([]));
    let refused = apply(&plane, "", "upstreams: []").await;
    assert_eq!(refused.status, 400, "{}", refused.text);
    let error = &refused.json()["errors"][0];
    assert_eq!(error["error"], "can not delete this upstream, route [r] is still using it now");
    let done = apply(&plane, "", "upstreams: []\nroutes: []").await;
    assert_eq!(done.json()["changes"].as_array().unwrap().len(), 2, "{}", done.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_errors_at_once_and_nothing_done() {
    let plane = Plane::new().await;
    let state = r#"
services:
  - name: a
    upstream: { nodes: [{ host: h, port: 99999, weight: 1 }] }
    routes:
      - { name: r, uris: [/], nonsense: 1 }
      - { uris: [/] }
      - { name: t, uris: [/t], plugins: { nope: {} } }
      - { name: t, uris: [/t] }
  - { name: b, path_prefix: x }
  - { name: c, routes: { name: r, uris: [/c] }, stream_routes: 1, upstreams: x, upstream: [] }
consumers:
  - { username: jack, credentials: [{ name: c, type: key-auth, config: { key: same } }] }
  - { username: jill, plugins: { key-auth: { key: same } } }
  - { username: "no name" }
  - { username: joe, credentials: { name: c } }
  - { username: jim, credentials: [{ name: c, type: key-auth }, { name: d, type: 1, config: {} }] }
routes:
  - { id: z, uri: /z, upstream_id: missing }
"#;
    let plan = apply(&plane, "dry_run=true", state).await;
    assert_eq!(plan.status, 200, "{}", plan.text);
    let plan = plan.json();
    let errors: Vec<_> =
        plan["errors"].as_array().unwrap().iter().map(|e| e["error"].as_str().unwrap().to_owned()).collect();
    for expected in [
        "property \"nodes\" validation failed",
        "additional properties forbidden, found nonsense",
        "needs a name or an id",
        "unknown plugin [nope]",
        "found duplicate id",
        "routes must be a list",
        "Error at \"/path_prefix\": must be a path",
        "duplicate key of plugin key-auth",
        "can't be the id of a consumer",
        "stream_routes must be a list",
        "upstreams must be a list",
        "upstream must be an object",
        "credentials must be a list",
        "needs both a type, which is a text, and a config",
        "failed to fetch upstream info by upstream id [missing]",
    ] {
        assert!(errors.iter().any(|error| error.contains(expected)), "{expected}: {errors:#?}");
    }
    let head = plane.head().await;
    let refused = apply(&plane, "", state).await;
    assert_eq!((refused.status, refused.json()["errors"].as_array().unwrap().len()), (400, errors.len()));
    let event = &plane.events(1).await[0];
    assert_eq!((plane.head().await, &event["outcome"]), (head + 1, &json!("refused")));
    assert_eq!(plane.expect("GET", "/apisix/admin/services", Value::Null, 200).await["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_changes() {
    let plane = Plane::new().await;
    let changes = json!({"changes": [
        {"action": "put", "kind": "routes", "id": "1", "value": {"uri": "/", "upstream_id": "u"}},
        {"action": "put", "kind": "upstream", "id": "u", "value": {"nodes": {}}},
    ]});
    let done = plane.expect("POST", "/api/apply", changes, 200).await;
    assert_eq!(done["changes"].as_array().unwrap().len(), 2);
    plane.expect("PUT", "/apisix/admin/services/s", json!({}), 201).await;
    let delete = |kinds: &[(&str, &str)]| {
        let changes: Vec<_> =
            kinds.iter().map(|(kind, id)| json!({"action": "delete", "kind": kind, "id": id})).collect();
        json!({"changes": changes})
    };
    let refused = plane.expect("POST", "/api/apply", delete(&[("upstreams", "u")]), 400).await;
    assert_eq!(refused["errors"][0]["resource_id"], "u");
    let refused = plane.expect("POST", "/api/apply", delete(&[("upstreams", "nobody")]), 400).await;
    assert_eq!(refused["errors"][0]["error"], "Key not found");
    plane.expect("POST", "/api/apply", delete(&[("upstreams", "u"), ("routes", "1")]), 200).await;
    plane.expect("GET", "/apisix/admin/services/s", Value::Null, 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_state() {
    let plane = Plane::new().await;
    for state in
        ["[]", "1", "services: {}", "nonsense: []", "{", "global_rules: 1", "changes: 1", "changes: [{action: put}]"]
    {
        let head = plane.head().await;
        let answer = apply(&plane, "", state).await;
        assert_eq!(answer.status, 400, "{state}: {}", answer.text);
        assert_eq!(plane.head().await, head + 1, "{state}");
        assert_eq!(apply(&plane, "dry_run=true", state).await.status, 400, "{state}");
    }
    let viewer = |path: &'static str| plane.as_key(VIEWER_KEY, "POST", path, json!({}));
    assert_eq!((viewer("/api/apply").await.status, viewer("/api/apply?dry_run=true").await.status), (403, 200));
    assert_eq!(plane.as_key(VIEWER_KEY, "GET", "/api/export", Value::Null).await.status, 403);
}

fn sha1_of(text: &str) -> String {
    portolan_cp::batch::adc::id_of(text)
}

#[test]
fn ids_are_sha1() {
    assert_eq!(sha1_of("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
}
