//! Where the requests of an HTTP/1 connection begin and end, read strictly.
//!
//! The HTTP library forgives what RFC 9112 lets a recipient forgive: lines that end in a bare LF, a length beside a
//! transfer coding, codings before `chunked`. What one recipient forgives and the next reads otherwise is how requests are
//! smuggled past a gateway. So each byte passes here first, and the library never sees what this does not understand.

use memchr::memchr;

/// Lines of framing longer than this are not read: heads that are too large the library refuses by its own limits, chunk sizes
/// and trailers are refused here.
const LINE: usize = 16 * 1024;
/// Bytes of trailers of one request.
const TRAILERS: usize = 16 * 1024;

/// The place in the connection's bytes.
#[derive(Debug, Default)]
pub(super) struct Framing {
    state: State,
    head: Head,
    /// What has been seen of a line whose end has not come yet.
    line: Vec<u8>,
    trailers: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Before a request line.
    #[default]
    Before,
    /// In the headers.
    Headers,
    /// In a body with so many bytes to come.
    Body(u64),
    /// Before the size of a chunk.
    ChunkSize,
    /// In a chunk with so many bytes to come.
    Chunk(u64),
    /// Behind a chunk.
    ChunkEnd,
    /// In the trailers.
    Trailers,
    /// In a head that is too long for any request: the library refuses it.
    TooLong,
}

/// What the headers say of the body.
#[derive(Debug, Default)]
struct Head {
    length: Option<u64>,
    chunked: bool,
}

/// What came is no request, from this byte on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) usize);

// === impl Framing ===

impl Framing {
    /// Follows the next bytes.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Result<(), Malformed> {
        let mut at = 0;
        while at < bytes.len() {
            match self.state {
                State::TooLong => return Ok(()),
                State::Body(left) => {
                    let step = skip(left, bytes.len() - at);
                    at += step;
                    self.state = match left - step as u64 {
                        0 => State::Before,
                        left => State::Body(left),
                    };
                }
                State::Chunk(left) => {
                    let step = skip(left, bytes.len() - at);
                    at += step;
                    self.state = match left - step as u64 {
                        0 => State::ChunkEnd,
                        left => State::Chunk(left),
                    };
                }
                _ => at = self.follow_line(bytes, at)?,
            }
        }
        Ok(())
    }

    /// Follows one line, or what there is of it; gives the place behind.
    fn follow_line(&mut self, bytes: &[u8], start: usize) -> Result<usize, Malformed> {
        let rest = &bytes[start..];
        let Some(end) = memchr(b'\n', rest) else {
            // A CR may be the last byte only: its LF is still to come.
            let inner = &rest[..rest.len() - 1];
            if memchr(b'\r', inner).is_some() || self.line.last() == Some(&b'\r') {
                return Err(Malformed(start));
            }
            if self.line.len() + rest.len() > LINE {
                if matches!(self.state, State::Before | State::Headers) {
                    self.state = State::TooLong;
                    return Ok(bytes.len());
                }
                return Err(Malformed(start));
            }
            self.line.extend_from_slice(rest);
            return Ok(bytes.len());
        };
        let whole = if self.line.is_empty() {
            self.line(&rest[..=end])
        } else {
            let mut line = std::mem::take(&mut self.line);
            line.extend_from_slice(&rest[..=end]);
            let result = self.line(&line);
            line.clear();
            self.line = line;
            result
        };
        whole.map(|()| start + end + 1).ok_or(Malformed(start))
    }

    /// Takes a line with its end.
    fn line(&mut self, line: &[u8]) -> Option<()> {
        let line = line.strip_suffix(b"\r\n").filter(|line| memchr(b'\r', line).is_none())?;
        match self.state {
            // An empty line before a request is passed over (RFC 9112 2.2).
            State::Before if line.is_empty() => {}
            State::Before => {
                self.head = Head::default();
                self.state = State::Headers;
            }
            State::Headers if line.is_empty() => self.state = self.head.body(),
            State::Headers => self.head.read(line)?,
            State::ChunkSize => {
                self.state = match chunk_size(line)? {
                    0 => {
                        self.trailers = 0;
                        State::Trailers
                    }
                    size => State::Chunk(size),
                }
            }
            State::ChunkEnd => self.state = line.is_empty().then_some(State::ChunkSize)?,
            State::Trailers if line.is_empty() => self.state = State::Before,
            State::Trailers => {
                self.trailers += line.len();
                let (name, _) = split(line)?;
                let forbidden = [&b"content-length"[..], b"transfer-encoding", b"host"];
                if self.trailers > TRAILERS || forbidden.iter().any(|other| name.eq_ignore_ascii_case(other)) {
                    return None;
                }
            }
            State::Body(_) | State::Chunk(_) | State::TooLong => return None,
        }
        Some(())
    }
}

fn skip(left: u64, there: usize) -> usize {
    usize::try_from(left).unwrap_or(usize::MAX).min(there)
}

// === impl Head ===

impl Head {
    fn read(&mut self, line: &[u8]) -> Option<()> {
        // A continued line: nobody sends them, and not everybody reads them.
        if matches!(line[0], b' ' | b'\t') {
            return None;
        }
        // All others the library looks at.
        if !matches!(line[0], b'c' | b'C' | b't' | b'T') {
            return Some(());
        }
        let (name, value) = split(line)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
            let length = std::str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()?;
            if self.length.replace(length).is_some() || self.chunked {
                return None;
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if !value.eq_ignore_ascii_case(b"chunked") || self.chunked || self.length.is_some() {
                return None;
            }
            self.chunked = true;
        }
        Some(())
    }

    fn body(&self) -> State {
        match (self.chunked, self.length) {
            (true, _) => State::ChunkSize,
            (false, None | Some(0)) => State::Before,
            (false, Some(length)) => State::Body(length),
        }
    }
}

/// Name and value of a header, without the blanks around the value.
fn split(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    let token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    let blank = |b: &u8| matches!(b, b' ' | b'\t');
    let start = value.iter().position(|b| !blank(b)).unwrap_or(value.len());
    let end = value.iter().rposition(|b| !blank(b)).map_or(start, |at| at + 1);
    (!name.is_empty() && name.iter().all(token)).then_some((name, &value[start..end]))
}

/// Digits, and extensions that say nothing here.
pub(crate) fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.iter().position(|byte| *byte == b';').map_or(line, |at| &line[..at]);
    let valid = (1..=15).contains(&digits.len()) && digits.iter().all(u8::is_ascii_hexdigit);
    u64::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| valid && is_visible(line))?, 16).ok()
}

/// Whether nothing in a line controls anything.
pub(crate) fn is_visible(line: &[u8]) -> bool {
    line.iter().all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether these bytes are followed, whole and byte by byte, and end between two requests.
    fn follows(bytes: &[u8]) -> bool {
        let mut whole = Framing::default();
        let mut single = Framing::default();
        let one = whole.follow(bytes).is_ok();
        let each = bytes.chunks(1).all(|byte| single.follow(byte).is_ok());
        assert_eq!(one, each, "{}", String::from_utf8_lossy(bytes));
        one && whole.state == State::Before && single.state == State::Before
    }

    #[test]
    fn requests_are_followed_to_their_ends() {
        for good in [
            &b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"[..],
            b"\r\nGET / HTTP/1.1\r\nhost: h\r\n\r\nGET / HTTP/1.1\r\nhost: h\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: \t5 \r\n\r\nhelloGET / HTTP/1.1\r\n\r\n",
            b"POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhe\rlo\r\nA;x=\"y\"\r\n0123456789\r\n0\r\n\r\n",
            b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-sum: 1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        ] {
            assert!(follows(good), "{}", String::from_utf8_lossy(good));
        }
    }

    #[test]
    fn the_place_of_what_is_wrong_is_the_start_of_its_line() {
        let bytes = b"GET / HTTP/1.1\r\nhost: h\r\nx: a\nb\r\n\r\n";
        assert_eq!(Framing::default().follow(bytes), Err(Malformed(25)));
        let mut framing = Framing::default();
        framing.follow(b"GET / HTTP/1.1\r\nhos").unwrap();
        assert_eq!(framing.follow(b"t: h\n\r\n"), Err(Malformed(0)));
    }

    #[test]
    fn what_is_too_long_is_left_to_the_library() {
        let mut framing = Framing::default();
        framing.follow(&vec![b'x'; 2 * LINE]).unwrap();
        framing.follow(b"\n\n").unwrap();
        let mut framing = Framing::default();
        framing.follow(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n").unwrap();
        framing.follow(&vec![b'1'; 2 * LINE]).unwrap_err();
    }
}
