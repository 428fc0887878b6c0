//! As much of GraphQL as routes ask for: kind and name of the first operation and its outermost fields.

use serde_json::Value;

/// How deep a text may be nested.
const DEPTH: usize = 128;

/// The first operation of a text.
#[derive(Debug, PartialEq)]
pub(super) struct Operation {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) root_fields: Value,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Token<'t> {
    Name(&'t str),
    Sign(u8),
    Spread,
    /// A text or number.
    Literal,
}

struct Reader<'t> {
    text: &'t str,
    ahead: Option<Token<'t>>,
}

// === impl Operation ===

impl Operation {
    /// `None` for what is not well-formed.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader { text, ahead: None };
        let mut name = String::new();
        let kind = match reader.peek()? {
            Token::Sign(b'{') => "query",
            Token::Name(kind) => {
                reader.next();
                let kind = ["query", "mutation", "subscription"].into_iter().find(|known| *known == kind)?;
                if let Token::Name(own) = reader.peek()? {
                    name = own.to_owned();
                    reader.next();
                }
                if reader.peek()? == Token::Sign(b'(') {
                    reader.skip_group(0)?;
                }
                reader.skip_directives()?;
                kind
            }
            _ => return None,
        };
        let fields = reader.fields()?;
        // What follows must be well-formed too: other operations and fragments.
        while let Some(token) = reader.peek() {
            match token {
                Token::Sign(b'{' | b'(') => reader.skip_group(0)?,
                Token::Name(_) | Token::Sign(b'@') => drop(reader.next()),
                _ => return None,
            }
        }
        let finished = reader.text.is_empty();
        finished.then(|| Self { kind, name, root_fields: fields.into_iter().map(Value::from).collect() })
    }
}

// === impl Reader ===

impl<'t> Reader<'t> {
    /// The fields of a selection, without what is in them. An alias is not a field's name.
    fn fields(&mut self) -> Option<Vec<&'t str>> {
        self.expect(b'{')?;
        let mut fields = Vec::new();
        loop {
            match self.next()? {
                Token::Sign(b'}') => return (!fields.is_empty()).then_some(fields),
                Token::Spread => {
                    if let Token::Name(name) = self.peek()? {
                        self.next();
                        if name != "on" {
                            fields.push(name);
                        } else if !matches!(self.next()?, Token::Name(_)) {
                            return None;
                        }
                    }
                }
                Token::Name(mut name) => {
                    if self.peek()? == Token::Sign(b':') {
                        self.next();
                        let Token::Name(field) = self.next()? else { return None };
                        name = field;
                    }
                    fields.push(name);
                    if self.peek()? == Token::Sign(b'(') {
                        self.skip_group(0)?;
                    }
                }
                _ => return None,
            }
            self.skip_directives()?;
            if self.peek()? == Token::Sign(b'{') {
                self.skip_group(0)?;
            }
        }
    }

    fn skip_directives(&mut self) -> Option<()> {
        while self.peek()? == Token::Sign(b'@') {
            self.next();
            let Token::Name(_) = self.next()? else { return None };
            if self.peek()? == Token::Sign(b'(') {
                self.skip_group(0)?;
            }
        }
        Some(())
    }

    /// A group in brackets, to the bracket that closes it.
    fn skip_group(&mut self, depth: usize) -> Option<()> {
        let close = match self.next()? {
            Token::Sign(b'{') => b'}',
            Token::Sign(b'(') => b')',
            Token::Sign(b'[') => b']',
            _ => return None,
        };
        if depth >= DEPTH {
            return None;
        }
        loop {
            match self.peek()? {
                Token::Sign(b'{' | b'(' | b'[') => self.skip_group(depth + 1)?,
                Token::Sign(sign @ (b'}' | b')' | b']')) => {
                    self.next();
                    return (sign == close).then_some(());
                }
                _ => drop(self.next()),
            }
        }
    }

    fn expect(&mut self, sign: u8) -> Option<()> {
        (self.next()? == Token::Sign(sign)).then_some(())
    }

    fn peek(&mut self) -> Option<Token<'t>> {
        if self.ahead.is_none() {
            self.ahead = self.read();
        }
        self.ahead
    }

    fn next(&mut self) -> Option<Token<'t>> {
        self.peek();
        self.ahead.take()
    }

    /// `None` at the end, and at what is no token: then some text is left.
    fn read(&mut self) -> Option<Token<'t>> {
        self.skip_blanks();
        let first = *self.text.as_bytes().first()?;
        let (token, length) = match first {
            b'"' => (Token::Literal, string_length(self.text)?),
            b'.' if self.text.starts_with("...") => (Token::Spread, 3),
            b'{' | b'}' | b'(' | b')' | b'[' | b']' | b':' | b'@' | b'!' | b'=' | b'$' | b'|' | b'&' => {
                (Token::Sign(first), 1)
            }
            b'-' | b'0'..=b'9' => {
                let number = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
                (Token::Literal, self.text.find(|c| !number(c)).unwrap_or(self.text.len()))
            }
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let length = self.text.find(|c| !name(c)).unwrap_or(self.text.len());
                (Token::Name(&self.text[..length]), length)
            }
            _ => return None,
        };
        self.text = &self.text[length..];
        Some(token)
    }

    fn skip_blanks(&mut self) {
        loop {
            self.text = self.text.trim_start_matches([' ', '\t', '\r', '\n', ',', '\u{feff}']);
            match self.text.strip_prefix('#') {
                Some(comment) => self.text = comment.find('\n').map_or("", |end| &comment[end..]),
                None => return,
            }
        }
    }
}

/// Of a text at the beginning, with its quotes.
fn string_length(text: &str) -> Option<usize> {
    if let Some(rest) = text.strip_prefix("\"\"\"") {
        let mut from = 0;
        loop {
            let end = from + rest[from..].find("\"\"\"")?;
            if !rest[..end].ends_with('\\') {
                return Some(end + 6);
            }
            from = end + 3;
        }
    }
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            b'\n' => return None,
            _ => {}
        }
    }
    None
}
