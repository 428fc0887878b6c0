//! Streams that run in the task of their connection.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use futures_util::{StreamExt, stream};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use portolan_rt::serve::{Limits, Server, Streams, listen};
use portolan_rt::task::Supervisor;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::sync::watch;

use crate::client::{Client, in_time, tcp};

/// A server whose `/watch` says each number that the channel takes, and whose `/panic` panics.
async fn start(http2_run: Streams) -> (std::net::SocketAddr, watch::Sender<u32>) {
    let (numbers, watched) = watch::channel(0);
    let watch = async move || {
        let said = stream::unfold(watched, |mut watched| async {
            watched.changed().await.ok()?;
            let number = *watched.borrow_and_update();
            Some((Ok::<_, std::convert::Infallible>(Bytes::from(format!("{number:04}"))), watched))
        });
        Body::from_stream(said)
    };
    let panic = async || -> String { panic!("as it should") };
    let router =
        Router::new().route("/watch", get(watch)).route("/panic", get(panic)).route("/", get(async || "hello"));
    let listener = listen("listen.test", ([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits { http2_run, ..Limits::default() };
    Server { name: "test", listener, tls: None, limits }.start(router, &Supervisor::new()).unwrap();
    (address, numbers)
}

async fn next(body: &mut Incoming) -> Bytes {
    in_time(body.frame()).await.unwrap().unwrap().into_data().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_one_stream_and_no_other() {
    let (address, numbers) = start(Streams::Together).await;
    let mut client = Client::h2(tcp(address).await).await;
    let mut body = client.try_get("/watch").await.unwrap().into_body();
    client.try_get("/panic").await.unwrap_err();
    numbers.send(7).unwrap();
    assert_eq!(next(&mut body).await, "0007");
    assert_eq!(client.get("/").await, (200, "hello".to_owned()));
}

/// The point of it: what a hundred streams say at the same time leaves in few segments. On one thread, so that the order of
/// the tasks, and with it the number of the writes, does not hang on how busy the machine is.
#[tokio::test]
async fn what_many_streams_say_at_once_leaves_in_few_writes() {
    const STREAMS: usize = 100;
    const ROUNDS: u32 = 20;
    let (address, numbers) = start(Streams::Together).await;
    // Between client and server, counting what comes in one read.
    let (ours, theirs) = duplex(1 << 20);
    let reads = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = reads.clone();
    Supervisor::new().track("counter", async move {
        let (mut from_client, mut to_client) = tokio::io::split(theirs);
        let (mut from_server, mut to_server) = tcp(address).await.into_split();
        let up = async { drop(tokio::io::copy(&mut from_client, &mut to_server).await) };
        let down = async {
            let mut buffer = vec![0; 1 << 20];
            while let Ok(length) = from_server.read(&mut buffer).await {
                count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if length == 0 || to_client.write_all(&buffer[..length]).await.is_err() {
                    return;
                }
            }
        };
        tokio::join!(up, down);
    });
    let mut client = Client::h2(ours).await;
    let mut bodies = Vec::new();
    for _ in 0..STREAMS {
        bodies.push(client.try_get("/watch").await.unwrap().into_body());
    }
    let before = reads.load(std::sync::atomic::Ordering::Relaxed);
    for round in 1..=ROUNDS {
        numbers.send(round).unwrap();
        let said = stream::iter(&mut bodies).then(async |body| next(body).await);
        assert!(in_time(said.all(async |said| said == format!("{round:04}"))).await);
    }
    let reads = reads.load(std::sync::atomic::Ordering::Relaxed) - before;
    // All are woken before the connection runs: two or three writes a round, where each alone would be a hundred.
    assert!(reads <= 4 * ROUNDS as usize, "{reads} reads");
    tokio::time::timeout(Duration::from_millis(1), next(&mut bodies[0])).await.unwrap_err();
}
