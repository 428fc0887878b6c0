//! Lines of heads.

use http::Version;
use http::header::{self, HeaderMap, HeaderName, TRAILER};

/// Trailers that would change what has been said already.
static FORBIDDEN_TRAILERS: [HeaderName; 12] = [
    header::AUTHORIZATION,
    header::CACHE_CONTROL,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::HOST,
    header::MAX_FORWARDS,
    header::SET_COOKIE,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
];

/// Where a header stands: starts and ends of name and value.
pub(crate) type Span = [usize; 4];

/// Where a header stands in the bytes that begin at `base`.
pub(crate) fn span(header: &httparse::Header<'_>, base: usize) -> Span {
    let (name, value) = (header.name.as_ptr() as usize - base, header.value.as_ptr() as usize - base);
    [name, name + header.name.len(), value, value + header.value.len()]
}

/// The trailers that a head announces and may announce.
pub(crate) fn announced(headers: &HeaderMap) -> Vec<HeaderName> {
    let names = headers.get_all(TRAILER).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let names = names.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok());
    names.filter(|name| !FORBIDDEN_TRAILERS.contains(name)).collect()
}

/// A number of digits and nothing else.
pub(crate) fn decimal(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()
}

/// What `Connection` says of the connection itself.
#[derive(Debug, Default)]
pub(crate) struct Said {
    close: bool,
    keep_alive: bool,
}

// === impl Said ===

impl Said {
    /// Reads a value. Whether it says nothing else, so that nobody needs it any more.
    pub(crate) fn read(&mut self, value: &[u8]) -> bool {
        // Most say just this.
        if value.eq_ignore_ascii_case(b"keep-alive") {
            self.keep_alive = true;
            return true;
        }
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

    /// Whether it asks for the end.
    pub(crate) fn closes(&self) -> bool {
        self.close
    }

    /// Whether another message may follow.
    pub(crate) fn stays(&self, version: Version) -> bool {
        !self.close && (self.keep_alive || version == Version::HTTP_11)
    }
}
