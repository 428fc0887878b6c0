//! HTTP/2 clients that misbehave, frame by frame.

use std::io::{Read, Write};
use std::net::TcpStream;

use portolan_testkit::Upstream;
use portolan_testkit::upstream::Reply;
use serde_json::json;

use crate::harness::{Gateway, SOON};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ENHANCE_YOUR_CALM: u32 = 11;
/// `:method GET`, `:scheme http`, `:path /`, `:authority h`.
const REQUEST: &[u8] = &[0x82, 0x86, 0x84, 0x41, 1, b'h'];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// Speaks until the other side has ended the connection; gives the code of its GOAWAY, if it has sent one.
fn goaway(gateway: &Gateway, pieces: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Option<u32> {
    let mut stream = TcpStream::connect(gateway.address()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).unwrap();
    let mut writing = stream.try_clone().unwrap();
    let writer = std::thread::spawn(move || {
        for piece in pieces {
            if writing.write_all(&piece).is_err() {
                return;
            }
        }
    });
    let mut code = None;
    let mut head = [0; 9];
    while stream.read_exact(&mut head).is_ok() {
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        if stream.read_exact(&mut payload).is_err() {
            break;
        }
        if head[3] == GOAWAY {
            code = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()));
        }
    }
    drop(stream);
    writer.join().unwrap();
    code
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_resets_what_it_asks_is_told_to_go() {
    let (gateway, _files) = Gateway::new().await;
    let upstream = Upstream::start(Reply::text("ok")).unwrap();
    gateway.route_to(&[upstream.node()], json!({})).await;
    let resets = (0..20_000).map(|at| {
        let stream = at * 2 + 1;
        let mut both = frame(HEADERS, END_STREAM | END_HEADERS, stream, REQUEST);
        both.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
        both
    });
    // In large pieces, as an attacker sends them.
    let pieces: Vec<Vec<u8>> = resets.collect::<Vec<_>>().chunks(500).map(<[Vec<u8>]>::concat).collect();
    assert_eq!(goaway(&gateway, pieces.into_iter()), Some(ENHANCE_YOUR_CALM));
    assert!(upstream.requests() < 5_000, "{}", upstream.requests());
    assert_eq!(reqwest::get(gateway.http()).await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_without_end_is_not_read_for_ever() {
    let (gateway, _files) = Gateway::new().await;
    // `x: ` and 16 KiB, as a literal that no table remembers, over and over.
    let mut field = vec![0x00, 1, b'x', 0x7f];
    field.extend([0x80 | ((16_000_u32 - 127) & 0x7f) as u8, ((16_000_u32 - 127) >> 7) as u8]);
    field.extend(vec![b'a'; 16_000]);
    let first = std::iter::once(frame(HEADERS, END_STREAM, 1, REQUEST));
    let more = std::iter::repeat_n(frame(CONTINUATION, 0, 1, &field), 2_000);
    let code = goaway(&gateway, first.chain(more));
    assert!(code.is_some(), "the connection ends with a reason");
    assert_eq!(reqwest::get(gateway.http()).await.unwrap().status(), 404);
}
