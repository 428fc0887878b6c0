//! Clients that others wrote (h2load, nghttp, curl), while the gateway's world changes around them.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::ensure;
use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, eventually};
use serde_json::json;

use crate::harness::{Gateway, Instance, SOON, Space};
use crate::raw;

/// A load, under way. It ends when it is told to.
struct Load(Vec<Child>);

// === impl Load ===

impl Load {
    /// HTTP/1.1, HTTP/2 and HTTPS at the same time, for so many seconds.
    fn start(gateway: &Gateway, seconds: u32) -> Self {
        let https = format!("https://{}/load", gateway.https_address());
        let plain = format!("{}/load", gateway.http());
        let one = |options: &[&str], url: &str| {
            Command::new("h2load")
                .args(["-c", "4", "-t", "1", "-D", &seconds.to_string()])
                .args(options)
                .arg(url)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        Self(vec![one(&["--h1"], &plain), one(&["-m", "8"], &plain), one(&["-m", "8"], &https)])
    }

    /// Waits for their ends; none of their requests may have failed, and each has some.
    fn succeeded(self) {
        for child in self.0 {
            let output = child.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            let line = |start: &str| said.lines().find(|line| line.starts_with(start)).unwrap_or(&said).to_owned();
            let (requests, codes) = (line("requests: "), line("status codes: "));
            assert!(requests.contains(" 0 failed, 0 errored, 0 timeout"), "{requests} {codes}");
            assert!(codes.contains(" 0 3xx, 0 4xx, 0 5xx") && !codes.contains(" 0 2xx"), "{requests} {codes}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_fails_while_routes_change_a_hundred_times_a_second() {
    let (gateway, _files) = Gateway::new().await;
    let upstream = Upstream::start(Reply::text("ok")).unwrap();
    gateway.route_to(&[upstream.node()], json!({})).await;
    let load = Load::start(&gateway, 3);
    let mut client = gateway.space.client().await;
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let mut revision = 0;
    for round in 0..300 {
        ticks.tick().await;
        // The route that is asked for, and others that come and go.
        let (key, route) = match round % 3 {
            0 => (
                "routes/all",
                json!({"uri": "/*", "name": format!("n{round}"), "upstream": {"nodes": {upstream.node(): 1}}}),
            ),
            1 => {
                ("routes/other", json!({"uri": format!("/other/{round}"), "upstream": {"nodes": {upstream.node(): 1}}}))
            }
            _ => ("upstreams/u", json!({"nodes": {upstream.node(): 1}, "retries": round})),
        };
        let request = portolan_etcd_proto::etcdserverpb::PutRequest {
            key: format!("{}{key}", gateway.space.prefix).into(),
            value: route.to_string().into(),
            ..Default::default()
        };
        revision = client.put(request).await.unwrap().into_inner().header.unwrap().revision;
    }
    gateway.applied(revision).await;
    load.succeeded();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_fails_while_nodes_die_and_return() {
    let (gateway, _files) = Gateway::new().await;
    let good = Upstream::start(Reply::text("ok")).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let (weak, dying) = mortal(stop.clone());
    gateway.route_to(&[good.node(), weak.clone()], json!({"retries": 3})).await;
    let load = Load::start(&gateway, 3);
    load.succeeded();
    stop.store(true, Ordering::SeqCst);
    dying.join().unwrap();
    assert!(good.requests() > 0);
}

/// A node that is there for 50 ms and then is not, over and over. It answers whole requests, or closes.
fn mortal(stop: Arc<AtomicBool>) -> (String, std::thread::JoinHandle<()>) {
    use std::io::Write as _;
    let reserve = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    reserve.set_reuse_address(true).unwrap();
    reserve.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    let address = reserve.local_addr().unwrap();
    let node = address.as_socket().unwrap().to_string();
    drop(reserve);
    let thread = std::thread::spawn(move || {
        while !stop.load(Ordering::SeqCst) {
            let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
            socket.set_reuse_address(true).unwrap();
            socket.bind(&address).unwrap();
            socket.listen(64).unwrap();
            socket.set_nonblocking(true).unwrap();
            let listener: std::net::TcpListener = socket.into();
            let alive = Arc::new(AtomicBool::new(true));
            let until = std::time::Instant::now() + Duration::from_millis(50);
            while std::time::Instant::now() < until {
                let Ok((mut stream, _)) = listener.accept() else {
                    std::thread::sleep(Duration::from_millis(1));
                    continue;
                };
                let alive = alive.clone();
                std::thread::spawn(move || {
                    stream.set_nonblocking(false).unwrap();
                    stream.set_nodelay(true).unwrap();
                    while alive.load(Ordering::SeqCst) && !raw::read_head(&mut stream).is_empty() {
                        if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
                            return;
                        }
                    }
                });
            }
            alive.store(false, Ordering::SeqCst);
            drop(listener);
            std::thread::sleep(Duration::from_millis(30));
        }
    });
    (node, thread)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_fails_while_gateways_restart_one_after_the_other() {
    let instances = [Instance::new(), Instance::new()];
    let space = Space::new().await;
    let upstream = Upstream::start(Reply::text("ok").after(Duration::from_millis(5))).unwrap();
    let start = |at: usize| Gateway::start(instances[at].config(&space), space.clone());
    let mut gateways = [Some(start(0)), Some(start(1))];
    for gateway in gateways.iter().flatten() {
        gateway.ready().await;
    }
    gateways[0].as_ref().unwrap().route_to(&[upstream.node()], json!({})).await;
    let revision = gateways[0].as_ref().unwrap().ready().await["revision"].as_i64().unwrap();
    gateways[1].as_ref().unwrap().applied(revision).await;
    // Clients know both, as a balancer does: one that takes no connection is passed over for the other. The kernel resets
    // a connection that was still in its queue when the port closed; that one was not taken either. A request that was taken
    // must be answered: the node must have seen just those that were.
    let urls = Arc::new(parking_lot::RwLock::new([
        gateways[0].as_ref().unwrap().http(),
        gateways[1].as_ref().unwrap().http(),
    ]));
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..8)
        .map(|number| {
            let (urls, stop) = (urls.clone(), stop.clone());
            tokio::task::spawn(async move {
                let client = reqwest::Client::new();
                let mut answered = 0;
                while !stop.load(Ordering::SeqCst) {
                    let mut tries = number..number + 20;
                    let response = loop {
                        // Looked up each time: a gateway that has come back has another port.
                        let url = urls.read()[tries.next().expect("one of the two is always there") % 2].clone();
                        match client.get(&url).send().await {
                            Err(error) if error.is_connect() || was_reset(&error) => {}
                            response => break response.unwrap(),
                        }
                    };
                    assert_eq!(response.status(), 200);
                    assert_eq!(response.text().await.unwrap(), "ok");
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    for at in [0, 1, 0, 1] {
        gateways[at].take().unwrap().stop().unwrap();
        let next = start(at);
        next.ready().await;
        urls.write()[at] = next.http();
        gateways[at] = Some(next);
    }
    stop.store(true, Ordering::SeqCst);
    let mut answered = 0;
    for client in clients {
        let own = client.await.unwrap();
        assert!(own > 0);
        answered += own;
    }
    assert_eq!(upstream.requests(), answered, "a request went to the node and its answer not to the client");
}

fn was_reset(error: &reqwest::Error) -> bool {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset) {
            return true;
        }
        next = error.source();
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn curl_and_nghttp_are_understood() {
    let (gateway, files) = Gateway::new().await;
    let upstream = Upstream::start(Reply::echo()).unwrap();
    gateway.route_to(&[upstream.node()], json!({})).await;
    let large = files.dir.path().join("large");
    std::fs::write(&large, "x".repeat(3 << 20)).unwrap();
    let curl = |options: &[&str], url: &str| {
        let output = Command::new("curl").args(["-skv", "--max-time", "20"]).args(options).arg(url).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{options:?}: {said}");
        (String::from_utf8_lossy(&output.stdout).into_owned(), said)
    };
    let https = format!("https://{}/", gateway.https_address());
    let data = format!("@{}", large.display());
    for (url, options, version) in [
        (gateway.http(), &["--http1.1"][..], "HTTP/1.1 200"),
        (gateway.http(), &["--http2-prior-knowledge"], "HTTP/2 200"),
        (https.clone(), &["--http1.1"], "HTTP/1.1 200"),
        (https.clone(), &["--http2"], "HTTP/2 200"),
    ] {
        let (_, said) = curl(options, &url);
        assert!(said.contains(version), "{options:?}: {said}");
        upstream.take_seen();
        curl(&[options, &["-H", "Expect: 100-continue", "--data-binary", &data]].concat(), &url);
        assert_eq!(upstream.take_seen()[0].body.len(), 3 << 20, "{options:?}");
        curl(&[options, &["-H", "Transfer-Encoding: chunked", "--data-binary", &data]].concat(), &url);
        assert_eq!(upstream.take_seen()[0].body.len(), 3 << 20, "{options:?}");
    }
    let (_, said) = curl(&["--http1.1", "-H", "Expect: 100-continue", "--data-binary", &data], &gateway.http());
    assert!(said.contains("100 Continue"), "{said}");
    let nghttp = Command::new("nghttp").args(["-v", "--no-verify-peer", &https]).output().unwrap();
    let said = String::from_utf8_lossy(&nghttp.stdout).into_owned();
    assert!(nghttp.status.success() && said.contains(":status: 200"), "{said}");
    eventually(SOON, || async {
        let metrics = crate::harness::text(&format!("{}/apisix/prometheus/metrics", gateway.announced.metrics)).await.1;
        ensure!(metrics.contains("apisix_nginx_http_current_connections{state=\"active\"} 0"), "connections are left");
        Ok(())
    })
    .await;
}
