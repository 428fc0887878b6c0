//! How often nodes are asked, and how long connections to them are kept.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::ensure;
use portolan_testkit::eventually;
use serde_json::json;

use crate::harness::{Gateway, SOON, text};
use crate::raw;

#[tokio::test(flavor = "multi_thread")]
async fn retries_end_with_their_number_or_their_time() {
    let (gateway, _files) = Gateway::new().await;
    // Each takes its time and answers nothing.
    let nodes: Vec<raw::Server> = (0..5)
        .map(|_| {
            raw::Server::start(|mut stream, _| {
                raw::read_head(&mut stream);
                std::thread::sleep(Duration::from_millis(300));
            })
        })
        .collect();
    let names: Vec<String> = nodes.iter().map(raw::Server::node).collect();
    let asked = || nodes.iter().map(raw::Server::connections).sum::<usize>();
    for (more, expected) in [
        (json!({}), 5..=5),
        (json!({"retries": 0}), 1..=1),
        (json!({"retries": 2}), 3..=3),
        // The third begins in time, at the latest: the first two have taken 0.6 seconds.
        (json!({"retries": 4, "retry_timeout": 0.5}), 1..=2),
    ] {
        gateway.route_to(&names, more.clone()).await;
        let before = asked();
        assert_eq!(text(&gateway.http()).await.0, 502);
        assert!(expected.contains(&(asked() - before)), "{more}: {} attempts", asked() - before);
    }
    // What is not idempotent is not asked twice once a node has it.
    gateway.route_to(&names, json!({})).await;
    let before = asked();
    let posted = reqwest::Client::new().post(gateway.http()).body("once").send().await.unwrap();
    assert_eq!((posted.status().as_u16(), asked() - before), (502, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_kept_as_configured() {
    let closed = Arc::new(AtomicUsize::new(0));
    let counted = closed.clone();
    let node = raw::Server::start(move |mut stream, _| {
        while !raw::read_head(&mut stream).is_empty() {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
        }
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
        counted.fetch_add(1, Ordering::SeqCst);
    });
    // One worker has one pool.
    let (gateway, _files) = Gateway::with(|config| config.runtime.workers = 1).await;
    let ask = async |times: usize| {
        let before = node.connections();
        for _ in 0..times {
            assert_eq!(text(&gateway.http()).await, (200, "ok".to_owned()));
        }
        node.connections() - before
    };
    gateway.route_to(&[node.node()], json!({})).await;
    assert_eq!(ask(6).await, 1);
    gateway.route_to(&[node.node()], json!({"keepalive_pool": {"requests": 2}})).await;
    // The one that is there has carried more than that already, or is left to the earlier pool.
    ask(1).await;
    assert!(matches!(ask(6).await, 3 | 4));
    gateway.route_to(&[node.node()], json!({"keepalive_pool": {"idle_timeout": 0.2}})).await;
    ask(1).await;
    eventually(SOON, || async {
        let (open, closed) = (node.connections(), closed.load(Ordering::SeqCst));
        ensure!(open == closed, "{} connections are still open", open - closed);
        Ok(())
    })
    .await;
    assert_eq!(ask(1).await, 1);
}
