//! Headers that a plugin's configuration names, with values that may hold variables.

use std::collections::BTreeMap;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Number;

use super::Error;
use crate::context::Context;
use crate::vars::Template;

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

    /// Puts them in place of what is there.
    pub fn set(&self, context: &Context<'_>, headers: &mut HeaderMap) {
        for (name, value) in self.render(context) {
            headers.insert(name, value);
        }
    }

    /// Adds them to what is there.
    pub fn add(&self, context: &Context<'_>, headers: &mut HeaderMap) {
        for (name, value) in self.render(context) {
            headers.append(name, value);
        }
    }
}

/// The name of a header in a configuration.
pub fn name(text: &str) -> Result<HeaderName, Error> {
    HeaderName::try_from(text).map_err(|_| Error::Refused(format!("{text:?} cannot name a header")))
}
