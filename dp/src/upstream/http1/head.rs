//! Heads of HTTP/1.1: a request's written straight from where it lies, a response's read where it has arrived.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::{Method, StatusCode, Version, response};
use hyper::ext::ReasonPhrase;

use super::Broken;
use super::decode::Decoder;
use crate::upstream::link::Ask;

/// Headers of a response; more of them is no response.
const MOST_HEADERS: usize = 128;

/// What says how long a request's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// There is none.
    None,
    /// So many bytes.
    Exact(u64),
    /// Chunks will tell.
    Unknown,
}

/// The head of a response.
pub(super) struct Head {
    pub(super) parts: response::Parts,
    pub(super) decoder: Decoder,
    /// Whether another request may follow on the connection.
    pub(super) stays: bool,
}

/// Where a header stands: starts and ends of name and value.
pub(super) type Span = [usize; 4];

/// Writes the head of a request.
pub(super) fn write(ask: &Ask<'_>, length: Length, out: &mut Vec<u8>) {
    let headers = ask.headers;
    out.reserve(256 + (headers.len() + ask.told.len()) * 64);
    for part in [ask.method.as_str(), " ", ask.target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    line(&HOST, ask.host.as_bytes(), out);
    for (name, value) in headers {
        // A length is written below, if there is one to tell. That of nothing may be the client's.
        let passes = match *name {
            CONTENT_LENGTH => length == Length::None && value == "0",
            HOST | TRANSFER_ENCODING => false,
            _ => ask.told.iter().all(|(told, _)| *told != name),
        };
        if passes {
            line(name, value.as_bytes(), out);
        }
    }
    for (name, value) in ask.told {
        line(name, value.as_bytes(), out);
    }
    match length {
        Length::None => {}
        Length::Exact(length) => line(&CONTENT_LENGTH, length.to_string().as_bytes(), out),
        Length::Unknown => line(&TRANSFER_ENCODING, b"chunked", out),
    }
    if let Some(protocol) = ask.upgrade {
        line(&UPGRADE, protocol.as_bytes(), out);
        line(&CONNECTION, b"upgrade", out);
    }
    out.extend_from_slice(b"\r\n");
}

pub(super) fn line(name: &HeaderName, value: &[u8], out: &mut Vec<u8>) {
    for part in [name.as_str().as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// Reads the head of a response, if it is whole, and passes over interim ones. `spans` is only for its memory.
pub(super) fn read(input: &mut BytesMut, method: &Method, spans: &mut Vec<Span>) -> Result<Option<Head>, Broken> {
    loop {
        let mut headers = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; MOST_HEADERS];
        let mut response = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let status = config.parse_response_with_uninit_headers(&mut response, input, &mut headers);
        let httparse::Status::Complete(length) = status.map_err(Broken::Head)? else { return Ok(None) };
        let code = StatusCode::from_u16(response.code.unwrap_or(0)).map_err(|_| Broken::Status)?;
        let reason = response.reason.filter(|reason| code.canonical_reason() != Some(reason));
        let reason = reason.map(|reason| Bytes::copy_from_slice(reason.as_bytes()));
        let version = if response.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
        let base = input.as_ptr() as usize;
        spans.clear();
        spans.extend(response.headers.iter().map(|header| {
            let (name, value) = (header.name.as_ptr() as usize - base, header.value.as_ptr() as usize - base);
            [name, name + header.name.len(), value, value + header.value.len()]
        }));
        let bytes = input.split_to(length).freeze();
        if code.is_informational() && code != StatusCode::SWITCHING_PROTOCOLS {
            continue;
        }
        let mut headers = HeaderMap::with_capacity(spans.len());
        let mut said = Said::default();
        for [name, name_end, value, value_end] in spans.iter().copied() {
            let name = HeaderName::from_bytes(&bytes[name..name_end]).map_err(|_| Broken::Header)?;
            if name == CONNECTION && said.read(&bytes[value..value_end]) {
                continue;
            }
            let value = HeaderValue::from_maybe_shared(bytes.slice(value..value_end)).map_err(|_| Broken::Header)?;
            headers.append(name, value);
        }
        let decoder = Decoder::of(code, version, method, &mut headers)?;
        let stays = said.stays(version) && !decoder.lasts_until_close() && code != StatusCode::SWITCHING_PROTOCOLS;
        let (mut parts, ()) = http::Response::new(()).into_parts();
        parts.status = code;
        parts.version = version;
        parts.headers = headers;
        if let Some(reason) = reason.and_then(|reason| ReasonPhrase::try_from(reason).ok()) {
            parts.extensions.insert(reason);
        }
        return Ok(Some(Head { parts, decoder, stays }));
    }
}

/// What `Connection` says of the connection itself.
#[derive(Debug, Default)]
struct Said {
    close: bool,
    keep_alive: bool,
}

// === impl Said ===

impl Said {
    /// Reads a value. Whether it says nothing else, so that nobody needs it any more.
    fn read(&mut self, value: &[u8]) -> bool {
        let mut alone = true;
        for token in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if token.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if token.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else {
                alone = false;
            }
        }
        alone
    }

    fn stays(&self, version: Version) -> bool {
        !self.close && (self.keep_alive || version == Version::HTTP_11)
    }
}
