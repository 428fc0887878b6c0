//! Plugins of stream routes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};

use anyhow::ensure;
use portolan_testkit::eventually;
use serde_json::{Value, json};

use crate::harness::{Gateway, Instance, SOON, text};
use crate::raw;

async fn gateway() -> (Gateway, Instance) {
    Gateway::with(|config| {
        config.listen.stream.tcp = vec![serde_json::from_value(json!({"addr": "127.0.0.1:0"})).unwrap()];
        config.listen.stream.udp = vec!["127.0.0.1:0".parse().unwrap()];
    })
    .await
}

fn address(gateway: &Gateway, at: usize) -> SocketAddr {
    gateway.announced.proxy_stream[at].split_once("://").unwrap().1.parse().unwrap()
}

/// Sends back `NAME:` and then whatever comes.
fn echo(name: &'static str) -> raw::Server {
    raw::Server::start(move |mut stream, _| {
        stream.write_all(format!("{name}:").as_bytes()).ok();
        let mut copy = stream.try_clone().unwrap();
        std::io::copy(&mut stream, &mut copy).ok();
        copy.shutdown(Shutdown::Write).ok();
    })
}

fn connect(gateway: &Gateway) -> TcpStream {
    let stream = TcpStream::connect(address(gateway, 0)).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

/// The greeting of the node; empty when the stream was closed.
fn greeting(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let mut one = [0];
    while !all.ends_with(b":") && matches!(stream.read(&mut one), Ok(1)) {
        all.push(one[0]);
    }
    String::from_utf8(all).unwrap()
}

fn route(node: &str, plugins: Value) -> Value {
    json!({"name": "front", "upstream": {"nodes": {node: 1}}, "plugins": plugins})
}

async fn metric(gateway: &Gateway, line: &str) {
    eventually(SOON, || async {
        let (_, metrics) = text(&format!("{}/apisix/prometheus/metrics", gateway.announced.metrics)).await;
        ensure!(metrics.contains(line), "{line}\n{metrics}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_let_in_or_kept_out() {
    let (gateway, _files) = gateway().await;
    let node = echo("one");
    let cases = [
        (json!({"ip-restriction": {"whitelist": ["127.0.0.0/8"]}}), "one:"),
        (json!({"ip-restriction": {"blacklist": ["127.0.0.1"]}}), ""),
        (json!({"ip-restriction": {"blacklist": ["127.0.0.1"], "_meta": {"disable": true}}}), "one:"),
        (
            json!({"ip-restriction": {"blacklist": ["127.0.0.1"], "_meta": {"filter": [["remote_addr", "==", "::1"]]}}}),
            "one:",
        ),
    ];
    for (plugins, expected) in cases {
        gateway.put("stream_routes/1", route(&node.node(), plugins.clone())).await;
        assert_eq!(greeting(&mut connect(&gateway)), expected, "{plugins}");
    }
    let listen = address(&gateway, 0);
    metric(&gateway, &format!("apisix_stream_status{{code=\"403\",listen_addr=\"{listen}\",node=\"\"}} 1\n")).await;

    // Those of the service are for streams as well, as far as streams know them; the route's own win.
    let service = json!({"plugins": {"ip-restriction": {"blacklist": ["127.0.0.1"]}, "key-auth": {}}});
    gateway.put("services/s", service).await;
    let mut shared = route(&node.node(), json!({}));
    shared["service_id"] = json!("s");
    gateway.put("stream_routes/1", shared.clone()).await;
    assert_eq!(greeting(&mut connect(&gateway)), "");
    shared["plugins"] = json!({"ip-restriction": {"whitelist": ["127.0.0.1"]}});
    gateway.put("stream_routes/1", shared).await;
    assert_eq!(greeting(&mut connect(&gateway)), "one:");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_counts_until_it_ends() {
    let (gateway, _files) = gateway().await;
    let node = echo("one");
    let limit = json!({"conn": 2, "burst": 0, "default_conn_delay": 0.1, "key": "remote_addr"});
    gateway
        .put("stream_routes/1", route(&node.node(), json!({"limit-conn": limit, "prometheus": {"prefer_name": true}})))
        .await;
    let mut open: Vec<TcpStream> = (0..2).map(|_| connect(&gateway)).collect();
    assert!(open.iter_mut().all(|stream| greeting(stream) == "one:"));
    assert_eq!(greeting(&mut connect(&gateway)), "");
    metric(&gateway, "code=\"503\"").await;
    metric(&gateway, "apisix_stream_connection_total{route=\"front\"} 3\n").await;
    drop(open.pop());
    eventually(SOON, || async {
        ensure!(greeting(&mut connect(&gateway)) == "one:", "the place is still taken");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_split_by_weight_and_rule() {
    let (gateway, _files) = gateway().await;
    let (one, two) = (echo("one"), echo("two"));
    gateway.put("upstreams/two", json!({"scheme": "tcp", "type": "roundrobin", "nodes": {two.node(): 1}})).await;
    let split = |rules: Value| route(&one.node(), json!({"traffic-split": {"rules": rules}}));
    gateway
        .put(
            "stream_routes/1",
            split(json!([{"weighted_upstreams": [{"upstream_id": "two", "weight": 1}, {"weight": 1}]}])),
        )
        .await;
    let mut seen: Vec<String> = (0..4).map(|_| greeting(&mut connect(&gateway))).collect();
    seen.sort();
    assert_eq!(seen, ["one:", "one:", "two:", "two:"]);
    let rule = |port: &str| json!([{"match": [{"vars": [["server_port", "==", port]]}], "weighted_upstreams": [{"upstream_id": "two"}]}]);
    for (port, expected) in [(address(&gateway, 0).port().to_string(), "two:"), ("1".to_owned(), "one:")] {
        gateway.put("stream_routes/1", split(rule(&port))).await;
        assert_eq!(greeting(&mut connect(&gateway)), expected);
    }
    gateway.put("stream_routes/1", split(json!([{"weighted_upstreams": [{"upstream_id": "gone"}]}]))).await;
    assert_eq!(greeting(&mut connect(&gateway)), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_are_restricted_too() {
    let (gateway, _files) = gateway().await;
    let node = UdpSocket::bind("127.0.0.1:0").unwrap();
    node.set_read_timeout(Some(SOON)).unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    client.connect(address(&gateway, 1)).unwrap();
    let node_name = node.local_addr().unwrap().to_string();
    gateway.put("stream_routes/1", route(&node_name, json!({"ip-restriction": {"blacklist": ["127.0.0.1"]}}))).await;
    client.send(b"no").unwrap();
    metric(&gateway, "apisix_stream_status{code=\"403\"").await;
    gateway.put("stream_routes/1", route(&node_name, json!({"ip-restriction": {"whitelist": ["127.0.0.1"]}}))).await;
    client.send(b"yes").unwrap();
    let mut buffer = [0; 9];
    let length = node.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"yes", "the first one never came");
}
