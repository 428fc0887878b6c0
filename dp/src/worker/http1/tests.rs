use bytes::BytesMut;
use http::StatusCode;

use super::head::{self, Head, Spare};
use crate::config::Limits;
use crate::http1::{Decoder, Peer, Step};

mod beside_hyper;

/// What a client's bytes come to.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Between two requests.
    Between,
    /// In the middle of one.
    Within,
    Refused(StatusCode),
    /// In a body that makes no sense.
    Broken,
}

/// Reads requests that come in these pieces; gives each with its body and its trailers, and how it ends.
fn read<'b>(
    mut pieces: impl Iterator<Item = &'b [u8]>,
    limits: &Limits,
    mut take: impl FnMut(Head, Vec<u8>, http::HeaderMap),
) -> End {
    let (mut input, mut spare) = (BytesMut::new(), Spare::default());
    loop {
        let head = match head::read(&mut input, limits, &mut spare) {
            Err(refusal) => return End::Refused(refusal),
            Ok(Some(head)) => head,
            Ok(None) => match pieces.next() {
                Some(piece) => {
                    input.extend_from_slice(piece);
                    continue;
                }
                None => return if input.is_empty() { End::Between } else { End::Within },
            },
        };
        let (mut decoder, mut body, mut trailers) = (head.decoder, Vec::new(), http::HeaderMap::new());
        while decoder != Decoder::Over {
            match decoder.step(&mut input, Peer::Client) {
                Err(_) => return End::Broken,
                Ok(Step::Over) => {}
                Ok(Step::More) => match pieces.next() {
                    Some(piece) => input.extend_from_slice(piece),
                    None => return End::Within,
                },
                Ok(Step::Frame(frame)) => match frame.into_data() {
                    Ok(data) => body.extend_from_slice(&data),
                    Err(frame) => trailers = frame.into_trailers().unwrap(),
                },
            }
        }
        take(head, body, trailers);
    }
}

/// How many requests there are and how it ends, the same whole and byte by byte.
fn count(bytes: &[u8]) -> (usize, End) {
    let of = |size: usize| {
        let mut count = 0;
        let end = read(bytes.chunks(size), &Limits::default(), |_, _, _| count += 1);
        (count, end)
    };
    let whole = of(bytes.len());
    assert_eq!(whole, of(1), "{}", bytes.escape_ascii());
    whole
}

#[test]
fn requests_are_read_to_their_ends() {
    for (bytes, requests) in [
        (&b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"[..], 1),
        (b"\r\nGET / HTTP/1.1\r\nhost: h\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n\r\n", 2),
        (b"POST / HTTP/1.1\r\nContent-Length: \t5 \r\n\r\nhelloGET / HTTP/1.1\r\n\r\n", 2),
        (b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n", 1),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhe\rlo\r\nA;x=\"y\"\r\n0123456789\r\n0\r\n\r\n",
            1,
        ),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-sum: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n", 2),
    ] {
        assert_eq!(count(bytes), (requests, End::Between), "{}", bytes.escape_ascii());
    }
}

#[test]
fn lines_end_in_one_way_only() {
    for wrong in [
        "GET / HTTP/1.1\nhost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: h\n\r\n",
        "GET / HTTP/1.1\r\nhost: h\r\n\n",
        "GET / HTTP/1.1\r\nx: \nhost: h\r\n\r\n",
        "GET / HTTP/1.1\r\n\n",
        "GET / HTTP/1.1\n\r\n",
        "\nGET / HTTP/1.1\r\nhost: h\r\n\r\n",
        "\r\n\nGET / HTTP/1.1\r\nhost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: h\r\r\n\r\n",
        "GET / HTTP/1.1\r\nx: a\rb\r\n\r\n",
    ] {
        assert_eq!(count(wrong.as_bytes()), (0, End::Refused(StatusCode::BAD_REQUEST)), "{wrong:?}");
    }
    for wrong in ["0\n\r\n", "1\r\na\n0\r\n\r\n", "0\r\nx: 1\n\r\n", "0\r\nx: 1\r\n\n", "0\r\nhost: h\r\n\r\n"] {
        let bytes = format!("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n{wrong}");
        assert_eq!(count(bytes.as_bytes()), (0, End::Broken), "{wrong:?}");
    }
}

#[test]
fn heads_have_limits() {
    let limits = Limits { header_bytes: 8192, header_count: 10, ..Limits::default() };
    let too_large = End::Refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let of = |bytes: &str, size: usize| read(bytes.as_bytes().chunks(size), &limits, |_, _, _| {});
    for (lines, fits) in [(10, true), (11, false)] {
        let bytes = format!("GET / HTTP/1.1\r\n{}\r\n", "x-a: 1\r\n".repeat(lines));
        assert_eq!(of(&bytes, 1) == End::Between, fits, "{lines}");
        assert_eq!(of(&bytes, 9000) == End::Between, fits, "{lines}");
    }
    let start = "GET / HTTP/1.1\r\nx: ";
    for (length, fits) in [(8192, true), (8193, false)] {
        let bytes = format!("{start}{}\r\n\r\n", "x".repeat(length - start.len() - 4));
        assert_eq!(of(&bytes, 9000) == End::Between, fits, "{length}");
    }
    // An end never comes.
    assert_eq!(of(&format!("{start}{}", "x".repeat(9000)), 100), too_large);
    assert_eq!(of(&"\r\n".repeat(9000), 100), too_large);
    let many = Limits { header_count: 1000, ..limits };
    let bytes = format!("GET / HTTP/1.1\r\n{}\r\n", "x-a: 1\r\n".repeat(1000));
    assert_eq!(read([bytes.as_bytes()].into_iter(), &many, |_, _, _| {}), End::Between);
}

#[test]
fn a_connection_stays_as_long_as_the_client_wants() {
    for (bytes, stays) in [
        ("GET / HTTP/1.1\r\n\r\n", true),
        ("GET / HTTP/1.1\r\nconnection: x, Close\r\n\r\n", false),
        ("GET / HTTP/1.1\r\nconnection: close\r\nconnection: keep-alive\r\n\r\n", false),
        ("GET / HTTP/1.0\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n", true),
    ] {
        let mut said = None;
        read([bytes.as_bytes()].into_iter(), &Limits::default(), |head, _, _| said = Some(head));
        let head = said.unwrap();
        assert_eq!(head.asked.stays, stays, "{bytes}");
        // What it names is for whoever takes that out.
        assert_eq!(head.parts.headers.contains_key("connection"), bytes.contains("connection: x"), "{bytes}");
    }
}
