//! What no client should send: an error, and no effect on others.

use std::time::Duration;

use portolan_testkit::raw::{Connection, Target};

use crate::json::{Dice, ask, base64, post};
use crate::server::Server;

async fn still_serves(target: &Target) {
    let (status, text) = post(target, "/v3/kv/range", b"{\"key\":\"YQ==\"}").await;
    assert_eq!(status, 200, "{text}");
}

#[tokio::test]
async fn large_requests_are_refused_in_etcds_words() {
    let server = Server::start().await;
    let target = server.json_admin();
    let put = |size: usize| format!("{{\"key\":\"aw==\",\"value\":\"{}\"}}", base64(&vec![b'x'; size]));
    let (status, _) = post(&target, "/v3/kv/put", put(1_500_000).as_bytes()).await;
    assert_eq!(status, 200);
    // Key, value and their tags: 3 bytes and 4.
    let limit = 1_572_864 - 3 - 4;
    let (_, read) = post(&target, "/v3/kv/put", put(limit + 1).as_bytes()).await;
    let text = "etcdserver: request is too large";
    assert_eq!(read, format!("{{\"error\":\"{text}\",\"code\":3,\"message\":\"{text}\"}}"));
    let (status, read) = post(&target, "/v3/kv/put", put(2_097_152).as_bytes()).await;
    let text = format!("grpc: received message larger than max ({} vs. 2097152)", 2_097_152 + 3 + 5);
    assert_eq!((status, read), (429, format!("{{\"error\":\"{text}\",\"code\":8,\"message\":\"{text}\"}}")));
    // What is larger is not even read to its end.
    let mut connection = Connection::open(&target).await.unwrap();
    connection
        .send(b"POST /v3/kv/put HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n{\"key\":\"")
        .await
        .unwrap();
    let piece = vec![b'A'; 64 * 1024];
    for _ in 0..70 {
        if connection.send(&piece).await.is_err() {
            break;
        }
    }
    assert_eq!(connection.head().await.unwrap().status, 429);
    still_serves(&target).await;
}

#[tokio::test]
async fn numbers_and_nesting() {
    let server = Server::start().await;
    let target = server.json_admin();
    let deep = |open: &str, close: &str, levels: usize| format!("{}{}", open.repeat(levels), close.repeat(levels));
    let txns = |levels: usize| deep("{\"success\":[{\"request_txn\":", "}]}", levels).replace(":}", ":{}}");
    for (path, body, status) in [
        ("/v3/kv/range", "{\"key\":\"YQ==\",\"limit\":99999999999999999999999999}".to_owned(), 400),
        ("/v3/kv/range", "{\"key\":\"YQ==\",\"limit\":1e400}".to_owned(), 400),
        ("/v3/kv/range", format!("{{\"key\":\"YQ==\",\"limit\":{}}}", "9".repeat(1_000_000)), 400),
        ("/v3/kv/range", "{\"key\":\"YQ==\",\"revision\":9223372036854775807}".to_owned(), 400),
        ("/v3/kv/compaction", "{\"revision\":\"9223372036854775807\"}".to_owned(), 400),
        ("/v3/lease/grant", "{\"TTL\":\"9223372036854775807\"}".to_owned(), 400),
        ("/v3/kv/range", deep("[", "]", 1_000_000), 400),
        ("/v3/kv/range", format!("{{\"x\":{}", "{\"a\":".repeat(500_000)), 400),
        ("/v3/kv/txn", txns(3), 200),
        ("/v3/kv/txn", txns(60), 400),
        ("/v3/kv/txn", txns(100_000), 400),
        ("/v3/watch", "[".repeat(300_000), 500),
        ("/v3/watch", " ".repeat(300_000), 500),
        ("/v3/lease/keepalive", "{\"ID\":\"".to_owned(), 500),
    ] {
        let (got, text) = post(&target, path, body.as_bytes()).await;
        assert_eq!(got, status, "{path} {}: {text}", &body[..body.len().min(80)]);
    }
    still_serves(&target).await;
    assert_eq!(server.store.revision(), 1, "nothing happened");
}

#[tokio::test]
async fn connections_that_stop_in_the_middle() {
    let server = Server::start().await;
    let target = server.json_admin();
    for sent in [
        "POST /v3/kv/put HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"key\":\"YQ==\",\"value\":\"YQ==\"}",
        "POST /v3/kv/put HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1d\r\n{\"key\":\"YQ==\",\"value\":\"YQ==\"}\r\n",
        "POST /v3/watch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"create_request\":{\"key\":\"YQ==\"}}",
        "POST /v3/lease/keepalive HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"ID\":1}{\"I",
        "POST /v3/kv/put HTTP/1.1\r\nHost: loc",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrubbish rubbish rubbish rubbish",
    ] {
        let mut connection = Connection::open(&target).await.unwrap();
        connection.send(sent.as_bytes()).await.unwrap();
        connection.shut().await.unwrap();
        // Whatever is said, the connection ends; and what was not sent whole was not done.
        while connection.more().await.is_ok() {}
        still_serves(&target).await;
    }
    assert_eq!(server.store.revision(), 1);
}

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    status.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[tokio::test]
async fn clients_that_never_read_cost_little_and_lose_nothing() {
    const WATCHES: usize = 40;
    const WRITES: usize = 300;
    let server = Server::start().await;
    let (target, grpc) = (server.json_admin(), server.admin());
    let body = "{\"create_request\":{\"key\":\"YQ==\"}}";
    let mut deaf = Vec::new();
    for _ in 0..WATCHES {
        let mut connection = Connection::open(&target).await.unwrap();
        assert_eq!(ask(&mut connection, &target, "/v3/watch", body.as_bytes()).await.status, 200);
        connection.chunk().await.unwrap();
        deaf.push(connection);
    }
    let before = resident_bytes();
    let value = "x".repeat(30_000);
    for _ in 0..WRITES {
        tokio::time::timeout(Duration::from_secs(30), grpc.put("a", &value)).await.expect("nobody waits for them");
    }
    // Queued for each of them it would be half a gigabyte.
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < 200 << 20, "{} MiB for clients that do not read", grown >> 20);
    // One of them wakes up, and nothing is missing.
    let mut awake = deaf.pop().unwrap();
    let mut next = 2;
    while next < 2 + WRITES {
        let line = awake.chunk().await.unwrap().unwrap();
        let line: serde_json::Value = serde_json::from_slice(&line).unwrap();
        for event in line["result"]["events"].as_array().unwrap() {
            assert_eq!(event["kv"]["mod_revision"], next.to_string());
            next += 1;
        }
    }
}

/// Random bytes where a request should be, and where its body should be.
#[tokio::test]
async fn random_bytes() {
    let server = Server::start().await;
    let target = server.json_admin();
    let mut dice = Dice(0xf0220);
    let paths = [
        "kv/range",
        "kv/put",
        "kv/txn",
        "kv/deleterange",
        "lease/grant",
        "lease/keepalive",
        "watch",
        "auth/authenticate",
    ];
    for round in 0..150 {
        let length = dice.roll(300);
        let bytes: Vec<u8> = (0..length)
            .map(|_| {
                if dice.roll(3) == 0 {
                    u8::try_from(dice.roll(256)).unwrap()
                } else {
                    b"{}[]\",:\\0123456789aAkey=\r\n"[dice.roll(26)]
                }
            })
            .collect();
        if round % 5 == 0 {
            let mut connection = Connection::open(&target).await.unwrap();
            // It may hang up while we write.
            let _sent = connection.send(&bytes).await;
            let _shut = connection.shut().await;
            while connection.more().await.is_ok() {}
        } else {
            let path = paths[dice.roll(paths.len())];
            let mut connection = Connection::open(&target).await.unwrap();
            let head = ask(&mut connection, &target, &format!("/v3/{path}"), &bytes).await;
            assert!((200..=500).contains(&head.status), "{path}: {head:?}");
        }
    }
    still_serves(&target).await;
    assert_eq!(server.admin().range("\0", "\0").await.count, 0, "none of it was a write");
}
