//! Bodies for entries, copied as they pass.

use std::cell::RefCell;
use std::io::Write;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http::HeaderValue;
use serde_json::{Value, json};

use crate::context::Context;
use crate::expr::Expr;
use crate::plugin::{BodyFilter, Error};

/// Bytes of a body as they have passed.
pub type Captured = Rc<RefCell<BytesMut>>;

/// What a logger keeps of a request until its response is over.
#[derive(Debug, Default)]
pub struct Kept {
    /// Which logger: a global rule and a route may have one each.
    pub(super) owner: usize,
    pub(super) request: Option<Captured>,
    /// Whether the usual form has the request's body.
    pub(super) in_request: bool,
    pub(super) response: Option<Captured>,
}

/// Which bodies.
#[derive(Debug)]
pub(super) struct Which(Option<Expr>);

/// A response's body on its way.
pub(super) enum Copying {
    Plain(Room),
    Gzip(Box<MultiGzDecoder<Room>>),
    Deflate(ZlibDecoder<Room>),
    /// There is no more room, or it is not what its header says.
    Over,
}

/// Takes bytes as long as there is room.
pub(super) struct Room {
    copy: Captured,
    limit: usize,
}

// === impl Which ===

impl Which {
    pub(super) fn compile(only: Option<&Vec<Vec<Value>>>, option: &str) -> Result<Self, Error> {
        let only = only.map(|rules| Expr::compile(&json!(rules))).transpose();
        only.map(Self).map_err(|e| Error::Refused(format!("failed to validate the '{option}' expression: {e}")))
    }

    pub(super) fn takes(&self, context: &Context<'_>) -> bool {
        self.0.as_ref().is_none_or(|only| only.holds(context))
    }
}

// === impl Copying ===

impl Copying {
    /// A compressed body is read as what it says; an encoding that cannot be read is copied as it is.
    pub(super) fn new(copy: Captured, limit: usize, encoding: Option<&HeaderValue>) -> Self {
        let room = Room { copy, limit };
        let encoding = encoding.and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
        match encoding.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Self::Gzip(Box::new(MultiGzDecoder::new(room))),
            "deflate" => Self::Deflate(ZlibDecoder::new(room)),
            _ => Self::Plain(room),
        }
    }
}

impl BodyFilter for Copying {
    fn piece(&mut self, piece: Bytes) -> Bytes {
        let written = match self {
            Self::Plain(room) => room.write_all(&piece),
            Self::Gzip(decoder) => decoder.write_all(&piece),
            Self::Deflate(decoder) => decoder.write_all(&piece),
            Self::Over => Ok(()),
        };
        if written.is_err() {
            *self = Self::Over;
        }
        piece
    }

    fn keeps_body(&self) -> bool {
        true
    }

    fn end(&mut self) -> Bytes {
        // It hands over what it still holds when it goes.
        *self = Self::Over;
        Bytes::new()
    }
}

// === impl Room ===

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut copy = self.copy.borrow_mut();
        let taken = self.limit.saturating_sub(copy.len()).min(bytes.len());
        copy.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(text: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn copies_are_bounded_and_readable() {
        let long = "0123456789".repeat(10_000);
        let cases = [
            (None, b"answer".to_vec(), 100, "answer"),
            (None, b"answer".to_vec(), 3, "ans"),
            (None, Vec::new(), 3, ""),
            (Some("identity"), b"answer".to_vec(), 100, "answer"),
            (Some("br"), b"coded".to_vec(), 100, "coded"),
            (Some("gzip"), gzip(b"answer"), 100, "answer"),
            (Some("GZIP"), [gzip(b"ans"), gzip(b"wer")].concat(), 100, "answer"),
            (Some("gzip"), gzip(long.as_bytes()), 12, "012345678901"),
            (Some("gzip"), gzip(long.as_bytes()), 1 << 20, &long),
            (Some("gzip"), b"no gzip".to_vec(), 100, ""),
            (Some("deflate"), deflate(b"answer"), 100, "answer"),
            (Some("deflate"), deflate(long.as_bytes()), 5, "01234"),
        ];
        for (encoding, sent, limit, expected) in cases {
            for size in [1, 7, 1 << 20] {
                let copy = Captured::default();
                let header = encoding.map(HeaderValue::from_static);
                let mut copying = Copying::new(copy.clone(), limit, header.as_ref());
                let mut passed = Vec::new();
                for piece in sent.chunks(size) {
                    passed.extend_from_slice(&copying.piece(Bytes::copy_from_slice(piece)));
                }
                assert!(copying.end().is_empty() && passed == sent, "the body itself is not touched");
                assert_eq!(String::from_utf8_lossy(&copy.borrow()), *expected, "{encoding:?} {limit} {size}");
            }
        }
    }
}
