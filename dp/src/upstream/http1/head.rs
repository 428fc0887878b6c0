//! Heads of HTTP/1.1: a request's written straight from where it lies, a response's read where it has arrived.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::{Method, StatusCode, Version, response};
use hyper::ext::ReasonPhrase;

use super::Broken;
use super::lines::{Form, Lines, Usual};
use crate::http1::{Decoder, Said, Span, Text, decimal, name, span, take_map};
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
    /// Its map of headers is empty where there are lines.
    pub(super) parts: response::Parts,
    pub(super) lines: Option<Lines>,
    pub(super) decoder: Decoder,
    /// Whether another request may follow on the connection.
    pub(super) stays: bool,
}

/// Writes the head of a request.
pub(super) fn write(ask: &Ask<'_>, length: Length, out: &mut Text) {
    let headers = ask.headers;
    out.put(ask.method.as_str().as_bytes());
    out.put(b" ");
    out.put(ask.target.as_bytes());
    out.put(b" HTTP/1.1\r\nhost: ");
    out.put(ask.host.as_bytes());
    out.put(b"\r\n");
    for (name, value) in headers {
        // A length is written below, if there is one to tell. That of nothing may be the client's.
        let passes = match *name {
            CONTENT_LENGTH => length == Length::None && value == "0",
            HOST | TRANSFER_ENCODING => false,
            _ => ask.told.iter().all(|(told, _)| *told != name),
        };
        if passes {
            out.header(name, value);
        }
    }
    for (name, value) in ask.told {
        out.header(name, value);
    }
    match length {
        Length::None => {}
        Length::Exact(length) => {
            out.put(b"content-length: ");
            out.number(length, 10);
            out.put(b"\r\n");
        }
        Length::Unknown => out.put(b"transfer-encoding: chunked\r\n"),
    }
    if let Some(protocol) = ask.upgrade {
        out.header(&UPGRADE, protocol);
        out.put(b"connection: upgrade\r\n");
    }
    out.put(b"\r\n");
}

/// Reads the head of a response, if it is whole, and passes over interim ones. `spans` is only for its memory.
pub(super) fn read(
    input: &mut BytesMut,
    method: &Method,
    form: Form,
    spans: &mut Vec<Span>,
) -> Result<Option<Head>, Broken> {
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
        spans.extend(response.headers.iter().map(|header| span(header, base)));
        let bytes = input.split_to(length);
        if code.is_informational() && code != StatusCode::SWITCHING_PROTOCOLS {
            continue;
        }
        let (mut parts, ()) = http::Response::new(()).into_parts();
        parts.status = code;
        parts.version = version;
        if let Some(reason) = reason.and_then(|reason| ReasonPhrase::try_from(reason).ok()) {
            parts.extensions.insert(reason);
        }
        if form == Form::Lines
            && *method != Method::HEAD
            && Usual::has(code)
            && let Some(usual) = Usual::read(&bytes, spans)
        {
            let decoder = Decoder::of_length(usual.length);
            let stays = usual.said.stays(version);
            return Ok(Some(Head { parts, lines: Some(usual.into_lines(bytes, spans)), decoder, stays }));
        }
        let bytes = bytes.freeze();
        let mut headers = take_map(spans.len());
        let mut said = Said::default();
        for [start, name_end, value, value_end] in spans.iter().copied() {
            let name = name(&bytes[start..name_end]).map_err(|_| Broken::Header)?;
            if name == CONNECTION && said.read(&bytes[value..value_end]) {
                continue;
            }
            let value = HeaderValue::from_maybe_shared(bytes.slice(value..value_end)).map_err(|_| Broken::Header)?;
            headers.append(name, value);
        }
        let decoder = body(code, version, method, &mut headers)?;
        let stays = said.stays(version) && !decoder.lasts_until_close() && code != StatusCode::SWITCHING_PROTOCOLS;
        parts.headers = headers;
        return Ok(Some(Head { parts, lines: None, decoder, stays }));
    }
}

/// The body behind a head. A length beside a transfer coding says nothing, and goes.
fn body(status: StatusCode, version: Version, method: &Method, headers: &mut HeaderMap) -> Result<Decoder, Broken> {
    let none = [StatusCode::SWITCHING_PROTOCOLS, StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];
    if *method == Method::HEAD || none.contains(&status) {
        return Ok(Decoder::Over);
    }
    if let Some(last) = headers.get_all(TRANSFER_ENCODING).iter().next_back() {
        if version == Version::HTTP_10 {
            return Err(Broken::Framing);
        }
        let coding = last.as_bytes().rsplit(|byte| *byte == b',').next().unwrap_or_default().trim_ascii();
        let chunked = coding.eq_ignore_ascii_case(b"chunked");
        headers.remove(CONTENT_LENGTH);
        return Ok(if chunked { Decoder::ChunkSize } else { Decoder::UntilClose });
    }
    let mut length = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        for number in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            let number = decimal(number).ok_or(Broken::Framing)?;
            if length.is_some_and(|length| length != number) {
                return Err(Broken::Framing);
            }
            length = Some(number);
        }
    }
    Ok(length.map_or(Decoder::UntilClose, Decoder::of_length))
}
