//! The headers of a usual response as the lines that a client of HTTP/1.1 gets. Where nobody looks at them they need not be taken
//! apart, into a map, and put together again: that is most of what the head of a response costs.
//!
//! What is in any way unusual goes the long way: a body that is not so many bytes, headers of one hop, lines that are not written
//! as the gateway writes them.

use bytes::BytesMut;
use http::StatusCode;
use http::header::{DATE, HeaderName};
use memchr::memchr;

use crate::http1::{Said, Span, decimal};

/// Longer names go the long way, where they have a limit.
const LONGEST_NAME: usize = 255;

/// How whoever asks wants the headers of the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Somebody looks at them.
    Map,
    /// They only pass: lines will do where the response is a usual one.
    Lines,
}

/// The lines, ready to be written.
#[derive(Debug)]
pub struct Lines {
    /// With their ends, and with names in lower case. What says who answers, how long the body is and whether the connection stays
    /// is not among them: that is for whoever writes them.
    pub text: BytesMut,
    /// Whether they say when.
    pub dated: bool,
}

/// What a usual head says.
#[derive(Debug, Default)]
pub(super) struct Usual {
    pub(super) length: u64,
    pub(super) said: Said,
    dated: bool,
    /// A bit for each line that does not pass.
    dropped: u128,
}

// === impl Lines ===

impl Lines {
    /// Takes out all lines of a name: the gateway has another value.
    pub fn remove(&mut self, name: &HeaderName) {
        let mut at = 0;
        while at < self.text.len() {
            let rest = &self.text[at..];
            let length = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            if rest.strip_prefix(name.as_str().as_bytes()).is_some_and(|rest| rest.starts_with(b":")) {
                self.text.copy_within(at + length.., at);
                self.text.truncate(self.text.len() - length);
            } else {
                at += length;
            }
        }
        self.dated &= *name != DATE;
    }
}

// === impl Usual ===

impl Usual {
    /// Whether a response with this status may be a usual one: there is a body, and nothing of the gateway's is added.
    pub(super) fn has(status: StatusCode) -> bool {
        matches!(status.as_u16(), 200..=499) && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
    }

    /// Reads a head. `None`: it is not usual, or it is none.
    pub(super) fn read(head: &[u8], headers: &[Span]) -> Option<Self> {
        let mut usual = Self::default();
        let mut length = None;
        for (at, [start, colon, value, end]) in headers.iter().copied().enumerate() {
            let ([b':', b' '], [b'\r', b'\n', ..]) = (head.get(colon..value)?, head.get(end..)?) else { return None };
            let (name, value) = (head.get(start..colon)?, head.get(value..end)?);
            let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
            let passes = match name.len() {
                4 if is(b"date") => {
                    usual.dated = true;
                    true
                }
                6 => !is(b"server"),
                7 if is(b"trailer") || is(b"upgrade") => return None,
                10 if is(b"connection") => {
                    if !usual.said.read(value) {
                        return None;
                    }
                    false
                }
                10 if is(b"keep-alive") => return None,
                14 if is(b"content-length") => {
                    if length.replace(decimal(value)?).is_some() {
                        return None;
                    }
                    false
                }
                16 if is(b"proxy-connection") => return None,
                17 if is(b"transfer-encoding") => return None,
                1..=LONGEST_NAME => true,
                _ => return None,
            };
            if !passes {
                usual.dropped |= 1_u128.checked_shl(u32::try_from(at).ok()?)?;
            }
        }
        usual.length = length?;
        Some(usual)
    }

    /// The lines that pass, in the memory of the head that was read.
    pub(super) fn into_lines(self, mut head: BytesMut, headers: &[Span]) -> Lines {
        let mut filled = 0;
        for (at, [start, colon, _, end]) in headers.iter().copied().enumerate() {
            if self.dropped >> at & 1 == 0 {
                head[start..colon].make_ascii_lowercase();
                head.copy_within(start..end + 2, filled);
                filled += end + 2 - start;
            }
        }
        head.truncate(filled);
        Lines { text: head, dated: self.dated }
    }
}
