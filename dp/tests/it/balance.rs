use std::time::Duration;

use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, eventually};
use serde_json::json;

use crate::harness::{Gateway, SOON, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_keeps_a_client_at_its_node() {
    let (gateway, _files) = Gateway::new().await;
    let nodes = [Upstream::start(Reply::echo()).unwrap(), Upstream::start(Reply::echo()).unwrap()];
    let names = nodes.each_ref().map(Upstream::node);
    gateway.route_to(&names, json!({"type": "chash", "hash_on": "header", "key": "X-User"})).await;
    let client = reqwest::Client::new();
    for user in 0..20 {
        let before = nodes.each_ref().map(Upstream::requests);
        for _ in 0..3 {
            let response = client.get(gateway.http()).header("x-user", format!("user {user}")).send().await.unwrap();
            assert_eq!(response.status(), 200);
        }
        let after = nodes.each_ref().map(Upstream::requests);
        let one = (0..2).any(|node| after[node] == before[node] + 3);
        assert!(one, "{before:?} {after:?}");
    }
    assert!(nodes.iter().all(|node| node.requests() > 0));
}

/// Which node answers these requests, as often as they are repeated.
async fn node_of(nodes: &[Upstream], ask: impl AsyncFn() -> u16) -> usize {
    let before: Vec<usize> = nodes.iter().map(Upstream::requests).collect();
    for _ in 0..3 {
        assert_eq!(ask().await, 200);
    }
    let mut changed = (0..nodes.len()).filter(|at| nodes[*at].requests() > before[*at]);
    let node = changed.next().unwrap();
    assert_eq!(changed.next(), None, "one node for one key");
    node
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_hashed_has_one_node_and_nothing_is_the_address() {
    let (gateway, _files) = Gateway::new().await;
    let nodes: [Upstream; 4] = std::array::from_fn(|_| Upstream::start(Reply::text("ok")).unwrap());
    let list: serde_json::Map<_, _> = nodes.iter().map(|node| (node.node(), json!(1))).collect();
    for user in ["jack", "rose"] {
        let plugins = json!({"key-auth": {"key": format!("{user}-key")}});
        gateway.put(&format!("consumers/{user}"), json!({"username": user, "plugins": plugins})).await;
    }
    let client = reqwest::Client::new();
    let url = |query: &str| format!("{}/?{query}", gateway.http());
    for (hash_on, key) in [
        ("vars", "arg_user"),
        ("header", "X-User"),
        ("cookie", "user"),
        ("vars_combinations", "$arg_user-$http_x_user"),
    ] {
        let upstream = json!({"type": "chash", "hash_on": hash_on, "key": key, "nodes": list.clone()});
        gateway.put("routes/1", json!({"uri": "/*", "upstream": upstream})).await;
        let mut seen = std::collections::BTreeSet::new();
        for user in 0..12 {
            let ask = async || {
                let request = client.get(url(&format!("user={user}"))).header("x-user", user);
                let response = request.header("cookie", format!("a=b; user={user}")).send().await.unwrap();
                response.status().as_u16()
            };
            seen.insert(node_of(&nodes, ask).await);
        }
        assert!(seen.len() > 1, "{hash_on}: all users have node {seen:?}");
        // Without the value it is the client's address, which is the same for all of these.
        node_of(&nodes, async || {
            let first = text(&url("other=1")).await.0;
            assert_eq!(first, text(&url("other=2")).await.0);
            first
        })
        .await;
    }
    let upstream = json!({"type": "chash", "hash_on": "consumer", "nodes": list});
    gateway.put("routes/1", json!({"uri": "/*", "plugins": {"key-auth": {}}, "upstream": upstream})).await;
    for user in ["jack", "rose"] {
        node_of(&nodes, async || {
            let request = client.get(gateway.http()).header("apikey", format!("{user}-key"));
            request.send().await.unwrap().status().as_u16()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn least_conn_counts_requests_under_way_over_a_change_of_the_upstream() {
    let (gateway, _files) = Gateway::new().await;
    let slow = Upstream::start(Reply::echo().after(Duration::from_secs(600))).unwrap();
    let fast = Upstream::start(Reply::echo()).unwrap();
    gateway.route_to(&[slow.node()], json!({"type": "least_conn"})).await;
    let url = gateway.http();
    let others = async {
        eventually(SOON, || async {
            anyhow::ensure!(slow.requests() == 1, "not there yet");
            Ok(())
        })
        .await;
        gateway.route_to(&[slow.node(), fast.node()], json!({"type": "least_conn"})).await;
        for _ in 0..5 {
            assert_eq!(text(&url).await.0, 200);
        }
    };
    tokio::select! {
        answer = text(&url) => panic!("it was slow: {answer:?}"),
        () = others => {}
    }
    assert_eq!((slow.requests(), fast.requests()), (1, 5));
}
