use http::StatusCode;
use portolan_dp::config::discovery::Dns;
use portolan_testkit::dns::{Mood, NameServer, Record};
use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, eventually};
use serde_json::json;

use super::{answers, nodes_come_and_go, registry_is, route, survives, upstreams};
use crate::harness::{Gateway, Instance, SOON, get_json, text};

async fn gateway(server: &NameServer) -> (Gateway, Instance) {
    let dns = Dns { servers: vec![server.address()], ..Dns::default() };
    Gateway::with(|config| config.discovery.dns = Some(dns)).await
}

fn services(nodes: &[&Upstream]) -> Vec<Record> {
    nodes.iter().map(|node| Record::service(1, 1, node.address().port(), "node.test")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_follow_srv_records() {
    let server = NameServer::start().unwrap();
    server.set("node.test", 1, [Record::address("127.0.0.1")]);
    let (gateway, _files) = gateway(&server).await;
    route(&gateway, "dns", "_web._tcp.test", json!({})).await;
    nodes_come_and_go(&gateway, |nodes| server.set("_web._tcp.test", 1, services(nodes))).await;
    server.remove("_web._tcp.test");
    answers(&gateway, 503).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_answer_serves_while_name_servers_fail() {
    let server = NameServer::start().unwrap();
    let [node] = upstreams();
    let name = format!("web.test:{}", node.address().port());
    server.set("web.test", 1, [Record::address("127.0.0.1")]);
    let (gateway, _files) = gateway(&server).await;
    route(&gateway, "dns", &name, json!({})).await;
    answers(&gateway, 200).await;
    let moods = [Mood::Failing, Mood::Refusing, Mood::Garbage, Mood::Half, Mood::Silent];
    survives(&gateway, "dns", &moods, |mood| server.be(mood.unwrap_or_default())).await;
    let metrics = text(&format!("{}/apisix/prometheus/metrics", gateway.announced.metrics)).await.1;
    for line in
        ["discovery_services{registry=\"dns\"} 1", "discovery_nodes{registry=\"dns\"} 1", "discovery_last_success"]
    {
        assert!(metrics.contains(&format!("portolan_dp_{line}")), "{line}: {metrics}");
    }
    // What nobody wants is not asked for any more.
    let revision = gateway.space.delete("routes/all").await;
    gateway.applied(revision).await;
    registry_is(&gateway, "dns", "ready").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn discovered_nodes_are_checked_and_keep_their_state() {
    let server = NameServer::start().unwrap();
    let [good, bad, new] = ["good", "bad", "new"].map(|name| Upstream::start(Reply::text(name)).unwrap());
    bad.set(Reply::text("bad").with_status(StatusCode::INTERNAL_SERVER_ERROR));
    server.set("node.test", 1, [Record::address("127.0.0.1")]);
    server.set("web.test", 1, services(&[&good, &bad]));
    let (gateway, _files) = gateway(&server).await;
    let checks = json!({"active": {
        // An unfit node would be fit again only after many good answers.
        "healthy": {"interval": 1, "successes": 200}, "unhealthy": {"interval": 1, "http_failures": 1, "http_statuses": [500]},
    }});
    let upstream = json!({"type": "roundrobin", "discovery_type": "dns", "service_name": "web.test", "checks": checks});
    gateway.put("upstreams/u", upstream).await;
    gateway.put("routes/all", json!({"uri": "/*", "upstream_id": "u"})).await;
    let url = format!("{}/v1/healthcheck/upstreams/u", gateway.announced.control_api);
    let status_of = |port: u16| {
        let url = url.clone();
        async move {
            let body = get_json(&url).await;
            let nodes = body["nodes"].as_array().cloned().unwrap_or_default();
            let node = nodes.into_iter().find(|node| node["port"] == port);
            node.map(|node| node["status"].as_str().unwrap().to_owned())
        }
    };
    let until = async |port: u16, status: Option<&str>| {
        eventually(SOON, || async {
            let now = status_of(port).await;
            anyhow::ensure!(now.as_deref() == status, "{port}: {now:?}");
            Ok(())
        })
        .await;
    };
    until(bad.address().port(), Some("unhealthy")).await;
    bad.set(Reply::text("bad"));
    for _ in 0..4 {
        assert_eq!(text(&gateway.http()).await, (200, "good".to_owned()));
    }
    server.set("web.test", 1, services(&[&bad, &new]));
    until(new.address().port(), Some("healthy")).await;
    until(good.address().port(), None).await;
    // "mostly" once checks have counted a success of it.
    let kept = status_of(bad.address().port()).await.unwrap();
    assert!(kept.ends_with("unhealthy"), "{kept}");
    for _ in 0..4 {
        assert_eq!(text(&gateway.http()).await, (200, "new".to_owned()));
    }
}
