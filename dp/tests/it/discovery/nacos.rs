use portolan_dp::config::discovery::{Nacos as Settings, Timeout};
use portolan_testkit::registry::{FAULTS, Fault, Nacos};
use portolan_testkit::{Upstream, eventually};
use serde_json::{Value, json};

use super::{answers, nodes_come_and_go, returns_with_news, route, served_by, survives, upstreams};
use crate::harness::{Gateway, Instance, SOON, get_json};

fn settings(nacos: &Nacos) -> Settings {
    Settings {
        host: vec![nacos.url_of("nacos", "s3cret:p@ss").as_str().into()],
        fetch_interval: 1,
        timeout: Timeout { connect: 1000, send: 500, read: 500 },
        ..Settings::default()
    }
}

fn start() -> Nacos {
    Nacos::start(Some(("nacos", "s3cret:p@ss"))).unwrap()
}

async fn gateway(settings: Settings) -> (Gateway, Instance) {
    Gateway::with(|config| config.discovery.nacos = Some(settings)).await
}

fn instance(node: &Upstream) -> Value {
    json!({"ip": "127.0.0.1", "port": node.address().port(), "weight": 1.0, "healthy": true, "enabled": true, "metadata": {}})
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_follow_nacos() {
    let nacos = start();
    let (gateway, _files) = gateway(settings(&nacos)).await;
    route(&gateway, "nacos", "web", json!({})).await;
    answers(&gateway, 503).await;
    let set = |nodes: &[&Upstream]| {
        nacos.set("public", "DEFAULT_GROUP", "web", nodes.iter().map(|node| instance(node)).collect());
    };
    nodes_come_and_go(&gateway, set).await;
    assert_eq!(nacos.logins(), 1, "a token serves for many questions");
    let [a, b] = upstreams();
    set(&[&a]);
    nacos.forget_logins();
    served_by(&gateway, &[&a, &b], &[&a]).await;
    assert_eq!(nacos.logins(), 2);
    // Nobody asks for what nobody wants. Workers let go of an old configuration with the next request.
    route(&gateway, "nacos", "other", json!({})).await;
    eventually(SOON * 2, || async {
        answers(&gateway, 503).await;
        nacos.take_queries();
        eventually(SOON, || async {
            anyhow::ensure!(nacos.has_queries(), "nothing is asked");
            Ok(())
        })
        .await;
        let asked = nacos.take_queries();
        anyhow::ensure!(asked.iter().any(|query| query.contains("serviceName=other")), "{asked:?}");
        anyhow::ensure!(!asked.iter().any(|query| query.contains("serviceName=web")), "{asked:?}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_nodes_serve_while_nacos_fails() {
    let nacos = start();
    let [a, b] = upstreams();
    nacos.set("public", "DEFAULT_GROUP", "web", vec![instance(&a)]);
    let (gateway, _files) = gateway(settings(&nacos)).await;
    route(&gateway, "nacos", "web", json!({})).await;
    answers(&gateway, 200).await;
    survives(&gateway, "nacos", &FAULTS, |fault| nacos.fail(fault)).await;
    nacos.set("public", "DEFAULT_GROUP", "web", vec![instance(&b)]);
    served_by(&gateway, &[&a, &b], &[&b]).await;
    let (_, body) = gateway.status().await.unwrap();
    assert!(!body.to_string().contains("s3cret"), "{body}");
    let away = |away: bool| nacos.fail(away.then_some(Fault::Refused));
    let set = |nodes: &[&Upstream]| {
        nacos.set("public", "DEFAULT_GROUP", "web", nodes.iter().map(|node| instance(node)).collect());
    };
    returns_with_news(&gateway, "nacos", away, set).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn places_weights_metadata_signatures_and_a_second_server() {
    let (nacos, gone) = (Nacos::start(None).unwrap(), Nacos::start(None).unwrap());
    gone.fail(Some(Fault::Refused));
    let [a, b, c] = upstreams();
    let with = |node: &Upstream, more: Value| {
        let mut instance = instance(node);
        instance.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        instance
    };
    nacos.set(
        "ns-1",
        "g 1",
        "web",
        vec![
            with(&a, json!({"weight": 0.5, "metadata": {"version": "v2"}})),
            with(&b, json!({"weight": 1.0, "metadata": {"version": "v1"}})),
            with(&c, json!({"enabled": false})),
        ],
    );
    let settings = Settings {
        host: vec![gone.url().as_str().into(), nacos.url().as_str().into()],
        access_key: "name".into(),
        secret_key: "k3y".into(),
        ..settings(&nacos)
    };
    let (gateway, _files) = gateway(settings).await;
    let place = json!({"namespace_id": "ns-1", "group_name": "g 1"});
    route(&gateway, "nacos", "web", json!({"discovery_args": place})).await;
    let all = [&a, &b, &c];
    served_by(&gateway, &all, &[&a, &b]).await;
    let query = nacos.take_queries().remove(0);
    for part in ["ak=name", "data=", "@@g 1@@web", "signature=", "healthyOnly=true"] {
        assert!(query.contains(part), "{part}: {query}");
    }
    let dump = get_json(&format!("{}/v1/discovery/nacos/dump", gateway.announced.control_api)).await;
    let nodes = &dump["services"]["default/ns-1/g 1/web"]["nodes"];
    assert_eq!((&nodes[0]["weight"], &nodes[1]["weight"]), (&json!(50), &json!(100)), "{dump}");
    assert!(!dump.to_string().contains("k3y"), "{dump}");
    let chosen = json!({"namespace_id": "ns-1", "group_name": "g 1", "metadata": {"version": "v2"}});
    route(&gateway, "nacos", "web", json!({ "discovery_args": chosen })).await;
    served_by(&gateway, &all, &[&a]).await;
}
