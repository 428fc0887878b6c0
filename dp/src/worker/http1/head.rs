//! The head of a request, read strictly: what is not as RFC 9112 asks for is refused, and so is what it lets a recipient forgive.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HeaderMap, HeaderValue, TE, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Method, StatusCode, Uri, Version};
use httparse::{Error, Status};
use memchr::memchr_iter;

use crate::config::Limits;
use crate::http1::{Decoder, Said, Span, decimal, name, span, take_map};

/// Headers for which there is room on the stack.
const USUAL: usize = 128;
/// A longer target is no target to the library that takes it apart.
const LONGEST_TARGET: usize = u16::MAX as usize - 1;

/// A request without its body.
pub(super) struct Head {
    pub(super) parts: Parts,
    pub(super) asked: Asked,
    /// The body to come.
    pub(super) decoder: Decoder,
    /// Whether the body comes only when it is asked for.
    pub(super) expects: bool,
}

/// What the response depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) version: Version,
    /// Only the head is wanted.
    pub(super) head_only: bool,
    /// Another request may follow.
    pub(super) stays: bool,
    /// Trailers are understood.
    pub(super) trailers: bool,
}

/// Memory of the connection.
#[derive(Debug, Default)]
pub(super) struct Spare {
    spans: Vec<Span>,
    /// How much was there when a head was not whole.
    seen: usize,
}

/// Reads a head, if it is whole. The error is the answer to what is none.
pub(super) fn read(input: &mut BytesMut, limits: &Limits, spare: &mut Spare) -> Result<Option<Head>, StatusCode> {
    if input.is_empty() || (spare.seen > 0 && !may_end(&input[spare.seen.saturating_sub(3)..])) {
        return partial(input, limits, spare);
    }
    let mut usual = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; USUAL];
    let mut many = Vec::new();
    let room = if limits.header_count <= USUAL {
        &mut usual[..limits.header_count]
    } else {
        many.resize_with(limits.header_count, MaybeUninit::uninit);
        &mut many[..]
    };
    let mut request = httparse::Request::new(&mut []);
    let parsed = httparse::ParserConfig::default().parse_request_with_uninit_headers(&mut request, input, room);
    let length = match parsed {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return partial(input, limits, spare),
        Err(Error::TooManyHeaders) => return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        Err(_) => return Err(StatusCode::BAD_REQUEST),
    };
    spare.seen = 0;
    if length > limits.header_bytes {
        return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    let (Some(method), Some(target), Some(version)) = (request.method, request.path, request.version) else {
        return Err(StatusCode::BAD_REQUEST);
    };
    let base = input.as_ptr() as usize;
    let spans = &mut spare.spans;
    spans.clear();
    spans.extend(request.headers.iter().map(|header| span(header, base)));
    if !ends_lines(&input[..length], method.as_ptr() as usize - base, spans) {
        return Err(StatusCode::BAD_REQUEST);
    }
    if target.len() > LONGEST_TARGET {
        return Err(StatusCode::URI_TOO_LONG);
    }
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| StatusCode::BAD_REQUEST)?;
    let (start, end) = (target.as_ptr() as usize - base, target.as_ptr() as usize - base + target.len());
    let version = if version == 1 { Version::HTTP_11 } else { Version::HTTP_10 };
    let bytes = input.split_to(length).freeze();
    let uri = Uri::from_maybe_shared(bytes.slice(start..end)).map_err(|_| StatusCode::BAD_REQUEST)?;
    let mut meaning = Meaning { version, ..Meaning::default() };
    let mut headers = take_map(spans.len());
    meaning.read(&bytes, spans, &mut headers).ok_or(StatusCode::BAD_REQUEST)?;
    let decoder = meaning.decoder();
    let (mut parts, ()) = http::Request::new(()).into_parts();
    let head_only = method == Method::HEAD;
    (parts.method, parts.uri, parts.version, parts.headers) = (method, uri, version, headers);
    let asked = Asked { version, head_only, stays: meaning.said.stays(version), trailers: meaning.trailers };
    let expects = meaning.expects && version == Version::HTTP_11;
    Ok(Some(Head { parts, asked, decoder, expects }))
}

/// It is not whole. How long may it grow?
fn partial(input: &BytesMut, limits: &Limits, spare: &mut Spare) -> Result<Option<Head>, StatusCode> {
    spare.seen = input.len();
    let fits = input.len() < limits.header_bytes;
    if fits { Ok(None) } else { Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE) }
}

/// Whether the end of a head may be here: a head that comes in many pieces is not read anew for each of them.
fn may_end(bytes: &[u8]) -> bool {
    memchr_iter(b'\n', bytes).any(|at| matches!(bytes[at + 1..], [b'\n', ..] | [b'\r', b'\n', ..]))
}

/// Whether each line ends in CR and LF. The parser takes a bare LF for an end too, but no bare CR for anything.
fn ends_lines(head: &[u8], start: usize, headers: &[Span]) -> bool {
    head[..start].chunks(2).all(|line| line == b"\r\n")
        && headers.iter().all(|[name, ..]| head[name - 2] == b'\r')
        && head.ends_with(b"\r\n\r\n")
}

/// What the headers say of the connection and of the body.
#[derive(Debug, Default)]
struct Meaning {
    version: Version,
    said: Said,
    length: Option<u64>,
    chunked: bool,
    expects: bool,
    trailers: bool,
}

// === impl Meaning ===

impl Meaning {
    /// Reads all headers. Those that say nothing to anybody else do not get into the map.
    fn read(&mut self, bytes: &Bytes, spans: &[Span], headers: &mut HeaderMap) -> Option<()> {
        for [name_start, name_end, start, end] in spans.iter().copied() {
            let name = name(&bytes[name_start..name_end]).ok()?;
            let value = &bytes[start..end];
            match name {
                CONTENT_LENGTH => {
                    let told_before = self.length.replace(decimal(value)?).is_some();
                    if told_before || self.chunked {
                        return None;
                    }
                }
                TRANSFER_ENCODING => {
                    let only = value.eq_ignore_ascii_case(b"chunked") && self.version == Version::HTTP_11;
                    if !only || self.length.is_some() || std::mem::replace(&mut self.chunked, true) {
                        return None;
                    }
                    continue;
                }
                CONNECTION if self.said.read(value) => continue,
                EXPECT => self.expects = value.eq_ignore_ascii_case(b"100-continue"),
                TE => {
                    let mut tokens = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
                    self.trailers |= tokens.any(|token| token.eq_ignore_ascii_case(b"trailers"));
                }
                _ => {}
            }
            headers.append(name, HeaderValue::from_maybe_shared(bytes.slice(start..end)).ok()?);
        }
        Some(())
    }

    fn decoder(&self) -> Decoder {
        match (self.chunked, self.length) {
            (true, _) => Decoder::ChunkSize,
            (false, length) => Decoder::of_length(length.unwrap_or(0)),
        }
    }
}
