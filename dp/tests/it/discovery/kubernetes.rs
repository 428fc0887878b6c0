use portolan_dp::config::discovery::{Account, ApiServer, Cluster, Kubernetes as Settings, NamespaceSelector, Schema};
use portolan_testkit::certificates::Issued;
use portolan_testkit::registry::{FAULTS, Fault, Kubernetes};
use portolan_testkit::{Certificates, Upstream, eventually};
use serde_json::{Value, json};

use super::{answers, nodes_come_and_go, registry_is, returns_with_news, route, served_by, survives, upstreams};
use crate::harness::{Gateway, Instance, SOON, get_json};

fn cluster(server: &Kubernetes) -> Cluster {
    let service = ApiServer {
        schema: Schema::Http,
        host: "127.0.0.1".to_owned(),
        port: server.port().to_string(),
        ..ApiServer::default()
    };
    Cluster { service, client: Account { token: Some("t0ken".into()), token_file: None }, ..Cluster::default() }
}

async fn gateway(clusters: Vec<Cluster>) -> (Gateway, Instance) {
    Gateway::with(|config| config.discovery.kubernetes = Some(Settings { clusters })).await
}

/// All test nodes have one address and differ in their ports, so each is a subset of its own.
fn endpoints(namespace: &str, name: &str, nodes: &[&Upstream]) -> Value {
    let subset = |node: &&Upstream| json!({"addresses": [{"ip": "127.0.0.1"}], "ports": [{"name": "http", "port": node.address().port()}]});
    json!({
        "metadata": {"name": name, "namespace": namespace, "labels": {"tier": name}},
        "subsets": nodes.iter().map(subset).collect::<Vec<_>>(),
    })
}

fn slice(name: &str, node: &Upstream, ready: Value) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "default", "labels": {"kubernetes.io/service-name": "web"}},
        "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": ready}}],
        "ports": [{"name": "http", "port": node.address().port()}],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_follow_endpoints() {
    let server = Kubernetes::start("t0ken", None).unwrap();
    let (gateway, _files) = gateway(vec![cluster(&server)]).await;
    route(&gateway, "kubernetes", "default/web:http", json!({})).await;
    answers(&gateway, 503).await;
    nodes_come_and_go(&gateway, |nodes| server.put(endpoints("default", "web", nodes))).await;

    let [a, b] = upstreams();
    server.end_watches();
    server.put(endpoints("default", "web", &[&a]));
    served_by(&gateway, &[&a, &b], &[&a]).await;
    // What happened while nobody watched and is forgotten is seen by a list.
    server.put(endpoints("default", "other", &[&b]));
    server.delete_and_forget("default", "web");
    answers(&gateway, 503).await;
    route(&gateway, "kubernetes", "default/other:http", json!({})).await;
    served_by(&gateway, &[&a, &b], &[&b]).await;
    server.delete("default", "other");
    answers(&gateway, 503).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_nodes_serve_while_the_api_server_fails() {
    let server = Kubernetes::start("t0ken", None).unwrap();
    let [a, b] = upstreams();
    server.put(endpoints("default", "web", &[&a]));
    let (gateway, _files) = gateway(vec![cluster(&server)]).await;
    route(&gateway, "kubernetes", "default/web:http", json!({})).await;
    answers(&gateway, 200).await;
    survives(&gateway, "kubernetes", &FAULTS, |fault| server.fail(fault)).await;
    server.put(endpoints("default", "web", &[&b]));
    served_by(&gateway, &[&a, &b], &[&b]).await;
    let (_, body) = gateway.status().await.unwrap();
    assert!(!body.to_string().contains("t0ken"), "{body}");
    let away = |away: bool| server.fail(away.then_some(Fault::Refused));
    returns_with_news(&gateway, "kubernetes", away, |nodes| server.put(endpoints("default", "web", nodes))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slices_are_put_together_and_selectors_reach_the_server() {
    let server = Kubernetes::start("t0ken", None).unwrap();
    let [a, b, c] = upstreams();
    server.put(slice("web-1", &a, json!(true)));
    server.put(slice("web-2", &b, Value::Null));
    server.put(slice("web-3", &c, json!(false)));
    let namespaces = NamespaceSelector { equal: Some("default".to_owned()), ..NamespaceSelector::default() };
    let settings = Cluster {
        watch_endpoint_slices: true,
        label_selector: Some("kubernetes.io/service-name=web".to_owned()),
        namespace_selector: Some(namespaces),
        ..cluster(&server)
    };
    let (gateway, _files) = gateway(vec![settings]).await;
    route(&gateway, "kubernetes", "default/web:http", json!({})).await;
    let all = [&a, &b, &c];
    served_by(&gateway, &all, &[&a, &b]).await;
    for query in server.take_queries() {
        assert!(query.contains("labelSelector=kubernetes.io/service-name=web"), "{query}");
        assert!(query.contains("fieldSelector=metadata.namespace=default"), "{query}");
    }
    server.put(slice("web-3", &c, json!(true)));
    served_by(&gateway, &all, &[&a, &b, &c]).await;
    server.delete("default", "web-1");
    served_by(&gateway, &all, &[&b, &c]).await;
    let dump = get_json(&format!("{}/v1/discovery/kubernetes/dump", gateway.announced.control_api)).await;
    let service = &dump["endpoints"][0]["endpoints"][0];
    let ports: Value = serde_json::from_str(service["value"].as_str().unwrap()).unwrap();
    assert_eq!((&service["name"], ports["http"].as_array().unwrap().len()), (&json!("default/web"), 2));
    assert_eq!((&ports["http"][0]["weight"], &dump["config"]["client"]["token"]), (&json!(50), &json!("******")));
}

#[tokio::test(flavor = "multi_thread")]
async fn several_clusters_with_tls_and_tokens_that_change() {
    let authority = Certificates::new().unwrap();
    let issued: Issued = authority.server(&["127.0.0.1"]).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let (ca, token) = (dir.path().join("ca.pem"), dir.path().join("token"));
    std::fs::write(&ca, authority.ca()).unwrap();
    std::fs::write(&token, "first\n").unwrap();
    let (east, west) = (Kubernetes::start("first", Some(&issued)).unwrap(), Kubernetes::start("t0ken", None).unwrap());
    let [a, b] = upstreams();
    east.put(endpoints("default", "web", &[&a]));
    west.put(endpoints("default", "web", &[&b]));
    west.put(endpoints("kube-system", "hidden", &[&b]));
    let mut eastern = Cluster { id: Some("east".to_owned()), ..cluster(&east) };
    eastern.service = ApiServer { schema: Schema::Https, ca_file: Some(ca), ..eastern.service };
    eastern.client = Account { token: None, token_file: Some(token.to_str().unwrap().to_owned()) };
    let mut western = Cluster { id: Some("west".to_owned()), ..cluster(&west) };
    let not_match = vec!["kube-.*".to_owned()];
    western.namespace_selector = Some(NamespaceSelector { not_match, ..NamespaceSelector::default() });
    let (gateway, _files) = gateway(vec![eastern, western]).await;
    for (service, node) in [("east/default/web:http", &a), ("west/default/web:http", &b)] {
        route(&gateway, "kubernetes", service, json!({})).await;
        served_by(&gateway, &[&a, &b], &[node]).await;
    }
    route(&gateway, "kubernetes", "west/kube-system/hidden:http", json!({})).await;
    answers(&gateway, 503).await;
    // A token that is not good any more, until the file has the next one.
    route(&gateway, "kubernetes", "east/default/web:http", json!({})).await;
    east.want("second");
    east.end_watches();
    registry_is(&gateway, "kubernetes/east", "degraded").await;
    std::fs::write(&token, "second\n").unwrap();
    registry_is(&gateway, "kubernetes/east", "ready").await;
    east.put(endpoints("default", "web", &[&a, &b]));
    served_by(&gateway, &[&a, &b], &[&a, &b]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_is_not_ready_before_the_first_list() {
    let server = Kubernetes::start("t0ken", None).unwrap();
    server.fail(Some(Fault::Refused));
    let (instance, space) = (Instance::new(), crate::harness::Space::new().await);
    let mut config = instance.config(&space);
    config.discovery.kubernetes = Some(Settings { clusters: vec![cluster(&server)] });
    let gateway = Gateway::start(config, space);
    eventually(SOON, || async {
        let (status, body) = gateway.status().await?;
        let line = &body["components"]["discovery kubernetes"];
        anyhow::ensure!(status == 503 && line["detail"].is_string(), "{body}");
        Ok(())
    })
    .await;
    server.fail(None);
    gateway.ready().await;
}
