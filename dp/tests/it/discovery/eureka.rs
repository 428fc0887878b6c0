use portolan_dp::config::discovery::{Eureka as Settings, Timeout};
use portolan_testkit::Upstream;
use portolan_testkit::registry::{Eureka, FAULTS, Fault};
use serde_json::{Value, json};

use super::{answers, nodes_come_and_go, returns_with_news, route, served_by, survives, upstreams};
use crate::harness::{Gateway, Instance, get_json};

/// `user:s3cret`.
const BASIC: &str = "Basic dXNlcjpzM2NyZXQ=";

fn settings(eureka: &Eureka) -> Settings {
    Settings {
        host: vec![eureka.url().replacen("://", "://user:s3cret@", 1).as_str().into()],
        prefix: "/eureka/".to_owned(),
        fetch_interval: 1,
        weight: 7,
        timeout: Timeout { connect: 1000, send: 500, read: 500 },
    }
}

async fn gateway(settings: Settings) -> (Gateway, Instance) {
    Gateway::with(|config| config.discovery.eureka = Some(settings)).await
}

fn instance(node: &Upstream, more: Value) -> Value {
    let mut instance = Eureka::instance("127.0.0.1", node.address().port());
    instance.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    instance
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_follow_eureka() {
    let eureka = Eureka::start(Some(BASIC)).unwrap();
    let (gateway, _files) = gateway(settings(&eureka)).await;
    route(&gateway, "eureka", "WEB", json!({})).await;
    answers(&gateway, 503).await;
    let set = |nodes: &[&Upstream]| eureka.set("WEB", nodes.iter().map(|node| instance(node, json!({}))).collect());
    nodes_come_and_go(&gateway, set).await;
    eureka.set("WEB", Vec::new());
    answers(&gateway, 503).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_nodes_serve_while_eureka_fails() {
    let eureka = Eureka::start(Some(BASIC)).unwrap();
    let [a, b] = upstreams();
    eureka.set("WEB", vec![instance(&a, json!({}))]);
    let (gateway, _files) = gateway(settings(&eureka)).await;
    route(&gateway, "eureka", "WEB", json!({})).await;
    answers(&gateway, 200).await;
    survives(&gateway, "eureka", &FAULTS, |fault| eureka.fail(fault)).await;
    eureka.set("WEB", vec![instance(&b, json!({}))]);
    served_by(&gateway, &[&a, &b], &[&b]).await;
    let (_, body) = gateway.status().await.unwrap();
    assert!(!body.to_string().contains("s3cret"), "{body}");
    let away = |away: bool| eureka.fail(away.then_some(Fault::Refused));
    let set = |nodes: &[&Upstream]| eureka.set("WEB", nodes.iter().map(|node| instance(node, json!({}))).collect());
    returns_with_news(&gateway, "eureka", away, set).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_up_is_asked_at_its_port() {
    let eureka = Eureka::start(None).unwrap();
    let [a, b, c, d] = upstreams();
    let closed = json!({"$": 1, "@enabled": "false"});
    eureka.set(
        "WEB",
        vec![
            instance(&a, json!({"metadata": {"weight": "3", "zone": "z1"}})),
            instance(&b, json!({"status": "DOWN"})),
            instance(&b, json!({"ipAddr": 7})),
            instance(&c, json!({"status": "STARTING", "overriddenStatus": "UP"})),
            instance(&d, json!({"port": closed, "securePort": {"$": d.address().port(), "@enabled": true}})),
            instance(&d, json!({"port": closed, "securePort": closed})),
        ],
    );
    let (gateway, _files) = gateway(settings(&eureka)).await;
    route(&gateway, "eureka", "WEB", json!({})).await;
    answers(&gateway, 200).await;
    let dump = get_json(&format!("{}/v1/discovery/eureka/dump", gateway.announced.control_api)).await;
    let nodes = dump["services"]["WEB"].as_array().unwrap();
    let shown: Vec<(Value, Value)> = nodes.iter().map(|node| (node["port"].clone(), node["weight"].clone())).collect();
    let expected = [(&a, 3), (&c, 7), (&d, 7)].map(|(node, weight)| (json!(node.address().port()), json!(weight)));
    assert_eq!(shown, expected);
    assert_eq!(nodes[0]["metadata"], json!({"zone": "z1"}));
    assert_eq!(dump["config"]["host"][0], json!(eureka.url().replacen("://", "://******@", 1)));
    served_by(&gateway, &[&a, &b, &c, &d], &[&a, &c, &d]).await;
}
