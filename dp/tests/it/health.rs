use anyhow::ensure;
use http::StatusCode;
use portolan_testkit::upstream::Reply;
use portolan_testkit::{Certificates, Upstream, eventually};
use serde_json::{Value, json};

use crate::harness::{Gateway, SOON, get_json, text};

/// Status of the nodes by port, as the control port tells.
async fn statuses(gateway: &Gateway) -> Vec<(String, String)> {
    let body = get_json(&format!("{}/v1/healthcheck/routes/all", gateway.announced.control_api)).await;
    let nodes = body["nodes"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    nodes.iter().map(|node| (format!("{}:{}", text(&node["ip"]), node["port"]), text(&node["status"]))).collect()
}

async fn until(gateway: &Gateway, node: &str, status: &str) {
    eventually(SOON, || async {
        let all = statuses(gateway).await;
        ensure!(all.contains(&(node.to_owned(), status.to_owned())), "{all:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn active_checks_take_nodes_out_and_in_again() {
    let (gateway, _files) = Gateway::new().await;
    let nodes = [Upstream::start(Reply::echo()).unwrap(), Upstream::start(Reply::echo()).unwrap()];
    let checks = json!({"active": {
        "http_path": "/health", "req_headers": ["X-Check: 1"],
        "healthy": {"interval": 1, "successes": 1},
        "unhealthy": {"interval": 1, "http_failures": 1, "http_statuses": [500]},
    }});
    gateway.route_to(&nodes.each_ref().map(Upstream::node), json!({"checks": checks, "retries": 0})).await;
    let bad = || Reply::echo().with_status(StatusCode::INTERNAL_SERVER_ERROR);
    nodes[0].set(bad());
    until(&gateway, &nodes[0].node(), "unhealthy").await;
    let seen = nodes[0].take_seen();
    assert!(seen.iter().any(|seen| seen.uri.path() == "/health" && seen.headers["x-check"] == "1"));
    for _ in 0..6 {
        assert_eq!(text(&format!("{}/x", gateway.http())).await.0, 200);
    }
    // With nobody fit, everybody is asked.
    nodes[1].set(bad());
    until(&gateway, &nodes[1].node(), "unhealthy").await;
    assert_eq!(text(&format!("{}/x", gateway.http())).await.0, 500);
    nodes[0].set(Reply::echo());
    until(&gateway, &nodes[0].node(), "healthy").await;
    for _ in 0..4 {
        assert_eq!(text(&format!("{}/x", gateway.http())).await.0, 200);
    }
    // A change of the route that leaves the nodes leaves what is known of them.
    gateway.route_to(&nodes.each_ref().map(Upstream::node), json!({"checks": checks, "retries": 1})).await;
    assert!(statuses(&gateway).await.contains(&(nodes[1].node(), "unhealthy".to_owned())));
    let control = &gateway.announced.control_api;
    let all = get_json(&format!("{control}/v1/healthcheck")).await;
    assert_eq!((all.as_array().unwrap().len(), &all[0]["type"]), (1, &json!("http")));
    let revision = gateway.space.delete("routes/all").await;
    gateway.applied(revision).await;
    assert_eq!(get_json(&format!("{control}/v1/healthcheck")).await, json!({}));
    for (path, status, error) in [
        ("routes/all", 404, "routes[all] not found"),
        ("things/1", 400, "invalid src type things"),
        ("routes", 404, "missing src id for src type routes"),
    ] {
        let (code, body) = text(&format!("{control}/v1/healthcheck/{path}")).await;
        assert_eq!((code, body), (status, json!({"error_msg": error}).to_string()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tcp_checks_and_passive_ones_count_too() {
    let (gateway, _files) = Gateway::new().await;
    let good = Upstream::start(Reply::echo()).unwrap();
    let bad = Upstream::start(Reply::echo().with_status(StatusCode::SERVICE_UNAVAILABLE)).unwrap();
    let checks = json!({
        // The active part sees a port that takes connections, and would say healthy only after many of them.
        "active": {"type": "tcp", "unhealthy": {"interval": 1, "tcp_failures": 1}, "healthy": {"interval": 1, "successes": 254}},
        "passive": {"unhealthy": {"http_statuses": [503], "http_failures": 2}},
    });
    gateway.route_to(&[good.node(), bad.node()], json!({"checks": checks})).await;
    let mut failed = 0;
    for _ in 0..12 {
        failed += usize::from(text(&gateway.http()).await.0 == 503);
    }
    assert_eq!(failed, 2);
    let page = reqwest::Client::new().get(format!("{}/v1/healthcheck", gateway.announced.control_api));
    let page = page.header("accept", "text/html").send().await.unwrap().text().await.unwrap();
    assert!(page.contains(&bad.node()) && page.contains("unhealthy"), "{page}");
    let node = good.node();
    drop(good);
    until(&gateway, &node, "unhealthy").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_over_https_verify_unless_told_otherwise() {
    let (gateway, _files) = Gateway::new().await;
    let issued = Certificates::new().unwrap().server(&["127.0.0.1"]).unwrap();
    let node = Upstream::start_tls(Reply::echo(), &issued, None).unwrap();
    let route = async |verify: bool| {
        let checks = json!({"active": {
            "type": "https", "https_verify_certificate": verify, "http_path": "/health",
            "healthy": {"interval": 1, "successes": 1}, "unhealthy": {"interval": 1, "tcp_failures": 1},
        }});
        gateway.route_to(&[node.node()], json!({"scheme": "https", "checks": checks})).await;
    };
    // Nobody trusts its authority.
    route(true).await;
    until(&gateway, &node.node(), "unhealthy").await;
    assert_eq!(node.requests(), 0);
    route(false).await;
    until(&gateway, &node.node(), "healthy").await;
    assert!(node.take_seen().iter().any(|seen| seen.uri.path() == "/health" && seen.tls.is_some()));
}
