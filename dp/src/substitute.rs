//! Substitution by regular expression: what `ngx.re.sub` and `ngx.re.gsub` do for APISIX's plugins.

use portolan_model::pattern::{Captures, Case, Pattern};

/// A pattern and what takes the place of its matches.
#[derive(Debug, Clone)]
pub struct Substitution {
    pattern: Pattern,
    replacement: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(Box<str>),
    Group(usize),
}

/// A replacement that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The pattern.
    #[error(transparent)]
    Pattern(#[from] portolan_model::pattern::Error),
    /// A dollar sign that starts nothing.
    #[error("a $ in the replacement {0:?} starts neither $1, ${{1}} nor $$")]
    Dollar(String),
}

// === impl Substitution ===

impl Substitution {
    /// `$1` and `${1}` stand for groups, `$0` for the whole match, `$$` for a dollar sign. A group that the pattern does
    /// not have is empty.
    pub fn compile(pattern: &str, replacement: &str, case: Case) -> Result<Self, Error> {
        Ok(Self { pattern: Pattern::compile(pattern, case)?, replacement: pieces(replacement)? })
    }

    /// The groups of the first match.
    #[must_use]
    pub fn captures<'t>(&self, text: &'t [u8]) -> Option<Captures<'t>> {
        self.pattern.captures(text)
    }

    /// The text with its first match replaced; `None` without a match.
    #[must_use]
    pub fn first(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.replace(text, 1)
    }

    /// The text with all matches replaced; `None` without a match.
    #[must_use]
    pub fn all(&self, text: &[u8]) -> Option<Vec<u8>> {
        self.replace(text, usize::MAX)
    }

    fn replace(&self, text: &[u8], limit: usize) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut end = 0;
        let mut found = false;
        for captures in self.pattern.captures_iter(text).take(limit) {
            let whole = captures.get_match();
            out.extend_from_slice(&text[end..whole.start()]);
            for piece in &self.replacement {
                match piece {
                    Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                    Piece::Group(group) => out.extend_from_slice(captures.get(*group).map_or(b"", |m| m.as_bytes())),
                }
            }
            end = whole.end();
            found = true;
        }
        found.then(|| {
            out.extend_from_slice(&text[end..]);
            out
        })
    }
}

fn pieces(replacement: &str) -> Result<Vec<Piece>, Error> {
    let wrong = || Error::Dollar(replacement.to_owned());
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = replacement;
    while let Some((before, after)) = rest.split_once('$') {
        literal.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            literal.push('$');
            rest = after;
            continue;
        }
        let (digits, left) = match after.strip_prefix('{') {
            Some(braced) => braced.split_once('}').ok_or_else(wrong)?,
            None => after.split_at(after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len())),
        };
        let group = digits.parse().map_err(|_| wrong())?;
        if !literal.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut literal).into()));
        }
        pieces.push(Piece::Group(group));
        rest = left;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Text(literal.into()));
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_are_replaced() {
        let cases = [
            ("^/a/(.*)$", "/b/$1", "/a/x", Some("/b/x"), Some("/b/x")),
            ("a", "b", "aaa", Some("baa"), Some("bbb")),
            ("(a)(b)?", "${1}0$2", "aab", Some("a0ab"), Some("a0a0b")),
            ("a", "$$1", "xa", Some("x$1"), Some("x$1")),
            ("a", "$0$0", "xa", Some("xaa"), Some("xaa")),
            ("(a)", "$9", "xa", Some("x"), Some("x")),
            ("z", "", "xa", None, None),
            ("", "-", "ab", Some("-ab"), Some("-a-b-")),
        ];
        for (pattern, replacement, text, first, all) in cases {
            let substitution = Substitution::compile(pattern, replacement, Case::Sensitive).unwrap();
            let shown = |bytes: Option<Vec<u8>>| bytes.map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(shown(substitution.first(text.as_bytes())).as_deref(), first, "{pattern} {replacement}");
            assert_eq!(shown(substitution.all(text.as_bytes())).as_deref(), all, "{pattern} {replacement}");
        }
    }

    #[test]
    fn what_starts_nothing_is_refused() {
        for replacement in ["$", "$x", "${x}", "${1", "a$-"] {
            assert!(Substitution::compile("a", replacement, Case::Sensitive).is_err(), "{replacement}");
        }
    }
}
