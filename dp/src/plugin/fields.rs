//! Headers that a plugin's configuration names, with values that may hold variables.

use std::collections::BTreeMap;

use http::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, EXPIRES, HeaderMap, HeaderName,
    HeaderValue, LAST_MODIFIED, LOCATION, REFRESH, SERVER,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Number;

use super::Error;
use crate::context::Context;
use crate::vars::Template;

/// Headers that a response has once.
static ONCE: [HeaderName; 11] = [
    ACCEPT_RANGES,
    CONTENT_ENCODING,
    CONTENT_RANGE,
    CONTENT_TYPE,
    DATE,
    ETAG,
    EXPIRES,
    LAST_MODIFIED,
    LOCATION,
    REFRESH,
    SERVER,
];

/// A value that may be written as a number.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Text {
    /// A text.
    String(String),
    /// A number, as it is written.
    Number(Number),
}

/// Values by header name.
pub type Map<V = Text> = BTreeMap<String, V>;

/// Headers with their values, compiled.
#[derive(Debug, Default)]
pub struct Fields(Vec<(HeaderName, Template)>);

// === impl Text ===

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::String(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
        }
    }
}

// === impl Fields ===

impl Fields {
    /// Refuses what cannot name a header. Values may hold `$variables`.
    pub fn compile<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> Result<Self, Error> {
        let compiled = pairs.into_iter().map(|(field, value)| Ok((name(field)?, Template::parse(&value))));
        compiled.collect::<Result<_, _>>().map(Self)
    }

    /// The same of a map.
    pub fn of(map: &Map) -> Result<Self, Error> {
        Self::compile(map.iter().map(|(field, value)| (field.as_str(), value.to_string())))
    }

    /// The same with dollar signs that stand for themselves.
    pub fn literal(map: &Map) -> Result<Self, Error> {
        let compiled = map.iter().map(|(field, value)| Ok((name(field)?, Template::literal(&value.to_string()))));
        compiled.collect::<Result<_, _>>().map(Self)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values for this request. A value that cannot stand in a header, such as one with a line feed, is left
    /// out: it came from the client.
    pub fn render<'f>(&'f self, context: &'f Context<'_>) -> impl Iterator<Item = (&'f HeaderName, HeaderValue)> + 'f {
        self.0.iter().filter_map(|(name, template)| {
            let (text, _) = template.render(context);
            Some((name, HeaderValue::try_from(text).ok()?))
        })
    }

    /// Puts them in place of what a response has. As in nginx, an empty value is no header.
    pub fn set(&self, context: &Context<'_>, headers: &mut HeaderMap) {
        for (name, value) in self.render(context) {
            put(headers, name, value);
        }
    }

    /// Adds them to what a response has; those that a response has once take the place of what is there.
    pub fn add(&self, context: &Context<'_>, headers: &mut HeaderMap) {
        for (name, value) in self.render(context) {
            if ONCE.contains(name) {
                put(headers, name, value);
            } else if !value.is_empty() {
                headers.append(name, value);
            }
        }
    }
}

fn put(headers: &mut HeaderMap, name: &HeaderName, value: HeaderValue) {
    if value.is_empty() {
        headers.remove(name);
    } else {
        headers.insert(name, value);
    }
}

/// The name of a header in a configuration.
pub fn name(text: &str) -> Result<HeaderName, Error> {
    HeaderName::try_from(text).map_err(|_| Error::Refused(format!("{text:?} cannot name a header")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::with_context;

    #[test]
    fn responses_get_headers_as_from_nginx() {
        // Of a response with `x: 1` and `etag: "1"`: a header, and what the response has of it after set and after add.
        let cases: [(&str, &str, &[&str], &[&str]); 8] = [
            ("x", "2", &["2"], &["1", "2"]),
            ("X", "$arg_a", &["b"], &["1", "b"]),
            ("x", "", &[], &["1"]),
            ("x", "$arg_none", &[], &["1"]),
            ("y", "", &[], &[]),
            ("ETag", "2", &["2"], &["2"]),
            ("etag", "", &[], &[]),
            ("content-type", "text/html", &["text/html"], &["text/html"]),
        ];
        for (field, value, set, added) in cases {
            let fields = Fields::compile([(field, value.to_owned())]).unwrap();
            with_context(http::Request::get("/?a=b").header("host", "h"), |context| {
                let after = |change: &dyn Fn(&mut HeaderMap)| {
                    let mut headers = HeaderMap::new();
                    headers.insert("x", HeaderValue::from_static("1"));
                    headers.insert(ETAG, HeaderValue::from_static("1"));
                    change(&mut headers);
                    headers.get_all(field).iter().map(|v| v.to_str().unwrap().to_owned()).collect::<Vec<_>>()
                };
                assert_eq!(after(&|headers| fields.set(context, headers)), set, "set {field}: {value}");
                assert_eq!(after(&|headers| fields.add(context, headers)), added, "add {field}: {value}");
            });
        }
    }
}
