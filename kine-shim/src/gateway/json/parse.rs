//! Text to values. Numbers and strings stay as they were written: what they mean depends on the field they are for.

use std::borrow::Cow;
use std::str;

/// Deepest nesting. Go stops at 10,000; protobuf messages end far earlier, at 100 levels, of which each transaction needs two for
/// three of these.
const MAX_DEPTH: usize = 200;

/// A JSON value that borrows from its text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as written.
    Number(&'a str),
    /// A string.
    String(Text<'a>),
    /// A list.
    Array(Vec<Value<'a>>),
    /// An object's members, in their order; a name may come twice.
    Object(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// A string between its quotes, with its escapes, which are valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a>(&'a [u8]);

/// Why a text has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    /// There is nothing but white space.
    Empty,
    /// It ends in the middle of a value.
    Incomplete,
    /// In Go's words.
    Syntax(String),
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
}

/// Reads the first value of a text, and says where it ends.
pub(crate) fn parse(text: &[u8]) -> Result<(Value<'_>, usize), Error> {
    let mut parser = Parser { text, at: 0 };
    parser.space();
    if parser.at == text.len() {
        return Err(Error::Empty);
    }
    let value = parser.value(0)?;
    Ok((value, parser.at))
}

/// Reads a text that holds one value and nothing else, such as the inside of a quoted number.
pub(super) fn whole(text: &[u8]) -> Result<Value<'_>, String> {
    let incomplete = || "unexpected end of JSON input".to_owned();
    let (value, end) = match parse(text) {
        Ok(found) => found,
        Err(Error::Empty | Error::Incomplete) => return Err(incomplete()),
        Err(Error::Syntax(text)) => return Err(text),
    };
    let mut rest = Parser { text, at: end };
    rest.space();
    match text.get(rest.at) {
        None => Ok(value),
        Some(byte) => Err(invalid(*byte, "after top-level value")),
    }
}

// === impl Error ===

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Empty => "EOF",
            Self::Incomplete => "unexpected EOF",
            Self::Syntax(text) => text,
        })
    }
}

// === impl Parser ===

impl<'a> Parser<'a> {
    fn space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Result<u8, Error> {
        self.text.get(self.at).copied().ok_or(Error::Incomplete)
    }

    fn next(&mut self) -> Result<u8, Error> {
        let byte = self.peek()?;
        self.at += 1;
        Ok(byte)
    }

    fn token(&mut self) -> Result<u8, Error> {
        self.space();
        self.next()
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::Syntax("exceeded max depth".to_owned()));
        }
        match self.token()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string().map(Value::String),
            b'n' => self.literal("null", Value::Null),
            b't' => self.literal("true", Value::Bool(true)),
            b'f' => self.literal("false", Value::Bool(false)),
            first @ (b'-' | b'0'..=b'9') => self.number(first),
            other => Err(syntax(other, "looking for beginning of value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, Error> {
        let mut members = Vec::new();
        loop {
            match self.token()? {
                b'"' => {}
                b'}' if members.is_empty() => return Ok(Value::Object(members)),
                other => return Err(syntax(other, "looking for beginning of object key string")),
            }
            let name = self.string()?.unquoted();
            match self.token()? {
                b':' => {}
                other => return Err(syntax(other, "after object key")),
            }
            members.push((name, self.value(depth + 1)?));
            match self.token()? {
                b',' => {}
                b'}' => return Ok(Value::Object(members)),
                other => return Err(syntax(other, "after object key:value pair")),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, Error> {
        let mut items = Vec::new();
        self.space();
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            match self.token()? {
                b',' => {}
                b']' => return Ok(Value::Array(items)),
                other => return Err(syntax(other, "after array element")),
            }
        }
    }

    fn string(&mut self) -> Result<Text<'a>, Error> {
        let start = self.at;
        loop {
            match self.next()? {
                b'"' => return Ok(Text(&self.text[start..self.at - 1])),
                b'\\' => match self.next()? {
                    b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => {}
                    b'u' => {
                        for _ in 0..4 {
                            let digit = self.next()?;
                            if !digit.is_ascii_hexdigit() {
                                return Err(syntax(digit, "in \\u hexadecimal character escape"));
                            }
                        }
                    }
                    other => return Err(syntax(other, "in string escape code")),
                },
                control if control < 0x20 => return Err(syntax(control, "in string literal")),
                _ => {}
            }
        }
    }

    fn literal(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, Error> {
        for expected in word.bytes().skip(1) {
            let found = self.next()?;
            if found != expected {
                let context = format!("in literal {word} (expecting '{}')", char::from(expected));
                return Err(syntax(found, &context));
            }
        }
        Ok(value)
    }

    fn number(&mut self, first: u8) -> Result<Value<'a>, Error> {
        let start = self.at - 1;
        let leading = if first == b'-' { self.digit("in numeric literal")? } else { first };
        if leading != b'0' {
            self.digits();
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digit("after decimal point in numeric literal")?;
            self.digits();
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.text.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digit("in exponent of numeric literal")?;
            self.digits();
        }
        Ok(Value::Number(str::from_utf8(&self.text[start..self.at]).unwrap_or_default()))
    }

    fn digit(&mut self, context: &str) -> Result<u8, Error> {
        match self.next()? {
            digit @ b'0'..=b'9' => Ok(digit),
            other => Err(syntax(other, context)),
        }
    }

    fn digits(&mut self) {
        while matches!(self.text.get(self.at), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }
}

// === impl Text ===

impl<'a> Text<'a> {
    /// As it was written, between the quotes.
    pub(super) fn raw(self) -> &'a [u8] {
        self.0
    }

    /// What it says. As in Go, what is not UTF-8 becomes U+FFFD.
    pub(super) fn unquoted(self) -> Cow<'a, str> {
        if !self.0.contains(&b'\\') {
            return String::from_utf8_lossy(self.0);
        }
        let mut out = Vec::with_capacity(self.0.len());
        let mut rest = self.0;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            if *byte != b'\\' {
                out.push(*byte);
                continue;
            }
            let Some((escape, after)) = rest.split_first() else { break };
            rest = after;
            match escape {
                b'b' => out.push(0x08),
                b'f' => out.push(0x0c),
                b'n' => out.push(b'\n'),
                b'r' => out.push(b'\r'),
                b't' => out.push(b'\t'),
                b'u' => {
                    let letter = escaped_letter(&mut rest);
                    out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                }
                other => out.push(*other),
            }
        }
        Cow::Owned(String::from_utf8_lossy(&out).into_owned())
    }
}

/// The letter of a `\u` escape, whose digits come next, and of the one that follows when they are a pair.
fn escaped_letter(rest: &mut &[u8]) -> char {
    let unit = |text: &[u8]| u32::from_str_radix(str::from_utf8(text.get(..4)?).ok()?, 16).ok();
    let Some(first) = unit(rest) else { return char::REPLACEMENT_CHARACTER };
    *rest = &rest[4..];
    if (0xd800..0xdc00).contains(&first)
        && let Some(second) = rest.strip_prefix(b"\\u").and_then(unit)
        && (0xdc00..0xe000).contains(&second)
    {
        *rest = &rest[6..];
        let letter = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return char::from_u32(letter).unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn syntax(byte: u8, context: &str) -> Error {
    Error::Syntax(invalid(byte, context))
}

/// Go's words; it takes the byte for a letter of its own, also when it is a part of one.
fn invalid(byte: u8, context: &str) -> String {
    let shown = match byte {
        b'\'' => "\\'".to_owned(),
        b'\\' => "\\\\".to_owned(),
        0x07 => "\\a".to_owned(),
        0x08 => "\\b".to_owned(),
        0x0b => "\\v".to_owned(),
        0x0c => "\\f".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\r' => "\\r".to_owned(),
        b'\t' => "\\t".to_owned(),
        0x20..0x7f => char::from(byte).to_string(),
        0x00..0x20 | 0x7f => format!("\\x{byte:02x}"),
        0x80..=0xa0 | 0xad => format!("\\u{byte:04x}"),
        _ => char::from(byte).to_string(),
    };
    format!("invalid character '{shown}' {context}")
}
