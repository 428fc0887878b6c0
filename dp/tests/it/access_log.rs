use anyhow::ensure;
use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, eventually};
use serde_json::{Value, json};

use crate::harness::{Gateway, SOON};

#[tokio::test(flavor = "multi_thread")]
async fn each_request_has_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    let format = r#"{"line":"$request_line","status":$status,"sent":$body_bytes_sent,"node":"$upstream_addr","as":"$upstream_scheme://$upstream_host$upstream_uri","asked":"$http_host","agent":"$http_user_agent","route":"$route_id"}"#;
    let (gateway, _files) = Gateway::with(|config| {
        config.access_log.path = Some(path.display().to_string());
        config.access_log.format = format.to_owned();
        config.access_log.escape = portolan_dp::config::Escape::Json;
    })
    .await;
    let upstream = Upstream::start(Reply::text("hello")).unwrap();
    let plugins = json!({"proxy-rewrite": {"uri": "/there"}});
    let nodes = json!({"nodes": {upstream.node(): 1}, "pass_host": "node"});
    gateway.put("routes/1", json!({"uri": "/here", "plugins": plugins, "upstream": nodes})).await;
    let client = reqwest::Client::new();
    for path in ["/here", "/nowhere"] {
        let request = client.get(format!("{}{path}?x=1", gateway.http())).header("user-agent", "a \"quote\"");
        request.send().await.unwrap().bytes().await.unwrap();
    }
    let lines = eventually(SOON, || async {
        let text = std::fs::read_to_string(&path)?;
        let lines = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
        ensure!(lines.len() == 2, "{text}");
        Ok(lines)
    })
    .await;
    let node = upstream.node();
    let routed = json!({
        "line": "GET /here?x=1 HTTP/1.1", "status": 200, "sent": 5, "node": node,
        "as": format!("http://{node}/there?x=1"), "asked": gateway.address(), "agent": "a \"quote\"", "route": "1",
    });
    let find = |status: u16| lines.iter().find(|line| line["status"] == status).unwrap();
    assert_eq!(*find(200), routed);
    let unrouted = find(404);
    assert_eq!((&unrouted["line"], &unrouted["node"]), (&json!("GET /nowhere?x=1 HTTP/1.1"), &json!("")));
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_were_asked_in_vain_are_listed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    let (gateway, _files) = Gateway::with(|config| {
        config.access_log.path = Some(path.display().to_string());
        config.access_log.format =
            "$upstream_addr|$upstream_status|$upstream_header_time|$upstream_response_time".into();
    })
    .await;
    let upstream = Upstream::start(Reply::text("hello")).unwrap();
    let (first, second) = (crate::raw::closed(), crate::raw::closed());
    let node = |name: &str, priority: i32| {
        let (host, port) = name.rsplit_once(':').unwrap();
        json!({"host": host, "port": port.parse::<u16>().unwrap(), "weight": 1, "priority": priority})
    };
    let shown = json!({"headers": {"set": {"x-nodes": "$upstream_addr", "x-statuses": "$upstream_status"}}});
    let route = |uri: &str, nodes: Value| json!({"uri": uri, "plugins": {"response-rewrite": shown}, "upstream": {"nodes": nodes, "type": "roundrobin"}});
    let good = upstream.node();
    gateway.put("routes/1", route("/one", json!([node(&good, 0)]))).await;
    gateway.put("routes/2", route("/three", json!([node(&first, 2), node(&second, 1), node(&good, 0)]))).await;
    gateway.put("routes/3", route("/none", json!([node(&first, 2), node(&second, 1)]))).await;
    let cases = [
        ("/one", good.clone(), "200", None),
        ("/three", format!("{first}, {second}, {good}"), "502, 502, 200", None),
        ("/none", format!("{first}, {second}"), "502, 502", Some("502, 502")),
    ];
    for (uri, nodes, statuses, failed) in &cases {
        let response = reqwest::get(format!("{}{uri}", gateway.http())).await.unwrap();
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("x-nodes").as_ref(), Some(nodes));
        assert_eq!(header("x-statuses").as_deref(), Some(*statuses));
        assert_eq!(header("x-apisix-upstream-status").as_deref(), *failed);
    }
    let lines = eventually(SOON, || async {
        let text = std::fs::read_to_string(&path)?;
        ensure!(text.lines().count() == cases.len(), "{text}");
        Ok(text)
    })
    .await;
    for (_, nodes, statuses, failed) in &cases {
        // Each worker writes for itself: lines come in any order.
        let begin = format!("{nodes}|{statuses}|");
        let line = lines.lines().find(|line| line.starts_with(&begin)).unwrap_or_else(|| panic!("{begin}: {lines}"));
        let parts: Vec<&str> = line.split('|').collect();
        let times: Vec<&str> = parts[3].split(", ").collect();
        assert!(times.iter().all(|time| time.parse::<f64>().is_ok()), "{line}");
        let heads: Vec<&str> = parts[2].split(", ").collect();
        let known = heads.iter().filter(|head| head.parse::<f64>().is_ok()).count();
        assert_eq!(
            (times.len(), heads.len(), known),
            (statuses.split(", ").count(), times.len(), usize::from(failed.is_none()))
        );
    }
}
