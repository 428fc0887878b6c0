//! Paths and queries: the normalised form that routes are matched against, and decoded arguments.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// The path with escapes decoded, repeated slashes merged and dot segments resolved, as nginx does it, so that
/// one resource has one spelling and no spelling slips past a route. `None`: broken, or above the root.
#[must_use]
pub fn normalize(path: &str) -> Option<Cow<'_, str>> {
    if is_normal(path.as_bytes()) {
        return Some(Cow::Borrowed(path));
    }
    let decoded = percent_decode(path, false)?;
    if decoded.contains('\0') {
        return None;
    }
    let mut segments: Vec<&str> = Vec::new();
    let mut trailing = false;
    for segment in decoded.split('/') {
        trailing = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            other => segments.push(other),
        }
    }
    let mut out = String::with_capacity(decoded.len());
    for segment in &segments {
        out.push('/');
        out.push_str(segment);
    }
    if trailing || segments.is_empty() {
        out.push('/');
    }
    Some(Cow::Owned(out))
}

/// The path with its escapes decoded, and nothing else. `None`: broken.
#[must_use]
pub fn decode(path: &str) -> Option<String> {
    percent_decode(path, false)
}

/// Name and value of each argument of a query, decoded.
pub fn arguments(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    pairs(query).map(|(name, value)| (decode_component(name), decode_component(value.unwrap_or_default())))
}

/// First argument of this name; the inner `None` is one without `=`.
#[must_use]
pub fn argument<'q>(query: &'q str, name: &str) -> Option<Option<Cow<'q, str>>> {
    pairs(query).find_map(|(key, value)| (decode_component(key) == name).then(|| value.map(decode_component)))
}

/// The arguments of a query or a form as an object, as APISIX reads them: one without `=` is true, several of one name
/// are a list, and one without a name is none.
#[must_use]
pub fn object(query: &str) -> Map<String, Value> {
    let named = pairs(query).filter(|(name, _)| !name.is_empty());
    grouped(named.map(|(name, value)| {
        let value = value.map_or(Value::Bool(true), |value| decode_component(value).into());
        (decode_component(name).into_owned(), value)
    }))
}

/// What occurs once stands for itself, what occurs more often is a list.
#[must_use]
pub fn grouped(values: impl Iterator<Item = (String, Value)>) -> Map<String, Value> {
    let mut out = Map::new();
    for (name, value) in values {
        match out.get_mut(&name) {
            None => drop(out.insert(name, value)),
            Some(Value::Array(all)) => all.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    out
}

/// Names and values as they are written; one without `=` has none.
fn pairs(query: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| match pair.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (pair, None),
    })
}

/// The query without the arguments of this (decoded) name.
#[must_use]
pub fn without_argument(query: &str, name: &str) -> String {
    let kept = query.split('&').filter(|pair| {
        let key = pair.split_once('=').map_or(*pair, |(key, _)| key);
        !pair.is_empty() && decode_component(key) != name
    });
    kept.collect::<Vec<_>>().join("&")
}

/// The text with all but the characters of a path percent-encoded (RFC 3986 3.3), and `%` too: the inverse of decoding.
#[must_use]
pub fn encode(text: &str) -> String {
    encode_except(text, b"/-._~!$&'()*+,;=:@")
}

/// The text as a value of a query or as one segment of a path.
#[must_use]
pub fn encode_component(text: &str) -> String {
    encode_except(text, b"-._~")
}

/// The text with all but visible ASCII percent-encoded: what a query must not hold.
#[must_use]
pub fn encode_controls(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_graphic() {
            out.push(byte.into())
        } else {
            push_escape(&mut out, byte)
        }
        out
    })
}

fn encode_except(text: &str, plain: &[u8]) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            out.push(byte.into());
        } else {
            push_escape(&mut out, byte);
        }
        out
    })
}

fn push_escape(out: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(DIGITS[usize::from(byte >> 4)].into());
    out.push(DIGITS[usize::from(byte & 15)].into());
}

/// One pass over the bytes, because nearly all requests end here.
fn is_normal(path: &[u8]) -> bool {
    if path.first() != Some(&b'/') {
        return false;
    }
    let mut previous = 0;
    for (at, &byte) in path.iter().enumerate() {
        match byte {
            b'%' => return false,
            b'/' if previous == b'/' => return false,
            b'.' if previous == b'/' && matches!(path.get(at + 1), None | Some(b'/' | b'.')) => return false,
            _ => previous = byte,
        }
    }
    true
}

/// A broken escape in an argument stands for itself, as everywhere on the web.
fn decode_component(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|b| b == b'%' || b == b'+') {
        return Cow::Borrowed(text);
    }
    percent_decode(text, true).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn percent_decode(text: &str, plus: bool) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let high = hex(bytes.next()?)?;
                let low = hex(bytes.next()?)?;
                out.push(high << 4 | low);
            }
            b'+' if plus => out.push(b' '),
            other => out.push(other),
        }
    }
    // Bytes that are no UTF-8 keep their place and match no route that is text.
    Some(String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

fn hex(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalised() {
        let cases = [
            ("/", Some("/")),
            ("/a/b", Some("/a/b")),
            ("/a//b", Some("/a/b")),
            ("/a/./b", Some("/a/b")),
            ("/a/../b", Some("/b")),
            ("/a/..", Some("/")),
            ("/a/b/.", Some("/a/b/")),
            ("/a/.hidden", Some("/a/.hidden")),
            ("/a/..b", Some("/a/..b")),
            ("/%61dmin", Some("/admin")),
            ("/a%2Fb", Some("/a/b")),
            ("/a/%2e%2e/b", Some("/b")),
            ("/../b", None),
            ("/a/%2e%2e/%2e%2e/b", None),
            ("/a%zz", None),
            ("/a%2", None),
            ("/a%00", None),
            ("*", Some("/*")),
        ];
        for (given, expected) in cases {
            assert_eq!(normalize(given).as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn arguments_are_an_object() {
        let cases = [
            ("", "{}"),
            ("a=1&b=x+y%21", r#"{"a":"1","b":"x y!"}"#),
            ("a&b=1&c=", r#"{"a":true,"b":"1","c":""}"#),
            ("a=1&a&%61=2", r#"{"a":["1",true,"2"]}"#),
            ("a&a", r#"{"a":[true,true]}"#),
            ("=x&&=&b=c=d", r#"{"b":"c=d"}"#),
        ];
        for (query, expected) in cases {
            assert_eq!(Value::Object(object(query)).to_string(), expected, "{query}");
        }
    }

    #[test]
    fn arguments_are_removed_by_decoded_name() {
        assert_eq!(without_argument("a=1&api%6bey=x&b=2&apikey=y", "apikey"), "a=1&b=2");
        assert_eq!(without_argument("apikey=x", "apikey"), "");
    }
}
