//! Upstreams whose nodes a registry knows: nodes come and go, and registries fail, while requests flow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::ensure;
use parking_lot::Mutex;
use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, eventually};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Gateway, SOON, text};

mod consul;
mod dns;
mod eureka;
mod kubernetes;
mod nacos;

/// Requests that go on until they are asked how it went.
struct Traffic {
    over: Arc<AtomicBool>,
    sent: Arc<AtomicUsize>,
    failed: Arc<Mutex<Vec<String>>>,
    tasks: JoinSet<()>,
}

impl Traffic {
    fn start(url: &str) -> Self {
        let (over, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let failed = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        for _ in 0..2 {
            let (url, over, sent, failed) = (url.to_owned(), over.clone(), sent.clone(), failed.clone());
            tasks.spawn(async move {
                let client = reqwest::Client::new();
                while !over.load(Ordering::Relaxed) {
                    match client.get(&url).send().await {
                        Ok(response) if response.status() == 200 => {}
                        Ok(response) => failed.lock().push(response.status().to_string()),
                        Err(error) => failed.lock().push(error.to_string()),
                    }
                    sent.fetch_add(1, Ordering::Relaxed);
                    // Others need the machine too.
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            });
        }
        Self { over, sent, failed, tasks }
    }

    /// Ends it; not one may have failed.
    async fn finish(mut self) {
        self.over.store(true, Ordering::Relaxed);
        while self.tasks.join_next().await.is_some() {}
        let failed = self.failed.lock();
        assert!(failed.is_empty(), "{} of {} failed: {failed:?}", failed.len(), self.sent.load(Ordering::Relaxed));
        assert!(self.sent.load(Ordering::Relaxed) > 10, "it never flowed");
    }
}

fn upstreams<const N: usize>() -> [Upstream; N] {
    std::array::from_fn(|_| Upstream::start(Reply::text("hello")).unwrap())
}

/// Routes all requests to a service.
async fn route(gateway: &Gateway, kind: &str, service: &str, more: Value) {
    let mut upstream = json!({"type": "roundrobin", "discovery_type": kind, "service_name": service});
    upstream.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    gateway.put("routes/all", json!({"uri": "/*", "upstream": upstream})).await;
}

async fn answers(gateway: &Gateway, status: u16) {
    eventually(SOON, || async {
        let (now, body) = text(&gateway.http()).await;
        ensure!(now == status, "{now} {body}");
        Ok(())
    })
    .await;
}

/// Waits until the requests go to these nodes and to no others.
async fn served_by(gateway: &Gateway, all: &[&Upstream], expected: &[&Upstream]) {
    eventually(SOON, || async {
        let before: Vec<usize> = all.iter().map(|node| node.requests()).collect();
        for _ in 0..3 * expected.len() {
            let (status, body) = text(&gateway.http()).await;
            ensure!(status == 200, "{status} {body}");
        }
        for (node, before) in all.iter().zip(before) {
            let is_expected = expected.iter().any(|one| one.address() == node.address());
            ensure!(
                (node.requests() > before) == is_expected,
                "{}: {} requests",
                node.node(),
                node.requests() - before
            );
        }
        Ok(())
    })
    .await;
}

/// Nodes come and go while requests flow. `set` tells the registry which nodes there are.
async fn nodes_come_and_go(gateway: &Gateway, set: impl Fn(&[&Upstream])) {
    let nodes: [Upstream; 3] = upstreams();
    let [a, b, c] = nodes.each_ref();
    set(&[a, b]);
    answers(gateway, 200).await;
    let traffic = Traffic::start(&gateway.http());
    served_by(gateway, &[a, b, c], &[a, b]).await;
    set(&[a, b, c]);
    served_by(gateway, &[a, b, c], &[a, b, c]).await;
    set(&[b, c]);
    served_by(gateway, &[a, b, c], &[b, c]).await;
    let [a, b, c] = nodes;
    drop(a);
    set(&[&c]);
    served_by(gateway, &[&b, &c], &[&c]).await;
    drop(b);
    served_by(gateway, &[&c], &[&c]).await;
    traffic.finish().await;
}

/// How a registry is, as the status port tells.
async fn registry_is(gateway: &Gateway, name: &str, state: &str) {
    eventually(SOON * 2, || async {
        let (_, body) = gateway.status().await?;
        let line = &body["components"][format!("discovery {name}")];
        ensure!(line["state"] == state, "{name}: {line}");
        Ok(())
    })
    .await;
}

/// The registry fails in every way while requests flow. `break_it` makes it fail, and work again with `None`.
async fn survives<F: Copy + std::fmt::Debug>(
    gateway: &Gateway,
    name: &str,
    faults: &[F],
    break_it: impl Fn(Option<F>),
) {
    registry_is(gateway, name, "ready").await;
    let traffic = Traffic::start(&gateway.http());
    for fault in faults {
        break_it(Some(*fault));
        registry_is(gateway, name, "degraded").await;
        answers(gateway, 200).await;
        break_it(None);
        registry_is(gateway, name, "ready").await;
    }
    traffic.finish().await;
}

/// A registry is away, and what it says when it returns is believed: other nodes, none at all, and some again.
async fn returns_with_news(gateway: &Gateway, name: &str, away: impl Fn(bool), set: impl Fn(&[&Upstream])) {
    let nodes: [Upstream; 2] = upstreams();
    let [a, b] = nodes.each_ref();
    set(&[a]);
    served_by(gateway, &[a, b], &[a]).await;
    for (while_away, before, after) in [(&[b][..], Some(a), Some(b)), (&[], Some(b), None), (&[a], None, Some(a))] {
        away(true);
        registry_is(gateway, name, "degraded").await;
        set(while_away);
        let serves = async |node: Option<&Upstream>| match node {
            Some(node) => served_by(gateway, &[a, b], &[node]).await,
            None => answers(gateway, 503).await,
        };
        serves(before).await;
        away(false);
        serves(after).await;
        registry_is(gateway, name, "ready").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_not_configured_has_no_nodes() {
    let (gateway, _files) = Gateway::new().await;
    route(&gateway, "consul", "web", json!({})).await;
    let (status, body) = text(&gateway.http()).await;
    assert_eq!((status, body.trim_end()), (503, r#"{"error_msg":"no valid upstream node"}"#));
    assert_eq!(text(&format!("{}/v1/discovery/consul/dump", gateway.announced.control_api)).await.0, 404);
}
