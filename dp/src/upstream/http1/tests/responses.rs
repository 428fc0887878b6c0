//! Random responses of nodes: mostly sense, some of it spoiled.

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;

pub(super) fn chance(rng: &mut StdRng, percent: u32) -> bool {
    rng.random_range(0..100) < percent
}

fn pick<'a>(rng: &mut StdRng, from: &[&'a str]) -> &'a str {
    from.choose(rng).unwrap()
}

fn content(rng: &mut StdRng) -> Vec<u8> {
    let length = if chance(rng, 3) { rng.random_range(0..9_000) } else { rng.random_range(0..40) };
    (0..length).map(|_| *b"abc \r\n0:;\xff".choose(rng).unwrap()).collect()
}

fn chunks(rng: &mut StdRng, content: &[u8]) -> Vec<u8> {
    let (mut out, mut left) = (Vec::new(), content);
    while !left.is_empty() {
        let (piece, rest) = left.split_at(rng.random_range(1..=left.len()));
        left = rest;
        let zeros = pick(rng, &["", "", "", "0", "000"]);
        let size = if chance(rng, 50) { format!("{:x}", piece.len()) } else { format!("{:X}", piece.len()) };
        let more = pick(rng, &["", "", "", "", ";a=b", "; a=\"b\"", " ", "\t ", " ;x"]);
        out.extend_from_slice(format!("{zeros}{size}{more}\r\n").as_bytes());
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(pick(rng, &["0\r\n", "0\r\n", "000\r\n", "0;last\r\n", "0 \r\n"]).as_bytes());
    let trailers = if chance(rng, 2) { rng.random_range(60..110) } else { rng.random_range(0..3) };
    for at in 0..trailers {
        out.extend_from_slice(format!("t-{at}: {}\r\n", pick(rng, &["1", "", " x ", "a,b"])).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// What a node might say to a request with this method: mostly sense.
pub(super) fn response(rng: &mut StdRng) -> Vec<u8> {
    let mut text = String::new();
    for _ in 0..rng.random_range(0..8_usize).saturating_sub(5) {
        text.push_str(pick(
            rng,
            &[
                "HTTP/1.1 100 Continue\r\n\r\n",
                "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n",
                "HTTP/1.1 102 \r\n\r\n",
            ],
        ));
    }
    text.push_str(pick(
        rng,
        &[
            "HTTP/1.1 200 OK",
            "HTTP/1.1 200 OK",
            "HTTP/1.1 200 OK",
            "HTTP/1.1 200",
            "HTTP/1.1 206 ",
            "HTTP/1.1 204 No Content",
            "HTTP/1.1 304 Not Modified",
            "HTTP/1.0 200 OK",
            "HTTP/1.1 500 Oh no",
            "HTTP/1.1 999 Most",
            "HTTP/1.1 101 Switching Protocols",
        ],
    ));
    text.push_str("\r\n");
    let fields = if chance(rng, 3) { rng.random_range(80..140) } else { rng.random_range(0..4) };
    for _ in 0..fields {
        text.push_str(pick(
            rng,
            &[
                "x-a: 1\r\n",
                "X-B:two words \r\n",
                "x-a:\r\n",
                "Set-Cookie: a=b; c\r\n",
                "date: \t now\r\n",
                "connection: close\r\n",
                "Connection: keep-alive\r\n",
                "connection: x, Keep-Alive ,y\r\n",
                "connection: a,CLOSE\r\n",
            ],
        ));
    }
    let content = content(rng);
    let (right, wrong) = (content.len(), content.len() + rng.random_range(1..5_usize));
    let mut body = content.clone();
    match rng.random_range(0..16) {
        0 => {}
        1..=4 => text.push_str(&format!("content-length: {right}\r\n")),
        5 => text.push_str(&format!("Content-Length: {right}\r\ncontent-length: {right}\r\n")),
        6 => text.push_str(&format!("content-length: {right}, {right}\r\n")),
        7 => text.push_str(&format!("content-length: {right}\r\ncontent-length: {wrong}\r\n")),
        8 => text.push_str(&format!(
            "content-length: {}\r\n",
            pick(rng, &["", "+3", "-1", "0x3", "3 3", "99999999999999999999", "1"])
        )),
        9 => text.push_str(&format!("content-length: {wrong}\r\n")),
        coded => {
            let coding = pick(
                rng,
                &[
                    "chunked",
                    "Chunked",
                    "gzip, chunked",
                    "gzip,chunked ",
                    "chunked, gzip",
                    "gzip",
                    "identity",
                    "xchunked",
                ],
            );
            text.push_str(&format!("transfer-encoding: {coding}\r\n"));
            if coded == 10 {
                text.push_str(&format!("content-length: {right}\r\n"));
            }
            if coded == 11 {
                text.push_str("Transfer-Encoding: chunked\r\n");
            }
            body = chunks(rng, &content);
        }
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend(body);
    if chance(rng, 5) {
        bytes.extend_from_slice(pick(rng, &["\r\n", "x", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]).as_bytes());
    }
    bytes
}

/// Some of it becomes something else.
pub(super) fn spoil(rng: &mut StdRng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.random_range(1..4_u32) {
        // The beginning is where it matters.
        let most = if chance(rng, 70) { bytes.len().min(200) } else { bytes.len() };
        let at = rng.random_range(0..=most);
        let odd = *b"\r\n\0 :;,\x80\x7f\ta0H/.".choose(rng).unwrap();
        match rng.random_range(0..5) {
            0 if at < bytes.len() => bytes[at] = odd,
            1 => bytes.insert(at, odd),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => bytes.truncate(at),
            4 => {
                let again = bytes[at..bytes.len().min(at + 12)].to_vec();
                bytes.splice(at..at, again);
            }
            _ => {}
        }
    }
}
