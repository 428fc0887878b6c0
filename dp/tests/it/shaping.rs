//! Plugins that change requests and responses, or ask and tell other servers, over real sockets.

use std::time::Duration;

use anyhow::ensure;
use http::HeaderValue;
use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, eventually};
use serde_json::{Value, json};

use crate::harness::{Gateway, Instance, SOON};

async fn gateway(plugins: Value, reply: Reply) -> (Gateway, Instance, Upstream) {
    let (gateway, files) = Gateway::new().await;
    let upstream = Upstream::start(reply).unwrap();
    gateway.put("routes/1", route(&plugins, &upstream)).await;
    (gateway, files, upstream)
}

fn route(plugins: &Value, upstream: &Upstream) -> Value {
    json!({"uri": "/*", "plugins": plugins, "upstream": {"nodes": {upstream.node(): 1}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_upstream_sees_the_rewritten_request() {
    let rewrite = json!({"regex_uri": ["^/v1/(.*)$", "/$1"], "host": "inner.example", "method": "PUT",
        "headers": {"set": {"x-api": "$1"}, "remove": ["x-gone"]}});
    let plugins = json!({"proxy-rewrite": rewrite, "real-ip": {"source": "http_x_real_ip"}, "request-id": {}});
    let (gateway, _files, _upstream) = gateway(plugins, Reply::echo()).await;
    let request = reqwest::Client::new().get(format!("{}/v1/a%20b?x=1", gateway.http()));
    let response = request.header("x-gone", "1").header("x-real-ip", "198.51.100.7").send().await.unwrap();
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let seen: Value = response.json().await.unwrap();
    assert_eq!((&seen["method"], &seen["uri"]), (&json!("PUT"), &json!("/a%20b?x=1")));
    assert_eq!(seen["headers"]["host"], json!(["inner.example"]));
    assert_eq!(seen["headers"]["x-api"], json!(["a b"]));
    assert_eq!(seen["headers"]["x-forwarded-for"], json!(["198.51.100.7"]));
    assert_eq!(seen["headers"]["x-request-id"], json!([id]));
    assert!(seen["headers"].get("x-gone").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_body_arrives_whole() {
    let rewrite = json!({"status_code": 202, "filters": [{"regex": "secret", "replace": "public", "scope": "global"}]});
    let (gateway, _files, upstream) =
        gateway(json!({"response-rewrite": rewrite}), Reply::text("a secret, a secret, and a long secret word")).await;
    let response = reqwest::get(gateway.http()).await.unwrap();
    assert_eq!(response.status(), 202);
    assert_eq!(response.text().await.unwrap(), "a public, a public, and a long public word");
    gateway.put("routes/1", route(&json!({"gzip": {"types": "*"}}), &upstream)).await;
    upstream.set(Reply::text(&"x".repeat(5000)).with_header("content-type", "text/plain"));
    let response = reqwest::Client::new().get(gateway.http()).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let packed = response.bytes().await.unwrap();
    assert!(packed.len() < 200, "{}", packed.len());
    // A HEAD has the head of the response to a GET, and no body.
    let head = reqwest::Client::new().head(gateway.http()).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(head.headers()["content-encoding"], "gzip");
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_validated_before_the_upstream_sees_them() {
    let schema = json!({"type": "object", "required": ["name"]});
    let plugins = json!({"request-validation": {"body_schema": schema, "max_req_body_size": 1000}});
    let (gateway, _files, upstream) = gateway(plugins, Reply::echo()).await;
    let client = reqwest::Client::new();
    let post = |body: String| client.post(gateway.http()).body(body).send();
    assert_eq!(post("{}".to_owned()).await.unwrap().status(), 400);
    assert_eq!(post("x".repeat(2000)).await.unwrap().status(), 400);
    assert_eq!(upstream.requests(), 0);
    let seen: Value = post(r#"{ "name" : 1 }"#.to_owned()).await.unwrap().json().await.unwrap();
    assert_eq!((&seen["body"], &seen["headers"]["content-length"]), (&json!(r#"{"name":1}"#), &json!(["10"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_split_between_upstreams() {
    let (gateway, _files, own) = gateway(json!({}), Reply::text("own")).await;
    let other = Upstream::start(Reply::text("other")).unwrap();
    let named = Upstream::start(Reply::text("named")).unwrap();
    gateway.put("upstreams/named", json!({"nodes": {named.node(): 1}})).await;
    let inline = json!({"type": "roundrobin", "nodes": {other.node(): 1}});
    let rules = json!([{"match": [{"vars": [["arg_n", "==", "1"]]}], "weighted_upstreams": [{"upstream_id": "named"}]},
        {"weighted_upstreams": [{"upstream": inline, "weight": 3}, {"weight": 1}]}]);
    gateway.put("routes/1", route(&json!({"traffic-split": {"rules": rules}}), &own)).await;
    for _ in 0..8 {
        reqwest::get(gateway.http()).await.unwrap();
    }
    assert_eq!((own.requests(), other.requests(), named.requests()), (2, 6, 0));
    let text = reqwest::get(format!("{}/?n=1", gateway.http())).await.unwrap().text().await.unwrap();
    assert_eq!(text, "named");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_is_asked_whether_a_request_may_pass() {
    let (gateway, _files, upstream) = gateway(json!({}), Reply::echo()).await;
    let authority = Upstream::start(Reply::text("yes")).unwrap();
    let config = json!({"uri": format!("http://{}/check?a=1", authority.node()), "request_method": "POST",
        "request_headers": ["authorization"], "extra_headers": {"x-route": "$route_id"},
        "upstream_headers": ["x-user", "x-role"], "client_headers": ["location"]});
    gateway.put("routes/1", route(&json!({"forward-auth": config}), &upstream)).await;
    let client = reqwest::Client::new();
    let ask = || {
        let request = client.post(format!("{}/p?q=1", gateway.http())).header("authorization", "Bearer t");
        request.header("x-user", "forged").header("x-role", "forged").body("question").send()
    };
    authority.set(Reply::text("yes").with_header("x-user", "jack"));
    let seen: Value = ask().await.unwrap().json().await.unwrap();
    assert_eq!((&seen["headers"]["x-user"], &seen["body"]), (&json!(["jack"]), &json!("question")));
    assert!(seen["headers"].get("x-role").is_none(), "what the authority does not say is not passed on");
    let asked = authority.take_seen().pop().unwrap();
    assert_eq!(
        (asked.method.as_str(), asked.uri.to_string().as_str(), &*asked.body),
        ("POST", "/check?a=1", &b"question"[..])
    );
    for (name, value) in [
        ("x-forwarded-method", "POST"),
        ("x-forwarded-uri", "/p?q=1"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-for", "127.0.0.1"),
        ("authorization", "Bearer t"),
        ("x-route", "1"),
    ] {
        assert_eq!(asked.headers[name], value, "{name}");
    }

    // It judges the path that the route was found by, however that was written.
    let odd = b"GET /x/%2e%2e//%70%0a?q=1 HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
    crate::raw::exchange(&gateway.address(), odd);
    assert_eq!(authority.take_seen().pop().unwrap().headers["x-forwarded-uri"], "/p%0A?q=1");

    authority.set(Reply::text("go").with_status(http::StatusCode::FOUND).with_header("location", "/login"));
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let refused = http.get(gateway.http()).send().await.unwrap();
    assert_eq!((refused.status().as_u16(), &refused.headers()["location"]), (302, &"/login".parse().unwrap()));
    assert_eq!(refused.text().await.unwrap(), "go");

    drop(authority);
    assert_eq!(ask().await.unwrap().status(), 403, "nobody can be asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_show_names_where_they_are_preferred() {
    let (gateway, _files, upstream) = gateway(json!({}), Reply::text("x")).await;
    let service = json!({"name": "orders", "upstream": {"nodes": {upstream.node(): 1}}});
    gateway.put("services/s1", service).await;
    let plugins = json!({"prometheus": {"prefer_name": true}});
    gateway.put("routes/r1", json!({"uri": "/named", "name": "list", "service_id": "s1", "plugins": plugins})).await;
    for path in ["/named", "/other"] {
        assert_eq!(reqwest::get(format!("{}{path}", gateway.http())).await.unwrap().status(), 200);
    }
    let url = format!("{}/apisix/prometheus/metrics", gateway.announced.metrics);
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    let series =
        |labels: &str| text.lines().any(|line| line.starts_with("apisix_http_status") && line.contains(labels));
    assert!(series("route=\"list\",matched_uri=\"/named\",matched_host=\"\",service=\"orders\""), "{text}");
    assert!(series("route=\"1\",matched_uri=\"/*\",matched_host=\"\",service=\"\""), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_server_gets_entries_in_batches_and_again_after_a_failure() {
    let (gateway, _files, upstream) = gateway(json!({}), Reply::text("answer")).await;
    let logs = Upstream::start(Reply::text("busy").with_status(http::StatusCode::SERVICE_UNAVAILABLE)).unwrap();
    let config = json!({"uri": format!("http://{}/in", logs.node()), "auth_header": "Bearer t", "batch_max_size": 3,
        "max_retry_count": 1000, "retry_delay": 0, "include_req_body": true, "max_req_body_bytes": 4, "include_resp_body": true});
    gateway.put("routes/1", route(&json!({"http-logger": config}), &upstream)).await;
    for at in 0..3 {
        let response =
            reqwest::Client::new().post(format!("{}/{at}", gateway.http())).body("question").send().await.unwrap();
        assert_eq!(response.headers()["content-length"], "6", "a body that is only looked at keeps its length");
        assert_eq!(response.text().await.unwrap(), "answer");
    }
    eventually(SOON, || async {
        ensure!(logs.requests() >= 2, "the batch is tried again");
        Ok(())
    })
    .await;
    let refused = logs.take_seen().pop().unwrap();
    logs.set(Reply::text(""));
    let kind: HeaderValue = "application/json".parse().unwrap();
    assert_eq!(
        (&refused.headers["authorization"], &refused.headers["content-type"]),
        (&"Bearer t".parse().unwrap(), &kind)
    );
    let entries: Vec<Value> = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!(entries.len(), 3);
    let uris: Vec<_> = entries.iter().map(|entry| entry["request"]["uri"].as_str().unwrap()).collect();
    assert_eq!(uris, ["/0", "/1", "/2"]);
    let first = &entries[0];
    assert_eq!((&first["request"]["body"], &first["response"]["body"]), (&json!("ques"), &json!("answer")));
    assert_eq!((&first["request"]["size"], &first["response"]["size"]), (&json!(8), &json!(6)));
    assert_eq!((&first["upstream"], &first["route_id"]), (&json!(upstream.node()), &json!("1")));
    assert!(first["latency"].as_f64() >= first["upstream_latency"].as_f64());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_logger_has_the_bodies_that_it_asks_for() {
    let text = "answer ".repeat(50);
    let (gateway, _files, upstream) =
        gateway(json!({}), Reply::text(&text).with_header("content-type", "text/plain")).await;
    let logs = [(); 2].map(|()| Upstream::start(Reply::text(&"x".repeat(100_000))).unwrap());
    let config = |at: usize, more: Value| {
        let mut config = json!({"uri": format!("http://{}/", logs[at].node()), "batch_max_size": 1, "max_retry_count": 9,
            "retry_delay": 0, "include_resp_body": true});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    let format = json!({"uri": "$request_uri", "asked": "$request_body", "answered": "$resp_body"});
    let of_all = config(0, json!({"log_format": format, "max_resp_body_bytes": 6}));
    gateway.put("global_rules/1", json!({"id": "1", "plugins": {"http-logger": of_all}})).await;
    let of_one = config(1, json!({"log_format_extra": {"asked": "$request_body", "none": "$arg_none"}}));
    let plugins = json!({"http-logger": of_one, "gzip": {"types": "*"}});
    gateway.put("routes/1", route(&plugins, &upstream)).await;
    let request = reqwest::Client::new().post(format!("{}/%61//b", gateway.http())).body("question");
    let response = request.header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    drop(response.bytes().await.unwrap());
    eventually(SOON, || async {
        ensure!(logs.iter().all(|logs| logs.requests() > 0), "both are told");
        Ok(())
    })
    .await;
    let [all, one] = logs.each_ref().map(|logs| {
        // An answer that is too long to be read is one all the same.
        let [seen] = logs.take_seen().try_into().unwrap_or_else(|seen: Vec<_>| panic!("{} entries", seen.len()));
        serde_json::from_slice::<Value>(&seen.body).unwrap()
    });
    assert_eq!(all, json!({"uri": "/a/b", "asked": "question", "answered": "answer", "route_id": "1"}));
    assert_eq!((&one["request"]["uri"], one["request"].get("body")), (&json!("/a/b"), None));
    assert_eq!((&one["asked"], &one["response"]["body"]), (&json!("question"), &json!(text)));
    assert!(one.get("none").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_entry_of_the_last_request_is_sent_before_the_end() {
    let logs = Upstream::start(Reply::text("")).unwrap();
    let config = json!({"uri": format!("http://{}/in", logs.node()), "inactive_timeout": 600, "buffer_duration": 600});
    let (gateway, _files, upstream) = gateway(json!({}), Reply::text("x").after(Duration::from_millis(300))).await;
    gateway.put("routes/1", route(&json!({"http-logger": config}), &upstream)).await;
    assert_eq!(reqwest::get(format!("{}/first", gateway.http())).await.unwrap().status(), 200);
    let url = format!("{}/last", gateway.http());
    let last = tokio::spawn(async move { reqwest::get(url).await.unwrap().status() });
    eventually(SOON, || async {
        ensure!(upstream.requests() == 2, "the request is not there");
        Ok(())
    })
    .await;
    tokio::task::spawn_blocking(|| gateway.stop().unwrap()).await.unwrap();
    assert_eq!(last.await.unwrap(), 200);
    let entries = logs.take_seen().into_iter().flat_map(|seen| {
        serde_json::from_slice::<Vec<Value>>(&seen.body)
            .unwrap_or_else(|_| vec![serde_json::from_slice(&seen.body).unwrap()])
    });
    let uris: Vec<String> = entries.map(|entry| entry["request"]["uri"].as_str().unwrap().to_owned()).collect();
    assert_eq!(uris, ["/first", "/last"]);
}
