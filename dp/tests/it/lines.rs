//! Headers of a response that nobody looks at pass as lines. A client must not see whether they did.

use std::io::Write as _;
use std::net::TcpStream;

use serde_json::json;

use crate::harness::{Gateway, SOON};
use crate::raw;

/// Heads of nodes, with their bodies.
const ANSWERS: &[&str] = &[
    "HTTP/1.1 200 OK\r\nServer: node\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Length: 5\r\nX-A: 1\r\nx-a: 2\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-RateLimit-Limit: 7\r\nX-A: 1\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\nX-A: 1\r\n\r\nhello",
    "HTTP/1.1 200 Fine\r\nContent-Length: 5\r\nX-A: 1\r\nConnection: close\r\n\r\nhello",
    "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x-a\r\nX-A: 1\r\nKeep-Alive: timeout=5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: 1\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n",
    "HTTP/1.1 503 Busy\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
];

/// What a client gets: its lines in order, without the value of a date of our own, and the body.
fn answer(gateway: &Gateway, method: &str, version: &str, target: &str) -> (Vec<String>, String) {
    let request = format!("{method} {target} {version}\r\nhost: h\r\nconnection: close\r\n\r\n");
    let mut stream = TcpStream::connect(gateway.address()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let text = raw::read_all(&mut stream);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {text:?}"));
    let mut lines: Vec<String> = head.split("\r\n").map(str::to_owned).collect();
    for line in &mut lines {
        if line.starts_with("date: ") && !line.contains("2024") {
            "date: now".clone_into(line);
        }
        // These count.
        for name in ["x-ratelimit-remaining: ", "x-ratelimit-reset: "] {
            if line.starts_with(name) {
                name.clone_into(line);
            }
        }
    }
    lines.sort();
    (lines, body.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_is_the_same_whoever_looks_at_its_headers() {
    let (gateway, _files) = Gateway::new().await;
    let node = raw::Server::start(|mut stream, _| {
        loop {
            let head = raw::read_head(&mut stream);
            let Some(at) = head.split(['/', ' ']).find_map(|word| word.parse::<usize>().ok()) else { return };
            let answer = ANSWERS[at];
            let answer =
                if head.starts_with("HEAD") { &answer[..answer.find("\r\n\r\n").unwrap() + 4] } else { answer };
            if stream.write_all(answer.as_bytes()).is_err() || answer.contains("close") {
                return;
            }
        }
    });
    let upstream = json!({"nodes": {node.node(): 1}, "type": "roundrobin"});
    gateway.put("routes/plain", json!({"uri": "/plain/*", "upstream": upstream})).await;
    // One plugin looks at the headers and leaves them as they are; the other one adds some and does not look.
    let looks = json!({"headers": {"remove": ["x-nobody-sends-this"]}});
    let adds = json!({"count": 1_000_000, "time_window": 3600, "key_type": "constant", "key": "k"});
    for (name, plugins) in [
        ("plain", json!({})),
        ("seen", json!({"response-rewrite": looks})),
        ("more", json!({"limit-count": adds})),
        ("more-seen", json!({"limit-count": adds, "response-rewrite": looks})),
    ] {
        let route = json!({"uri": format!("/{name}/*"), "upstream": upstream, "plugins": plugins});
        gateway.put(&format!("routes/{name}"), route).await;
    }
    for (at, sent) in ANSWERS.iter().enumerate() {
        for method in ["GET", "HEAD"] {
            for version in ["HTTP/1.1", "HTTP/1.0"] {
                let plain = answer(&gateway, method, version, &format!("/plain/{at}"));
                let seen = answer(&gateway, method, version, &format!("/seen/{at}"));
                assert_eq!(plain, seen, "{method} {version} {sent}");
                let more = answer(&gateway, method, version, &format!("/more/{at}"));
                let seen = answer(&gateway, method, version, &format!("/more-seen/{at}"));
                assert_eq!(more, seen, "{method} {version} {sent}");
                let limits = more.0.iter().filter(|line| line.starts_with("x-ratelimit-limit: "));
                assert_eq!(limits.collect::<Vec<_>>(), ["x-ratelimit-limit: 1000000"], "{more:?}");
                assert_eq!(plain.0.iter().filter(|line| line.starts_with("server: ")).count(), 1, "{plain:?}");
                assert_eq!(plain.0.iter().filter(|line| line.starts_with("date: ")).count(), 1, "{plain:?}");
            }
        }
    }
}
