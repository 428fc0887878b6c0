//! The same bytes to our reader and to hyper's server. Hyper forgives more, so it may go on where ours has stopped; but what ours
//! takes for a request must be the same request to hyper, and nothing may stand before it.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{End, read};
use crate::config::Limits;

/// Connections that are tried.
const CASES: usize = 3_000;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Reading {
    line: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    trailers: Vec<(String, Vec<u8>)>,
}

/// By name, because the order of two names means nothing, and without what ours keeps for itself.
fn lines(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let of_connection =
        |token: &[u8]| token.eq_ignore_ascii_case(b"close") || token.eq_ignore_ascii_case(b"keep-alive");
    let says_more = |value: &[u8]| value.split(|byte| *byte == b',').any(|token| !of_connection(token.trim_ascii()));
    let lines = headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    let passes = |name: &str, value: &[u8]| match name {
        "connection" => says_more(value),
        name => name != "transfer-encoding",
    };
    let mut lines: Vec<_> = lines.filter(|(name, value)| passes(name, value)).collect();
    lines.sort_by(|one, other| one.0.cmp(&other.0));
    lines
}

fn reading(parts: &http::request::Parts, body: Vec<u8>, trailers: &HeaderMap) -> Reading {
    let line = format!("{} {} {:?}", parts.method, parts.uri, parts.version);
    Reading { line, headers: lines(&parts.headers), body, trailers: lines(trailers) }
}

/// Ours, up to the first request behind which no other may come.
fn ours<'b>(pieces: impl Iterator<Item = &'b [u8]>) -> (Vec<Reading>, End) {
    let (mut all, mut over) = (Vec::new(), false);
    let end = read(pieces, &Limits::default(), |head, body, trailers| {
        if !over {
            all.push(reading(&head.parts, body, &trailers));
            over = !head.asked.stays;
        }
    });
    (all, end)
}

async fn hypers(bytes: &[u8]) -> Vec<Reading> {
    let (near, far) = tokio::io::duplex(1 << 20);
    let all = Rc::<RefCell<Vec<Reading>>>::default();
    let seen = all.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let seen = seen.clone();
        async move {
            let (parts, body) = request.into_parts();
            if let Ok(collected) = body.collect().await {
                let trailers = collected.trailers().cloned().unwrap_or_default();
                seen.borrow_mut().push(reading(&parts, collected.to_bytes().to_vec(), &trailers));
            }
            Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
        }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    let serving = builder.half_close(true).serve_connection(TokioIo::new(near), service);
    let (mut hears, mut says) = tokio::io::split(far);
    let talking = async {
        // It may stop to listen.
        let _stopped = says.write_all(bytes).await;
        let _stopped = says.shutdown().await;
        let mut answers = Vec::new();
        let _end = hears.read_to_end(&mut answers).await;
    };
    let both = tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(serving, talking) });
    let _served = both.await.expect("hyper waits for more").0;
    all.take()
}

fn pick<'a>(rng: &mut StdRng, from: &[&'a str]) -> &'a str {
    from.choose(rng).unwrap()
}

/// What a client might send: mostly sense.
fn request(rng: &mut StdRng, text: &mut String) {
    text.push_str(pick(rng, &["", "", "", "", "\r\n", "\r\n\r\n", "\n"]));
    let method = pick(rng, &["GET", "GET", "POST", "POST", "HEAD", "OPTIONS", "a-b", "PUT", "DELETE", "PATCH"]);
    let target = pick(rng, &["/", "/a?b=c", "/", "http://h/x", "*", "/%41//..;x", "h", "/\u{e9}", "//h/a", "/a#b"]);
    let version = pick(rng, &["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"]);
    text.push_str(&format!("{method} {target} {version}\r\n"));
    for _ in 0..rng.random_range(0..5) {
        text.push_str(pick(
            rng,
            &[
                "host: h\r\n",
                "Host:  h \r\n",
                "x-a: 1\r\n",
                "X-B:two words \r\n",
                "x-a:\r\n",
                "x-empty: \t \r\n",
                "cookie: \u{e9}\r\n",
                "connection: close\r\n",
                "Connection: keep-alive\r\n",
                "connection: x, Keep-Alive ,y\r\n",
                "te: trailers\r\n",
                "expect: 100-continue\r\n",
                "x-c: 1\n",
                "upgrade: x\r\n",
            ],
        ));
    }
    let body = pick(rng, &["", "a", "hello", "GET / HTTP/1.1\r\n\r\n", "0\r\n\r\n", "\r\n"]);
    match rng.random_range(0..12) {
        0..4 => text.push_str("\r\n"),
        4..7 => text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len())),
        7 => {
            let wrong = pick(rng, &["5, 5", "+1", "0x1", "", "1 1", "99999999999999999999", "1\r\ncontent-length: 1"]);
            text.push_str(&format!("content-length: {wrong}\r\n\r\n{body}"));
        }
        coded => {
            let coding =
                pick(rng, &["chunked", "chunked", "chunked", "Chunked ", "gzip, chunked", "chunked, x", "identity"]);
            text.push_str(&format!("transfer-encoding: {coding}\r\n"));
            if coded == 11 {
                text.push_str(pick(rng, &["content-length: 5\r\n", "Transfer-Encoding: chunked\r\n"]));
            }
            text.push_str("\r\n");
            if !body.is_empty() {
                let more = pick(rng, &["", "", "", ";a=b", ";a=\"b\"", " ", "\t;x"]);
                text.push_str(&format!("{}{:x}{more}\r\n{body}\r\n", pick(rng, &["", "", "00"]), body.len()));
            }
            text.push_str(pick(rng, &["0\r\n", "0\r\n", "000;last\r\n"]));
            text.push_str(pick(
                rng,
                &["", "", "x-t: 1\r\n", "X-T:\r\nx-u:  2 \r\n", "content-length: 1\r\n", "x: 1\n"],
            ));
            text.push_str("\r\n");
        }
    }
}

/// Some of it becomes something else.
fn spoil(rng: &mut StdRng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.random_range(1..4_u32) {
        let at = rng.random_range(0..=bytes.len());
        let odd = *b"\r\n\0 :;,\x80\x7f\ta0H/.\x0b".choose(rng).unwrap();
        match rng.random_range(0..5) {
            0 if at < bytes.len() => bytes[at] = odd,
            1 => bytes.insert(at, odd),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 if rng.random_range(0..4) == 0 => bytes.truncate(at),
            4 => {
                let again = bytes[at..bytes.len().min(at + 12)].to_vec();
                bytes.splice(at..at, again);
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn what_ours_takes_is_the_same_request_to_hyper() {
    let mut rng = StdRng::seed_from_u64(20_261_123);
    let (mut good, mut refused, mut broken, mut wrong) = (0, 0, 0, Vec::new());
    for case in 0..CASES {
        let mut text = String::new();
        for _ in 0..rng.random_range(1..4) {
            request(&mut rng, &mut text);
        }
        let mut bytes = text.into_bytes();
        if rng.random_range(0..100) < 50 {
            spoil(&mut rng, &mut bytes);
        }
        let shown = || format!("case {case}: {}", bytes.escape_ascii());
        let (all, end) = ours(std::iter::once(&bytes[..]));
        assert_eq!(ours(bytes.chunks(1)).0, all, "byte by byte, {}", shown());
        let size = rng.random_range(2..=64_usize);
        assert_eq!(ours(bytes.chunks(size)).0, all, "in pieces of {size}, {}", shown());
        let theirs = hypers(&bytes).await;
        if !theirs.starts_with(&all) {
            wrong.push(format!("{}\nours:  {all:?} {end:?}\nhyper: {theirs:?}", shown()));
        }
        good += all.len();
        refused += usize::from(matches!(end, End::Refused(_)));
        broken += usize::from(end == End::Broken);
    }
    let some = wrong.iter().take(8).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} differences:\n{some}", wrong.len());
    let enough = CASES / 20;
    assert!(good > enough && refused > enough && broken > enough, "{good} good, {refused} refused, {broken} broken");
}
