//! Bytes that are put together out of many small pieces. It is what a vector is, but what asks for room is out of the way.

use http::header::{HeaderName, HeaderValue};

/// Room that a text begins with.
const FIRST: usize = 1024;

/// The bytes.
#[derive(Debug, Default)]
pub(crate) struct Text {
    /// Those behind the end are room.
    bytes: Vec<u8>,
    end: usize,
}

// === impl Text ===

impl Text {
    /// Adds a piece.
    #[inline]
    pub(crate) fn put(&mut self, piece: &[u8]) {
        let end = self.end + piece.len();
        if end > self.bytes.len() {
            self.grow(end);
        }
        self.bytes[self.end..end].copy_from_slice(piece);
        self.end = end;
    }

    /// Adds a header.
    pub(crate) fn header(&mut self, name: &HeaderName, value: &HeaderValue) {
        self.line(name.as_str(), value.as_bytes());
    }

    /// The same for one that is text.
    pub(crate) fn line(&mut self, name: &str, value: &[u8]) {
        let (colon, end) = (self.end + name.len(), self.end + name.len() + value.len() + 4);
        if end > self.bytes.len() {
            self.grow(end);
        }
        let bytes = &mut self.bytes[..end];
        bytes[self.end..colon].copy_from_slice(name.as_bytes());
        (bytes[colon], bytes[colon + 1]) = (b':', b' ');
        bytes[colon + 2..end - 2].copy_from_slice(value);
        (bytes[end - 2], bytes[end - 1]) = (b'\r', b'\n');
        self.end = end;
    }

    /// Adds a number in this base, of 16 at the most.
    pub(crate) fn number(&mut self, mut number: u64, base: u64) {
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b"0123456789abcdef"[(number % base) as usize];
            number /= base;
            if number == 0 {
                break;
            }
        }
        self.put(&digits[at..]);
    }

    /// What there is.
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.end]
    }

    pub(crate) fn len(&self) -> usize {
        self.end
    }

    pub(crate) fn clear(&mut self) {
        self.end = 0;
    }

    /// Gives memory back when there is more than this.
    pub(crate) fn rest(&mut self, most: usize) {
        if self.bytes.len() > most {
            *self = Self::default();
        }
    }

    #[cold]
    fn grow(&mut self, end: usize) {
        self.bytes.resize(end.next_power_of_two().max(FIRST), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_stand_behind_each_other() {
        let mut text = Text::default();
        for (number, base, expected) in
            [(0, 10, "0"), (10, 10, "10"), (u64::MAX, 10, "18446744073709551615"), (255, 16, "ff")]
        {
            text.clear();
            text.number(number, base);
            assert_eq!(text.as_slice(), expected.as_bytes());
        }
        text.clear();
        text.line("a", b"b");
        let large = vec![7; 5000];
        text.put(&large);
        assert_eq!((&text.as_slice()[..6], &text.as_slice()[6..]), (&b"a: b\r\n"[..], &large[..]));
    }
}
