//! What clients of HTTP/1 send, byte for byte, and what they hear: whole, byte by byte, and cut at each end of a line. The end
//! of each exchange is that of its connection.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::harness::{Gateway, SOON};
use crate::raw;

mod cases;

use cases::{CASES, LAST};

/// Long enough for the gateway to find a piece alone, most of the time. Nothing depends on it.
const BETWEEN: Duration = Duration::from_micros(300);

/// A node that says what it was asked, in the form that the path names.
fn node() -> raw::Server {
    raw::Server::start(|mut stream, _| {
        loop {
            let head = raw::read_head(&mut stream);
            let Some((line, _)) = head.split_once(" HTTP/1.1\r\n") else { return };
            let body = read_body(&head, &mut stream);
            let said = format!("{line} {body}");
            let path = line.split(' ').nth(1).unwrap();
            let answer = match path.split(['/', '?']).nth(1).unwrap_or_default() {
                "chunks" => {
                    let (one, two) = said.split_at(2);
                    let chunks =
                        format!("2\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\nx-end: 1\r\nx-other: 2\r\n\r\n", two.len());
                    format!("HTTP/1.1 200 OK\r\ntrailer: x-end\r\ntransfer-encoding: chunked\r\n\r\n{chunks}")
                }
                "close" => format!("HTTP/1.1 200 OK\r\n\r\n{said}"),
                "none" => "HTTP/1.1 204 No Content\r\nx-a: 1\r\n\r\n".to_owned(),
                "same" => "HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\n\r\n".to_owned(),
                "empty" => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_owned(),
                "odd" => "HTTP/1.1 299 Fine\r\ndate: then\r\nx-a: 1\r\nX-A: 2\r\ncontent-length: 0\r\n\r\n".to_owned(),
                _ if line.starts_with("HEAD ") => "HTTP/1.1 200 OK\r\ncontent-length: 77\r\n\r\n".to_owned(),
                _ => format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{said}", said.len()),
            };
            if stream.write_all(answer.as_bytes()).is_err() || path.starts_with("/close") {
                return;
            }
        }
    })
}

/// The body behind a head, with its trailers.
fn read_body(head: &str, stream: &mut TcpStream) -> String {
    let exact = |stream: &mut TcpStream, length| {
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).map(|()| String::from_utf8(bytes).unwrap()).unwrap_or_default()
    };
    let line = |stream: &mut TcpStream| {
        let mut line = String::new();
        while !line.ends_with("\r\n") {
            match exact(stream, 1) {
                byte if byte.is_empty() => return line,
                byte => line.push_str(&byte),
            }
        }
        line
    };
    if let Some((_, rest)) = head.split_once("content-length: ") {
        return exact(stream, rest.split("\r\n").next().unwrap().parse().unwrap());
    }
    let mut body = String::new();
    if head.contains("transfer-encoding: chunked") {
        loop {
            let Ok(size) = usize::from_str_radix(line(stream).trim_end(), 16) else { return body };
            if size == 0 {
                break;
            }
            body.push_str(&exact(stream, size));
            line(stream);
        }
        loop {
            match line(stream).trim_end() {
                "" => break,
                trailer => body.push_str(&format!("|{trailer}")),
            }
        }
    }
    body
}

/// Sends these pieces; gives all that comes back until the connection ends.
fn exchange<'b>(address: &str, pieces: impl Iterator<Item = &'b [u8]>) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut heard = Vec::new();
    std::thread::scope(|scope| {
        let mut reading = stream.try_clone().unwrap();
        let reader = scope.spawn(move || {
            let mut all = Vec::new();
            // A reset behind the answer is an end as well.
            let _end = reading.read_to_end(&mut all);
            all
        });
        for piece in pieces {
            if stream.write_all(piece).is_err() {
                break;
            }
            std::thread::sleep(BETWEEN);
        }
        heard = reader.join().unwrap();
    });
    heard
}

/// The same inside TLS, in one piece.
fn exchange_encrypted(address: &str, ca: &Path, bytes: &[u8]) -> Vec<u8> {
    let roots = portolan_rt::tls::Roots::load(ca).unwrap();
    let tls = portolan_rt::tls::client_config(&roots, None, &["http/1.1"]).unwrap();
    let session = rustls::ClientConnection::new(tls, "localhost".try_into().unwrap()).unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut stream = rustls::StreamOwned::new(session, stream);
    stream.write_all(bytes).unwrap();
    let mut all = Vec::new();
    let _end = stream.read_to_end(&mut all);
    all
}

/// Each answer in a line: status, headers in the order of their names, body, trailers.
fn answers(mut bytes: &[u8], requests: &str) -> Vec<String> {
    let mut methods =
        requests.split("\r\n").filter_map(|line| line.split_once(' ').filter(|(_, rest)| rest.contains(" HTTP/")));
    let mut all = Vec::new();
    while let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        bytes = &bytes[end + 4..];
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().to_owned();
        let mut headers: Vec<String> = lines
            .map(|line| line.split_once(": ").unwrap_or((line, "")))
            .map(|(name, value)| if name == "date" && value.ends_with(" GMT") { (name, "now") } else { (name, value) })
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        headers.sort();
        let interim = status.contains(" 100 ");
        let method = if interim { "" } else { methods.next().map_or("", |(method, _)| method) };
        let bodiless = interim || method == "HEAD" || status.contains(" 204 ") || status.contains(" 304 ");
        let length = headers.iter().find_map(|header| header.strip_prefix("content-length: ")?.parse().ok());
        let body = if bodiless {
            String::new()
        } else if headers.iter().any(|header| header == "transfer-encoding: chunked") {
            dechunk(&mut bytes)
        } else {
            let (body, rest) = bytes.split_at(length.unwrap_or(bytes.len()).min(bytes.len()));
            bytes = rest;
            String::from_utf8(body.to_vec()).unwrap()
        };
        all.push(format!("{status} [{}] {body}", headers.join("; ")));
    }
    if !bytes.is_empty() {
        all.push(format!("and {}", bytes.escape_ascii()));
    }
    all
}

/// Data and trailers; how they were cut does not matter.
fn dechunk(bytes: &mut &[u8]) -> String {
    let mut body = String::new();
    let mut line = |body: &mut String, wanted: usize| {
        let end = bytes.windows(2).position(|two| two == b"\r\n").unwrap_or(bytes.len());
        let end = if wanted == 0 { end } else { wanted.min(bytes.len()) };
        let text = std::str::from_utf8(&bytes[..end]).unwrap().to_owned();
        if wanted > 0 {
            body.push_str(&text);
        }
        *bytes = bytes.get(end + 2..).unwrap_or_default();
        text
    };
    loop {
        match usize::from_str_radix(&line(&mut body, 0), 16) {
            Ok(0) => break,
            Ok(size) => drop(line(&mut body, size)),
            Err(_) => return body + " and no end",
        }
    }
    loop {
        match &*line(&mut body, 0) {
            "" => return body,
            trailer => body.push_str(&format!("|{trailer}")),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_hear_the_same_however_their_bytes_come() {
    let (gateway, files) = Gateway::with(|config| {
        config.limits.header_bytes = 8192;
        config.limits.header_count = 20;
        config.limits.body_bytes = 1000;
    })
    .await;
    let node = node();
    gateway.route_to(&[node.node()], json!({"retries": 0})).await;
    let (address, https, ca) = (gateway.address(), gateway.https_address(), files.ca.clone());
    let wrong = tokio::task::spawn_blocking(move || {
        let mut wrong = Vec::new();
        for (name, sent, expected) in CASES {
            let sent = sent.replace("LARGE", &"x".repeat(9000)).replace("MANY", &"x-a: 1\r\n".repeat(30));
            let sent = sent.replace("BODY", &"x".repeat(2000)).replace("LAST", LAST);
            let expected = expected.replace("LAST", cases::LAST_ANSWER);
            let mut ends: Vec<usize> = sent.match_indices("\r\n").flat_map(|(at, _)| [at + 1, at + 2]).collect();
            ends.push(sent.len());
            let bytes = sent.as_bytes();
            let mut ways: Vec<(String, Vec<&[u8]>)> = vec![("whole".to_owned(), vec![bytes])];
            if sent.len() < 1000 {
                ways.push(("byte by byte".to_owned(), bytes.chunks(1).collect()));
                ways.extend(ends.iter().map(|end| (format!("cut at {end}"), vec![&bytes[..*end], &bytes[*end..]])));
            }
            let mut all: Vec<(String, Vec<u8>)> =
                ways.into_iter().map(|(way, pieces)| (way, exchange(&address, pieces.into_iter()))).collect();
            all.push(("inside TLS".to_owned(), exchange_encrypted(&https, &ca, bytes)));
            for (way, heard) in all {
                let heard = answers(&heard, &sent).join("\n");
                if heard != expected {
                    wrong.push(format!("{name}, {way}:\n{heard}\ninstead of\n{expected}\n"));
                    break;
                }
            }
        }
        wrong
    });
    let wrong = wrong.await.unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_breaks_off_is_not_answered() {
    let (gateway, _files) = Gateway::new().await;
    for begun in ["GET / HTTP/1.1\r\nhost", "GET / HTTP/1.1\r\nhost: h\r\n", "\r\n", "G"] {
        let mut stream = TcpStream::connect(gateway.address()).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(begun.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "", "{begun:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_waits_for_a_word_gets_it_when_the_body_is_wanted() {
    let (gateway, _files) = Gateway::new().await;
    let node = node();
    gateway.route_to(&[node.node()], json!({})).await;
    let mut stream = TcpStream::connect(gateway.address()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let head = "POST /a HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
    for _ in 0..2 {
        stream.write_all(head.as_bytes()).unwrap();
        assert_eq!(raw::read_head(&mut stream), "HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(b"hello").unwrap();
        let answer = raw::read_head(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        let mut body = [0; 13];
        stream.read_exact(&mut body).unwrap();
        assert_eq!(&body, b"POST /a hello");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_answer_is_heard_while_the_body_is_still_on_its_way() {
    let (gateway, _files) = Gateway::new().await;
    let node = raw::Server::start(|mut stream, _| {
        raw::read_head(&mut stream);
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno").unwrap();
        raw::read_all(&mut stream);
    });
    gateway.route_to(&[node.node()], json!({})).await;
    let sent = format!("POST /a HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n", 8 << 20).into_bytes();
    let piece = vec![b'x'; 64 << 10];
    let pieces = std::iter::once(&sent[..]).chain(std::iter::repeat_n(&piece[..], 128));
    let heard = String::from_utf8(exchange(&gateway.address(), pieces)).unwrap();
    assert!(heard.starts_with("HTTP/1.1 403 Forbidden\r\n") && heard.ends_with("\r\n\r\nno"), "{heard}");
    assert_eq!(heard.matches("HTTP/1.1").count(), 1, "{heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_nobody_wants_is_passed_over() {
    let (gateway, _files) = Gateway::new().await;
    let node = node();
    let upstream = json!({"nodes": {node.node(): 1}});
    gateway.put("routes/1", json!({"uri": "/last", "upstream": upstream})).await;
    for body in ["content-length: 5\r\n\r\nhello", "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"] {
        let sent = format!("POST /nowhere HTTP/1.1\r\nhost: h\r\n{body}{LAST}");
        let heard = answers(&exchange(&gateway.address(), [sent.as_bytes()].into_iter()), &sent);
        assert_eq!(heard.len(), 2, "{heard:?}");
        assert!(heard[0].starts_with("HTTP/1.1 404 ") && heard[1] == cases::LAST_ANSWER, "{heard:?}");
    }
    // What can't be read to its end is no place to look for another request.
    let sent = format!(
        "POST /nowhere HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n{LAST}"
    );
    let heard = answers(&exchange(&gateway.address(), [sent.as_bytes()].into_iter()), &sent);
    assert!(heard.len() == 1 && heard[0].contains("[connection: close; "), "{heard:?}");
}
