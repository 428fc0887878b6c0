//! RFC 8785 (JSON Canonicalization Scheme) for the entries that are hashed.
//!
//! Entries hold strings, booleans, nulls, integers within ±2^53, arrays and objects; floating-point numbers do not occur
//! and are refused by construction ([`Json`] has none).

use std::collections::BTreeMap;

/// A JSON value whose canonical form is certain.
#[derive(Clone, Debug)]
pub(crate) enum Json {
    /// `null`
    Null,
    /// An integer; revisions and microseconds stay below 2^53.
    Int(i64),
    /// A string.
    Str(String),
    /// An array.
    List(Vec<Json>),
    /// An object.
    Object(BTreeMap<&'static str, Json>),
}

// === impl Json ===

impl Json {
    /// The canonical bytes: no white space, members sorted, shortest escapes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Int(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Self::Str(text) => write_string(text, out),
            Self::List(items) => {
                out.push(b'[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Object(members) => {
                // RFC 8785 sorts by UTF-16 code units; our names are ASCII, where byte order is the same.
                out.push(b'{');
                for (at, (name, value)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    write_string(name, out);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<Option<&str>> for Json {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Null, Self::from)
    }
}

/// RFC 8785 section 3.2.2.2: two-character escapes where JSON has them, \u00xx for other control characters, all else raw.
fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for character in text.chars() {
        match character {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\u{8}' => out.extend_from_slice(b"\\b"),
            '\t' => out.extend_from_slice(b"\\t"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\u{c}' => out.extend_from_slice(b"\\f"),
            '\r' => out.extend_from_slice(b"\\r"),
            control if control < ' ' => out.extend_from_slice(format!("\\u{:04x}", control as u32).as_bytes()),
            other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_sorted_and_escapes_are_the_shortest() {
        let value = Json::Object(BTreeMap::from([
            ("b", Json::List(vec![Json::Int(-1), Json::Null])),
            ("a", Json::Str("\u{20ac}$\u{f}\nA'B\"\\\\\"/".into())),
        ]));
        let expected = "{\"a\":\"\u{20ac}$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\",\"b\":[-1,null]}";
        assert_eq!(String::from_utf8(value.to_bytes()).unwrap(), expected);
    }
}
