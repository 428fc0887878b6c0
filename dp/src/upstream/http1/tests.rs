use bytes::{Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};

use super::Form;
use super::head::{self, Length};
use crate::http1::{Decoder, Peer, Step, Text};
use crate::upstream::link::Ask;

mod as_lines;
mod beside_hyper;
mod responses;

/// What a node's bytes come to, when they arrive in pieces of this size and then the connection ends.
fn read(bytes: &str, method: &Method, piece: usize) -> Option<(u16, String, Vec<String>, Decoder)> {
    let mut input = BytesMut::new();
    let mut left = bytes.as_bytes().chunks(piece);
    let mut spans = Vec::new();
    let mut head = loop {
        match head::read(&mut input, method, Form::Map, &mut spans).ok()? {
            Some(head) => break head,
            None => input.extend_from_slice(left.next()?),
        }
    };
    let (mut body, mut trailers) = (String::new(), Vec::new());
    loop {
        match head.decoder.step(&mut input, Peer::Node).ok()? {
            Step::Over => break,
            Step::More => match left.next() {
                Some(piece) => input.extend_from_slice(piece),
                None if head.decoder.lasts_until_close() => break,
                None => return None,
            },
            Step::Frame(frame) => match frame.into_data() {
                Ok(data) => body.push_str(std::str::from_utf8(&data).unwrap()),
                Err(frame) => {
                    let all = frame.into_trailers().unwrap();
                    trailers.extend(all.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())));
                }
            },
        }
    }
    Some((head.parts.status.as_u16(), body, trailers, head.decoder))
}

/// The same whole and byte by byte.
fn both(bytes: &str, method: &Method) -> Option<(u16, String, Vec<String>, Decoder)> {
    let whole = read(bytes, method, bytes.len().max(1));
    assert_eq!(whole, read(bytes, method, 1), "{bytes}");
    whole
}

#[test]
fn bodies_end_where_their_heads_say() {
    let cases = [
        ("200 OK\r\ncontent-length: 5\r\n\r\nhello", "hello", &[][..], Decoder::Over),
        ("200 OK\r\ncontent-length: 5, 5\r\ncontent-length: 5\r\n\r\nhello", "hello", &[], Decoder::Over),
        ("200 OK\r\ncontent-length: 0\r\n\r\n", "", &[], Decoder::Over),
        ("204 No Content\r\ncontent-length: 5\r\n\r\n", "", &[], Decoder::Over),
        ("304 Not Modified\r\ncontent-length: 5\r\n\r\n", "", &[], Decoder::Over),
        ("200 OK\r\n\r\nuntil the end", "until the end", &[], Decoder::UntilClose),
        ("200 OK\r\ntransfer-encoding: gzip\r\n\r\nuntil the end", "until the end", &[], Decoder::UntilClose),
        (
            "200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n2\r\nab\r\n0\r\n\r\n",
            "ab",
            &[],
            Decoder::Over,
        ),
        (
            "200 OK\r\ntransfer-encoding: gzip, Chunked\r\n\r\n5\r\nhe\r\nl\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
            "he\r\nl0123456789",
            &[],
            Decoder::Over,
        ),
        ("200 OK\r\ntransfer-encoding: chunked\r\n\r\n2  \r\nab\r\n0 ;x\r\n\r\n", "ab", &[], Decoder::Over),
        (
            "200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nsum: 1\r\nmore: 2\r\n\r\n",
            "x",
            &["sum=1", "more=2"],
            Decoder::Over,
        ),
    ];
    for (head, body, trailers, end) in cases {
        let bytes = format!("HTTP/1.1 {head}");
        let (_, read_body, read_trailers, read_end) = both(&bytes, &Method::GET).expect(&bytes);
        assert_eq!((&*read_body, read_end), (body, end), "{bytes}");
        assert_eq!(read_trailers, trailers, "{bytes}");
    }
}

#[test]
fn a_response_to_head_has_no_body_and_interim_ones_are_passed_over() {
    let bytes = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 5\r\n\r\n";
    let (status, body, ..) = both(bytes, &Method::HEAD).unwrap();
    assert_eq!((status, &*body), (201, ""));
}

#[test]
fn what_has_no_clear_end_is_refused() {
    for wrong in [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        "HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: \r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5 5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n \r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nno trailer\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad header: x\r\ncontent-length: 0\r\n\r\n",
        "HTTP/2 200 OK\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 099 Low\r\ncontent-length: 0\r\n\r\n",
        "hello\r\n\r\n",
    ] {
        assert_eq!(both(wrong, &Method::GET), None, "{wrong}");
    }
}

#[test]
fn a_connection_stays_as_long_as_both_agree() {
    let cases = [
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: x, Close\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\nconnection: keep-alive\r\n\r\n", false),
        ("HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", false),
        ("HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\n\r\n", false),
        ("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n", false),
    ];
    for (bytes, stays) in cases {
        let mut input = BytesMut::from(bytes);
        let head = head::read(&mut input, &Method::GET, Form::Map, &mut Vec::new()).ok().flatten().unwrap();
        assert_eq!(head.stays, stays, "{bytes}");
        // What it says of other headers is for whoever takes them out.
        assert_eq!(head.parts.headers.contains_key("connection"), bytes.contains("connection: x"), "{bytes}");
    }
}

#[test]
fn values_and_reasons_pass_as_they_are() {
    let bytes: &[u8] = b"HTTP/1.1 299 Fine\r\nX-One:  a\xffb \r\nx-one: second\r\ncontent-length: 0\r\n\r\nrest";
    let mut input = BytesMut::from(bytes);
    let head = head::read(&mut input, &Method::GET, Form::Map, &mut Vec::new()).ok().flatten().unwrap();
    let values: Vec<&[u8]> = head.parts.headers.get_all("x-one").iter().map(HeaderValue::as_bytes).collect();
    assert_eq!(values, [&b"a\xffb"[..], b"second"]);
    assert_eq!(head.parts.status, StatusCode::from_u16(299).unwrap());
    let reason = head.parts.extensions.get::<hyper::ext::ReasonPhrase>().unwrap();
    assert_eq!(reason.as_bytes(), b"Fine");
    assert_eq!(input, Bytes::from_static(b"rest"));
}

#[test]
fn a_request_says_once_how_long_it_is() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "h"),
        ("content-length", "3"),
        ("transfer-encoding", "gzip"),
        ("x-a", "1"),
        ("x-told", "theirs"),
        ("x-a", "2"),
    ] {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let host = HeaderValue::from_static("node");
    let told = (HeaderName::from_static("x-told"), HeaderValue::from_static("ours"));
    let ask = Ask {
        method: &Method::POST,
        target: "/a?b",
        headers: &headers,
        told: &[(&told.0, &told.1)],
        host: &host,
        upgrade: None,
        node: &host,
        tls: false,
        form: Form::Map,
    };
    for (length, expected) in [
        (Length::None, ""),
        (Length::Exact(7), "content-length: 7\r\n"),
        (Length::Unknown, "transfer-encoding: chunked\r\n"),
    ] {
        let mut out = Text::default();
        head::write(&ask, length, &mut out);
        let text = std::str::from_utf8(out.as_slice()).unwrap();
        assert_eq!(
            text,
            format!("POST /a?b HTTP/1.1\r\nhost: node\r\nx-a: 1\r\nx-a: 2\r\nx-told: ours\r\n{expected}\r\n")
        );
    }
}
