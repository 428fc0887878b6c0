//! RFC 8785 (JSON Canonicalization Scheme) for the entries that are hashed, written straight into bytes.
//!
//! Entries hold strings, nulls, integers within ±2^53, arrays and objects; floating-point numbers do not occur and there is nothing
//! here to write one with. Members are written in the order that they are named in, so that must be the canonical one; debug builds
//! refuse another.

use std::io::Write as _;

/// An object that is being written.
pub(crate) struct Object<'o> {
    out: &'o mut Vec<u8>,
    last: Option<&'static str>,
}

// === impl Object ===

impl<'o> Object<'o> {
    /// Writes an object; `members` names them in order.
    pub(crate) fn write(out: &'o mut Vec<u8>, members: impl FnOnce(&mut Self)) {
        out.push(b'{');
        let mut object = Self { out, last: None };
        members(&mut object);
        object.out.push(b'}');
    }

    /// A string, or null.
    pub(crate) fn text<'t>(&mut self, name: &'static str, text: impl Into<Option<&'t str>>) {
        let out = self.value(name);
        match text.into() {
            Some(text) => string(out, text),
            None => out.extend_from_slice(b"null"),
        }
    }

    /// An integer, or null; revisions and microseconds stay below 2^53.
    pub(crate) fn int(&mut self, name: &'static str, value: impl Into<Option<i64>>) {
        let out = self.value(name);
        match value.into() {
            Some(value) => write!(out, "{value}").expect("bytes take everything"),
            None => out.extend_from_slice(b"null"),
        }
    }

    /// An object, or null.
    pub(crate) fn object<T>(&mut self, name: &'static str, value: Option<T>, members: impl FnOnce(T, &mut Object<'_>)) {
        let out = self.value(name);
        match value {
            Some(value) => Object::write(out, |object| members(value, object)),
            None => out.extend_from_slice(b"null"),
        }
    }

    /// Names a member; its value is written to what this gives.
    pub(crate) fn value(&mut self, name: &'static str) -> &mut Vec<u8> {
        // RFC 8785 sorts by UTF-16 code units; our names are ASCII, where byte order is the same.
        debug_assert!(self.last.is_none_or(|last| last < name), "{name} after {:?}", self.last);
        if self.last.replace(name).is_some() {
            self.out.push(b',');
        }
        string(self.out, name);
        self.out.push(b':');
        self.out
    }
}

/// Writes an array; `item` writes one of them.
pub(crate) fn list<T>(out: &mut Vec<u8>, items: impl IntoIterator<Item = T>, item: impl Fn(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (at, value) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        item(out, value);
    }
    out.push(b']');
}

/// RFC 8785 section 3.2.2.2: two-character escapes where JSON has them, \u00xx for other control characters, all else raw.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    // What is to be escaped is ASCII, so no other character has one of these bytes in it.
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)) {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            8 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            12 => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            control @ 0..0x20 => write!(out, "\\u{control:04x}").expect("bytes take everything"),
            other => out.extend_from_slice(&[b'\\', other]),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_in_order_and_escapes_are_the_shortest() {
        let mut out = Vec::new();
        Object::write(&mut out, |object| {
            object.text("a", "\u{20ac}$\u{f}\nA'B\"\\\\\"/\u{8}\t\r\u{c}\u{7f}");
            list(object.value("b"), ["x", ""], string);
            object.int("c", -1);
            object.int("d", None);
            object.object("e", Some(9_007_199_254_740_992), |value, object| object.int("f", value));
        });
        let expected = concat!(
            "{\"a\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\\b\\t\\r\\f\u{7f}\",",
            "\"b\":[\"x\",\"\"],\"c\":-1,\"d\":null,\"e\":{\"f\":9007199254740992}}"
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    #[should_panic(expected = "a after Some(\"b\")")]
    fn another_order_is_refused() {
        Object::write(&mut Vec::new(), |object| {
            object.int("b", 1);
            object.int("a", 2);
        });
    }
}
