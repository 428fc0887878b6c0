//! Nodes that are names, asked of a name server.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::ensure;
use portolan_testkit::dns::{Mood, NameServer, Record};
use portolan_testkit::eventually;
use serde_json::json;

use crate::harness::{Gateway, Instance, SOON, text};
use crate::raw;

/// A server that says its name, on an address of its own; all of them have the same port.
fn named(address: SocketAddr, name: &'static str) -> raw::Server {
    raw::Server::start_at(address, move |mut stream, _| {
        while !raw::read_head(&mut stream).is_empty() {
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{name}", name.len());
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    })
}

/// Three servers on one port of the addresses 127.0.0.1 to 127.0.0.3, and the port.
fn three() -> ([raw::Server; 3], u16) {
    let first = named("127.0.0.1:0".parse().unwrap(), "one");
    let port = first.address.port();
    let at = |ip: &str, name| named(SocketAddr::new(ip.parse().unwrap(), port), name);
    let (second, third) = (at("127.0.0.2", "two"), at("127.0.0.3", "three"));
    ([first, second, third], port)
}

async fn gateway(server: &NameServer) -> (Gateway, Instance) {
    let address = server.address();
    Gateway::with(|config| config.dns.servers = vec![address]).await
}

fn address(text: &str) -> Record {
    Record::Address(text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_followed_by_its_time_to_live() {
    let (_servers, port) = three();
    let names = NameServer::start().unwrap();
    names.set("node.example", 1, [address("127.0.0.1")]);
    let (gateway, _files) = gateway(&names).await;
    gateway.route_to(&[format!("node.example:{port}")], json!({})).await;
    assert_eq!(text(&gateway.http()).await, (200, "one".to_owned()));
    names.set("node.example", 1, [address("127.0.0.2")]);
    let becomes = async |name: &str| {
        eventually(SOON, || async {
            let (status, said) = text(&gateway.http()).await;
            assert_eq!(status, 200);
            ensure!(said == name, "{said}");
            Ok(())
        })
        .await;
    };
    becomes("two").await;
    // When nobody answers any more, the last addresses serve on.
    names.be(Mood::Failing);
    let asked = names.questions();
    eventually(SOON, || async {
        assert_eq!(text(&gateway.http()).await, (200, "two".to_owned()));
        ensure!(names.questions() > asked, "not asked again");
        Ok(())
    })
    .await;
    assert_eq!(text(&gateway.http()).await, (200, "two".to_owned()));
    names.set("node.example", 1, [address("127.0.0.3")]);
    names.be(Mood::Good);
    becomes("three").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_takes_no_connection_is_passed_over() {
    let (_servers, port) = three();
    let names = NameServer::start().unwrap();
    // Nobody listens on the second.
    names.set("node.example", 600, [address("127.0.0.1"), address("127.0.0.77"), address("127.0.0.3")]);
    let (gateway, _files) = gateway(&names).await;
    gateway.route_to(&[format!("node.example:{port}")], json!({"retries": 0})).await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..12 {
        // Each time on another connection, which takes another address.
        let answer = raw::exchange(&gateway.address(), b"GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        seen.insert(answer.rsplit_once('\n').unwrap().1.to_owned());
    }
    assert!(!seen.contains("two"), "{seen:?}");
    assert!(!seen.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ring_of_names_sends_requests_where_the_addresses_would() {
    let (_servers, port) = three();
    let names = NameServer::start().unwrap();
    for (name, ip) in [("a.example", "127.0.0.1"), ("b.example", "127.0.0.2"), ("c.example", "127.0.0.3")] {
        names.set(name, 600, [address(ip)]);
    }
    let (gateway, _files) = gateway(&names).await;
    let route = |path: &str, hosts: [&str; 3]| {
        let nodes: serde_json::Map<_, _> = hosts.iter().map(|host| (format!("{host}:{port}"), json!(1))).collect();
        json!({"uri": path, "upstream": {"type": "chash", "key": "arg_k", "nodes": nodes}})
    };
    gateway.put("routes/1", route("/names", ["a.example", "b.example", "c.example"])).await;
    gateway.put("routes/2", route("/addresses", ["127.0.0.1", "127.0.0.2", "127.0.0.3"])).await;
    let mut seen = std::collections::BTreeSet::new();
    for key in 0..30 {
        let by_name = text(&format!("{}/names?k={key}", gateway.http())).await;
        assert_eq!(by_name, text(&format!("{}/addresses?k={key}", gateway.http())).await, "{key}");
        assert_eq!(by_name.0, 200);
        seen.insert(by_name.1);
    }
    assert_eq!(seen.len(), 3);
}
