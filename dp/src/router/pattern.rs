//! A path of a route: `/exact`, `/prefix/*`, `/users/:id`, `/files/*name`.

/// A compiled path pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: Box<str>,
    /// The part before the first variable; the whole text when there is none.
    key: usize,
    tail: Tail,
}

#[derive(Debug, Clone)]
enum Tail {
    /// Nothing after the key.
    Exact,
    /// Anything after the key.
    Anything,
    /// Segments, from the one in which the key ends.
    Segments { from: usize, segments: Box<[Segment]> },
}

#[derive(Debug, Clone)]
enum Segment {
    Literal(Box<str>),
    /// `:name`: one non-empty segment.
    Param(Box<str>),
    /// `*name`: this and all that follows, may be empty.
    Rest(Box<str>),
}

// === impl Pattern ===

impl Pattern {
    /// Compiles a pattern in which a colon is a colon up to the first asterisk.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self::compile(text, text.find('*'))
    }

    /// Compiles a pattern. A colon is a variable only at the beginning of a segment, an asterisk at the beginning
    /// of a segment or at the end.
    #[must_use]
    pub fn with_variables(text: &str) -> Self {
        let colon = text.find("/:").map(|at| at + 1);
        let star = text.find('*');
        Self::compile(text, colon.into_iter().chain(star).min())
    }

    /// `first`: where the first variable is.
    fn compile(text: &str, first: Option<usize>) -> Self {
        let Some(first) = first else { return Self { text: text.into(), key: text.len(), tail: Tail::Exact } };
        let from = text[..first].rfind('/').map_or(0, |slash| slash + 1);
        let segments: Box<[Segment]> = text[from..]
            .split('/')
            .map(|segment| match segment.as_bytes().first() {
                Some(b':') => Segment::Param(segment[1..].into()),
                Some(b'*') => Segment::Rest(if segment.len() > 1 { segment[1..].into() } else { ":ext".into() }),
                _ => Segment::Literal(segment.into()),
            })
            .collect();
        // `/a*` and `/a/*` take whatever follows; so does a pattern whose asterisk stands inside a segment.
        let variables = segments.iter().any(|segment| !matches!(segment, Segment::Literal(_)));
        let open = !variables || (first + 1 == text.len() && text.ends_with('*'));
        Self {
            text: text.into(),
            key: first,
            tail: if open { Tail::Anything } else { Tail::Segments { from, segments } },
        }
    }

    /// The pattern as configured.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it matches one path only.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        matches!(self.tail, Tail::Exact)
    }

    /// What every matching path begins with.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.text[..self.key]
    }

    /// The values of its variables, if the path, which begins with the key, matches.
    #[must_use]
    pub fn params(&self, path: &str) -> Option<Vec<(&str, String)>> {
        let mut params = Vec::new();
        match &self.tail {
            Tail::Exact => (path.len() == self.text.len()).then_some(params),
            Tail::Anything => Some(params),
            Tail::Segments { from, segments } => matches(segments, path.get(*from..)?, &mut params).then_some(params),
        }
    }
}

/// Depth is bounded by the number of segments of the pattern.
fn matches<'p>(segments: &'p [Segment], path: &str, params: &mut Vec<(&'p str, String)>) -> bool {
    let Some((segment, rest)) = segments.split_first() else { return false };
    if let Segment::Rest(name) = segment {
        return rest_matches(name, rest, path, params);
    }
    let (head, tail) = match path.split_once('/') {
        Some((head, tail)) => (head, Some(tail)),
        None => (path, None),
    };
    match segment {
        Segment::Literal(text) if **text != *head => return false,
        Segment::Param(_) if head.is_empty() => return false,
        Segment::Param(name) => params.push((name, head.to_owned())),
        _ => {}
    }
    match (rest.is_empty(), tail) {
        (true, None) => true,
        (false, Some(tail)) => matches(rest, tail, params),
        _ => false,
    }
}

/// `*name` in the middle takes as much as it can.
fn rest_matches<'p>(name: &'p str, after: &'p [Segment], path: &str, params: &mut Vec<(&'p str, String)>) -> bool {
    if after.is_empty() {
        params.push((name, path.to_owned()));
        return true;
    }
    let kept = params.len();
    for (slash, _) in path.rmatch_indices('/') {
        params.push((name, path[..slash].to_owned()));
        if matches(after, &path[slash + 1..], params) {
            return true;
        }
        params.truncate(kept);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_and_name_their_values() {
        type Params = Option<&'static [(&'static str, &'static str)]>;
        let cases: &[(&str, &str, Params)] = &[
            ("/a", "/a", Some(&[])),
            ("/a*", "/abc", Some(&[])),
            ("/a/*", "/a/", Some(&[])),
            ("/a/*", "/a/b/c", Some(&[])),
            ("/*", "/x", Some(&[])),
            ("/v1:verb", "/v1:verb", Some(&[])),
            ("/u/:id", "/u/1", Some(&[("id", "1")])),
            ("/u/:id", "/u/", None),
            ("/u/:id", "/u/1/", None),
            ("/u/:id", "/u/1/x", None),
            ("/u/:id/", "/u/1/", Some(&[("id", "1")])),
            ("/u/:id/posts/:post", "/u/1/posts/2", Some(&[("id", "1"), ("post", "2")])),
            ("/u/:id/posts/:post", "/u/1/other/2", None),
            ("/f/*path", "/f/a/b", Some(&[("path", "a/b")])),
            ("/f/*/end", "/f/a/b/end", Some(&[(":ext", "a/b")])),
            ("/f/*/end", "/f/a/b", None),
            ("/u/:id/*", "/u/1/x/y", Some(&[("id", "1"), (":ext", "x/y")])),
            ("/u/:", "/u/1", Some(&[("", "1")])),
            ("/u/:", "/u/1/x", None),
        ];
        for (pattern, path, expected) in cases {
            let compiled = Pattern::with_variables(pattern);
            assert!(path.starts_with(compiled.key()), "{pattern} {path}");
            let params = compiled.params(path);
            let params: Option<Vec<(&str, &str)>> =
                params.as_ref().map(|list| list.iter().map(|(k, v)| (*k, v.as_str())).collect());
            assert_eq!(params.as_deref(), *expected, "{pattern} {path}");
        }
        assert!(Pattern::with_variables("/v1:verb").is_exact());
    }
}
