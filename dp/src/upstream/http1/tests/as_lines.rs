//! Headers that come as lines beside the same ones that come as a map: to a client both are the same response.

use bytes::BytesMut;
use http::Method;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, SERVER};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::super::head::{self, Head};
use super::super::{Form, Lines};
use super::responses::{chance, response, spoil};
use crate::http1::Decoder;

/// Responses that are tried.
const CASES: usize = 5_000;

/// The head, and how many bytes are left behind it; `Err`: refused, `Ok(None)`: not whole.
fn read(bytes: &[u8], method: &Method, form: Form) -> Result<Option<(Head, usize)>, ()> {
    let mut input = BytesMut::from(bytes);
    let head = head::read(&mut input, method, form, &mut Vec::new()).map_err(drop)?;
    Ok(head.map(|head| (head, input.len())))
}

/// What a client takes the lines for, read by hand: each must be made exactly as ours are.
fn map(lines: &Lines) -> HeaderMap {
    let mut map = HeaderMap::new();
    let text = std::str::from_utf8(&lines.text).map_or_else(|_| lines.text.escape_ascii().to_string(), str::to_owned);
    for line in lines.text.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r\n").unwrap_or_else(|| panic!("an odd end in {text:?}"));
        let colon = line.windows(2).position(|two| two == b": ").unwrap_or_else(|| panic!("no colon in {text:?}"));
        let (name, value) = (&line[..colon], &line[colon + 2..]);
        assert!(!name.iter().any(u8::is_ascii_uppercase), "{text:?}");
        map.append(HeaderName::from_bytes(name).unwrap(), HeaderValue::from_bytes(value).unwrap());
    }
    assert_eq!(lines.dated, map.contains_key("date"), "{text:?}");
    map
}

/// Reads a head in both forms; whether it came as lines.
fn same(bytes: &[u8], method: &Method) -> bool {
    let shown = || format!("{method}: {}", bytes.escape_ascii());
    let as_map = read(bytes, method, Form::Map);
    let as_lines = read(bytes, method, Form::Lines);
    let (Ok(Some((one, left))), Ok(Some((other, left_too)))) = (&as_map, &as_lines) else {
        let refused = (as_map.is_err(), as_lines.is_err());
        assert!(refused.0 == refused.1, "{refused:?}, {}", shown());
        assert_eq!(as_map.is_ok_and(|head| head.is_some()), as_lines.is_ok_and(|head| head.is_some()), "{}", shown());
        return false;
    };
    assert_eq!(one.parts.status, other.parts.status, "{}", shown());
    assert_eq!(one.parts.version, other.parts.version, "{}", shown());
    let reason = |head: &Head| head.parts.extensions.get::<hyper::ext::ReasonPhrase>().cloned();
    assert_eq!(reason(one), reason(other), "{}", shown());
    assert_eq!((one.decoder, one.stays, left), (other.decoder, other.stays, left_too), "{}", shown());
    assert!(one.lines.is_none());
    let Some(lines) = &other.lines else {
        assert_eq!(one.parts.headers, other.parts.headers, "{}", shown());
        return false;
    };
    assert!(other.parts.headers.is_empty());
    // These two are for whoever writes the lines; nothing else may be missing, and nothing be there that ends at this hop.
    let mut expected = one.parts.headers.clone();
    let length = expected.remove(CONTENT_LENGTH).unwrap();
    let decoder = Decoder::of_length(length.to_str().unwrap().parse().unwrap());
    assert_eq!(decoder, other.decoder, "{}", shown());
    expected.remove(SERVER);
    assert_eq!(map(lines), expected, "{}", shown());
    for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "trailer"] {
        assert!(!expected.contains_key(name), "{}", shown());
    }
    true
}

#[test]
fn usual_heads_come_as_lines() {
    for (head, lines) in [
        ("200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n", "content-type: text/plain\r\n"),
        ("404 Oh\r\nServer: x\r\nX-A: 1\r\ncontent-length: 0\r\nx-a:  2\r\n", ""),
        ("404 Oh\r\nServer: x\r\nX-A: 1\r\nSERVER: y\r\ncontent-length: 0\r\nx-a: 2\r\n", "x-a: 1\r\nx-a: 2\r\n"),
        ("200 OK\r\nConnection: keep-alive\r\nDate: now\r\ncontent-length: 1\r\n", "date: now\r\n"),
        ("200 OK\r\nconnection: close\r\ncontent-length: 1\r\nx: a: b\r\n", "x: a: b\r\n"),
        ("200 OK\r\ncontent-length: 1\r\n", ""),
        ("200 OK\r\nx-a: \r\ncontent-length: 1\r\n", "x-a: \r\n"),
    ] {
        let bytes = format!("HTTP/1.1 {head}\r\nbody");
        let read = read(bytes.as_bytes(), &Method::GET, Form::Lines).unwrap().unwrap().0;
        let odd = head.contains(":  ");
        assert_eq!(same(bytes.as_bytes(), &Method::GET), !odd, "{head}");
        assert_eq!(read.lines.map(|lines| lines.text), (!odd).then(|| BytesMut::from(lines)), "{head}");
        assert!(!same(bytes.as_bytes(), &Method::HEAD));
    }
}

#[test]
fn lines_of_a_name_are_taken_out() {
    for (name, left, dated) in [
        ("a", "ab: 1\r\ndate: now\r\nb: a: 2\r\n", true),
        ("ab", "a: 1\r\ndate: now\r\na: 2\r\nb: a: 2\r\na: \r\n", true),
        ("date", "a: 1\r\nab: 1\r\na: 2\r\nb: a: 2\r\na: \r\n", false),
        ("c", "a: 1\r\nab: 1\r\ndate: now\r\na: 2\r\nb: a: 2\r\na: \r\n", true),
    ] {
        let text = BytesMut::from("a: 1\r\nab: 1\r\ndate: now\r\na: 2\r\nb: a: 2\r\na: \r\n");
        let mut lines = Lines { text, dated: true };
        lines.remove(&HeaderName::from_static(name));
        assert_eq!((&lines.text[..], lines.dated), (left.as_bytes(), dated), "{name}");
    }
}

#[test]
fn unusual_heads_come_as_a_map() {
    for head in [
        "200 OK\r\n",
        "200 OK\r\ncontent-length: 1\r\ncontent-length: 1\r\n",
        "200 OK\r\ncontent-length: 1, 1\r\n",
        "200 OK\r\ncontent-length: 1 \r\n",
        "200 OK\r\ntransfer-encoding: chunked\r\n",
        "200 OK\r\nTransfer-Encoding: chunked\r\ncontent-length: 1\r\n",
        "200 OK\r\ncontent-length: 1\r\nKeep-Alive: timeout=5\r\n",
        "200 OK\r\ncontent-length: 1\r\nProxy-Connection: x\r\n",
        "200 OK\r\ncontent-length: 1\r\nUpgrade: x\r\n",
        "200 OK\r\ncontent-length: 1\r\nTrailer: x\r\n",
        "200 OK\r\ncontent-length: 1\r\nConnection: x-a\r\nx-a: 1\r\n",
        "200 OK\r\ncontent-length: 1\r\nx-a:1\r\n",
        "200 OK\r\ncontent-length: 1\r\nx-a:\r\n",
        "200 OK\r\ncontent-length: 1\r\nx-a:\t1\r\n",
        "200 OK\r\ncontent-length: 1\r\nx-a: 1\n",
        "204 No Content\r\ncontent-length: 1\r\n",
        "304 Not Modified\r\ncontent-length: 1\r\n",
        "101 Switching Protocols\r\ncontent-length: 1\r\n",
        "500 Internal Server Error\r\ncontent-length: 1\r\n",
    ] {
        let bytes = format!("HTTP/1.1 {head}\r\n1");
        assert!(!same(bytes.as_bytes(), &Method::GET), "{head}");
        let read = read(bytes.as_bytes(), &Method::GET, Form::Lines).unwrap().unwrap().0;
        assert!(read.lines.is_none(), "{head}");
    }
    // What is none is none in both forms.
    let bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n1";
    assert!(read(bytes, &Method::GET, Form::Lines).is_err());
}

/// What ours takes for a header in one form must be one in the other: for lines nobody looks at names and values a second time.
#[test]
fn every_byte_is_judged_alike() {
    for byte in 0..=u8::MAX {
        for (before, after) in [("x", "-a: 1"), ("x-a: 1", "2"), ("", "x: 1"), ("x: ", "")] {
            let mut bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n".to_vec();
            bytes.extend(before.bytes().chain([byte]).chain(after.bytes()));
            // The parser looks at many bytes at a time where there are many.
            bytes
                .extend(b"\r\nx-long: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n\r\n1");
            same(&bytes, &Method::GET);
            let at = bytes.len() - 20;
            bytes[at] = byte;
            same(&bytes, &Method::GET);
        }
    }
}

/// Mostly one that may come as lines.
fn usual(rng: &mut StdRng) -> Vec<u8> {
    let mut text = format!("HTTP/1.1 {}\r\n", ["200 OK", "201 Created", "404 Oh"].choose(rng).unwrap());
    let fields =
        ["x-a: 1\r\n", "X-B: two words\r\n", "Server: node\r\n", "Date: now\r\n", "Connection: keep-alive\r\n"];
    for _ in 0..rng.random_range(0..9) {
        text.push_str(fields.choose(rng).unwrap());
        if chance(rng, 2) {
            text.push_str(["Keep-Alive: x\r\n", "trailer: x\r\n", "Proxy-Connection: x\r\n"].choose(rng).unwrap());
        }
    }
    text.push_str("Content-Length: 3\r\nset-cookie: a\r\n\r\nabc");
    text.into_bytes()
}

#[test]
fn random_responses_come_to_the_same() {
    let mut rng = StdRng::seed_from_u64(20_261_123);
    let (mut as_lines, mut others) = (0, 0);
    for _ in 0..CASES {
        let method = [Method::GET, Method::GET, Method::POST, Method::HEAD].choose(&mut rng).unwrap().clone();
        let mut bytes = if chance(&mut rng, 50) { usual(&mut rng) } else { response(&mut rng) };
        if chance(&mut rng, 40) {
            spoil(&mut rng, &mut bytes);
        }
        let came = same(&bytes, &method);
        as_lines += usize::from(came);
        others += usize::from(!came);
    }
    assert!(as_lines > CASES / 10 && others > CASES / 10, "{as_lines} as lines, {others} not");
}
