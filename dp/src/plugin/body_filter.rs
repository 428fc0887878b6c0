//! Changes to a response body on its way.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, ETAG, LAST_MODIFIED};

/// A change to a response body on its way; one per response.
pub trait BodyFilter {
    /// Takes a piece, gives what takes its place.
    fn piece(&mut self, piece: Bytes) -> Bytes;
    /// Whether it only looks on: what goes out is what came in, and its length stays true.
    fn keeps_body(&self) -> bool {
        false
    }
    /// Called once after the last piece, for what was held back.
    fn end(&mut self) -> Bytes {
        Bytes::new()
    }
}

/// Takes out the headers that speak of the body as the upstream sent it.
pub fn announce_changed_body(headers: &mut HeaderMap) {
    for name in [CONTENT_LENGTH, CONTENT_ENCODING, LAST_MODIFIED, ETAG] {
        headers.remove(name);
    }
}
