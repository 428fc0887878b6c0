//! Where the body of a response ends (RFC 9112 6.3).

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{Method, StatusCode, Version};
use http_body::Frame;

use super::Broken;
use crate::worker::framing::{chunk_size, is_visible};

/// A line with the size of a chunk, and all trailers, are shorter than this.
const LINE: usize = 16 * 1024;
const MOST_TRAILERS: usize = 64;

/// How far a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoder {
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
    /// All that comes until the node closes.
    UntilClose,
    /// It is over.
    Over,
}

/// What the bytes that have come amount to.
pub(super) enum Step {
    Frame(Frame<Bytes>),
    /// More must come first.
    More,
    Over,
}

// === impl Decoder ===

impl Decoder {
    /// The body behind this head. A length beside a transfer coding says nothing, and goes.
    pub(super) fn of(
        status: StatusCode,
        version: Version,
        method: &Method,
        headers: &mut HeaderMap,
    ) -> Result<Self, Broken> {
        let none = [StatusCode::SWITCHING_PROTOCOLS, StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];
        if *method == Method::HEAD || none.contains(&status) {
            return Ok(Self::Over);
        }
        if let Some(last) = headers.get_all(TRANSFER_ENCODING).iter().next_back() {
            if version == Version::HTTP_10 {
                return Err(Broken::Framing);
            }
            let coding = last.as_bytes().rsplit(|byte| *byte == b',').next().unwrap_or_default().trim_ascii();
            let chunked = coding.eq_ignore_ascii_case(b"chunked");
            headers.remove(CONTENT_LENGTH);
            return Ok(if chunked { Self::ChunkSize } else { Self::UntilClose });
        }
        let mut length = None;
        for value in headers.get_all(CONTENT_LENGTH) {
            for number in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                let digits = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
                let number = std::str::from_utf8(number).ok().filter(|_| digits).and_then(|text| text.parse().ok());
                let number = number.ok_or(Broken::Framing)?;
                if length.is_some_and(|length| length != number) {
                    return Err(Broken::Framing);
                }
                length = Some(number);
            }
        }
        Ok(match length {
            None => Self::UntilClose,
            Some(0) => Self::Over,
            Some(length) => Self::Length(length),
        })
    }

    /// Whether the end of the body is that of the connection.
    pub(super) fn lasts_until_close(self) -> bool {
        self == Self::UntilClose
    }

    /// How many bytes of data are certainly to come next.
    pub(super) fn ahead(self) -> Option<u64> {
        match self {
            Self::Length(left) | Self::Chunk(left) => Some(left),
            _ => None,
        }
    }

    /// Takes the next piece out of what has come.
    pub(super) fn step(&mut self, input: &mut BytesMut) -> Result<Step, Broken> {
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
                    let Some(line) = take_line(input)? else { return Ok(Step::More) };
                    let size = padded_size(&line).ok_or(Broken::Framing)?;
                    *self = if size == 0 { Self::Trailers } else { Self::Chunk(size) };
                }
                Self::ChunkEnd => {
                    let Some(line) = take_line(input)? else { return Ok(Step::More) };
                    if !line.is_empty() {
                        return Err(Broken::Framing);
                    }
                    *self = Self::ChunkSize;
                }
                Self::Trailers => {
                    let Some(trailers) = take_trailers(input)? else { return Ok(Step::More) };
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
    let (size, extension) = line.split_at(memchr::memchr(b';', line).unwrap_or(line.len()));
    let padding = size.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    chunk_size(&size[..size.len() - padding]).filter(|_| is_visible(extension))
}

/// A line without its end.
fn take_line(input: &mut BytesMut) -> Result<Option<BytesMut>, Broken> {
    let Some(end) = memchr::memchr(b'\n', input) else {
        return if input.len() > LINE { Err(Broken::Framing) } else { Ok(None) };
    };
    let mut line = input.split_to(end + 1);
    if !line.ends_with(b"\r\n") {
        return Err(Broken::Framing);
    }
    line.truncate(end - 1);
    Ok(Some(line))
}

fn take_trailers(input: &mut BytesMut) -> Result<Option<HeaderMap>, Broken> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_TRAILERS];
    let parsed = httparse::parse_headers(input, &mut headers).map_err(Broken::Head)?;
    let httparse::Status::Complete((length, headers)) = parsed else {
        return if input.len() > LINE { Err(Broken::Framing) } else { Ok(None) };
    };
    let mut trailers = HeaderMap::with_capacity(headers.len());
    for header in headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| Broken::Header)?;
        trailers.append(name, HeaderValue::from_bytes(header.value).map_err(|_| Broken::Header)?);
    }
    let _taken = input.split_to(length);
    Ok(Some(trailers))
}
