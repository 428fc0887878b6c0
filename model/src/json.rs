//! Request bodies to JSON, refused in the words of the Admin API.
//!
//! Stricter than the parser behind that API in three ways. A member named twice is refused: two readers could each see
//! another one, and the log must hold what takes effect. Nesting ends at [`MAX_DEPTH`], far above any configuration and
//! below the limit of every parser that reads the value later. Numbers and texts are those of JSON: no hexadecimal, no
//! `NaN`, no control characters, UTF-8 only.

use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

/// How deep lists and objects may be nested.
pub const MAX_DEPTH: usize = 100;

/// Why a body is no JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Something else should stand there.
    #[error("Expected {expected} but found {found} at character {position}")]
    Unexpected {
        /// What should stand there.
        expected: &'static str,
        /// What stands there.
        found: &'static str,
        /// Where, in bytes from 1.
        position: usize,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("Found too many nested data structures ({depth}) at character {position}")]
    TooDeep {
        /// The depth.
        depth: usize,
        /// Where, in bytes from 1.
        position: usize,
    },
    /// A member named twice.
    #[error("Found duplicate object key {key:?} at character {position}")]
    DuplicateKey {
        /// The name.
        key: String,
        /// Where, in bytes from 1.
        position: usize,
    },
    /// Bytes that are no UTF-8.
    #[error("Found invalid UTF-8 at character {position}")]
    NotUtf8 {
        /// Where, in bytes from 1.
        position: usize,
    },
}

/// Parses one JSON document.
pub fn parse_json(bytes: &[u8]) -> Result<Value, ParseError> {
    let text = std::str::from_utf8(bytes).map_err(|error| ParseError::NotUtf8 { position: error.valid_up_to() + 1 })?;
    let mut parser = Parser { text, position: 0, depth: 0 };
    let token = parser.next();
    let value = parser.value(token)?;
    let token = parser.next();
    match token.kind {
        Kind::End => Ok(value),
        _ => Err(token.unexpected("the end")),
    }
}

struct Parser<'t> {
    text: &'t str,
    /// The first byte that is not read.
    position: usize,
    depth: usize,
}

struct Token<'t> {
    kind: Kind<'t>,
    /// Its first byte.
    position: usize,
}

enum Kind<'t> {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    /// With its quotes.
    String(&'t str),
    Number(&'t str),
    Bool(bool),
    Null,
    Colon,
    Comma,
    End,
    Error(&'static str),
}

// === impl Parser ===

impl<'t> Parser<'t> {
    fn value(&mut self, token: Token<'t>) -> Result<Value, ParseError> {
        match token.kind {
            Kind::String(raw) => decode_string(raw).map(Value::String).map_err(|found| token.found("value", found)),
            Kind::Number(raw) => decode_number(raw).map(Value::Number).map_err(|found| token.found("value", found)),
            Kind::Bool(flag) => Ok(Value::Bool(flag)),
            Kind::Null => Ok(Value::Null),
            Kind::ObjectBegin => self.object(),
            Kind::ArrayBegin => self.array(),
            _ => Err(token.unexpected("value")),
        }
    }

    /// The rest of an object, its `{` read.
    fn object(&mut self) -> Result<Value, ParseError> {
        self.descend()?;
        let mut map = Map::new();
        let mut token = self.next();
        if !matches!(token.kind, Kind::ObjectEnd) {
            loop {
                let (position, name) = self.name(&token)?;
                let colon = self.next();
                if !matches!(colon.kind, Kind::Colon) {
                    return Err(colon.unexpected("colon"));
                }
                let value = self.next();
                let value = self.value(value)?;
                match map.entry(name) {
                    Entry::Vacant(place) => place.insert(value),
                    Entry::Occupied(place) => {
                        return Err(ParseError::DuplicateKey { key: place.key().clone(), position });
                    }
                };
                token = self.next();
                match token.kind {
                    Kind::ObjectEnd => break,
                    Kind::Comma => token = self.next(),
                    _ => return Err(token.unexpected("comma or object end")),
                }
            }
        }
        self.depth -= 1;
        Ok(Value::Object(map))
    }

    fn name(&self, token: &Token<'t>) -> Result<(usize, String), ParseError> {
        let Kind::String(raw) = token.kind else { return Err(token.unexpected("object key string")) };
        let name = decode_string(raw).map_err(|found| token.found("object key string", found))?;
        Ok((token.position + 1, name))
    }

    /// The rest of a list, its `[` read.
    fn array(&mut self) -> Result<Value, ParseError> {
        self.descend()?;
        let mut list = Vec::new();
        let mut token = self.next();
        if !matches!(token.kind, Kind::ArrayEnd) {
            loop {
                list.push(self.value(token)?);
                token = self.next();
                match token.kind {
                    Kind::ArrayEnd => break,
                    Kind::Comma => token = self.next(),
                    _ => return Err(token.unexpected("comma or array end")),
                }
            }
        }
        self.depth -= 1;
        Ok(Value::Array(list))
    }

    fn descend(&mut self) -> Result<(), ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ParseError::TooDeep { depth: self.depth, position: self.position });
        }
        Ok(())
    }

    fn next(&mut self) -> Token<'t> {
        let rest = self.text[self.position..].trim_start_matches([' ', '\t', '\n', '\r']);
        let position = self.text.len() - rest.len();
        let (kind, length) = scan(rest);
        self.position = position + length;
        Token { kind, position }
    }
}

// === impl Token ===

impl Token<'_> {
    fn unexpected(&self, expected: &'static str) -> ParseError {
        self.found(expected, self.kind.name())
    }

    fn found(&self, expected: &'static str, found: &'static str) -> ParseError {
        ParseError::Unexpected { expected, found, position: self.position + 1 }
    }
}

// === impl Kind ===

impl Kind<'_> {
    const fn name(&self) -> &'static str {
        match self {
            Self::ObjectBegin => "T_OBJ_BEGIN",
            Self::ObjectEnd => "T_OBJ_END",
            Self::ArrayBegin => "T_ARR_BEGIN",
            Self::ArrayEnd => "T_ARR_END",
            Self::String(_) => "T_STRING",
            Self::Number(_) => "T_NUMBER",
            Self::Bool(_) => "T_BOOLEAN",
            Self::Null => "T_NULL",
            Self::Colon => "T_COLON",
            Self::Comma => "T_COMMA",
            Self::End => "T_END",
            Self::Error(found) => found,
        }
    }
}

/// The token at the start of the text, and its length.
fn scan(text: &str) -> (Kind<'_>, usize) {
    let word = |word: &str| text.starts_with(word);
    match text.as_bytes().first() {
        None => (Kind::End, 0),
        Some(b'{') => (Kind::ObjectBegin, 1),
        Some(b'}') => (Kind::ObjectEnd, 1),
        Some(b'[') => (Kind::ArrayBegin, 1),
        Some(b']') => (Kind::ArrayEnd, 1),
        Some(b':') => (Kind::Colon, 1),
        Some(b',') => (Kind::Comma, 1),
        Some(b'"') => scan_string(text),
        Some(b'-' | b'0'..=b'9') => scan_number(text),
        Some(b't') if word("true") => (Kind::Bool(true), 4),
        Some(b'f') if word("false") => (Kind::Bool(false), 5),
        Some(b'n') if word("null") => (Kind::Null, 4),
        Some(_) => (Kind::Error("invalid token"), 0),
    }
}

fn scan_string(text: &str) -> (Kind<'_>, usize) {
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return (Kind::String(&text[..=index]), index + 1),
            _ => {}
        }
    }
    (Kind::Error("unexpected end of string"), 0)
}

fn scan_number(text: &str) -> (Kind<'_>, usize) {
    let length = text.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)).count();
    (Kind::Number(&text[..length]), length)
}

fn decode_string(raw: &str) -> Result<String, &'static str> {
    let inner = &raw[1..raw.len() - 1];
    if inner.bytes().all(|b| b >= b' ' && b != b'\\') {
        return Ok(inner.to_owned());
    }
    serde_json::from_str(raw).map_err(|_| string_error(inner))
}

/// What is wrong with a text that cannot be decoded.
fn string_error(inner: &str) -> &'static str {
    let mut bytes = inner.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            0..b' ' => return "invalid token",
            b'\\' if !matches!(bytes.next(), Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' | b'u')) => {
                return "invalid escape code";
            }
            _ => {}
        }
    }
    "invalid unicode escape code"
}

fn decode_number(raw: &str) -> Result<Number, &'static str> {
    serde_json::from_str(raw).map_err(|_| "invalid number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages() {
        for (body, message) in [
            ("{bad\"}", "Expected object key string but found invalid token at character 2"),
            ("", "Expected value but found T_END at character 1"),
            (" ", "Expected value but found T_END at character 2"),
            ("{", "Expected object key string but found T_END at character 2"),
            ("{\"a\"}", "Expected colon but found T_OBJ_END at character 5"),
            ("{\"a\":}", "Expected value but found T_OBJ_END at character 6"),
            ("{\"a\":1,}", "Expected object key string but found T_OBJ_END at character 8"),
            ("{\"a\":1 \"b\"}", "Expected comma or object end but found T_STRING at character 8"),
            ("{1:2}", "Expected object key string but found T_NUMBER at character 2"),
            ("[1 2]", "Expected comma or array end but found T_NUMBER at character 4"),
            ("[1,]", "Expected value but found T_ARR_END at character 4"),
            ("[", "Expected value but found T_END at character 2"),
            ("{} {}", "Expected the end but found T_OBJ_BEGIN at character 4"),
            ("nul", "Expected value but found invalid token at character 1"),
            ("\"abc", "Expected value but found unexpected end of string at character 1"),
            ("{\"a", "Expected object key string but found unexpected end of string at character 2"),
            ("01", "Expected value but found invalid number at character 1"),
            ("-", "Expected value but found invalid number at character 1"),
            ("0x10", "Expected value but found invalid number at character 1"),
            ("[1e999]", "Expected value but found invalid number at character 2"),
            ("\"\\x\"", "Expected value but found invalid escape code at character 1"),
            ("\"\\ud800\"", "Expected value but found invalid unicode escape code at character 1"),
            ("\"a\nb\"", "Expected value but found invalid token at character 1"),
            ("{\"a\":1,\"a\":2}", "Found duplicate object key \"a\" at character 8"),
            ("{\"a\":1,\"\\u0061\":2}", "Found duplicate object key \"a\" at character 8"),
        ] {
            assert_eq!(parse_json(body.as_bytes()).unwrap_err().to_string(), message, "{body}");
        }
        assert_eq!(parse_json(b"\"\xff\"").unwrap_err().to_string(), "Found invalid UTF-8 at character 2");
    }

    #[test]
    fn depth() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let deepest = parse_json(nested(MAX_DEPTH).as_bytes()).unwrap();
        assert!(serde_json::from_str::<Value>(&deepest.to_string()).is_ok());
        assert_eq!(
            parse_json(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err().to_string(),
            "Found too many nested data structures (101) at character 101"
        );
        assert!(parse_json("[".repeat(1_000_000).as_bytes()).is_err());
        assert!(parse_json(nested(MAX_DEPTH).repeat(2).as_bytes()).is_err());
        assert!(parse_json(format!("[{0},{0}]", nested(MAX_DEPTH - 1)).as_bytes()).is_ok());
    }

    #[test]
    fn reads_what_any_other_parser_reads() {
        for body in [
            r#"{"b":[1,-2.5,1e3,0,true,false,null],"a":{"\u00e9\n\"\\":"\ud83d\ude00 é"},"":[],"o":{}}"#,
            " \t\r\n[ { } , [ ] , \"\" ] \n",
            "18446744073709551615",
            "-9223372036854775808",
            "1.0",
            "\"\\/\\b\\f\"",
        ] {
            let value = parse_json(body.as_bytes()).unwrap();
            assert_eq!(value, serde_json::from_str::<Value>(body).unwrap(), "{body}");
            assert_eq!(value.to_string(), serde_json::from_str::<Value>(body).unwrap().to_string(), "{body}");
        }
    }

    #[test]
    fn broken_documents_are_refused_by_both() {
        let whole = r#"{"uri":"/a\u00e9\\","n":[1.5e3,true,null,{"x":{}}],"s":""}"#;
        for (index, _) in whole.char_indices() {
            for with in ["", "\"", "{", "]", ",", "\\", "x", "0", "\u{1}", "é"] {
                let broken = format!("{}{with}{}", &whole[..index], &whole[index + 1..]);
                let ours = parse_json(broken.as_bytes());
                let theirs = serde_json::from_str::<Value>(&broken);
                let duplicate = matches!(ours, Err(ParseError::DuplicateKey { .. }));
                assert!(duplicate || ours.is_ok() == theirs.is_ok(), "{broken} {ours:?}");
            }
        }
    }
}
