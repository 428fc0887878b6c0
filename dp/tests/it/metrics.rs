//! The metrics port: names and labels of APISIX.

use anyhow::ensure;
use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, eventually};
use serde_json::json;

use crate::harness::{Gateway, SOON, text};

async fn scrape(gateway: &Gateway) -> String {
    text(&format!("{}/apisix/prometheus/metrics", gateway.announced.metrics)).await.1
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_are_apisix_s_and_can_be_left_empty() {
    let (gateway, _files) = Gateway::new().await;
    let upstream = Upstream::start(Reply::text("x")).unwrap();
    gateway.route_to(&[upstream.node()], json!({})).await;
    assert_eq!(text(&gateway.http()).await.0, 200);
    let traffic = "route=\"all\",service=\"\",consumer=\"\",node=\"127.0.0.1\",request_type=\"traditional_http\",\
                   request_llm_model=\"\",llm_model=\"\"";
    let status = "apisix_http_status{code=\"200\",route=\"all\",matched_uri=\"/*\",matched_host=\"\",service=\"\",consumer=\"\",\
                  node=\"127.0.0.1\",request_type=\"traditional_http\",request_llm_model=\"\",llm_model=\"\",\
                  response_source=\"upstream\"} 1\n";
    let seen = |lines: Vec<String>| {
        let gateway = &gateway;
        async move {
            eventually(SOON, || async {
                let metrics = scrape(gateway).await;
                for line in &lines {
                    ensure!(metrics.contains(line), "{line}\n{metrics}");
                }
                Ok(())
            })
            .await;
        }
    };
    let kinds = ["request", "upstream", "apisix"];
    let latency = kinds.map(|kind| format!("apisix_http_latency_count{{type=\"{kind}\",{traffic}}} 1\n"));
    let bandwidth = format!("apisix_bandwidth{{type=\"egress\",{traffic}}} 1\n");
    seen([vec![status.to_owned(), bandwidth], latency.to_vec()].concat()).await;

    let disabled =
        json!({"http_status": ["matched_uri", "node", "response_source"], "bandwidth": ["route", "request_type"]});
    gateway.put("plugin_metadata/prometheus", json!({"disabled_labels": disabled})).await;
    assert_eq!(text(&gateway.http()).await.0, 200);
    let fewer = "apisix_http_status{code=\"200\",route=\"all\",matched_uri=\"\",matched_host=\"\",service=\"\",consumer=\"\",node=\"\",\
                 request_type=\"traditional_http\",request_llm_model=\"\",llm_model=\"\",response_source=\"\"} 1\n";
    let bandwidth =
        "apisix_bandwidth{type=\"egress\",route=\"\",service=\"\",consumer=\"\",node=\"127.0.0.1\",request_type=\"\",";
    let latency = format!("apisix_http_latency_count{{type=\"request\",{traffic}}} 2\n");
    seen(vec![status.to_owned(), fewer.to_owned(), bandwidth.to_owned(), latency]).await;

    let revision = gateway.space.delete("plugin_metadata/prometheus").await;
    gateway.applied(revision).await;
    assert_eq!(text(&gateway.http()).await.0, 200);
    seen(vec![status.replace("} 1\n", "} 2\n")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_and_the_checks_have_metrics() {
    let (gateway, _files) = Gateway::new().await;
    let upstream = Upstream::start(Reply::text("x")).unwrap();
    let checks = json!({"active": {"type": "tcp", "healthy": {"interval": 1}, "unhealthy": {"interval": 1}}});
    gateway.put("upstreams/u", json!({"nodes": {upstream.node(): 1}, "type": "roundrobin", "checks": checks})).await;
    let revision = gateway.space.put("routes/r", &json!({"uri": "/", "upstream_id": "u"})).await;
    gateway.applied(revision).await;
    let metrics = scrape(&gateway).await;
    let name = format!("{}upstreams/u", gateway.space.prefix);
    for line in [
        format!("apisix_etcd_modify_indexes{{key=\"routes\"}} {revision}\n"),
        format!("apisix_etcd_modify_indexes{{key=\"max_modify_index\"}} {revision}\n"),
        "apisix_etcd_modify_indexes{key=\"services\"} 0\n".to_owned(),
        format!(
            "apisix_upstream_status{{name=\"{name}\",ip=\"127.0.0.1\",port=\"{}\"}} 1\n",
            upstream.address().port()
        ),
        "apisix_node_info{hostname=\"".to_owned(),
        "apisix_nginx_http_current_connections{state=\"waiting\"} ".to_owned(),
        "apisix_etcd_reachable 1\n".to_owned(),
    ] {
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_buckets_and_labels_are_those_of_the_settings() {
    let (gateway, _files) = Gateway::with(|config| {
        let settings = &mut config.prometheus;
        settings.metric_prefix = "gw_".to_owned();
        settings.export_uri = "/metrics".to_owned();
        settings.default_buckets = vec![7, 60_000];
        let label = |name: &str, var: &str| [(name.to_owned(), var.to_owned())].into();
        settings.metrics.http_status.extra_labels = vec![label("tenant", "$arg_tenant"), label("at", "$upstream_addr")];
        settings.metrics.bandwidth.extra_labels = vec![label("method", "$request_method")];
    })
    .await;
    let upstream = Upstream::start(Reply::text("x")).unwrap();
    gateway.route_to(&[upstream.node()], json!({})).await;
    for tenant in ["a", "b", "b"] {
        assert_eq!(text(&format!("{}/?tenant={tenant}", gateway.http())).await.0, 200);
    }
    let node = upstream.node();
    let end = |tenant: &str, count: u32| {
        format!("response_source=\"upstream\",tenant=\"{tenant}\",at=\"{node}\"}} {count}\n")
    };
    eventually(SOON, || async {
        let metrics = text(&format!("{}/metrics", gateway.announced.metrics)).await.1;
        let expected = [
            end("a", 1),
            end("b", 2),
            "llm_model=\"\",method=\"GET\"} 3\n".to_owned(),
            "llm_model=\"\",le=\"60000\"} 3\n".to_owned(),
            "\ngw_etcd_reachable 1\n".to_owned(),
            "\nportolan_dp_resource_errors 0\n".to_owned(),
        ];
        for line in expected {
            ensure!(metrics.contains(&line), "{line}\n{metrics}");
        }
        ensure!(!metrics.contains("apisix_") && !metrics.contains("le=\"10\""), "{metrics}");
        Ok(())
    })
    .await;
    assert_eq!(text(&format!("{}/apisix/prometheus/metrics", gateway.announced.metrics)).await.0, 404);
}
