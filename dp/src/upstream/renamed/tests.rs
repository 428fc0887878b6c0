use std::time::Duration;

use serde_json::{Value, json};

use super::super::balance::{Tried, crc32};
use super::super::{Place, Upstream, dns};
use super::*;
use crate::plugin::State;

fn upstream(hosts: &[&str]) -> Upstream {
    let node = |(at, host): (usize, &&str)| json!({"host": host, "port": 80, "weight": at + 1});
    let nodes: Vec<Value> = hosts.iter().enumerate().map(node).collect();
    let document = json!({"type": "chash", "key": "uri", "nodes": nodes});
    let place = Place { resource: "upstreams/1", state: &State::default(), certificates: None };
    Upstream::compile(&serde_json::from_value(document).unwrap(), &place).unwrap()
}

fn picks(upstream: &Upstream, dns: &Dns) -> Vec<Option<usize>> {
    let pick = |key: u32| upstream.pick_by(dns, &Tried::default(), &|| crc32(key.to_string().as_bytes()));
    (0..200).map(pick).collect()
}

#[tokio::test]
async fn a_ring_of_names_is_the_ring_of_their_addresses() {
    let names = upstream(&["a.example", "10.0.0.9", "b.example", "c.example"]);
    // A new address is a new ring.
    for second in ["10.0.0.2", "10.0.0.3"] {
        let dns = dns::fixed(&[("a.example", "10.0.0.1"), ("b.example", second), ("c.example", "::1")]);
        let addresses = upstream(&["10.0.0.1", "10.0.0.9", second, "::1"]);
        assert_eq!(picks(&names, &dns), picks(&addresses, &dns), "{second}");
    }
}

#[tokio::test]
async fn a_name_without_an_address_is_left_out_of_the_ring() {
    let upstream = upstream(&["a.example", "none.example"]);
    let dns = dns::fixed(&[("a.example", "10.0.0.1")]);
    resolve(&upstream.nodes, &dns, Duration::from_secs(1)).await;
    assert!(picks(&upstream, &dns).iter().all(|node| *node == Some(0)));
}
