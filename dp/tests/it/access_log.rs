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
