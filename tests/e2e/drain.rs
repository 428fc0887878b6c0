//! A data plane that is told to end, behind clients that follow its readiness.

#![expect(clippy::disallowed_methods, reason = "tasks of a test end with it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::ensure;
use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, eventually, install_crypto};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::gateway::{Gateway, SOON};
use crate::process::Portolan;

/// One of the data planes, as a balancer knows it.
struct Plane {
    url: String,
    status: String,
    ready: AtomicBool,
}

/// A node for one upgraded connection that says back what it hears, or one response whose second half waits.
async fn node(rest: Arc<Notify>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let rest = rest.clone();
            tokio::spawn(async move {
                let head = read_head(&mut stream).await;
                if head.contains("/half") {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf").await.unwrap();
                    rest.notified().await;
                    stream.write_all(b"rest").await.unwrap();
                    return;
                }
                let agreed = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
                stream.write_all(agreed).await.unwrap();
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await.ok();
            });
        }
    });
    address
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// A connection on which a request was sent and the head of its answer has come.
async fn asked(plane: &Plane, path: &str, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(plane.url.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: h\r\n{headers}\r\n").as_bytes()).await.unwrap();
    read_head(&mut stream).await;
    stream
}

async fn say(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut heard = vec![0; text.len()];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, text.as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_a_data_plane_ends() {
    install_crypto();
    let gateway = Gateway::start(&[]).await;
    let upstream = Upstream::start(Reply::text("hello")).unwrap();
    gateway.put_route("1", "/hello", &upstream).await;
    let rest = Arc::new(Notify::new());
    let special = node(rest.clone()).await.to_string();
    let upstream_of_special = json!({"nodes": {special: 1}, "timeout": {"connect": 10, "send": 60, "read": 60}});
    let route = json!({"uris": ["/half", "/ws"], "enable_websocket": true, "upstream": upstream_of_special});
    gateway.admin(Method::PUT, "/apisix/admin/routes/2", Some(&route)).await;

    // Two of them, from the file that `up` wrote for its own, on ports of their own.
    let file = gateway.data().join("dp.yaml").display().to_string();
    let mut processes = Vec::new();
    for name in ["one", "two"] {
        let snapshot = format!("--set=snapshot.path={}", gateway.data().join(name).display());
        let listen =
            ["http", "https", "status", "metrics", "control"].map(|port| format!("--set=listen.{port}=127.0.0.1:0"));
        let mut args = vec![
            "dp",
            "--config",
            &file,
            &snapshot,
            "--set=shutdown.delay_seconds=8",
            "--set=shutdown.drain_seconds=20",
        ];
        args.extend(listen.iter().map(String::as_str));
        let log = gateway.data().with_extension(format!("{name}.log"));
        processes.push(Portolan::start(&args, &log).await.unwrap());
    }
    let planes: Arc<Vec<Plane>> = Arc::new(
        processes
            .iter()
            .map(|process| Plane {
                url: process.field("proxy_http").to_owned(),
                status: process.field("status").to_owned(),
                ready: AtomicBool::new(false),
            })
            .collect(),
    );
    let stop = Arc::new(AtomicBool::new(false));
    let follower = tokio::spawn(follow(planes.clone(), stop.clone()));
    eventually(SOON, || async {
        for plane in planes.iter() {
            ensure!(plane.ready.load(Ordering::SeqCst), "not ready");
            ensure!(reqwest::get(format!("{}/hello", plane.url)).await?.status() == 200, "no route yet");
        }
        Ok(())
    })
    .await;
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> =
        (0..4).map(|at| tokio::spawn(ask(at, planes.clone(), stop.clone(), answered.clone()))).collect();
    let mut half = asked(&planes[0], "/half", "").await;
    let mut socket = asked(&planes[0], "/ws", "connection: upgrade\r\nupgrade: websocket\r\n").await;
    say(&mut socket, "before").await;

    let ending = processes.remove(0);
    ending.ask_to_stop();
    eventually(SOON, || async {
        ensure!(!planes[0].ready.load(Ordering::SeqCst), "still ready");
        Ok(())
    })
    .await;
    // Who has not heard of it is served as before.
    assert_eq!(reqwest::get(format!("{}/hello", planes[0].url)).await.unwrap().status(), 200);
    say(&mut socket, "during the delay").await;
    let closed = || async {
        ensure!(TcpStream::connect(planes[0].url.strip_prefix("http://").unwrap()).await.is_err(), "still open");
        Ok(())
    };
    eventually(SOON * 2, closed).await;
    say(&mut socket, "while it drains").await;
    rest.notify_one();
    let mut body = String::new();
    half.read_to_string(&mut body).await.unwrap();
    assert_eq!(body, "halfrest");
    drop(socket);
    assert_eq!(ending.stopped().await, (Some(0), vec![]));

    // The other one has the clients.
    let before = answered.load(Ordering::SeqCst);
    eventually(SOON, || async {
        ensure!(answered.load(Ordering::SeqCst) > before + 20, "no answers");
        Ok(())
    })
    .await;
    stop.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
    follower.await.unwrap();
    gateway.stop().await;
}

async fn follow(planes: Arc<Vec<Plane>>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::SeqCst) {
        for plane in planes.iter() {
            let answer = reqwest::get(format!("{}/status/ready", plane.status)).await;
            plane.ready.store(answer.is_ok_and(|answer| answer.status() == 200), Ordering::SeqCst);
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Asks those that are ready in turn. Every request must be answered.
async fn ask(number: usize, planes: Arc<Vec<Plane>>, stop: Arc<AtomicBool>, answered: Arc<AtomicUsize>) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut turn = number;
    while !stop.load(Ordering::SeqCst) {
        turn += 1;
        let plane = &planes[turn % planes.len()];
        if !plane.ready.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
            continue;
        }
        let answer = client.get(format!("{}/hello", plane.url)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.text().await.unwrap(), "hello");
        answered.fetch_add(1, Ordering::SeqCst);
    }
}
