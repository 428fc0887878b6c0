//! Stream routes: TCP, TLS and UDP.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::ensure;
use portolan_dp::config::Tcp;
use portolan_testkit::certificates::Certificates;
use portolan_testkit::eventually;
use serde_json::{Value, json};

use crate::harness::{Gateway, Instance, SOON, text};
use crate::raw;

pub(crate) fn tcp(options: Value) -> Tcp {
    let mut all = json!({"addr": "127.0.0.1:0"});
    all.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    serde_json::from_value(all).unwrap()
}

/// A gateway with these TCP ports and as many UDP ports.
async fn gateway(ports: &[Value], udp: usize) -> (Gateway, Instance) {
    let ports: Vec<Tcp> = ports.iter().cloned().map(tcp).collect();
    Gateway::with(|config| {
        config.listen.stream.tcp = ports;
        config.listen.stream.udp = vec!["127.0.0.1:0".parse().unwrap(); udp];
    })
    .await
}

fn address(gateway: &Gateway, at: usize) -> SocketAddr {
    gateway.announced.proxy_stream[at].split_once("://").unwrap().1.parse().unwrap()
}

pub(crate) fn connect(gateway: &Gateway, at: usize) -> TcpStream {
    let stream = TcpStream::connect(address(gateway, at)).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

/// Says hello, ends, and gives the whole answer.
pub(crate) fn ask(mut stream: TcpStream) -> String {
    // A stream that was refused may be closed already.
    stream.write_all(b"hello").ok();
    stream.shutdown(Shutdown::Write).ok();
    raw::read_all(&mut stream)
}

/// Answers `NAME:` and all that it was sent, once the client has ended.
pub(crate) fn named(name: &'static str) -> raw::Server {
    raw::Server::start(move |mut stream, _| {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).ok();
        stream.write_all(format!("{name}:").as_bytes()).ok();
        stream.write_all(&all).ok();
    })
}

/// The same after five bytes, and it ends first.
fn hasty(name: &'static str) -> raw::Server {
    raw::Server::start(move |mut stream, _| {
        let mut five = [0; 5];
        stream.read_exact(&mut five).ok();
        stream.write_all(format!("{name}:{}", String::from_utf8_lossy(&five)).as_bytes()).ok();
    })
}

fn to(node: &str, more: Value) -> Value {
    let mut route = json!({"upstream": {"nodes": {node: 1}}});
    route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    route
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_lead_to_their_upstreams_and_ends_are_passed_on() {
    let (gateway, _files) = gateway(&[json!({}), json!({}), json!({})], 0).await;
    let (one, two) = (named("one"), named("two"));
    assert_eq!(ask(connect(&gateway, 0)), "", "no route yet");
    gateway.put("upstreams/u", json!({"scheme": "tcp", "nodes": {one.node(): 1}})).await;
    let port = |at| address(&gateway, at).port();
    gateway.put("stream_routes/1", json!({"server_port": port(0), "upstream_id": "u"})).await;
    gateway.put("services/s", json!({"upstream": {"nodes": {two.node(): 1}}})).await;
    let second =
        json!({"server_port": port(1), "server_addr": "127.0.0.0/8", "remote_addr": "127.0.0.1", "service_id": "s"});
    gateway.put("stream_routes/2", second).await;
    assert_eq!(ask(connect(&gateway, 0)), "one:hello");
    assert_eq!(ask(connect(&gateway, 1)), "two:hello");
    assert_eq!(ask(connect(&gateway, 2)), "");
    // A change of the upstream holds for new streams, and leaves running ones alone.
    let running = connect(&gateway, 0);
    eventually(SOON, || async {
        ensure!(one.connections() == 2, "the stream is not there");
        Ok(())
    })
    .await;
    gateway.put("upstreams/u", json!({"scheme": "tcp", "nodes": {two.node(): 1}})).await;
    assert_eq!(ask(connect(&gateway, 0)), "two:hello");
    assert_eq!(ask(running), "one:hello");

    let listen = address(&gateway, 0).to_string();
    let lines = [
        "apisix_stream_connection_total{route=\"1\"} 3".to_owned(),
        format!("apisix_stream_active_connections{{listen_addr=\"{listen}\"}} 0"),
        format!("apisix_stream_status{{code=\"200\",listen_addr=\"{listen}\",node=\"{}\"}} 2", one.node()),
        format!("apisix_stream_status{{code=\"500\",listen_addr=\"{listen}\",node=\"\"}} 1"),
        format!("apisix_stream_bandwidth{{listen_addr=\"{listen}\",type=\"ingress\",side=\"downstream\"}} 15"),
        format!("apisix_stream_bandwidth{{listen_addr=\"{listen}\",type=\"ingress\",side=\"upstream\"}} 27"),
    ];
    // A stream is counted after its client has seen the end.
    eventually(SOON, || async {
        let (_, metrics) = text(&format!("{}/apisix/prometheus/metrics", gateway.announced.metrics)).await;
        let missing = lines.iter().find(|line| !metrics.contains(*line));
        ensure!(missing.is_none(), "{missing:?}\n{metrics}");
        Ok(())
    })
    .await;
    let revision = gateway.space.delete("stream_routes/1").await;
    gateway.applied(revision).await;
    assert_eq!(ask(connect(&gateway, 0)), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_do_not_answer_are_passed_over() {
    let (gateway, _files) = gateway(&[json!({})], 0).await;
    let good = named("good");
    let dead = raw::closed();
    let upstream = json!({"nodes": [
        {"host": "127.0.0.1", "port": dead.rsplit_once(':').unwrap().1.parse::<u16>().unwrap(), "weight": 1, "priority": 1},
        {"host": "127.0.0.1", "port": good.address.port(), "weight": 1},
    ]});
    gateway.put("stream_routes/1", json!({"upstream": upstream})).await;
    for _ in 0..5 {
        assert_eq!(ask(connect(&gateway, 0)), "good:hello");
    }
    gateway.put("stream_routes/1", json!({"upstream": {"retries": 0, "nodes": {dead: 1}}})).await;
    assert_eq!(ask(connect(&gateway, 0)), "");
    // Silence has a bound.
    let silent = json!({"nodes": {good.node(): 1}, "timeout": {"connect": 1, "send": 0.5, "read": 1}});
    gateway.put("stream_routes/1", json!({"upstream": silent})).await;
    let began = Instant::now();
    let mut stream = connect(&gateway, 0);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert!((Duration::from_millis(900)..Duration::from_secs(10)).contains(&began.elapsed()), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn much_passes_both_ways_at_once() {
    let (gateway, _files) = gateway(&[json!({})], 0).await;
    let echo = raw::Server::start(|mut stream, _| {
        let mut reading = stream.try_clone().unwrap();
        std::io::copy(&mut reading, &mut stream).ok();
        stream.shutdown(Shutdown::Write).ok();
    });
    gateway.put("stream_routes/1", to(&echo.node(), json!({}))).await;
    let stream = connect(&gateway, 0);
    let mut writing = stream.try_clone().unwrap();
    let sent: Vec<u8> = (0..8 << 20).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let copy = sent.clone();
    let writer = std::thread::spawn(move || {
        writing.write_all(&copy).unwrap();
        writing.shutdown(Shutdown::Write).unwrap();
    });
    let mut received = Vec::new();
    (&stream).read_to_end(&mut received).unwrap();
    writer.join().unwrap();
    assert!(received == sent, "{} bytes of {}", received.len(), sent.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_ends_here_and_its_name_chooses_the_route() {
    let (gateway, files) = gateway(&[json!({"tls": true})], 0).await;
    let (authority, trusted) = (Certificates::new().unwrap(), Certificates::new().unwrap());
    let server = authority.server(&["s"]).unwrap();
    let ssl = |names: &[&str], more: Value| {
        let mut ssl = json!({"snis": names, "cert": server.certificate, "key": server.key});
        ssl.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ssl
    };
    gateway.put("ssls/1", ssl(&["*.com"], json!({}))).await;
    let client = json!({"client": {"ca": trusted.ca(), "skip_mtls_uri_regex": ["/"]}});
    gateway.put("ssls/2", ssl(&["safe.com"], client)).await;
    let (a, b, all) = (hasty("a"), hasty("b"), hasty("all"));
    gateway.put("stream_routes/0", to(&all.node(), json!({}))).await;
    gateway.put("stream_routes/a", to(&a.node(), json!({"sni": "a.com"}))).await;
    gateway.put("stream_routes/b", to(&b.node(), json!({"sni": "*.com"}))).await;
    let say = |name: &str, options: &str| {
        let command = format!(
            "printf hello | openssl s_client -quiet -connect {} -servername {name} {options}",
            address(&gateway, 0)
        );
        let output = Command::new("sh").args(["-c", &command]).stderr(Stdio::null()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let shown = trusted.client("c", "portolan://admin/c").unwrap().write(files.dir.path(), "c").unwrap();
    let shown = format!("-cert {} -key {}", shown.certificate.display(), shown.key.display());
    for (name, options, expected) in [
        ("a.com", "", "a:hello"),
        ("x.com", "", "b:hello"),
        ("x.org", "", "all:hello"),
        ("safe.com", "", ""),
        ("safe.com", &*shown, "b:hello"),
    ] {
        assert_eq!(say(name, options), expected, "{name} {options}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_may_speak_tls() {
    let (gateway, files) = gateway(&[json!({})], 0).await;
    let server = Command::new("openssl")
        .args(["s_server", "-accept", "127.0.0.1:0", "-www", "-cert"])
        .args([&files.files.certificate, std::path::Path::new("-key"), &files.files.key])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut server = server.unwrap();
    // "ACCEPT 127.0.0.1:PORT"
    let mut said = std::io::BufReader::new(server.stdout.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("ACCEPT") {
        line.clear();
        assert_ne!(std::io::BufRead::read_line(&mut said, &mut line).unwrap(), 0);
    }
    let node = line.trim().strip_prefix("ACCEPT ").unwrap().to_owned();
    let upstream = json!({"scheme": "tls", "nodes": {node: 1}});
    gateway.put("stream_routes/1", json!({"server_port": address(&gateway, 0).port(), "upstream": upstream})).await;
    let mut stream = connect(&gateway, 0);
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let answer = raw::read_all(&mut stream);
    assert!(answer.contains("200 ok") && answer.contains("TLSv1.3"), "{answer}");
    server.kill().unwrap();
    server.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn proxy_headers_are_taken_and_sent() {
    let ports = [
        json!({"proxy_protocol": true}),
        json!({"proxy_protocol": true, "proxy_protocol_to_upstream": true}),
        json!({"proxy_protocol_to_upstream": "v2"}),
    ];
    let (gateway, _files) = gateway(&ports, 0).await;
    let (near, far) = (named("near"), named("far"));
    gateway.put("stream_routes/far", to(&far.node(), json!({"remote_addr": "192.0.2.0/24"}))).await;
    gateway.put("stream_routes/near", to(&near.node(), json!({}))).await;
    let with = |at: usize, header: &[u8]| {
        let mut stream = connect(&gateway, at);
        stream.write_all(header).unwrap();
        ask(stream)
    };
    let far_header = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n";
    assert_eq!(with(0, far_header), "far:hello");
    assert_eq!(with(0, b"PROXY UNKNOWN\r\n"), "near:hello");
    assert_eq!(with(0, b"no header at all"), "");
    let local = address(&gateway, 1);
    assert_eq!(with(1, far_header), format!("far:PROXY TCP4 192.0.2.7 127.0.0.1 4711 {}\r\nhello", local.port()));
    let binary = with(2, b"");
    assert!(binary.starts_with("near:\r\n\r\n\0\r\nQUIT\n") && binary.ends_with("hello"), "{binary:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn http_ports_take_proxy_headers_from_those_who_are_trusted() {
    for (trusted, expected) in [("127.0.0.0/8", "192.0.2.7"), ("10.0.0.0/8", "127.0.0.1")] {
        let (gateway, _files) = Gateway::with(|config| {
            config.listen.proxy_protocol.http = true;
            config.listen.proxy_protocol.https = true;
            config.listen.proxy_protocol.trusted = vec![trusted.parse().unwrap()];
        })
        .await;
        let upstream = portolan_testkit::Upstream::start(portolan_testkit::upstream::Reply::echo()).unwrap();
        gateway.route_to(&[upstream.node()], json!({})).await;
        let request = "GET / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
        let header = "PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n";
        let answer = raw::exchange(&gateway.address(), format!("{header}{request}").as_bytes());
        assert!(answer.contains(&format!("\"x-real-ip\":[\"{expected}\"]")), "{answer}");
        assert_eq!(raw::exchange(&gateway.address(), request.as_bytes()), "", "without a header");
        for url in [gateway.http(), format!("https://{}", gateway.https_address())] {
            let curl =
                Command::new("curl").args(["-sk", "--haproxy-protocol", "--max-time", "20", &url]).output().unwrap();
            let seen: Value = serde_json::from_slice(&curl.stdout).unwrap();
            assert_eq!(seen["headers"]["x-real-ip"], json!(["127.0.0.1"]), "{url}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_find_their_way_back() {
    let (gateway, _files) = gateway(&[], 1).await;
    let node = UdpSocket::bind("127.0.0.1:0").unwrap();
    let node_address = node.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut buffer = [0; 65536];
        // The second client of a name is told apart by the port that its session has.
        while let Ok((length, from)) = node.recv_from(&mut buffer) {
            let answer = [&buffer[..length], format!(" via {from}").as_bytes()].concat();
            node.send_to(&answer, from).unwrap();
        }
    });
    let route = |upstream: Value| json!({"server_port": address(&gateway, 0).port(), "upstream": upstream});
    gateway.put("stream_routes/1", route(json!({"scheme": "udp", "nodes": {node_address.clone(): 1}}))).await;
    let clients: Vec<UdpSocket> = (0..4).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let ask = |client: &UdpSocket, word: &str| {
        client.set_read_timeout(Some(SOON)).unwrap();
        client.send_to(word.as_bytes(), address(&gateway, 0)).unwrap();
        let mut buffer = [0; 65536];
        let (length, from) = client.recv_from(&mut buffer).unwrap();
        assert_eq!(from, address(&gateway, 0));
        let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let (said, via) = answer.split_once(" via ").unwrap();
        assert_eq!(said, word);
        via.to_owned()
    };
    let vias: Vec<String> = clients[..3].iter().map(|client| ask(client, "one")).collect();
    assert!(vias[0] != vias[1] && vias[1] != vias[2]);
    let large = "x".repeat(20_000);
    assert_eq!(ask(&clients[0], &large), vias[0], "the same session");
    // After a while without a word it is another session; those that are there keep the bound that they began with.
    let upstream =
        json!({"scheme": "udp", "nodes": {node_address: 1}, "timeout": {"connect": 5, "send": 0.3, "read": 0.3}});
    gateway.put("stream_routes/1", route(upstream)).await;
    let via = ask(&clients[3], "one");
    let active = format!("apisix_stream_active_connections{{listen_addr=\"{}\"}} 3\n", address(&gateway, 0));
    eventually(SOON, || async {
        let (_, metrics) = text(&format!("{}/apisix/prometheus/metrics", gateway.announced.metrics)).await;
        ensure!(metrics.contains(&active), "sessions are still open");
        Ok(())
    })
    .await;
    assert_ne!(ask(&clients[3], "two"), via);
    assert_eq!(ask(&clients[0], "two"), vias[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn datagrams_do_not_take_the_place_of_connections() {
    let (gateway, _files) = Gateway::with(|config| {
        config.listen.stream.udp = vec!["127.0.0.1:0".parse().unwrap()];
        config.runtime.workers = 1;
        config.limits.connections = 1;
    })
    .await;
    let node = UdpSocket::bind("127.0.0.1:0").unwrap();
    node.set_read_timeout(Some(SOON)).unwrap();
    let upstream = json!({"scheme": "udp", "nodes": {node.local_addr().unwrap().to_string(): 1}});
    gateway.put("stream_routes/1", json!({"upstream": upstream})).await;
    let clients = [UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap()];
    let mut buffer = [0; 16];
    clients[0].send_to(b"one", address(&gateway, 0)).unwrap();
    assert_eq!(node.recv(&mut buffer).unwrap(), 3);
    // There is one session, and place for a connection still; not for another session.
    assert_eq!(text(&gateway.http()).await.0, 404);
    clients[1].send_to(b"other", address(&gateway, 0)).unwrap();
    clients[0].send_to(b"again!", address(&gateway, 0)).unwrap();
    assert_eq!(node.recv(&mut buffer).unwrap(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_finish_when_the_gateway_ends() {
    let (gateway, _files) = gateway(&[json!({})], 0).await;
    let node = named("node");
    gateway.put("stream_routes/1", to(&node.node(), json!({}))).await;
    let mut running = connect(&gateway, 0);
    running.write_all(b"hel").unwrap();
    eventually(SOON, || async {
        ensure!(node.connections() == 1, "the stream is not there");
        Ok(())
    })
    .await;
    gateway.request_shutdown();
    eventually(SOON, || async {
        ensure!(TcpStream::connect(address(&gateway, 0)).is_err(), "still accepting");
        Ok(())
    })
    .await;
    running.write_all(b"lo").unwrap();
    running.shutdown(Shutdown::Write).unwrap();
    assert_eq!(raw::read_all(&mut running), "node:hello");
    gateway.stop().unwrap();
}
