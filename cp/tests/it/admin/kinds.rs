//! The kinds beside routes, services, upstreams and consumers, request by request.

use std::sync::Arc;

use portolan_cp::config::Stream;
use portolan_rt::clock::SystemClock;
use serde_json::{Value, json};

use super::{error, run, upstream};
use crate::certificates::pair;
use crate::plane::{Plane, config};

const NOT_FOUND: u16 = 404;

fn missing() -> Value {
    json!({"message": "Key not found"})
}

fn stored(key: &str, value: Value) -> Value {
    json!({"key": key, "value": value})
}

fn deleted(key: &str) -> Value {
    json!({"key": key, "deleted": "1"})
}

fn unsupported(method: &str, noun: &str) -> Value {
    error(&format!("not supported `{method}` method for {noun}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn ssls() {
    let plane = Plane::new().await;
    let ((cert, key), (other_cert, other_key)) = (pair("a.com"), pair("b.com"));
    let shown = json!({"id": "1", "sni": "a.com", "cert": cert});
    let whole = |cert: &str, key: &str| json!({"sni": "a.com", "cert": cert, "key": key});
    let long = |text: &str| text.repeat(128);
    let with = |extra: Value| {
        let mut document = whole(&cert, &key);
        document.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        document
    };
    let no_cert = "failed to parse cert: PEM_read_bio_X509_AUX() failed";
    let client = json!({"type": "client", "cert": cert, "key": key});
    let mutual = |id: &str| {
        let mut upstream = upstream();
        upstream["tls"] = json!({"client_cert_id": id});
        upstream
    };
    let no_ssl = "failed to fetch ssl info by ssl id";
    run(
        &plane,
        vec![
            ("PUT", "/ssls/1", whole(&cert, &key), 201, stored("/apisix/ssls/1", shown.clone())),
            ("PUT", "/ssls/1", whole(&cert, &key), 200, stored("/apisix/ssls/1", shown)),
            ("PATCH", "/ssls/1", json!({"desc": "d"}), 200, Value::Null),
            ("PATCH", "/ssls/1/status", json!(0), 200, Value::Null),
            ("PUT", "/ssls/2", whole(&long("x"), &key), 400, error(no_cert)),
            ("PUT", "/ssls/2", whole(&cert, &long("x")), 400, error("failed to decrypt previous encrypted key")),
            (
                "PUT",
                "/ssls/2",
                whole(&cert, &long("-")),
                400,
                error("failed to parse key: PEM_read_bio_PrivateKey() failed"),
            ),
            ("PUT", "/ssls/2", whole(&cert, &other_key), 400, error("failed to parse key: key values mismatch")),
            ("PATCH", "/ssls/1", json!({"key": other_key}), 400, error("failed to parse key: key values mismatch")),
            ("PUT", "/ssls/2", with(json!({"certs": [other_cert], "keys": []})), 400, Value::Null),
            (
                "PUT",
                "/ssls/2",
                with(json!({"certs": [other_cert, cert], "keys": [other_key]})),
                400,
                error("mismatched number of certs and keys"),
            ),
            (
                "PUT",
                "/ssls/2",
                with(json!({"certs": [cert], "keys": [other_key]})),
                400,
                error("failed to handle cert-key pair[1]: failed to parse key: key values mismatch"),
            ),
            (
                "PUT",
                "/ssls/2",
                with(json!({"client": {"ca": long("x")}})),
                400,
                error(&format!("failed to validate client_cert: {no_cert}")),
            ),
            (
                "PUT",
                "/ssls/2",
                with(json!({"certs": [other_cert], "keys": [other_key], "client": {"ca": cert}})),
                201,
                Value::Null,
            ),
            ("POST", "/ssls", client, 201, Value::Null),
            ("PUT", "/upstreams/u", mutual("1"), 400, error(&format!("{no_ssl} [1], wrong ssl type"))),
            ("PUT", "/upstreams/u", mutual("zz"), 400, error(&format!("{no_ssl} [zz], response code: 404"))),
            ("DELETE", "/ssls/2", Value::Null, 200, deleted("/apisix/ssls/2")),
            ("DELETE", "/ssls/2", Value::Null, NOT_FOUND, missing()),
        ],
    )
    .await;
    let item = plane.expect("GET", "/apisix/admin/ssls/1", Value::Null, 200).await;
    assert_eq!((&item["value"]["cert"], &item["value"]["status"]), (&json!(cert), &json!(0)));
    for path in ["/apisix/admin/ssls", "/apisix/admin/ssls/1", "/api/groups/default/resources/ssls"] {
        let answer = plane.call("GET", path, Value::Null).await;
        assert!(answer.status == 200 && !answer.text.contains("PRIVATE KEY"), "{path}: {}", answer.text);
    }
    let list = plane.expect("GET", "/apisix/admin/ssls", Value::Null, 200).await;
    assert_eq!(list["total"], 2);
    assert!(list["list"].as_array().unwrap().iter().all(|item| item["value"].get("key").is_none()));
    let event = &plane.expect("GET", "/api/audit/events?resource_kind=ssl", Value::Null, 200).await;
    assert!(!event.to_string().contains("PRIVATE KEY"));
    let shown = plane.expect("GET", "/api/groups/default/resources/ssls/1", Value::Null, 200).await;
    assert_eq!(shown["value"]["key"], "******");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials() {
    let plane = Plane::new().await;
    let key = |key: &str| json!({"plugins": {"key-auth": {"key": key}}});
    let jack = "/consumers/jack/credentials";
    let c1 = "/apisix/consumers/jack/credentials/c1";
    let of_consumer = |name: &str, own: &str| json!({"username": name, "plugins": {"key-auth": {"key": own}}});
    let duplicate = |holder: &str| error(&format!("duplicate key of plugin key-auth found with {holder}"));
    run(
        &plane,
        vec![
            ("PUT", "/consumers/jack/credentials/c1", key("k1"), NOT_FOUND, error("consumer not found")),
            ("GET", jack, Value::Null, NOT_FOUND, missing()),
            ("PUT", "/consumers", json!({"username": "jack"}), 201, Value::Null),
            ("PUT", "/consumers", of_consumer("rose", "r"), 201, Value::Null),
            ("GET", jack, Value::Null, NOT_FOUND, missing()),
            (
                "PUT",
                "/consumers/jack/credentials/c1",
                key("k1"),
                201,
                stored(
                    c1,
                    json!({"id": "c1",
                "plugins": {"key-auth": {"key": "k1"}}}),
                ),
            ),
            ("PUT", "/consumers/jack/credentials/c1", key("k1"), 200, Value::Null),
            ("PUT", jack, json!({"id": "c2", "plugins": {"key-auth": {"key": "k2"}}}), 201, Value::Null),
            ("PUT", jack, key("k3"), 400, error("missing credential id")),
            ("PUT", "/consumers/jack/credentials/c1", json!({"id": "c9"}), 400, error("wrong credential id")),
            ("POST", jack, key("k3"), 405, unsupported("POST", "credential")),
            ("PATCH", "/consumers/jack/credentials/c1", json!({}), 405, unsupported("PATCH", "credential")),
            ("GET", "/credentials", Value::Null, NOT_FOUND, error("Unsupported resource type: credentials")),
            (
                "PUT",
                "/consumers/jack/credentials/c3",
                json!({"plugins": {"cors": {}}}),
                400,
                error("only supports auth type plugins in consumer credential"),
            ),
            ("PUT", "/consumers/jack/credentials/c3", key("r"), 400, duplicate("consumer: rose")),
            ("PUT", "/consumers/rose/credentials/c3", key("k1"), 400, duplicate("credential: c1 of consumer: jack")),
            ("PUT", "/consumers", of_consumer("rose", "k1"), 400, duplicate("credential: c1 of consumer: jack")),
            ("GET", "/consumers/jack%2Fcredentials%2Fc1", Value::Null, NOT_FOUND, missing()),
            ("DELETE", "/consumers/jack%2Fcredentials%2Fc1", Value::Null, NOT_FOUND, missing()),
            ("DELETE", "/consumers/jack/credentials/c1", Value::Null, 200, deleted(c1)),
            ("DELETE", "/consumers/jack/credentials/c1", Value::Null, NOT_FOUND, missing()),
            ("DELETE", jack, Value::Null, 400, error("missing credential id")),
        ],
    )
    .await;
    let list = plane.expect("GET", &format!("/apisix/admin{jack}"), Value::Null, 200).await;
    assert_eq!((&list["total"], &list["list"][0]["value"]["id"]), (&json!(1), &json!("c2")));
    assert_eq!(plane.expect("GET", "/apisix/admin/consumers", Value::Null, 200).await["total"], 2);
    let path = "/api/groups/default/resources/credentials/jack%2Fcredentials%2Fc2";
    let item = plane.expect("GET", path, Value::Null, 200).await;
    assert_eq!(item["id"], "jack/credentials/c2");
    assert_eq!(item["value"]["plugins"]["key-auth"]["key"], "******");
    let history = plane.expect("GET", "/api/history/credential/jack%2Fcredentials%2Fc1", Value::Null, 200).await;
    assert_eq!(history["versions"].as_array().unwrap().len(), 3);

    // A consumer goes with its credentials, and all of them come back.
    let before = plane.head().await;
    plane.expect("DELETE", "/apisix/admin/consumers/jack", Value::Null, 200).await;
    let event = &plane.events(1).await[0];
    assert_eq!((&event["action"], event["changes"].as_array().unwrap().len()), (&json!("consumer.delete"), 2));
    run(&plane, vec![("GET", jack, Value::Null, NOT_FOUND, missing())]).await;
    plane.expect("POST", "/api/rollback", json!({"to": before, "dry_run": false}), 200).await;
    run(&plane, vec![("GET", "/consumers/jack/credentials/c2", Value::Null, 200, Value::Null)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sets_of_plugins() {
    let plane = Plane::new().await;
    let plugins = |name: &str| json!({"plugins": {name: {}}});
    let taken = "plugin 'cors' already exists in global rule with id 'g1'";
    let cors =
        |id: &str, kind: &str| stored(&format!("/apisix/{kind}/{id}"), json!({"id": id, "plugins": {"cors": {}}}));
    let mut cases = Vec::new();
    for (kind, item, noun, collection_key) in [
        ("/global_rules", "/global_rules/g1", "global rule", "global_rules"),
        ("/plugin_configs", "/plugin_configs/g1", "plugin config", "plugin_configs"),
        ("/consumer_groups", "/consumer_groups/g1", "consumer group", "consumer_groups"),
    ] {
        let with_desc = json!({"id": "g1", "plugins": {"cors": {"max_age": 1}}});
        cases.extend([
            ("GET", kind, Value::Null, 200, json!({"total": 0, "list": []})),
            ("PUT", kind, plugins("cors"), 400, error(&format!("missing {noun} id"))),
            ("PUT", item, plugins("cors"), 201, cors("g1", collection_key)),
            ("PUT", item, plugins("nope"), 400, error("unknown plugin [nope]")),
            ("PUT", item, json!({"id": "g2", "plugins": {}}), 400, error(&format!("wrong {noun} id"))),
            ("PUT", item, json!({}), 400, error("invalid configuration: property \"plugins\" is required")),
            ("POST", kind, plugins("cors"), 405, unsupported("POST", noun)),
            (
                "PATCH",
                item,
                json!({"plugins": {"cors": {"max_age": 1}}}),
                200,
                stored(&format!("/apisix{item}"), with_desc),
            ),
            ("PATCH", item, json!({"plugins": {"nope": {}}}), 400, error("unknown plugin [nope]")),
            ("PATCH", kind, json!({}), 400, error(&format!("missing {noun} id"))),
            ("DELETE", kind, Value::Null, 400, error(&format!("missing {noun} id"))),
        ]);
    }
    cases.extend([
        ("PUT", "/global_rules/g2", plugins("cors"), 400, error(taken)),
        ("PUT", "/global_rules/g2", plugins("key-auth"), 201, Value::Null),
        ("PATCH", "/global_rules/g2", plugins("cors"), 400, error(taken)),
        ("PATCH", "/global_rules/g1/plugins/cors/max_age", json!(7), 200, Value::Null),
        (
            "PUT",
            "/routes/1",
            json!({"uri": "/a", "upstream": upstream(), "plugin_config_id": "zz"}),
            400,
            error("failed to fetch plugin config info by plugin config id [zz], response code: 404"),
        ),
        ("PUT", "/routes/1", json!({"uri": "/a", "upstream": upstream(), "plugin_config_id": "g1"}), 201, Value::Null),
        (
            "DELETE",
            "/plugin_configs/g1",
            Value::Null,
            400,
            error("can not delete this plugin config, route [1] is still using it now"),
        ),
        (
            "PUT",
            "/consumers",
            json!({"username": "jack", "group_id": "zz"}),
            400,
            error("failed to fetch consumer group info by consumer group id [zz], response code: 404"),
        ),
        ("PUT", "/consumers", json!({"username": "jack", "group_id": "g1"}), 201, Value::Null),
        (
            "DELETE",
            "/consumer_groups/g1",
            Value::Null,
            400,
            error("can not delete this consumer group, consumer [jack] is still using it now"),
        ),
        ("DELETE", "/consumer_groups/g1?force=true", Value::Null, 200, deleted("/apisix/consumer_groups/g1")),
        ("DELETE", "/global_rules/g1", Value::Null, 200, deleted("/apisix/global_rules/g1")),
        ("PATCH", "/global_rules/g2", plugins("cors"), 200, Value::Null),
        ("DELETE", "/global_rules/g1", Value::Null, NOT_FOUND, missing()),
    ]);
    run(&plane, cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_rules_gets_the_plugin() {
    let plane = Plane::new().await;
    let body = || json!({"plugins": {"cors": {}}});
    let (one, other) = tokio::join!(
        plane.call("PUT", "/apisix/admin/global_rules/a", body()),
        plane.call("PUT", "/apisix/admin/global_rules/b", body()),
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 400]);
}

#[tokio::test(flavor = "multi_thread")]
async fn plugin_metadata() {
    let plane = Plane::new().await;
    let cors = json!({"allow_origins": {"a": "http://a.com"}});
    run(
        &plane,
        vec![
            ("GET", "/plugin_metadata", Value::Null, 200, json!({"total": 0, "list": []})),
            ("GET", "/plugin_metadata/cors", Value::Null, NOT_FOUND, missing()),
            ("PUT", "/plugin_metadata/nope", json!({}), 400, error("invalid plugin name")),
            ("PUT", "/plugin_metadata", json!({}), 400, error("missing plugin name")),
            ("PUT", "/plugin_metadata/cors", Value::Null, 400, error("missing configurations")),
            (
                "PUT",
                "/plugin_metadata/cors",
                cors.clone(),
                201,
                stored("/apisix/plugin_metadata/cors", json!({"allow_origins": {"a": "http://a.com"}, "id": "cors"})),
            ),
            ("PUT", "/plugin_metadata/cors", cors, 200, Value::Null),
            ("POST", "/plugin_metadata", json!({}), 405, unsupported("POST", "plugin_metadata")),
            ("PATCH", "/plugin_metadata/cors", json!({}), 405, unsupported("PATCH", "plugin_metadata")),
            ("DELETE", "/plugin_metadata/cors", Value::Null, 200, deleted("/apisix/plugin_metadata/cors")),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn protos() {
    let plane = Plane::new().await;
    let content = "syntax = \"proto3\";\nmessage A { string b = 1; }\n";
    let proto = || json!({"content": content});
    let route = json!({"uri": "/a", "upstream": upstream(), "plugins": {"grpc-transcode": {"proto_id": "1"}}});
    run(
        &plane,
        vec![
            ("PUT", "/protos/1", proto(), 201, stored("/apisix/protos/1", json!({"content": content, "id": "1"}))),
            ("POST", "/protos", proto(), 201, Value::Null),
            ("PUT", "/protos/2", json!({}), 400, error("invalid configuration: property \"content\" is required")),
            (
                "PUT",
                "/protos/2",
                json!({"content": "syntax = \"proto3\"; message A { B b = 1; }"}),
                400,
                error("invalid content: name 'B' is not defined"),
            ),
            ("PATCH", "/protos/1", proto(), 405, unsupported("PATCH", "proto")),
            // The data plane has no such plugin yet.
            ("PUT", "/routes/1", route, 400, error("unknown plugin [grpc-transcode]")),
            ("DELETE", "/protos/1", Value::Null, 200, deleted("/apisix/protos/1")),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets() {
    let plane = Plane::new().await;
    let vault = || json!({"uri": "http://v", "prefix": "kv", "token": "tok"});
    let with_id = json!({"uri": "http://v", "prefix": "kv", "token": "tok", "id": "vault/v1"});
    run(
        &plane,
        vec![
            ("GET", "/secrets", Value::Null, 200, json!({"total": 0, "list": []})),
            ("PUT", "/secrets/vault/v1", vault(), 201, stored("/apisix/secrets/vault/v1", with_id)),
            ("PUT", "/secrets/foo/v1", vault(), 400, error("invalid secret manager: foo")),
            ("PUT", "/secrets/vault", vault(), 400, error("missing secret id")),
            (
                "PUT",
                "/secrets/vault/v2",
                json!({"uri": "http://v", "prefix": "kv"}),
                400,
                error("invalid configuration: property \"token\" is required"),
            ),
            ("PUT", "/secrets/aws/a1", json!({"access_key_id": "a", "secret_access_key": "b"}), 201, Value::Null),
            ("POST", "/secrets/vault/v1", vault(), 405, unsupported("POST", "secret")),
            ("PATCH", "/secrets/vault/v1", json!({"prefix": "kv2"}), 200, Value::Null),
            ("PATCH", "/secrets/vault/v1/token", json!("other"), 200, Value::Null),
            ("PATCH", "/secrets/vault/v1/token", json!(5), 400, Value::Null),
            ("GET", "/secrets/vault/v2", Value::Null, NOT_FOUND, missing()),
            ("DELETE", "/secrets/aws/a1", Value::Null, 200, deleted("/apisix/secrets/aws/a1")),
        ],
    )
    .await;
    let item = plane.expect("GET", "/apisix/admin/secrets/vault/v1", Value::Null, 200).await;
    assert_eq!((&item["value"]["token"], &item["value"]["prefix"]), (&json!("other"), &json!("kv2")));
    let path = "/api/groups/default/resources/secrets/vault%2Fv1";
    assert_eq!(plane.expect("GET", path, Value::Null, 200).await["value"]["token"], "******");
    let history = plane.expect("GET", "/api/history/secrets/vault%2Fv1", Value::Null, 200).await;
    assert_eq!(history["versions"].as_array().unwrap().len(), 3);
    assert!(!history.to_string().contains("\"other\""));
    // The last one is that a secret was read.
    assert_eq!(plane.events(2).await[1]["resource"], json!({"kind": "secret", "id": "aws/a1"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_routes() {
    let plane = Plane::new().await;
    let route = || json!({"server_port": 9100, "upstream": upstream()});
    run(
        &plane,
        vec![
            ("PUT", "/stream_routes/1", route(), 201, Value::Null),
            ("POST", "/stream_routes", route(), 201, Value::Null),
            ("PATCH", "/stream_routes/1", json!({}), 405, unsupported("PATCH", "stream route")),
            (
                "PUT",
                "/stream_routes/1",
                json!({"upstream_id": "zz"}),
                400,
                error("failed to fetch upstream info by upstream id [zz], response code: 404"),
            ),
            ("PUT", "/services/s", json!({"upstream": upstream()}), 201, Value::Null),
            ("PUT", "/stream_routes/2", json!({"service_id": "s"}), 201, Value::Null),
            (
                "DELETE",
                "/services/s",
                Value::Null,
                400,
                error("can not delete this service directly, stream_route [2] is still using it now"),
            ),
            ("DELETE", "/stream_routes/2", Value::Null, 200, deleted("/apisix/stream_routes/2")),
        ],
    )
    .await;
    plane.expect("PUT", "/apisix/admin/stream_routes/3", json!({"service_id": "s"}), 201).await;
    let list = plane.expect("GET", "/apisix/admin/stream_routes?filter=service_id%3Ds", Value::Null, 200).await;
    assert_eq!(list["total"], 1);

    let dir = Arc::new(tempfile::tempdir().unwrap());
    let settings = portolan_cp::Config { stream: Stream { enabled: false }, ..config(dir.path()) };
    let plane = Plane::with(dir, settings, Arc::new(SystemClock)).await;
    let head = plane.head().await;
    let disabled = || error("stream mode is disabled, can not add stream routes");
    run(
        &plane,
        vec![
            ("GET", "/stream_routes", Value::Null, 400, disabled()),
            ("PUT", "/stream_routes/1", route(), 400, disabled()),
            ("PATCH", "/stream_routes/1", json!({}), 400, disabled()),
        ],
    )
    .await;
    assert_eq!(plane.head().await, head + 2);
}
