//! Requests that two recipients could read in two ways. Each is refused, the connection ends, and no node sees a request.

use portolan_testkit::Upstream;
use portolan_testkit::upstream::Reply;
use serde_json::json;

use crate::harness::Gateway;
use crate::raw;

/// What follows each of them: it must not be taken for a request.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nhost: h\r\n\r\n";

/// A head that is refused as it stands, with what may be behind it.
const HEADS: &[(&str, &str)] = &[
    ("two lengths", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!"),
    ("two equal lengths", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello"),
    ("a list of lengths", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5, 6\r\n\r\nhello!"),
    ("a list of equal lengths", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5, 5\r\n\r\nhello"),
    ("a signed length", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: +5\r\n\r\nhello"),
    ("a negative length", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: -1\r\n\r\n"),
    ("an empty length", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length:\r\n\r\n"),
    ("a hexadecimal length", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0x5\r\n\r\nhello"),
    ("a huge length", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 99999999999999999999\r\n\r\nhello"),
    ("a length with a space inside", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 5 6\r\n\r\nhello"),
    (
        "length, then coding",
        "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nX",
    ),
    (
        "coding, then length",
        "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\ncontent-length: 6\r\n\r\n0\r\n\r\nX",
    ),
    ("an unknown coding", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip\r\n\r\nhello"),
    ("a coding before chunked", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    ("a coding behind chunked", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    ("chunked twice", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    (
        "two codings",
        "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\ntransfer-encoding: x\r\n\r\n0\r\n\r\n",
    ),
    ("a coding in quotes", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: \"chunked\"\r\n\r\n0\r\n\r\n"),
    ("a coding with a vertical tab", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    ("a coding on the next line", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n"),
    ("an empty coding", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding:\r\n\r\n"),
    ("chunked in HTTP/1.0", "POST / HTTP/1.0\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("a space before the colon", "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n"),
    ("a tab before the colon", "POST / HTTP/1.1\r\nhost: h\r\ncontent-length\t: 5\r\n\r\nhello"),
    ("a space before a name", "POST / HTTP/1.1\r\n host: h\r\ncontent-length: 5\r\n\r\nhello"),
    ("a name with a NUL", "GET / HTTP/1.1\r\nhost: h\r\nx\0y: 1\r\n\r\n"),
    ("a value with a NUL", "GET / HTTP/1.1\r\nhost: h\r\nx: a\0b\r\n\r\n"),
    ("a name that is none", "GET / HTTP/1.1\r\nhost: h\r\nx(y): 1\r\n\r\n"),
    ("an empty name", "GET / HTTP/1.1\r\nhost: h\r\n: 1\r\n\r\n"),
    ("a line without a colon", "GET / HTTP/1.1\r\nhost: h\r\nnothing\r\n\r\n"),
    ("a continued line", "GET / HTTP/1.1\r\nhost: h\r\nx: a\r\n b\r\n\r\n"),
    ("a line continued by a tab", "GET / HTTP/1.1\r\nhost: h\r\nx: a\r\n\tb\r\n\r\n"),
    ("a bare LF behind the request line", "GET / HTTP/1.1\nhost: h\r\n\r\n"),
    ("a bare LF behind a header", "GET / HTTP/1.1\r\nhost: h\nx: 1\r\n\r\n"),
    ("a bare LF at the end of the head", "GET / HTTP/1.1\r\nhost: h\r\n\n"),
    ("bare LFs only", "GET / HTTP/1.1\nhost: h\n\n"),
    ("a bare CR in a value", "GET / HTTP/1.1\r\nhost: h\r\nx: a\rcontent-length: 5\r\n\r\n"),
    ("a bare CR in a name", "GET / HTTP/1.1\r\nhost: h\r\nx\ry: 1\r\n\r\n"),
    ("a bare CR behind the request line", "GET / HTTP/1.1\rhost: h\r\n\r\n"),
    ("two CRs", "GET / HTTP/1.1\r\nhost: h\r\r\nx: 1\r\n\r\n"),
    ("no host", "GET / HTTP/1.1\r\n\r\n"),
    ("two hosts", "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n"),
    ("two equal hosts", "GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n"),
    ("a host with a space", "GET / HTTP/1.1\r\nhost: a b\r\n\r\n"),
    ("a host with a path", "GET / HTTP/1.1\r\nhost: a/b\r\n\r\n"),
    ("a host with a user", "GET / HTTP/1.1\r\nhost: u@a\r\n\r\n"),
    ("a list of hosts", "GET / HTTP/1.1\r\nhost: a, b\r\n\r\n"),
    ("an absolute target with a user", "GET http://u@a/ HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("an absolute target and two hosts", "GET http://a/ HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n"),
    ("a path above the root", "GET /../etc HTTP/1.1\r\nhost: h\r\n\r\n"),
    ("a broken escape", "GET /%zz HTTP/1.1\r\nhost: h\r\n\r\n"),
    ("a target with a space", "GET /a b HTTP/1.1\r\nhost: h\r\n\r\n"),
    ("no target", "GET HTTP/1.1\r\nhost: h\r\n\r\n"),
    ("two spaces", "GET  / HTTP/1.1\r\nhost: h\r\n\r\n"),
    ("a tab in the request line", "GET\t/ HTTP/1.1\r\nhost: h\r\n\r\n"),
    ("a version that is none", "GET / HTTP/1.2\r\nhost: h\r\n\r\n"),
    ("a longer version", "GET / HTTP/1.10\r\nhost: h\r\n\r\n"),
    ("no version", "GET /\r\nhost: h\r\n\r\n"),
    ("a method that is none", "G(T / HTTP/1.1\r\nhost: h\r\n\r\n"),
];

/// What may be wrong with chunks; the request has begun by then, so a node may see it begin, but not end.
const CHUNKS: &[(&str, &str)] = &[
    ("a size that is none", "Z\r\nhello\r\n0\r\n\r\n"),
    ("a prefixed size", "0x5\r\nhello\r\n0\r\n\r\n"),
    ("a signed size", "+5\r\nhello\r\n0\r\n\r\n"),
    ("an empty size", "\r\nhello\r\n0\r\n\r\n"),
    ("a space before the size", " 5\r\nhello\r\n0\r\n\r\n"),
    ("a space behind the size", "5 \r\nhello\r\n0\r\n\r\n"),
    ("a size that overflows", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
    ("a bare LF behind the size", "5\nhello\r\n0\r\n\r\n"),
    ("a bare CR behind the size", "5\rhello\r\n0\r\n\r\n"),
    ("a bare LF in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n"),
    ("more data than the size", "5\r\nhelloX\r\n0\r\n\r\n"),
    ("a bare LF behind the data", "5\r\nhello\n0\r\n\r\n"),
    ("a bare LF behind the last chunk", "5\r\nhello\r\n0\n\r\n"),
    ("a length among the trailers", "0\r\ncontent-length: 5\r\n\r\n"),
    ("a coding among the trailers", "0\r\ntransfer-encoding: chunked\r\n\r\n"),
    ("a trailer that is none", "0\r\nGET /smuggled HTTP/1.1\r\n\r\n"),
];

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_requests_are_refused() {
    let (gateway, _files) = Gateway::new().await;
    let upstream = Upstream::start(Reply::text("ok")).unwrap();
    gateway.route_to(&[upstream.node()], json!({})).await;
    let address = gateway.address();
    let check = |name: &str, request: String| {
        let answer = raw::exchange(&address, request.as_bytes());
        let refused = answer.starts_with("HTTP/1.1 400 ") && answer.matches("HTTP/1.1 ").count() == 1;
        let seen = upstream.take_seen();
        // The body of a request that has begun never ends: the test's upstream shows it as empty, and may be late with it.
        let seen: Vec<_> = seen.iter().map(|seen| (&seen.uri, &seen.body)).collect();
        let begun = name.starts_with("chunks: ") && seen.iter().all(|(uri, body)| *uri == "/" && body.is_empty());
        (!refused || !(seen.is_empty() || begun)).then(|| format!("{name}: {seen:?} {answer:?}"))
    };
    let mut wrong = Vec::new();
    for (name, head) in HEADS {
        wrong.extend(check(name, format!("{head}{SMUGGLED}")));
        // The same behind a good request on the same connection.
        let good = "GET /good HTTP/1.1\r\nhost: h\r\n\r\n";
        let answer = raw::exchange(&address, format!("{good}{head}{SMUGGLED}").as_bytes());
        let statuses: Vec<_> = answer.match_indices("HTTP/1.1 ").map(|(at, _)| &answer[at + 9..at + 12]).collect();
        let seen = upstream.take_seen();
        if statuses != ["200", "400"] || seen.len() != 1 {
            wrong.push(format!("{name}, behind another: {statuses:?}, {} seen", seen.len()));
        }
    }
    for (name, chunks) in CHUNKS {
        let head = "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n";
        wrong.extend(check(&format!("chunks: {name}"), format!("{head}{chunks}{SMUGGLED}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn unusual_requests_pass() {
    let (gateway, _files) = Gateway::new().await;
    let upstream = Upstream::start(Reply::text("ok")).unwrap();
    gateway.route_to(&[upstream.node()], json!({})).await;
    for (request, path, body) in [
        ("\r\nGET /empty-line HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n", "/empty-line", ""),
        ("GET http://h/absolute HTTP/1.1\r\nhost: other\r\nconnection: close\r\n\r\n", "/absolute", ""),
        ("GET /old HTTP/1.0\r\n\r\n", "/old", ""),
        (
            "POST /chunks HTTP/1.1\r\nhost: h\r\nconnection: close\r\nTransfer-Encoding: CHUNKED\r\n\r\n5;a=b\r\nhello\r\n0\r\nx: 1\r\n\r\n",
            "/chunks",
            "hello",
        ),
        (
            "POST /length HTTP/1.1\r\nhost: h\r\nconnection: close\r\nContent-Length:  05 \r\n\r\nhello",
            "/length",
            "hello",
        ),
    ] {
        let answer = raw::exchange(&gateway.address(), request.as_bytes());
        assert!(answer.contains(" 200 OK"), "{path}: {answer}");
        let seen = upstream.take_seen();
        assert_eq!((seen.len(), seen[0].uri.path(), &*seen[0].body), (1, path, body.as_bytes()));
    }
}
