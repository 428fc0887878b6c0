//! Regular expressions as configurations write them: PCRE over bytes, run in linear time.
//!
//! The engine is the regex crate, so matching costs no more than length × size whatever the pattern. Look-around and
//! back-references have no such bound and are refused. What PCRE and the crate write differently is translated: in a class
//! `[` and `&&` are plain characters, and a hyphen after a range is one.
//! One difference is kept: `$` is the end of the text, also when that ends with a line feed.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder};

pub use regex::bytes::Captures;

/// Bytes a compiled pattern may take. Patterns stay in memory as long as the snapshot that holds them.
const SIZE_LIMIT: usize = 2 * 1024 * 1024;

/// A compiled pattern.
#[derive(Clone)]
pub struct Pattern {
    source: Box<str>,
    regex: Regex,
}

/// Whether letters of both cases are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// They differ.
    Sensitive,
    /// They are one.
    Insensitive,
}

/// A pattern that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid regular expression {pattern:?}: {reason}")]
pub struct Error {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it, in one line.
    pub reason: String,
}

// === impl Pattern ===

impl Pattern {
    /// Compiles a pattern.
    pub fn compile(pattern: &str, case: Case) -> Result<Self, Error> {
        let translated = translate(pattern);
        let build = |unicode| {
            RegexBuilder::new(&translated)
                .unicode(unicode)
                .case_insensitive(case == Case::Insensitive)
                .size_limit(SIZE_LIMIT)
                .build()
        };
        // Bytes first, as PCRE does without its UTF option; only `\p{…}` needs Unicode.
        let regex = build(false).or_else(|_| build(true)).map_err(|error| Error {
            pattern: pattern.to_owned(),
            reason: match error {
                regex::Error::CompiledTooBig(_) => "it is too big".to_owned(),
                error => last_line(&error.to_string()),
            },
        })?;
        Ok(Self { source: pattern.into(), regex })
    }

    /// Whether it is found anywhere in the text.
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text.as_bytes())
    }

    /// The groups of its first match; the whole match is group 0.
    pub fn captures<'t>(&self, text: &'t [u8]) -> Option<Captures<'t>> {
        self.regex.captures(text)
    }

    /// The groups of each of its matches.
    pub fn captures_iter<'t>(&self, text: &'t [u8]) -> impl Iterator<Item = Captures<'t>> {
        self.regex.captures_iter(text)
    }

    /// How many groups it has besides the whole match.
    pub fn groups(&self) -> usize {
        self.regex.captures_len() - 1
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.source)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

/// The crate's syntax errors draw a picture; the last line says what is wrong.
fn last_line(message: &str) -> String {
    let line = message.lines().last().unwrap_or(message).trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// PCRE's spelling in the crate's.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => escape(&mut out, chars.next()),
            '[' => class(&mut out, &mut chars),
            c => out.push(c),
        }
    }
    out
}

fn escape(out: &mut String, escaped: Option<char>) {
    match escaped {
        // The end, or the line feed before it; the crate knows only the end.
        Some('Z') => out.push_str(r"\n?\z"),
        // In the crate these are word boundaries.
        Some(c @ ('<' | '>')) => out.push(c),
        Some(c) => {
            out.push('\\');
            out.push(c);
        }
        // A lone backslash at the end is an error in both.
        None => out.push('\\'),
    }
}

/// The rest of a class, its `[` read.
fn class(out: &mut String, chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    out.push('[');
    if chars.peek() == Some(&'^') {
        chars.next();
        out.push('^');
    }
    let mut first = true;
    while let Some(c) = chars.next() {
        match c {
            ']' if !first => return out.push(']'),
            '\\' => escape(out, chars.next()),
            '[' if chars.peek() == Some(&':') => posix_class(out, chars),
            // Nested classes and set operations are the crate's own.
            '[' | ']' | '&' | '~' => {
                out.push('\\');
                out.push(c);
            }
            // `a--` is a range to `-` in PCRE and a difference in the crate.
            '-' if out.ends_with('-') => out.push_str("\\-"),
            c => out.push(c),
        }
        first = false;
    }
}

/// `[:alpha:]`, its `[` read; anything else that starts so is plain text.
fn posix_class(out: &mut String, chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let name: String = chars.clone().skip(1).take_while(char::is_ascii_alphabetic).collect();
    let closed = chars.clone().skip(1 + name.len()).take(2).eq([':', ']']);
    if closed {
        out.push_str(&format!("[:{name}:]"));
        for _ in 0..name.len() + 3 {
            chars.next();
        }
    } else {
        out.push_str("\\[");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_pcre_does() {
        for (pattern, text, expected) in [
            ("^[a-zA-Z0-9-_.]+$", "a-b_c.9", true),
            ("^[a-zA-Z0-9-_.]+$", "a b", false),
            (r"^\*$|^\*?[0-9a-zA-Z-._\[\]:]+$", "[::1]", true),
            (r"^\*$|^\*?[0-9a-zA-Z-._\[\]:]+$", "*.a.com", true),
            (r"^[ -!#-[\]-~]+$", "a]b[", true),
            (r"^[ -!#-[\]-~]+$", "a\"b", false),
            (r"^[ -!#-[\]-~]+$", "a\\b", false),
            ("^[[:digit:]]+$", "123", true),
            ("^[[:digit:]x[]+$", "1x[", true),
            ("^[]a]+$", "]a", true),
            ("^[^]a]+$", "]", false),
            ("^[a&&b]+$", "&a", true),
            ("^[a~~b]+$", "~", true),
            ("^[+--]+$", ",-", true),
            (r"^\d+$", "٣", false),
            (r"^\S+$", "é", true),
            ("^.{2}$", "é", true),
            (r"^[\p{L}]+$", "é", true),
            (r"^[^\/]+:\/\/([\da-zA-Z.-]+|\[[\da-fA-F:]+\])(:\d+)?", "http://[::1]:80", true),
            (r"a\Z", "a\n", true),
            (r"a\<b", "a<b", true),
            ("aws", "x-aws", true),
        ] {
            assert_eq!(
                Pattern::compile(pattern, Case::Sensitive).unwrap().is_match(text),
                expected,
                "{pattern} {text}"
            );
        }
        assert!(Pattern::compile("^ABC$", Case::Insensitive).unwrap().is_match("aBc"));
        assert!(!Pattern::compile("^ABC$", Case::Sensitive).unwrap().is_match("aBc"));
    }

    #[test]
    fn what_cannot_be_bounded_is_refused() {
        for pattern in ["(?!a)b", "(?<!a)b", r"(a)\1", "(", "[a", "a\\", "((a{1000}){1000}){1000}", "a{2,1}"] {
            let error = Pattern::compile(pattern, Case::Sensitive).unwrap_err();
            assert!(!error.reason.is_empty() && !error.reason.contains('\n'), "{error}");
        }
        assert_eq!(
            Pattern::compile("(", Case::Sensitive).unwrap_err().to_string(),
            "invalid regular expression \"(\": unclosed group"
        );
    }
}
