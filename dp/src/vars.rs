//! Variables (`arg_x`, `http_x`, `remote_addr` …): names are resolved when configuration is compiled, values
//! when a request asks.

use std::borrow::Cow;

use http::header::HeaderName;

use portolan_model::vars::Variable;

use crate::context::Context;
use crate::uri;

mod built_in;
pub mod content;

pub use built_in::BuiltIn;
pub(crate) use built_in::hostname;
pub use content::Content;

/// A variable by its nginx/APISIX name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Var {
    /// `arg_NAME`: first query argument, decoded.
    Arg(Box<str>),
    /// `http_NAME`: request header.
    Header(HeaderName),
    /// `cookie_NAME`.
    Cookie(Box<str>),
    /// `uri_param_NAME`: a `:name` of the matched path.
    PathParam(Box<str>),
    /// One of the built-in names.
    BuiltIn(BuiltIn),
    /// `1`: a group of the last regular expression that rewrote the path.
    Capture(usize),
    /// One of the request's body: see [`content`].
    Content(Box<str>),
    /// A name that has no value in this gateway; it reads as absent.
    Unknown,
}

/// A text with `$name` or `${name}` in it.
#[derive(Debug, Clone)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
enum Piece {
    Text(Box<str>),
    /// And what stands for it when it has no value.
    Var(Var, Option<Box<str>>),
}

/// Value of the variable of this name. Allocates only for values that have to be put together.
#[must_use]
pub fn lookup<'c>(context: &'c Context<'_>, name: &str) -> Option<Variable<'c>> {
    let request = &context.request;
    if let Some(rest) = name.strip_prefix("arg_") {
        return uri::argument(request.query()?, rest).map(content::flag_or_text);
    }
    if content::is_content(name) {
        return content::read(context, name);
    }
    text(context, name).map(Variable::Text)
}

fn text<'c>(context: &'c Context<'_>, name: &str) -> Option<Cow<'c, str>> {
    let request = &context.request;
    if let Some(built_in) = BuiltIn::parse(name) {
        return built_in.read(context);
    }
    if let Some(rest) = name.strip_prefix("http_") {
        // Header names longer than this are not asked for by anyone.
        let mut header = [0_u8; 128];
        let header = header.get_mut(..rest.len())?;
        header.iter_mut().zip(rest.bytes()).for_each(|(to, from)| *to = if from == b'_' { b'-' } else { from });
        return request.header_variable(HeaderName::from_bytes(header).as_ref().ok()?);
    }
    if let Some(rest) = name.strip_prefix("cookie_") {
        return request.cookie(rest).map(Cow::Borrowed);
    }
    let rest = name.strip_prefix("uri_param_")?;
    context.path_param(rest).map(Cow::Borrowed)
}

// === impl Var ===

impl Var {
    /// Resolves a name.
    #[must_use]
    pub fn parse(name: &str) -> Self {
        if let Some(rest) = name.strip_prefix("arg_") {
            return Self::Arg(rest.into());
        }
        if let Some(rest) = name.strip_prefix("cookie_") {
            return Self::Cookie(rest.into());
        }
        if let Some(rest) = name.strip_prefix("uri_param_") {
            return Self::PathParam(rest.into());
        }
        if let Some(built_in) = BuiltIn::parse(name) {
            return Self::BuiltIn(built_in);
        }
        if content::is_content(name) {
            return Self::Content(name.into());
        }
        if let Ok(group) = name.parse() {
            return Self::Capture(group);
        }
        if let Some(rest) = name.strip_prefix("http_") {
            let header = rest.replace('_', "-").to_ascii_lowercase();
            return HeaderName::try_from(header).map_or(Self::Unknown, Self::Header);
        }
        Self::Unknown
    }

    /// Its value in this request.
    #[must_use]
    pub fn read<'c>(&self, context: &'c Context<'_>) -> Option<Cow<'c, str>> {
        let request = &context.request;
        match self {
            Self::Arg(name) => uri::argument(request.query()?, name).map(|value| value.unwrap_or("true".into())),
            Self::Header(name) => request.header_variable(name),
            Self::Cookie(name) => request.cookie(name).map(Cow::Borrowed),
            Self::PathParam(name) => context.path_param(name).map(Cow::Borrowed),
            Self::BuiltIn(built_in) => built_in.read(context),
            Self::Capture(group) => context.plugins.captures.get(*group)?.as_deref().map(Cow::Borrowed),
            Self::Content(name) => content::read(context, name).map(Variable::into_text),
            Self::Unknown => None,
        }
    }
}

// === impl Template ===

impl Template {
    /// Splits a text into literal pieces and variables. As in APISIX, a dollar sign after a backslash begins none, and
    /// the backslash stays; `${name ?? text}` is the text when there is no such value.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, after) = (&rest[..at], &rest[at + 1..]);
            literal.push_str(before);
            let escaped = before.ends_with('\\') || (before.is_empty() && literal.ends_with('\\'));
            let Some((name, remaining)) = variable_name(after).filter(|_| !escaped) else {
                literal.push('$');
                rest = after;
                continue;
            };
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal).into()));
            }
            let (name, otherwise) = match name.split_once("??") {
                Some((name, otherwise)) => (name.trim_end(), Some(otherwise.trim_start().into())),
                None => (name, None),
            };
            pieces.push(Piece::Var(Var::parse(name), otherwise));
            rest = remaining;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal.into()));
        }
        Self { pieces }
    }

    /// A text without variables.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self { pieces: vec![Piece::Text(text.into())] }
    }

    /// The text for this request, and how many variables had a value.
    #[must_use]
    pub fn render(&self, context: &Context<'_>) -> (String, usize) {
        self.render_with(&|var| var.read(context))
    }

    /// The same with values from elsewhere.
    pub fn render_with<'v>(&self, read: &dyn Fn(&Var) -> Option<Cow<'v, str>>) -> (String, usize) {
        let mut out = String::new();
        let mut resolved = 0;
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Var(var, otherwise) => {
                    if let Some(value) = read(var).or_else(|| otherwise.as_deref().map(Cow::Borrowed)) {
                        out.push_str(&value);
                        resolved += 1;
                    }
                }
            }
        }
        (out, resolved)
    }
}

/// The name after a dollar sign, and what follows it.
pub(crate) fn variable_name(after: &str) -> Option<(&str, &str)> {
    if let Some(braced) = after.strip_prefix('{') {
        let (name, rest) = braced.split_once('}')?;
        return (!name.trim().is_empty()).then_some((name.trim(), rest));
    }
    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '.').unwrap_or(after.len());
    (end > 0).then_some(after.split_at(end))
}

#[cfg(test)]
mod tests {
    use http::header::HOST;

    use super::*;
    use crate::context::tests::with_context;

    #[test]
    fn variables_have_their_values() {
        let head = http::Request::get("/a%20b?x=1&flag")
            .header(HOST, "Example.com:9080")
            .header("x-a", "1")
            .header("x-a", "2")
            .header("x_b-c", "under")
            .header("cookie", "sid=x; sid=s");
        with_context(head, |context| {
            let cases = [
                ("uri", Some("/a b")),
                ("request_uri", Some("/a b?x=1&flag")),
                ("real_request_uri", Some("/a%20b?x=1&flag")),
                ("request", Some("GET /a%20b?x=1&flag HTTP/1.1")),
                ("args", Some("x=1&flag")),
                ("arg_x", Some("1")),
                ("arg_y", None),
                ("arg_flag", Some("true")),
                ("http_x_b_c", Some("under")),
                ("host", Some("example.com")),
                ("http_host", Some("Example.com:9080")),
                ("http_x_a", Some("1, 2")),
                ("cookie_sid", Some("s")),
                ("remote_addr", Some("192.0.2.7")),
                ("remote_port", Some("4711")),
                ("scheme", Some("http")),
                ("server_port", Some("9080")),
                ("request_method", Some("GET")),
                ("consumer_name", None),
                ("no_such", None),
            ];
            for (name, expected) in cases {
                assert_eq!(Var::parse(name).read(context).as_deref(), expected, "{name}");
                assert_eq!(lookup(context, name).as_ref().map(Variable::to_text).as_deref(), expected, "{name}");
            }
        });
    }

    #[test]
    fn templates_are_rendered() {
        with_context(http::Request::get("/?x=1").header(HOST, "h"), |context| {
            let cases = [
                ("$remote_addr $arg_x", "192.0.2.7 1", 2),
                ("${arg_x}y", "1y", 1),
                ("$arg_none", "", 0),
                ("plain", "plain", 0),
                (r"\$x $ ${} ${a $", r"\$x $ ${} ${a $", 0),
                ("${ arg_x }/${arg_none ?? d e}/${arg_x??d}", "1/d e/1", 3),
                ("$arg_x.y $host", " h", 1),
            ];
            for (text, expected, count) in cases {
                assert_eq!(Template::parse(text).render(context), (expected.to_owned(), count), "{text}");
            }
        });
    }
}
