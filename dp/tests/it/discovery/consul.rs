use portolan_dp::config::discovery::{Consul as Settings, ConsulDump, ConsulTimeout, DefaultService};
use portolan_testkit::registry::{Consul, ConsulInstance, FAULTS, Fault};
use portolan_testkit::{Upstream, eventually};
use serde_json::{Map, json};

use super::{answers, nodes_come_and_go, registry_is, returns_with_news, route, served_by, survives, upstreams};
use crate::harness::{Gateway, Instance, SOON, exists, get_json, text};
use crate::stream;

fn settings(consul: &Consul) -> Settings {
    Settings {
        servers: vec![consul.url().as_str().into()],
        token: "s3cret-token".into(),
        timeout: ConsulTimeout { connect: 1000, read: 1000, wait: 2 },
        ..Settings::default()
    }
}

async fn gateway(settings: Settings) -> (Gateway, Instance) {
    Gateway::with(|config| config.discovery.consul = Some(settings)).await
}

fn instances(nodes: &[&Upstream]) -> Vec<ConsulInstance> {
    nodes.iter().map(|node| ConsulInstance::at("127.0.0.1", node.address().port())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_follow_consul() {
    let consul = Consul::start(Some("s3cret-token")).unwrap();
    let (gateway, _files) = gateway(settings(&consul)).await;
    route(&gateway, "consul", "web", json!({})).await;
    answers(&gateway, 503).await;
    nodes_come_and_go(&gateway, |nodes| consul.set("web", instances(nodes))).await;

    // An instance whose checks fail gets nothing; one without an address is at its machine's.
    let [a, b] = upstreams();
    let mut two = instances(&[&a, &b]);
    two[0].passing = false;
    two[1].address = String::new();
    two[1].meta = json!({"zone": "z1"});
    consul.set("web", two);
    served_by(&gateway, &[&a, &b], &[&b]).await;
    let dump = get_json(&format!("{}/v1/discovery/consul/dump", gateway.announced.control_api)).await;
    let node = json!({"host": "127.0.0.1", "port": b.address().port(), "weight": 1, "metadata": {"zone": "z1"}});
    assert_eq!(dump["services"], json!({ "web": [node] }), "and not consul itself");
    assert_eq!((&dump["config"]["servers"][0], &dump["config"]["token"]), (&json!(consul.url()), &json!("******")));

    // Numbers that went back mean another Consul.
    consul.start_over();
    consul.set("web", instances(&[&a]));
    served_by(&gateway, &[&a, &b], &[&a]).await;
    consul.set("web", Vec::new());
    answers(&gateway, 503).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_nodes_serve_while_consul_fails() {
    let consul = Consul::start(Some("s3cret-token")).unwrap();
    let [a, b] = upstreams();
    consul.set("web", instances(&[&a]));
    let (gateway, _files) = gateway(settings(&consul)).await;
    route(&gateway, "consul", "web", json!({})).await;
    answers(&gateway, 200).await;
    survives(&gateway, "consul", &FAULTS, |fault| consul.fail(fault)).await;
    consul.set("web", instances(&[&b]));
    served_by(&gateway, &[&a, &b], &[&b]).await;
    let (_, body) = gateway.status().await.unwrap();
    assert!(!body.to_string().contains("s3cret"), "{body}");
    let away = |away: bool| consul.fail(away.then_some(Fault::Refused));
    returns_with_news(&gateway, "consul", away, |nodes| consul.set("web", instances(nodes))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_skipping_defaults_and_a_wrong_token() {
    let consul = Consul::start(None).unwrap();
    let [a, b, default] = upstreams();
    consul.set("web", instances(&[&a]));
    consul.set("hidden", instances(&[&b]));
    let mut settings = Settings { keepalive: false, fetch_interval: 1, ..settings(&consul) };
    settings.skip_services = vec!["hidden".to_owned()];
    let (host, port) = ("127.0.0.1".to_owned(), default.address().port());
    settings.default_service = Some(DefaultService { host, port, metadata: Map::new() });
    let (gateway, _files) = gateway(settings.clone()).await;
    route(&gateway, "consul", "hidden", json!({})).await;
    served_by(&gateway, &[&a, &b, &default], &[&default]).await;
    route(&gateway, "consul", "web", json!({})).await;
    served_by(&gateway, &[&a, &b, &default], &[&a]).await;
    consul.set("web", instances(&[&a, &b]));
    served_by(&gateway, &[&a, &b, &default], &[&a, &b]).await;

    let strict = Consul::start(Some("another")).unwrap();
    let (refused, _files) = self::gateway(Settings { servers: vec![strict.url().as_str().into()], ..settings }).await;
    registry_is(&refused, "consul", "degraded").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_serves_while_consul_is_away() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("consul.dump");
    let consul = Consul::start(None).unwrap();
    let [a] = upstreams();
    consul.set("web", instances(&[&a]));
    let dump = |expire| Some(ConsulDump { path: path.clone(), load_on_init: true, expire });
    let settings = Settings { dump: dump(0), ..settings(&consul) };
    let (first, _files) = gateway(settings.clone()).await;
    eventually(SOON, || async { exists(&path) }).await;
    let shown = format!("{}/v1/discovery/consul/show_dump_file", first.announced.control_api);
    assert_eq!(get_json(&shown).await["services"]["web"][0]["port"], a.address().port());
    first.stop().unwrap();
    drop(consul);

    let (second, _files) = gateway(settings.clone()).await;
    route(&second, "consul", "web", json!({})).await;
    answers(&second, 200).await;
    second.stop().unwrap();

    let mut old: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    old["last_update"] = json!(1);
    std::fs::write(&path, old.to_string()).unwrap();
    let (third, _files) = gateway(Settings { dump: dump(60), ..settings }).await;
    route(&third, "consul", "web", json!({})).await;
    answers(&third, 503).await;
    assert_eq!(text(&format!("{}/v1/discovery/consul/nothing", third.announced.control_api)).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_follow_consul_too() {
    let consul = Consul::start(Some("s3cret-token")).unwrap();
    let (gateway, _files) = Gateway::with(|config| {
        config.discovery.consul = Some(settings(&consul));
        config.listen.stream.tcp = vec![stream::tcp(json!({}))];
    })
    .await;
    let upstream = json!({"scheme": "tcp", "discovery_type": "consul", "service_name": "db"});
    gateway.put("stream_routes/1", json!({ "upstream": upstream })).await;
    let becomes = async |said: &str| {
        eventually(SOON, || async {
            let heard = stream::ask(stream::connect(&gateway, 0));
            anyhow::ensure!(heard == said, "{heard}");
            Ok(())
        })
        .await;
    };
    becomes("").await;
    let nodes = ["one", "two"].map(stream::named);
    let at = |number: usize| vec![ConsulInstance::at("127.0.0.1", nodes[number].address.port())];
    consul.set("db", at(0));
    becomes("one:hello").await;
    consul.set("db", at(1));
    becomes("two:hello").await;
    consul.set("db", Vec::new());
    becomes("").await;
}
