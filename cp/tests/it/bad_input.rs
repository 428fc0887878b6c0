//! Bad input over real sockets: an answer for less than a second of work, no panic, no growth of memory that stays.

use std::time::Duration;

use portolan_testkit::cpu;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::plane::{ADMIN_KEY, Plane, send};

/// Largest body of the Admin API.
const LARGEST: usize = 1_572_864;
/// What an answer may cost, so that it comes within that time on a machine of its own; without optimisation everything takes ten
/// times as long.
const COST: Duration = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 1 });

/// Which of the doors.
#[derive(Clone, Copy, Debug)]
enum Door {
    Apisix,
    Enterprise,
    Api,
}

/// A body of a route, of that many bytes.
fn route_of(length: usize) -> Vec<u8> {
    let rest = r#"{"uri":"/a","desc":""}"#.len();
    format!(r#"{{"uri":"/a","desc":"{}"}}"#, "x".repeat(length - rest)).into_bytes()
}

fn nested(depth: usize) -> Vec<u8> {
    format!(r#"{{"uri":"/a","vars":{}{}}}"#, "[".repeat(depth), "]".repeat(depth)).into_bytes()
}

fn objects(depth: usize) -> Vec<u8> {
    format!(r#"{}1{}"#, r#"{"a":"#.repeat(depth), "}".repeat(depth)).into_bytes()
}

fn labels(count: usize) -> Vec<u8> {
    let labels: Vec<String> = (0..count).map(|n| format!(r#""l{n}":"v""#)).collect();
    let upstream = r#""upstream":{"nodes":{"127.0.0.1:1":1}}"#;
    format!(r#"{{"uri":"/a",{upstream},"labels":{{{}}}}}"#, labels.join(",")).into_bytes()
}

/// What is wrong, the body, and whether it is taken all the same.
fn bodies() -> Vec<(&'static str, Vec<u8>, bool)> {
    let route =
        |field: &str| format!(r#"{{"uri":"/a","upstream":{{"nodes":{{"127.0.0.1:1":1}}}},{field}}}"#).into_bytes();
    vec![
        ("one byte too many", route_of(LARGEST + 1), false),
        ("the largest body", route_of(LARGEST), false),
        ("10,000 lists", nested(10_000), false),
        ("10,000 objects", objects(10_000), false),
        ("700,000 open lists", "[".repeat(700_000).into_bytes(), false),
        ("a member named twice", route(r#""desc":"a","desc":"b""#), false),
        ("no UTF-8", b"{\"uri\":\"/a\xff\xfe\"}".to_vec(), false),
        ("half a surrogate", br#"{"uri":"/\ud800"}"#.to_vec(), false),
        ("a number beyond all", route(r#""priority":1e999"#), false),
        // An integer is what has no fraction, as in Lua.
        ("a number beyond integers", route(r#""priority":99999999999999999999999999"#), true),
        ("a fraction", route(r#""priority":1.5"#), false),
        ("a million digits", format!(r#"{{"uri":"/a","priority":{}}}"#, "9".repeat(1_000_000)).into_bytes(), false),
        ("NUL", route(r#""desc":"\u0000""#), true),
        ("100,000 labels", labels(100_000), true),
        (
            "a list of 100,000 paths",
            json!({"uris": vec!["/a"; 100_000], "upstream_id": "x"}).to_string().into_bytes(),
            false,
        ),
        ("a pattern that explodes", route(r#""vars":[["arg_a","~~","(a{1000}){1000}"]]"#), false),
        ("no JSON at all", vec![0; 100_000], false),
        ("a text", br#""text""#.to_vec(), false),
        ("null", b"null".to_vec(), false),
    ]
}

async fn put(plane: &Plane, door: Door, body: Vec<u8>) -> crate::plane::Answer {
    let request = match door {
        Door::Apisix => plane.request("PUT", "/apisix/admin/routes/1"),
        Door::Enterprise => plane.dashboard("PUT", "/apisix/admin/routes/1?gateway_group_id=default"),
        Door::Api => plane.request("POST", "/api/apply"),
    };
    send(request.header("x-api-key", ADMIN_KEY).body(said(door, body))).await
}

/// The route as that door wants it said: what is wrong with it stays as it is, byte for byte.
fn said(door: Door, body: Vec<u8>) -> Vec<u8> {
    const APISIX: &[u8] = br#"{"uri":"/a","#;
    const ENTERPRISE: &[u8] = br#"{"service_id":"s","paths":["/a"],"#;
    match (door, body.strip_prefix(APISIX)) {
        (Door::Apisix, _) => body,
        (Door::Enterprise, Some(rest)) => [ENTERPRISE, rest].concat(),
        (Door::Enterprise, None) => body,
        (Door::Api, _) => {
            let head: &[u8] = br#"{"changes":[{"action":"put","kind":"routes","id":"1","value":"#;
            [head, body.as_slice(), b"}]}"].concat()
        }
    }
}

/// What that door answers to what is wrong.
fn expected(door: Door, length: usize, taken: bool) -> std::ops::Range<u16> {
    match door {
        _ if taken => 200..300,
        // Of that size nothing is looked at; a batch may be larger.
        Door::Enterprise if length > LARGEST => 413..414,
        _ => 400..401,
    }
}

/// Sends a head as it is, and reads what comes back. A server that has read enough may hang up after its answer.
async fn raw(plane: &Plane, first_line: &str) -> String {
    let address = plane.at.admin_api.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!("{first_line}\r\nHost: a\r\nX-API-KEY: {ADMIN_KEY}\r\nConnection: close\r\n\r\n");
    // The answer may come before all of it is sent.
    stream.write_all(head.as_bytes()).await.ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok();
    String::from_utf8_lossy(&answer).chars().take(200).collect()
}

/// Memory that this process holds, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_answered_quickly() {
    let plane = Plane::new().await;
    plane.expect("PUT", "/apisix/admin/services/s", json!({"name": "s"}), 201).await;
    for door in [Door::Apisix, Door::Enterprise, Door::Api] {
        for (what, body, taken) in bodies() {
            let expected = expected(door, said(door, body.clone()).len(), taken);
            let start = cpu::of_process();
            let answer = put(&plane, door, body).await;
            let took = cpu::of_process() - start;
            assert!(took < COST, "{door:?}, {what}: {took:?}");
            let text: String = answer.text.chars().take(200).collect();
            assert!(expected.contains(&answer.status), "{door:?}, {what}: {} {text}", answer.status);
            assert!(answer.json().is_object(), "{door:?}, {what}: {text}");
        }
    }
    // It lives on, and serves.
    plane.expect("GET", "/apisix/admin/routes", Value::Null, 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_and_paths_are_answered_quickly() {
    let plane = Plane::new().await;
    let many =
        |count: usize, and: &str, is: &str| (0..count).map(|n| format!("a{n}{is}1")).collect::<Vec<_>>().join(and);
    for path in ["/apisix/admin/routes", "/api/audit/events"] {
        let start = cpu::of_process();
        let answer = raw(&plane, &format!("GET {path}?{} HTTP/1.1", many(100_000, "&", "="))).await;
        assert!(cpu::of_process() - start < COST, "{path}: {:?}", cpu::of_process() - start);
        assert!(answer.starts_with("HTTP/1.1 4"), "{path}: {answer}");
    }
    for query in [
        many(7_000, "&", "="),
        format!("filter={}", many(5_000, "%26", "%3D")),
        format!("name={}", "%28a*".repeat(1000)),
        format!("name={}", "(a*)*".repeat(500)),
        format!("uri={}", "%".repeat(50_000)),
        "page=1e300&page_size=10".to_owned(),
        "page=-1&page_size=10".to_owned(),
        "page=NaN&page_size=10".to_owned(),
        format!("ttl={}", "9".repeat(10_000)),
        "name=%00%ff%fe".to_owned(),
    ] {
        for path in ["/apisix/admin/routes", "/api/audit/events", "/api/groups/default/resources/routes"] {
            let head: String = query.chars().take(60).collect();
            let start = cpu::of_process();
            let answer = send(plane.request("GET", &format!("{path}?{query}")).header("x-api-key", ADMIN_KEY)).await;
            assert!(cpu::of_process() - start < COST, "{path}?{head}: {:?}", cpu::of_process() - start);
            assert!(answer.status < 500, "{path}?{head}: {} {}", answer.status, answer.text);
        }
    }
    // A sub-path is a document, too.
    plane.expect("PUT", "/apisix/admin/upstreams/u", json!({"nodes": {"127.0.0.1:1": 1}}), 201).await;
    for part in ["discovery_args", "labels", "b"] {
        let path = format!("/apisix/admin/upstreams/u/{part}{}", "/a".repeat(15_000));
        let answer = plane.call("PATCH", &path, json!(1)).await;
        assert_eq!(answer.status, 400, "{}", answer.text);
    }
    for id in ["%00", "%ff", "..%2f..%2f", &"x".repeat(30_000), "%F0%9F%92%A9", "a%20b", "%2e%2e"] {
        for method in ["GET", "PUT", "PATCH", "DELETE"] {
            let answer = plane.call(method, &format!("/apisix/admin/routes/{id}"), json!({"uri": "/a"})).await;
            let shown: String = id.chars().take(20).collect();
            assert!((400..500).contains(&answer.status), "{method} {shown}: {} {}", answer.status, answer.text);
        }
    }
}

/// Many large bodies at once, and one after the other: memory is what the bodies need while they are read.
#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_bounded() {
    let plane = Plane::new().await;
    let round = async || {
        let bodies = (0..16).map(|n| if n % 2 == 0 { objects(100_000) } else { route_of(LARGEST + 1) });
        let all = bodies.map(|body| put(&plane, Door::Apisix, body));
        for answer in futures_util::future::join_all(all).await {
            assert_eq!(answer.status, 400);
        }
    };
    round().await;
    let before = resident();
    for _ in 0..4 {
        round().await;
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 128 * 1024 * 1024, "grown by {} MiB", grown / 1024 / 1024);
}

/// PostgreSQL has no text with a NUL in it. What a caller sends must not fail the batch that others are written in, nor pass for an
/// outage.
#[tokio::test(flavor = "multi_thread")]
async fn no_store_sees_a_nul_in_a_text() {
    let database = portolan_testkit::postgres::database().await.unwrap();
    let plane = Plane::on(database.url()).await;
    let of_json = |text: &str| text.replace("NUL", "\\u0000");
    let login = r#"{"username":"NUL","password":"correct horse battery"}"#;
    let hold = r#"{"scope":{"type":"actor","actor_id":"a NUL"},"reason":"r"}"#;
    let erasure = r#"{"actor_id":"a NUL","reason":"r","dry_run":false}"#;
    let batch = r#"{"changes":[{"action":"put","kind":"routes","id":"a NUL","value":{"uri":"/a"}}]}"#;
    for (method, path, body, status) in [
        ("GET", "/apisix/admin/routes/a%00", "", 404),
        ("PUT", "/apisix/admin/routes/a%00", r#"{"uri":"/a"}"#, 400),
        ("PATCH", "/apisix/admin/routes/a%00", r#"{"uri":"/a"}"#, 404),
        ("DELETE", "/apisix/admin/routes/a%00", "", 404),
        ("PUT", "/apisix/admin/consumers", r#"{"username":"NUL"}"#, 400),
        ("POST", "/api/login", login, 401),
        ("POST", "/api/audit/holds", hold, 400),
        ("POST", "/api/audit/erasures", erasure, 400),
        ("POST", "/api/apply", batch, 400),
        ("GET", "/api/audit/events?actor=a%00", "", 400),
        ("GET", "/api/history/changes?actor=a%00", "", 400),
        ("GET", "/api/history/routes/a%00", "", 404),
        ("DELETE", "/api/users/a%00", "", 404),
        ("DELETE", "/api/tokens/a%00", "", 404),
        ("DELETE", "/api/audit/holds/a%00", "", 404),
        ("DELETE", "/api/gateway_groups/a%00", "", 404),
        ("POST", "/api/certificates/a%00/revoke", "", 404),
        ("PUT", "/api/users/a%00/assigned_roles", r#"{"roles":[]}"#, 404),
    ] {
        let request = plane.request(method, path).header("x-api-key", ADMIN_KEY);
        let answer = send(if body.is_empty() { request } else { request.body(of_json(body)) }).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
    }
    for (method, path, body, status) in [
        ("PUT", "/apisix/admin/services/a%00", r#"{"name":"a"}"#, 400),
        ("POST", "/apisix/admin/services", r#"{"service_id":"a NUL","name":"a"}"#, 400),
        ("DELETE", "/apisix/admin/services/a%00", "", 400),
    ] {
        let request = plane.dashboard(method, path).header("x-api-key", ADMIN_KEY);
        let answer = send(request.body(of_json(body))).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text);
    }
}

/// A few lines of YAML can stand for more than any memory holds; who may only look may send them.
#[tokio::test(flavor = "multi_thread")]
async fn aliases_in_yaml_stand_for_little() {
    let plane = Plane::new().await;
    let many = |what: &str| vec![what; 1000].join(",");
    let bomb = format!("_x: &a [{}]\n_b: &b [{}]\n_c: [{}]\n", many("x"), many("*a"), many("*b"));
    for (method, path, digest) in [
        ("POST", "/api/apply?dry_run=true", None),
        ("POST", "/apisix/admin/configs/validate", None),
        ("PUT", "/apisix/admin/configs", Some("d")),
    ] {
        let before = resident();
        let request = plane.request(method, path).header("x-api-key", ADMIN_KEY);
        let request = digest.into_iter().fold(request, |request, digest| request.header("x-digest", digest));
        let start = cpu::of_process();
        let answer = send(request.header("content-type", "application/yaml").body(bomb.clone())).await;
        assert_eq!(answer.status, 400, "{path}: {}", answer.text);
        assert!(cpu::of_process() - start < COST, "{path}: {:?}", cpu::of_process() - start);
        assert!(resident().saturating_sub(before) < 512 * 1024 * 1024, "{path}: {} bytes", resident());
    }
}
