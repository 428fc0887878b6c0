//! Reads bodies that upstreams have compressed.

use std::io::Write as _;

use bytes::Bytes;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http::HeaderValue;

/// A body's decompression, piece by piece.
#[derive(Debug)]
pub(crate) enum Decoder {
    Plain,
    Gzip(MultiGzDecoder<Vec<u8>>),
    Deflate(ZlibDecoder<Vec<u8>>),
    /// It was not what its header said; nothing more can be read.
    Broken,
}

// === impl Decoder ===

impl Decoder {
    /// For a Content-Encoding; `None` for one that cannot be read.
    pub(crate) fn of(encoding: Option<&HeaderValue>) -> Option<Self> {
        match encoding.map_or(Ok("identity"), HeaderValue::to_str).ok()?.trim().to_ascii_lowercase().as_str() {
            "identity" | "" => Some(Self::Plain),
            "gzip" | "x-gzip" => Some(Self::Gzip(MultiGzDecoder::new(Vec::new()))),
            "deflate" => Some(Self::Deflate(ZlibDecoder::new(Vec::new()))),
            _ => None,
        }
    }

    /// What can be read with this piece.
    pub(crate) fn piece(&mut self, piece: Bytes) -> Bytes {
        let read = match self {
            Self::Plain => return piece,
            Self::Gzip(decoder) => decoder.write_all(&piece).map(|()| std::mem::take(decoder.get_mut())),
            Self::Deflate(decoder) => decoder.write_all(&piece).map(|()| std::mem::take(decoder.get_mut())),
            Self::Broken => return Bytes::new(),
        };
        self.read(read)
    }

    /// What was still held.
    pub(crate) fn end(&mut self) -> Bytes {
        let read = match self {
            Self::Plain | Self::Broken => return Bytes::new(),
            Self::Gzip(decoder) => decoder.try_finish().map(|()| std::mem::take(decoder.get_mut())),
            Self::Deflate(decoder) => decoder.try_finish().map(|()| std::mem::take(decoder.get_mut())),
        };
        self.read(read)
    }

    fn read(&mut self, read: std::io::Result<Vec<u8>>) -> Bytes {
        read.map(Bytes::from).unwrap_or_else(|error| {
            tracing::warn!(%error, "response-rewrite: the upstream's body is not compressed as it says");
            *self = Self::Broken;
            Bytes::new()
        })
    }
}
