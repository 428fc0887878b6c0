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
