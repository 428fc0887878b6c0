//! A WebSocket client that others wrote (that of Node.js) behind the gateway, with and without TLS.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::Gateway;
use crate::raw;

const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// Sends texts and bytes of all sizes of heads, hears them back, and closes with a code of its own.
const CLIENT: &str = r#"
const socket = new WebSocket(process.argv[1], ["other", "echo"]);
socket.binaryType = "arraybuffer";
const sent = ["hello", "", "x".repeat(200), "\u{1f600}".repeat(20000), new Uint8Array(300000).fill(7)];
const heard = [];
socket.onopen = () => sent.forEach((one) => socket.send(one));
socket.onmessage = ({ data }) => {
  heard.push(typeof data === "string" ? data === sent[heard.length] : data.byteLength);
  if (heard.length === sent.length) socket.close(4321, "done");
};
socket.onclose = ({ code, reason, wasClean }) =>
  console.log(JSON.stringify({ protocol: socket.protocol, heard, code, reason, wasClean }));
"#;

/// Answers each frame with the same. It has asked for a sign of life before.
fn serve(mut stream: TcpStream, _number: usize) {
    let head = raw::read_head(&mut stream);
    let field = |name: &str| {
        let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
        line.and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim())
    };
    let seed = format!("{}258EAFA5-E914-47DA-95CA-C5AB0DC85B11", field("sec-websocket-key:"));
    let accept = STANDARD.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, seed.as_bytes()));
    assert_eq!(field("sec-websocket-protocol:"), "other, echo");
    let agreed = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
    let agreed = format!("{agreed}Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: echo\r\n\r\n");
    // The first frame in one piece with the head.
    stream.write_all(&[agreed.as_bytes(), &frame(PING, b"there?")].concat()).unwrap();
    let mut answered = false;
    while let Some((kind, payload)) = read_frame(&mut stream) {
        match kind & 0xf {
            PONG => answered = payload == b"there?",
            CLOSE => {
                assert!(answered, "the ping was not answered");
                return drop(stream.write_all(&frame(CLOSE, &payload)));
            }
            kind => stream.write_all(&frame(kind, &payload)).unwrap(),
        }
    }
}

/// A whole message, as a server sends it.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x80 | kind];
    match payload.len() {
        short @ 0..126 => frame.push(u8::try_from(short).unwrap()),
        middle @ 126..=0xffff => {
            frame.push(126);
            frame.extend(u16::try_from(middle).unwrap().to_be_bytes());
        }
        long => {
            frame.push(127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

/// A frame of a client: its first byte, and what it holds.
fn read_frame(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).ok()?;
    assert_eq!(head[1] & 0x80, 0x80, "clients mask");
    let length = match head[1] & 0x7f {
        126 => u64::from(u16::from_be_bytes(exact(stream)?)),
        127 => u64::from_be_bytes(exact(stream)?),
        short => u64::from(short),
    };
    let mask: [u8; 4] = exact(stream)?;
    let mut payload = vec![0; usize::try_from(length).ok()?];
    stream.read_exact(&mut payload).ok()?;
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    Some((head[0], payload))
}

fn exact<const N: usize>(stream: &mut TcpStream) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_client_is_understood() {
    let (gateway, files) = Gateway::new().await;
    let node = raw::Server::start(serve);
    let upstream = json!({"nodes": {node.node(): 1}});
    gateway.put("routes/1", json!({"uri": "/chat", "enable_websocket": true, "upstream": upstream})).await;
    let urls = [format!("ws://{}/chat?room=1", gateway.address()), format!("wss://{}/chat", gateway.https_address())];
    for url in urls {
        let mut command = Command::new("node");
        command.args(["--experimental-websocket", "--no-warnings", "-e", CLIENT, &url]);
        command.env("NODE_EXTRA_CA_CERTS", &files.ca);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        assert_eq!(
            said,
            json!({
                "protocol": "echo", "heard": [true, true, true, true, 300_000], "code": 4321, "reason": "done", "wasClean": true,
            }),
            "{url}"
        );
    }
}
