//! Walks over the OpenAPI document: it names the routes that there are, each wants credentials, each that writes appends
//! exactly one event with its actor, and none that reads appends any.

use std::collections::BTreeSet;
use std::sync::Arc;

use portolan_cp::http::{Listener, document, rows};
use portolan_rt::clock::SystemClock;
use serde_json::{Value, json};

use crate::plane::{ADMIN_KEY, Plane, VIEWER_KEY, config, send};

/// Routes that need no credentials, each with its reason.
const OPEN: [(&str, &str); 2] = [
    ("post /api/login", "it is how a user gets credentials"),
    ("get /api/status", "clients ask it whether there is somebody, and learn no more without a key"),
];

/// A request that succeeds, for each route that writes. Run in this order on one plane.
fn writes() -> Vec<(&'static str, String, Value, &'static str)> {
    let node = json!({"nodes": {"127.0.0.1:80": 1}});
    let route = json!({"uri": "/x", "upstream": node});
    let user = json!({"username": "ann"});
    let with_id = |mut document: Value| {
        document["id"] = json!("c");
        document
    };
    let mut writes = Vec::new();
    for (kind, noun, document) in
        [("routes", "route", &route), ("services", "service", &json!({"name": "s"})), ("upstreams", "upstream", &node)]
    {
        let path = format!("/apisix/admin/{kind}");
        let name = |verb: &str| -> &'static str { Box::leak(format!("{noun}.{verb}").into_boxed_str()) };
        writes.push(("put /{kind}", path.clone(), with_id(document.clone()), name("create")));
        writes.push(("post /{kind}", path.clone(), document.clone(), name("create")));
        writes.push(("put /{kind}/{id}", format!("{path}/a"), document.clone(), name("create")));
        writes.push(("patch /{kind}/{id}", format!("{path}/a"), json!({"desc": "d"}), name("update")));
        writes.push(("patch /{kind}/{id}/{sub_path}", format!("{path}/a/desc"), json!("e"), name("update")));
        writes.push(("delete /{kind}/{id}", format!("{path}/a"), Value::Null, name("delete")));
    }
    let path = "/apisix/admin/consumers";
    writes.push(("put /{kind}", path.into(), user.clone(), "consumer.create"));
    writes.push(("put /{kind}/{id}", format!("{path}/ann"), user, "consumer.update"));
    writes.push(("delete /{kind}/{id}", format!("{path}/ann"), Value::Null, "consumer.delete"));
    writes.extend(other_kinds());
    writes.push(("post /api/rollback", "/api/rollback".into(), json!({"to": 2, "dry_run": false}), "group.rollback"));
    let facts = json!({"name": "prod"});
    let groups = "/api/gateway_groups";
    writes.push((
        "post /api/audit/key/rotate",
        "/api/audit/key/rotate".into(),
        json!({"reason": "yearly"}),
        "log.key_rotated",
    ));
    writes.push(("post /api/gateway_groups", groups.into(), facts, "gateway_group.create"));
    let path = format!("{groups}/prod");
    writes.push(("put /api/gateway_groups/{id}", path.clone(), json!({"name": "live"}), "gateway_group.update"));
    let key = ("put /api/gateway_groups/{id}/admin_key", format!("{path}/admin_key"), Value::Null);
    writes.push((key.0, key.1, key.2, "gateway_group.admin_key"));
    writes.push(("delete /api/gateway_groups/{id}", path, Value::Null, "gateway_group.delete"));
    let user = json!({"username": "eve", "password": "a long password"});
    writes.push(("post /api/invites", "/api/invites".into(), user, "user.create"));
    writes.push(("put /api/license", "/api/license".into(), json!({"data": "x"}), "license.ignore"));
    let state = json!({"services": [{"name": "s", "upstream": node}]});
    writes.push(("post /api/apply", "/api/apply".into(), state, "group.apply"));
    let csr = crate::certificates::csr();
    let order = json!({"kind": "admin", "name": "ops", "csr": csr});
    writes.push(("post /api/certificates", "/api/certificates".into(), order, "certificate.issue"));
    let scope = json!({"type": "actor", "actor_id": "nobody"});
    let holds = "/api/audit/holds";
    writes.push(("post /api/audit/holds", holds.into(), json!({"scope": scope, "reason": "r"}), "audit.hold"));
    let path = "/api/audit/prune";
    let order = json!({"before": 5, "reason": "r", "dry_run": false});
    writes.push(("post /api/audit/prune", path.into(), order, "audit.prune"));
    let path = "/api/audit/erasures";
    let order = json!({"actor_id": "ci", "reason": "r", "dry_run": false});
    writes.push(("post /api/audit/erasures", path.into(), order, "audit.erase"));
    writes
}

/// The same, of the kinds that need no upstream.
fn other_kinds() -> Vec<(&'static str, String, Value, &'static str)> {
    let (certificate, key) = crate::certificates::pair("a.com");
    let plugins = json!({"plugins": {}});
    let vault = json!({"uri": "http://v", "prefix": "kv", "token": "t"});
    let mut writes = Vec::new();
    for (collection, item, noun, document, methods) in [
        ("consumers/{username}/credentials", "consumers/ben/credentials/a", "credential", json!({}), ""),
        ("secrets", "secrets/vault/a", "secret", vault, "patch"),
        (
            "services/{service_id}/graphql_cost_decorations",
            "services/shop/graphql_cost_decorations/a",
            "graphql_cost_decoration",
            json!({"field_path": "Query.a"}),
            "post patch",
        ),
        ("plugin_metadata", "plugin_metadata/cors", "plugin_metadata", json!({}), ""),
        ("ssls", "ssls/a", "ssl", json!({"sni": "a.com", "cert": certificate, "key": key}), "body post patch"),
        ("protos", "protos/a", "proto", json!({"content": "syntax = \"proto3\";"}), "body post"),
        ("stream_routes", "stream_routes/a", "stream_route", json!({"server_port": 1}), "body post"),
        ("global_rules", "global_rules/a", "global_rule", plugins.clone(), "body patch"),
        ("plugin_configs", "plugin_configs/a", "plugin_config", plugins.clone(), "body patch"),
        ("consumer_groups", "consumer_groups/a", "consumer_group", plugins, "body patch"),
    ] {
        let text = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
        let place = format!("/apisix/admin/{collection}");
        let one = if noun == "secret" { "{manager}/{id}" } else { "{id}" };
        let path = format!("/apisix/admin/{item}");
        let mut add = |method: &str, template: String, path: String, body: Value, verb: &str| {
            writes.push((text(format!("{method} {template}")), path, body, text(format!("{noun}.{verb}"))));
        };
        if methods.contains("body") {
            let mut document = document.clone();
            document["id"] = json!("c");
            add("put", place.clone(), place.clone(), document, "create");
        }
        if methods.contains("post") {
            let mut document = document.clone();
            if noun == "graphql_cost_decoration" {
                document["field_path"] = json!("Query.b");
            }
            add("post", place.clone(), path.rsplit_once('/').unwrap().0.to_owned(), document, "create");
        }
        add("put", format!("{place}/{one}"), path.clone(), document, "create");
        if methods.contains("patch") {
            let (field, value) = match noun {
                "secret" => ("prefix", json!("kv2")),
                "global_rule" => ("plugins", json!({"cors": {}})),
                _ => ("labels", json!({"a": "b"})),
            };
            add("patch", format!("{place}/{one}"), path.clone(), json!({ field: value }), "update");
            if noun != "graphql_cost_decoration" {
                add("patch", format!("{place}/{one}/{{sub_path}}"), format!("{path}/{field}"), value, "update");
            }
        }
        add("delete", format!("{place}/{one}"), path, Value::Null, "delete");
    }
    let ben =
        ("put /{kind}/{id}", "/apisix/admin/consumers/ben".to_owned(), json!({"username": "ben"}), "consumer.create");
    writes.insert(0, ben);
    writes.insert(0, ("put /{kind}/{id}", "/apisix/admin/services/shop".to_owned(), json!({}), "service.create"));
    writes
}

/// Routes that write and stand in no list above, each with its reason.
const ELSEWHERE: [(&str, &str); 13] = [
    ("put /apisix/admin/configs", "needs a digest: admin/standalone.rs"),
    ("delete /api/audit/holds/{id}", "needs a hold: retention.rs"),
    ("post /api/certificates/{serial}/revoke", "needs a certificate: certificates.rs"),
    ("put /apisix/admin/plugins/reload", "changes nothing: admin/helpers.rs"),
    ("post /apisix/admin/schema/validate/{resource}", "changes nothing: admin/helpers.rs"),
    ("post /apisix/admin/configs/validate", "changes nothing: admin/helpers.rs"),
    ("post /api/login", "needs a password: sessions.rs"),
    ("post /api/logout", "needs a session: sessions.rs"),
    ("put /api/password", "needs a session: users.rs"),
    ("post /api/tokens", "needs a session: users.rs"),
    ("delete /api/tokens/{id}", "needs a token: users.rs"),
    ("delete /api/users/{id}", "needs a user: users.rs"),
    ("put /api/users/{id}/assigned_roles", "needs a user: users.rs"),
];

/// Routes that only read, and append an event all the same, each with its reason.
const RECORDED: [(&str, &str); 3] = [
    ("get /api/export", "it gives secrets away"),
    ("get /api/audit/export", "it gives secrets and personal data away"),
    ("get /apisix/admin/configs", "it gives secrets away"),
];

/// Routes that a viewer's key opens though they are no reads, or never opens for another reason: each with it.
const FOR_ANY: [(&str, &str); 6] = [
    ("post /api/login", "it is how a user gets credentials"),
    ("post /api/logout", "only a session can end"),
    ("put /api/password", "only a user has one"),
    ("post /api/tokens", "only a session makes one"),
    ("delete /api/tokens/{id}", "anybody may give up what is his"),
    ("get /apisix/admin/configs", "without its secrets"),
];

/// Routes that only read, and that a viewer may not use all the same, each with its reason.
const ADMINISTRATION: [(&str, &str); 1] = [("get /api/audit/holds", "who is looked into is not for everybody")];

fn is_read(operation: &str) -> bool {
    operation.starts_with("get ") || operation.starts_with("head ")
}

fn operations() -> BTreeSet<String> {
    operations_of(Listener::AdminApi)
}

pub fn operations_of(listener: Listener) -> BTreeSet<String> {
    let document: Value = serde_json::from_str(document(listener)).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let methods = paths
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| format!("{method} {path}")));
    methods.collect()
}

/// The operations of both listeners.
fn on_both() -> Vec<(Listener, String)> {
    let of = |listener| operations_of(listener).into_iter().map(move |operation| (listener, operation));
    of(Listener::AdminApi).chain(of(Listener::Dashboard)).collect()
}

fn to(plane: &Plane, listener: Listener, method: &str, path: &str) -> reqwest::RequestBuilder {
    match listener {
        Listener::AdminApi => plane.request(method, path),
        Listener::Dashboard => plane.dashboard(method, path),
    }
}

/// A path with something in place of each variable.
fn filled(path: &str) -> String {
    let values = [
        ("{group}", "default"),
        ("{kind}", "routes"),
        ("{id}", "nobody"),
        ("{revision}", "1"),
        ("{sub_path}", "x"),
        ("{username}", "nobody"),
        ("{manager}", "vault"),
        ("{name}", "route"),
        ("{plugin}", "cors"),
        ("{resource}", "routes"),
        ("{service_id}", "nobody"),
        ("{serial}", "0"),
    ];
    values.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value))
}

#[test]
fn the_document_names_the_routes_that_there_are() {
    for listener in [Listener::AdminApi, Listener::Dashboard] {
        let rows = rows(listener);
        let served: BTreeSet<String> =
            rows.iter().map(|row| format!("{} {}", row.method.as_str().to_lowercase(), row.path)).collect();
        assert_eq!(served, operations_of(listener));
    }
}

#[test]
fn lists_of_exceptions_name_only_what_exists() {
    let operations = operations();
    for (name, reason) in OPEN.iter().chain(&ELSEWHERE).chain(&RECORDED).chain(&FOR_ANY).chain(&ADMINISTRATION) {
        assert!(operations.contains(*name), "stale: {name} ({reason})");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_refuses_a_missing_and_a_wrong_key() {
    let plane = Plane::new().await;
    let head = plane.head().await;
    for (listener, operation) in on_both() {
        if OPEN.iter().any(|(open, _)| *open == operation) {
            continue;
        }
        let (method, path) = operation.split_once(' ').unwrap();
        let (method, path) = (method.to_uppercase(), filled(path));
        for (key, why) in [(None, "missing apikey"), (Some("wrong-key"), "wrong apikey"), (Some(""), "wrong apikey")] {
            let mut request = to(&plane, listener, &method, &path);
            if let Some(key) = key {
                request = request.header("x-api-key", key);
            }
            let answer = send(request).await;
            assert_eq!(answer.status, 401, "{operation} with {key:?}");
            let told = json!({"error_msg": "failed to check token", "description": why});
            assert_eq!(answer.json(), if method == "HEAD" { Value::Null } else { told }, "{operation}");
        }
    }
    assert_eq!(plane.head().await, head, "failures without credentials are counted, not written one by one");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_without_credentials_become_one_event_with_their_number() {
    let plane = Plane::new().await;
    for key in ["wrong-1", "wrong-2", "wrong-3"] {
        send(plane.request("GET", "/apisix/admin/routes").header("x-api-key", key)).await;
    }
    send(plane.request("DELETE", "/apisix/admin/routes/1")).await;
    send(plane.request("GET", "/api/users")).await;
    // Nobody is suspicious for asking whether he is logged in.
    send(plane.dashboard("GET", "/api/session")).await;
    // What was counted is written each minute, and at the end.
    let dir = plane.stop().await;
    let plane = Plane::with(dir.clone(), config(dir.path()), Arc::new(SystemClock)).await;
    let page = plane.expect("GET", "/api/audit/events?action=auth.denied", Value::Null, 200).await;
    let events = page["events"].as_array().unwrap();
    let messages: BTreeSet<_> = events.iter().map(|event| event["error"]["message"].as_str().unwrap()).collect();
    let expected = [
        "1 request without valid credentials, the last one: missing apikey",
        "4 requests without valid credentials, the last one: missing apikey",
    ];
    assert_eq!(messages, BTreeSet::from(expected), "one for each door");
    for event in events {
        assert_eq!((&event["actor"]["kind"], &event["source"]["ip"]), (&json!("anonymous"), &json!("127.0.0.1")));
        assert_eq!((&event["outcome"], &event["error"]["status"]), (&json!("denied"), &json!(401)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_write_is_one_event_with_its_actor() {
    walk(Plane::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_write_is_one_event_on_postgres_too() {
    let database = portolan_testkit::postgres::database().await.unwrap();
    walk(Plane::on(database.url()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_write_is_one_event_on_mariadb_too() {
    let database = portolan_testkit::mariadb::database().await.unwrap();
    walk(Plane::on(database.url()).await).await;
}

async fn walk(plane: Plane) {
    let mut covered = BTreeSet::new();
    for (operation, path, body, action) in writes() {
        let (method, template) = operation.split_once(' ').unwrap();
        let kind = path.split('/').nth(3).unwrap_or_default();
        let template = match template.strip_prefix("/{kind}") {
            Some(rest) => format!("/apisix/admin/{kind}{rest}"),
            None => template.to_owned(),
        };
        covered.insert(format!("{method} {template}"));

        let head = plane.head().await;
        let request = plane.request(&method.to_uppercase(), &path).header("x-api-key", ADMIN_KEY);
        let request = request.header("user-agent", "walker/1");
        let answer = send(if body.is_null() { request } else { request.body(body.to_string()) }).await;
        assert!(answer.status < 300, "{operation} {path}: {} {}", answer.status, answer.text);
        assert_eq!(plane.head().await, head + 1, "{operation} {path}");
        let event = &plane.events(1).await[0];
        assert_eq!(event["action"], action, "{operation} {path}");
        assert_eq!(event["outcome"], "success");
        assert_eq!(
            event["actor"],
            json!({"id": "ci", "kind": "admin_key", "name": null, "auth_method": "api_key", "roles": ["admin"]})
        );
        assert_eq!((&event["source"]["ip"], &event["source"]["user_agent"]), (&json!("127.0.0.1"), &json!("walker/1")));
        let interface = if path.starts_with("/apisix/") { "admin_api" } else { "api" };
        assert_eq!(event["source"]["interface"], interface);
        assert_eq!(event["request_id"], answer.header("x-request-id"));
        if path.starts_with("/apisix/") {
            assert_eq!(event["resource"]["kind"], action.split('.').next().unwrap());
            assert_eq!(event["gateway_group_id"], "default");
        }
    }
    covered.extend(ELSEWHERE.map(|(operation, _)| operation.to_owned()));
    let writing: BTreeSet<String> = operations().into_iter().filter(|operation| !is_read(operation)).collect();
    assert_eq!(covered, writing);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_write_of_the_enterprise_face_is_one_event_too() {
    let plane = Plane::new().await;
    let document: Value = serde_json::from_str(document(Listener::Dashboard)).unwrap();
    let mut covered = BTreeSet::from(["post /apisix/admin/configs/validate".to_owned()]);
    let items = [
        ("services/{id}", "service"),
        ("services/{service_id}/upstreams/{id}", "upstream"),
        ("routes/{id}", "route"),
        ("stream_routes/{id}", "stream_route"),
        ("consumers/{id}", "consumer"),
        ("consumers/{username}/credentials/{id}", "credential"),
        ("ssls/{id}", "ssl"),
        ("global_rules/{id}", "global_rule"),
        ("plugin_metadata/{id}", "plugin_metadata"),
    ];
    let made = items.iter().flat_map(|item| ["put", "patch", "post"].map(|method| (method, *item)));
    let gone = items.iter().rev().map(|item| ("delete", *item));
    for (method, (item, noun)) in made.chain(gone) {
        let path = match method {
            "post" => item.strip_suffix("/{id}").unwrap(),
            _ => item,
        };
        let template = format!("/apisix/admin/{path}");
        let operation = &document["paths"][&template][method];
        if operation.is_null() {
            continue;
        }
        covered.insert(format!("{method} {template}"));
        // The examples belong together.
        let parameters = operation["parameters"].as_array().unwrap().iter();
        let path = parameters.filter(|it| it["in"] == "path").fold(template, |path, it| {
            path.replace(&format!("{{{}}}", it["name"].as_str().unwrap()), it["example"].as_str().unwrap())
        });
        let body = operation["requestBody"].pointer("/content/application~1json/example");
        let head = plane.head().await;
        let request = plane.dashboard(&method.to_uppercase(), &path).header("x-api-key", ADMIN_KEY);
        let answer = send(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await;
        assert!(answer.status < 300, "{method} {path}: {} {}", answer.status, answer.text);
        assert_eq!(plane.head().await, head + 1, "{method} {path}");
        let event = &plane.events(1).await[0];
        let verb = match method {
            "patch" => "update",
            "delete" => "delete",
            _ => "create",
        };
        assert_eq!(event["action"], format!("{noun}.{verb}"), "{method} {path}");
        assert_eq!((&event["actor"]["id"], &event["outcome"]), (&json!("ci"), &json!("success")));
        assert_eq!((&event["resource"]["kind"], &event["gateway_group_id"]), (&json!(noun), &json!("default")));
    }
    let writing = operations_of(Listener::Dashboard);
    let writing = writing.into_iter().filter(|it| !it.starts_with("get ") && it.contains(" /apisix/"));
    assert_eq!(covered, writing.collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_read_appends_an_event() {
    let plane = Plane::new().await;
    plane.expect("PUT", "/apisix/admin/routes/nobody", json!({"uri": "/x", "plugins": {}}), 201).await;
    let head = plane.head().await;
    let recorded = |operation: &String| RECORDED.iter().any(|(name, _)| name == operation);
    for (listener, operation) in on_both() {
        let (method, path) = operation.split_once(' ').unwrap();
        if !is_read(&operation) || recorded(&operation) {
            continue;
        }
        let request = to(&plane, listener, &method.to_uppercase(), &filled(path));
        let answer = send(request.header("x-api-key", ADMIN_KEY)).await;
        assert!(answer.status == 200 || answer.status == 404, "{operation}: {} {}", answer.status, answer.text);
    }
    plane.expect("POST", "/api/rollback", json!({"to": 1}), 200).await;
    assert_eq!(plane.head().await, head);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_secrets_away_leaves_a_trace() {
    let plane = Plane::new().await;
    for (operation, _) in RECORDED {
        for (listener, _) in on_both().into_iter().filter(|(_, known)| *known == operation) {
            let (method, path) = operation.split_once(' ').unwrap();
            let head = plane.head().await;
            let request = to(&plane, listener, &method.to_uppercase(), path).header("x-api-key", ADMIN_KEY);
            assert_eq!(send(request).await.status, 200, "{operation}");
            assert_eq!(plane.head().await, head + 1, "{operation}");
            let event = &plane.events(1).await[0];
            assert!(event["action"].as_str().unwrap().ends_with(".export"), "{operation}: {event}");
            assert_eq!(event["actor"]["id"], "ci");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_reads_and_is_refused_with_an_event_when_it_writes() {
    let plane = Plane::new().await;
    for (listener, operation) in on_both() {
        let (method, path) = operation.split_once(' ').unwrap();
        // On 7443 a validation is a read.
        let validates = listener == Listener::Dashboard && operation == "post /apisix/admin/configs/validate";
        if validates || FOR_ANY.iter().any(|(name, _)| *name == operation) {
            continue;
        }
        let head = plane.head().await;
        let request = to(&plane, listener, &method.to_uppercase(), &filled(path)).header("x-api-key", VIEWER_KEY);
        let answer = send(request).await;
        let open = ADMINISTRATION.iter().all(|(name, _)| *name != operation);
        if method == "get" && open && RECORDED.iter().all(|(name, _)| *name != operation) {
            assert!(answer.status == 200 || answer.status == 404, "{operation}: {}", answer.text);
            assert_eq!(plane.head().await, head, "{operation}");
            continue;
        }
        // The APISIX face answers as APISIX does.
        let apisix = listener == Listener::AdminApi && path.starts_with("/apisix/");
        assert_eq!(answer.status, if apisix { 401 } else { 403 }, "{operation}");
        assert_eq!(plane.head().await, head + 1, "{operation}");
        let event = &plane.events(1).await[0];
        assert_eq!((&event["action"], &event["outcome"]), (&json!("auth.denied"), &json!("denied")), "{operation}");
        assert_eq!(event["actor"]["id"], "eye");
    }
}
