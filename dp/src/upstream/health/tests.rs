use super::*;
use crate::plugin::State as Shared;
use crate::upstream::{Upstream, dns};

fn checker(upstream: Value) -> Arc<Checker> {
    let place = Place { resource: "upstreams/1", state: &Shared::default(), certificates: None };
    Upstream::compile(&serde_json::from_value(upstream).unwrap(), &place).unwrap().checker.unwrap()
}

#[tokio::test]
async fn nodes_are_described_as_in_apisix() {
    let dns = dns::fixed(&[("a.example", "10.0.0.1")]);
    let nodes = json!({"a.example:80": 1, "[::1]:81": 1, "127.0.0.1:82": 1, "unknown.example:83": 1});
    let of = |more: Value| {
        let mut upstream = json!({"nodes": nodes, "checks": {"active": {"type": "tcp"}}});
        upstream.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let described = checker(upstream).describe("/apisix/upstreams/1", &dns);
        assert_eq!((&described["name"], &described["type"]), (&json!("/apisix/upstreams/1"), &json!("tcp")));
        let nodes = described["nodes"].as_array().unwrap().clone();
        let fields = ["ip", "port", "hostname", "hostheader"];
        nodes.iter().map(|node| fields.map(|field| node[field].clone())).collect::<Vec<_>>()
    };
    assert_eq!(
        json!(of(json!({}))),
        json!([
            ["10.0.0.1", 80, "a.example", "a.example"],
            ["[::1]", 81, "[::1]", null],
            ["127.0.0.1", 82, "127.0.0.1", null],
            ["unknown.example", 83, "unknown.example", "unknown.example"],
        ])
    );
    let overridden = json!({
        "pass_host": "rewrite", "upstream_host": "h.example",
        "checks": {"active": {"type": "tcp", "host": "check.example", "port": 9}},
    });
    assert_eq!(
        json!(of(overridden)),
        json!([
            ["10.0.0.1", 9, "check.example", "h.example"],
            ["[::1]", 9, "check.example", "h.example"],
            ["127.0.0.1", 9, "check.example", "h.example"],
            ["unknown.example", 9, "check.example", "h.example"],
        ])
    );
}

#[test]
fn a_status_counts_when_a_section_names_it() {
    let cases = [
        // Without the section its defaults have no say.
        (json!({}), 500, [0, 0]),
        (json!({"unhealthy": {}}), 500, [0, 1]),
        (json!({"unhealthy": {"http_statuses": [502]}}), 500, [0, 0]),
        (json!({"unhealthy": {"http_statuses": [502]}}), 502, [0, 1]),
        // A status of both lists is a good one, also by the default of the other section.
        (json!({"unhealthy": {"http_statuses": [200]}}), 200, [1, 0]),
        (json!({"healthy": {"http_statuses": [418]}, "unhealthy": {"http_statuses": [200]}}), 200, [0, 1]),
    ];
    for (passive, status, [good, bad]) in cases {
        let checks = json!({"active": {}, "passive": passive});
        let checker = checker(json!({"nodes": {"127.0.0.1:80": 1}, "checks": checks}));
        // A healthy node has no successes to count.
        checker.failed(0, &Failure::ConnectTimeout);
        checker.answered(0, status);
        let (_, counters) = checker.targets[0].state.read();
        assert_eq!([counters[0], counters[1]], [good, bad], "{passive} {status}");
    }
}
