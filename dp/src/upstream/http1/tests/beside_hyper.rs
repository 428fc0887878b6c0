//! The same bytes to our reader and to hyper's client. They must come to the same; where they need not, it says why here.

use std::convert::Infallible;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::HeaderMap;
use http::{Method, Request, Version};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::super::{Form, head};
use super::responses::{chance, response, spoil};
use crate::http1::{Peer, Step};

/// Responses that are tried.
const CASES: usize = 1_500;

/// What a node's bytes came to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reading {
    status: u16,
    version: Version,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    trailers: Vec<(String, Vec<u8>)>,
    /// Whether another request may follow on the connection.
    stays: bool,
}

/// Whether the end of the connection is that of the body.
type UntilClose = bool;

/// By name, because the order of two names means nothing, and without what `Connection` says of the connection itself, which ours
/// keeps for itself.
fn lines(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    let lines = headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
    let of_connection =
        |token: &[u8]| token.eq_ignore_ascii_case(b"close") || token.eq_ignore_ascii_case(b"keep-alive");
    let says_more = |value: &[u8]| value.split(|byte| *byte == b',').any(|token| !of_connection(token.trim_ascii()));
    let mut lines: Vec<_> = lines.filter(|(name, value)| name != "connection" || says_more(value)).collect();
    lines.sort_by(|one, other| one.0.cmp(&other.0));
    lines
}

/// Ours, when the bytes come in these pieces and then the connection ends; `None`: refused, or it broke off.
fn ours<'b>(mut pieces: impl Iterator<Item = &'b [u8]>, method: &Method) -> Option<(Reading, UntilClose)> {
    let (mut input, mut spans) = (BytesMut::new(), Vec::new());
    let mut head = loop {
        match head::read(&mut input, method, Form::Map, &mut spans).ok()? {
            Some(head) => break head,
            None => input.extend_from_slice(pieces.next()?),
        }
    };
    let until_close = head.decoder.lasts_until_close();
    let (mut body, mut trailers) = (Vec::new(), Vec::new());
    loop {
        match head.decoder.step(&mut input, Peer::Node).ok()? {
            Step::Over => break,
            Step::More => match pieces.next() {
                Some(piece) => input.extend_from_slice(piece),
                None if until_close => break,
                None => return None,
            },
            Step::Frame(frame) => match frame.into_data() {
                Ok(data) => body.extend_from_slice(&data),
                Err(frame) => trailers = lines(&frame.into_trailers().unwrap()),
            },
        }
    }
    pieces.for_each(|piece| input.extend_from_slice(piece));
    let parts = head.parts;
    let reading = Reading {
        status: parts.status.as_u16(),
        version: parts.version,
        headers: lines(&parts.headers),
        body,
        trailers,
        stays: head.stays && input.is_empty(),
    };
    Some((reading, until_close))
}

/// Hyper's. `closes`: whether the node ends the connection behind the bytes.
async fn hypers(bytes: &[u8], method: &Method, closes: bool) -> Option<Reading> {
    let (near, mut far) = tokio::io::duplex(1 << 20);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(near)).await.unwrap();
    let request = Request::builder().method(method).uri("/").body(Empty::<Bytes>::new()).unwrap();
    let answer = async {
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            asked.push(far.read_u8().await.unwrap());
        }
        // It may be refused in the middle.
        let _refused = far.write_all(bytes).await;
        if closes {
            drop(far);
            None
        } else {
            Some(far)
        }
    };
    let ask = async {
        let (head, body) = sender.send_request(request).await.ok()?.into_parts();
        let collected = body.collect().await.ok()?;
        let trailers = collected.trailers().map(lines).unwrap_or_default();
        let body = collected.to_bytes().to_vec();
        let (status, version, headers) = (head.status.as_u16(), head.version, lines(&head.headers));
        Some(Reading { status, version, headers, body, trailers, stays: sender.ready().await.is_ok() })
    };
    let driver = async {
        let _ended = connection.await;
        std::future::pending::<Infallible>().await
    };
    let both = tokio::time::timeout(Duration::from_secs(30), async { tokio::join!(answer, ask) });
    tokio::select! {
        both = both => both.expect("hyper waits for more").1,
        never = driver => match never {},
    }
}

/// Why the two may differ over these bytes.
fn explained(bytes: &[u8], ours: Option<&Reading>, hypers: Option<&Reading>) -> Option<&'static str> {
    let mut same = hypers.cloned();
    if let (Some(same), Some(ours)) = (&mut same, ours) {
        // Beside a transfer coding a length says nothing. Hyper hands it on, and then a client might believe it.
        let coded = ours.headers.iter().any(|(name, _)| name == "transfer-encoding");
        if coded && !ours.headers.iter().any(|(name, _)| name == "content-length") {
            same.headers.retain(|(name, _)| name != "content-length");
            if same == ours {
                return Some("a length beside a transfer coding goes");
            }
        }
    }
    match (ours, hypers) {
        // Hyper throws away what stands between them and the next empty line with a carriage return.
        (Some(ours), Some(hypers)) if bytes.windows(2).any(|two| two == b"\n\n") && !ours.stays => {
            let same = Reading { stays: false, ..hypers.clone() };
            (*ours == same).then_some("an empty line ends the trailers")
        }
        (Some(ours), None) if is_chunked(ours) && has_bare_line_feed(bytes) => {
            Some("lines of trailers may end as those of heads may")
        }
        // Those that ours keeps for itself count too, so lines are counted.
        (Some(_), None) if bytes.split(|byte| *byte == b'\n').count() > 100 => Some("we take more headers"),
        (None, Some(hypers)) if hypers.trailers.len() > 64 => Some("we take fewer trailers"),
        (None, Some(hypers)) if has_odd_chunk_line(bytes) && !hypers.body.is_empty() => {
            Some("our lines of chunks are strict")
        }
        _ => None,
    }
}

fn is_chunked(reading: &Reading) -> bool {
    let coding = reading.headers.iter().rfind(|(name, _)| name == "transfer-encoding");
    coding.is_some_and(|(_, value)| value.trim_ascii_end().to_ascii_lowercase().ends_with(b"chunked"))
}

/// Behind the last chunk.
fn has_bare_line_feed(bytes: &[u8]) -> bool {
    let last = bytes.windows(3).rposition(|three| three == b"\r\n0").map_or(0, |at| at + 2);
    (last.max(1)..bytes.len()).any(|at| bytes[at] == b'\n' && bytes[at - 1] != b'\r')
}

/// Control characters in what may be the line of a chunk.
fn has_odd_chunk_line(bytes: &[u8]) -> bool {
    bytes.split(|byte| *byte == b'\n').any(|line| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        line.first().is_some_and(u8::is_ascii_hexdigit)
            && line.iter().any(|byte| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f)
    })
}

#[tokio::test]
async fn responses_come_to_the_same_as_with_hyper() {
    let mut rng = StdRng::seed_from_u64(20_261_123);
    let (mut good, mut bad, mut kept, mut unexplained) = (0, 0, 0, Vec::new());
    for case in 0..CASES {
        let method = [Method::GET, Method::GET, Method::POST, Method::HEAD].choose(&mut rng).unwrap().clone();
        let mut bytes = response(&mut rng);
        if chance(&mut rng, 40) {
            spoil(&mut rng, &mut bytes);
        }
        let shown = || format!("case {case}, {method}: {}", bytes.escape_ascii());
        let whole = ours(std::iter::once(&bytes[..]), &method);
        assert_eq!(ours(bytes.chunks(1), &method), whole, "byte by byte, {}", shown());
        let cut = rng.random_range(0..=bytes.len());
        let size = rng.random_range(1..=64_usize);
        assert_eq!(ours(bytes[..cut].chunks(size).chain([&bytes[cut..]]), &method), whole, "in pieces, {}", shown());
        let mut theirs = hypers(&bytes, &method, true).await;
        let ends = whole.as_ref().is_some_and(|(_, until_close)| !until_close);
        let whole = whole.map(|(reading, _)| reading);
        if let Some(theirs) = &mut theirs {
            // Whether a connection stays is seen on one that the node leaves open, if the response ends there.
            theirs.stays = ends && hypers(&bytes, &method, false).await.is_some_and(|open| open.stays);
        }
        if whole != theirs {
            let why = explained(&bytes, whole.as_ref(), theirs.as_ref());
            if why.is_none() {
                unexplained.push(format!("{}\nours:  {whole:?}\nhyper: {theirs:?}", shown()));
            }
        }
        good += usize::from(whole.is_some());
        bad += usize::from(whole.is_none());
        kept += usize::from(whole.is_some_and(|ours| ours.stays));
    }
    let some = unexplained.iter().take(8).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(unexplained.is_empty(), "{} differences:\n{some}", unexplained.len());
    let enough = CASES / 10;
    assert!(good > enough && bad > enough && kept > enough, "{good} good, {bad} bad, {kept} kept");
}
