//! Requests at the same time: those that wait, those that are refused, and the places of those that have gone.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use anyhow::ensure;
use parking_lot::Mutex;
use portolan_testkit::eventually;
use serde_json::{Value, json};

use crate::harness::{Gateway, SOON, text};
use crate::raw;

/// A node that answers requests for `/hold` only when it is told to.
struct Holding {
    node: raw::Server,
    held: Arc<AtomicUsize>,
    tell: mpsc::Sender<()>,
}

impl Holding {
    fn start() -> Self {
        let (tell, told) = mpsc::channel();
        let (told, held) = (Mutex::new(told), Arc::new(AtomicUsize::new(0)));
        let counted = held.clone();
        let node = raw::Server::start(move |mut stream, _| {
            loop {
                let head = raw::read_head(&mut stream);
                if head.starts_with("GET /hold ") {
                    counted.fetch_add(1, Ordering::SeqCst);
                    if told.lock().recv().is_err() {
                        return;
                    }
                }
                if head.is_empty() || stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
                    return;
                }
            }
        });
        Self { node, held, tell }
    }

    /// Starts a request that is held, and waits until it is there.
    async fn ask(&self, client: &reqwest::Client, gateway: &Gateway) -> tokio::task::JoinHandle<u16> {
        let before = self.held.load(Ordering::SeqCst);
        let asking = client.get(format!("{}/hold", gateway.http())).send();
        let asked = tokio::task::spawn(async move { asking.await.unwrap().status().as_u16() });
        eventually(SOON, || async {
            ensure!(self.held.load(Ordering::SeqCst) > before, "the request is not under way");
            Ok(())
        })
        .await;
        asked
    }
}

async fn gateway(limit: Value) -> (Gateway, crate::harness::Instance, Holding) {
    let holding = Holding::start();
    let (gateway, files) = Gateway::new().await;
    let upstream = json!({"nodes": {holding.node.node(): 1}});
    gateway.put("routes/1", json!({"uri": "/*", "plugins": {"limit-conn": limit}, "upstream": upstream})).await;
    (gateway, files, holding)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_passes_one_waits_and_the_rest_is_refused() {
    let delay = Duration::from_millis(400);
    let limit = json!({"conn": 1, "burst": 1, "default_conn_delay": 0.4, "key": "remote_addr", "rejected_code": 429});
    let (gateway, _files, holding) = gateway(limit).await;
    let first = holding.ask(&reqwest::Client::new(), &gateway).await;
    let url = format!("{}/go", gateway.http());
    let began = Instant::now();
    let ask = || async {
        let status = text(&url).await.0;
        (status, began.elapsed())
    };
    // Two more: one takes the place where it waits, the other finds none.
    let (one, other) = tokio::join!(ask(), ask());
    let (waited, refused) = if one.0 == 200 { (one, other) } else { (other, one) };
    assert_eq!((waited.0, refused.0), (200, 429));
    assert!(waited.1 >= delay, "{waited:?}");
    holding.tell.send(()).unwrap();
    assert_eq!(first.await.unwrap(), 200);
    // Its place is free with its last byte, or a moment later.
    eventually(SOON, || async {
        let began = Instant::now();
        let status = text(&url).await.0;
        ensure!(status == 200 && began.elapsed() < delay, "{status} after {:?}", began.elapsed());
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_leaves_its_place() {
    let limit = json!({"conn": 1, "burst": 0, "default_conn_delay": 0.1, "key": "remote_addr"});
    let (gateway, _files, holding) = gateway(limit).await;
    let url = format!("{}/go", gateway.http());
    let clients = [reqwest::Client::builder(), reqwest::Client::builder().http2_prior_knowledge()];
    for client in clients.map(|client| client.build().unwrap()) {
        let first = holding.ask(&client, &gateway).await;
        assert_eq!(text(&url).await.0, 503);
        // A closed connection with HTTP/1.1, a reset stream with HTTP/2.
        first.abort();
        eventually(SOON, || async {
            let status = text(&url).await.0;
            ensure!(status == 200, "{status}");
            Ok(())
        })
        .await;
    }
}
