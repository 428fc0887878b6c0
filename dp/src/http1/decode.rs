//! Where a body ends (RFC 9112 6.3).

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http_body::Frame;
use memchr::{memchr, memchr_iter};

/// All trailers, and a node's line with the size of a chunk, are shorter than this.
const LINE: usize = 16 * 1024;
/// A client's line with the size of a chunk: extensions, which say nothing here, are short.
const CLIENT_LINE: usize = 1024;
const MOST_TRAILERS: usize = 64;

/// Who is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Strictly.
    Client,
    /// As everybody reads servers.
    Node,
}

/// Chunks or trailers are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not made as HTTP asks for")]
pub struct Malformed;

/// How far a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decoder {
    /// So many bytes are to come.
    Length(u64),
    /// The size of a chunk is next.
    ChunkSize,
    /// So many bytes of a chunk are to come.
    Chunk(u64),
    /// The end of a chunk is next.
    ChunkEnd,
    /// Trailers, or the empty line, are next.
    Trailers,
    /// All that comes until the other side closes.
    UntilClose,
    /// It is over.
    Over,
}

/// What the bytes that have come amount to.
pub(crate) enum Step {
    Frame(Frame<Bytes>),
    /// More must come first.
    More,
    Over,
}

// === impl Decoder ===

impl Decoder {
    /// A body of so many bytes.
    pub(crate) fn of_length(length: u64) -> Self {
        if length == 0 { Self::Over } else { Self::Length(length) }
    }

    /// Whether the end of the body is that of the connection.
    pub(crate) fn lasts_until_close(self) -> bool {
        self == Self::UntilClose
    }

    /// How many bytes of data are certainly to come next.
    pub(crate) fn ahead(self) -> Option<u64> {
        match self {
            Self::Length(left) | Self::Chunk(left) => Some(left),
            _ => None,
        }
    }

    /// Takes the next piece out of what has come.
    pub(crate) fn step(&mut self, input: &mut BytesMut, peer: Peer) -> Result<Step, Malformed> {
        loop {
            match *self {
                Self::Over => return Ok(Step::Over),
                _ if input.is_empty() => return Ok(Step::More),
                Self::UntilClose => return Ok(Step::Frame(Frame::data(input.split().freeze()))),
                Self::Length(left) => {
                    let (piece, left) = take(input, left);
                    *self = if left == 0 { Self::Over } else { Self::Length(left) };
                    return Ok(Step::Frame(Frame::data(piece)));
                }
                Self::Chunk(left) => {
                    let (piece, left) = take(input, left);
                    *self = if left == 0 { Self::ChunkEnd } else { Self::Chunk(left) };
                    return Ok(Step::Frame(Frame::data(piece)));
                }
                Self::ChunkSize => {
                    let Some(line) = take_line(input, peer)? else { return Ok(Step::More) };
                    let size = match peer {
                        Peer::Client => chunk_size(&line),
                        Peer::Node => padded_size(&line),
                    };
                    let size = size.ok_or(Malformed)?;
                    *self = if size == 0 { Self::Trailers } else { Self::Chunk(size) };
                }
                Self::ChunkEnd => {
                    let Some(line) = take_line(input, peer)? else { return Ok(Step::More) };
                    if !line.is_empty() {
                        return Err(Malformed);
                    }
                    *self = Self::ChunkSize;
                }
                Self::Trailers => {
                    let Some(trailers) = take_trailers(input, peer)? else { return Ok(Step::More) };
                    *self = Self::Over;
                    if !trailers.is_empty() {
                        return Ok(Step::Frame(Frame::trailers(trailers)));
                    }
                }
            }
        }
    }
}

fn take(input: &mut BytesMut, left: u64) -> (Bytes, u64) {
    let length = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
    (input.split_to(length).freeze(), left - length as u64)
}

/// The size of a chunk. Old servers write it into a field of fixed width, with blanks behind; everybody reads that.
fn padded_size(line: &[u8]) -> Option<u64> {
    let (size, extension) = line.split_at(memchr(b';', line).unwrap_or(line.len()));
    let padding = size.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    chunk_size(&size[..size.len() - padding]).filter(|_| is_visible(extension))
}

/// Digits, and extensions that say nothing here.
fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = &line[..memchr(b';', line).unwrap_or(line.len())];
    let valid = (1..=15).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    u64::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| valid && is_visible(line))?, 16).ok()
}

/// Whether nothing in a line controls anything.
fn is_visible(line: &[u8]) -> bool {
    line.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f))
}

/// A line without its end.
fn take_line(input: &mut BytesMut, peer: Peer) -> Result<Option<BytesMut>, Malformed> {
    let most = if peer == Peer::Client { CLIENT_LINE } else { LINE };
    let Some(end) = memchr(b'\n', &input[..input.len().min(most + 1)]) else {
        return if input.len() > most { Err(Malformed) } else { Ok(None) };
    };
    let mut line = input.split_to(end + 1);
    if !line.ends_with(b"\r\n") {
        return Err(Malformed);
    }
    line.truncate(end - 1);
    Ok(Some(line))
}

fn take_trailers(input: &mut BytesMut, peer: Peer) -> Result<Option<HeaderMap>, Malformed> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_TRAILERS];
    let parsed = httparse::parse_headers(input, &mut headers).map_err(|_| Malformed)?;
    let httparse::Status::Complete((length, headers)) = parsed else {
        return if input.len() > LINE { Err(Malformed) } else { Ok(None) };
    };
    if peer == Peer::Client && (length > LINE || has_bare_line_feed(&input[..length])) {
        return Err(Malformed);
    }
    let mut trailers = HeaderMap::with_capacity(headers.len());
    for header in headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| Malformed)?;
        if peer == Peer::Client && [CONTENT_LENGTH, TRANSFER_ENCODING, HOST].contains(&name) {
            return Err(Malformed);
        }
        trailers.append(name, HeaderValue::from_bytes(header.value).map_err(|_| Malformed)?);
    }
    let _taken = input.split_to(length);
    Ok(Some(trailers))
}

fn has_bare_line_feed(bytes: &[u8]) -> bool {
    memchr_iter(b'\n', bytes).any(|at| at == 0 || bytes[at - 1] != b'\r')
}
