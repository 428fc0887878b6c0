//! Variables of a request's body: `post_arg_NAME`, `post_arg.PATH` and `graphql_*`.
//!
//! The body is read only for who asks: a route whose conditions have such a variable, once the request has come to it, or
//! plugins that name one. It is held whole then, within `limits.held_body_bytes`.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};

use bytes::Bytes;
use http::Method;
use http::header::CONTENT_TYPE;
use portolan_model::vars::Variable;
use serde_json::{Map, Value};

use crate::context::Context;
use crate::uri;

mod graphql;
mod multipart;
mod path;

use graphql::Operation;

/// Largest text of GraphQL that is looked at; APISIX's default.
const GRAPHQL: usize = 1 << 20;

/// What is known of the body.
#[derive(Debug, Default)]
pub struct Content {
    body: OnceCell<Bytes>,
    wanted: Cell<bool>,
    table: OnceCell<Option<Value>>,
    operation: OnceCell<Option<Operation>>,
}

/// Whether a variable of this name is one of the body.
#[must_use]
pub fn is_content(name: &str) -> bool {
    name.starts_with("post_arg") || name.starts_with("graphql_")
}

/// Whether a text in such a document names a variable of the body.
#[must_use]
pub fn is_named_in(document: &Value) -> bool {
    match document {
        Value::String(text) => text.contains("post_arg") || text.contains("graphql_"),
        Value::Array(list) => list.iter().any(is_named_in),
        Value::Object(map) => map.values().any(is_named_in),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The value of such a variable; none as long as the body is not here.
pub(super) fn read<'c>(context: &'c Context<'_>, name: &str) -> Option<Variable<'c>> {
    let content = &context.content;
    if let Some(rest) = name.strip_prefix("graphql_") {
        let operation = content.operation(context)?.as_ref()?;
        return match rest {
            "name" => Some(Variable::Text(Cow::Borrowed(&operation.name))),
            "operation" => Some(Variable::Text(Cow::Borrowed(operation.kind))),
            "root_fields" => Some(Variable::Json(Cow::Borrowed(&operation.root_fields))),
            _ => None,
        };
    }
    if let Some(rest) = name.strip_prefix("post_arg.") {
        return path::find(content.table(context)?.as_ref()?, rest).map(Variable::Json);
    }
    let rest = name.strip_prefix("post_arg_")?;
    if !content_type(context).starts_with("application/x-www-form-urlencoded") {
        return None;
    }
    let form = std::str::from_utf8(content.body(context)?).ok()?;
    uri::argument(form, rest).map(flag_or_text)
}

/// An argument without `=` is `true`, as in APISIX.
pub(super) fn flag_or_text(value: Option<Cow<'_, str>>) -> Variable<'_> {
    value.map_or(Variable::Json(Cow::Owned(Value::Bool(true))), Variable::Text)
}

fn content_type<'c>(context: &'c Context<'_>) -> &'c str {
    context.request.header(&CONTENT_TYPE).unwrap_or_default()
}

// === impl Content ===

impl Content {
    /// The body is here.
    pub fn set(&self, body: Bytes) {
        // A second time it is what a plugin has made of it; variables are about what the client has sent.
        self.body.set(body).ok();
    }

    /// Whether somebody asked for the body before it was here.
    pub fn is_wanted(&self) -> bool {
        self.wanted.get() && self.body.get().is_none()
    }

    fn body(&self, context: &Context<'_>) -> Option<&Bytes> {
        if self.body.get().is_none() {
            if !http_body::Body::is_end_stream(&context.body) {
                self.wanted.set(true);
                return None;
            }
            self.body.set(Bytes::new()).ok();
        }
        self.body.get()
    }

    /// The outer option: whether the body is here.
    fn table(&self, context: &Context<'_>) -> Option<&Option<Value>> {
        let body = self.body(context)?;
        Some(self.table.get_or_init(|| table(content_type(context), body)))
    }

    fn operation(&self, context: &Context<'_>) -> Option<&Option<Operation>> {
        let request = &context.request;
        if request.parts.method == Method::GET {
            let of = || Operation::parse(&request.arg("query").filter(|text| text.len() <= GRAPHQL)?);
            return Some(self.operation.get_or_init(of));
        }
        let body = self.body(context)?;
        let of = || {
            if request.parts.method != Method::POST || body.len() > GRAPHQL {
                return None;
            }
            if content_type(context) != "application/json" {
                return Operation::parse(std::str::from_utf8(body).ok()?);
            }
            let document: Value = serde_json::from_slice(body).ok()?;
            Operation::parse(document.get("query")?.as_str()?)
        };
        Some(self.operation.get_or_init(of))
    }
}

/// The fields of a body, as its type says.
fn table(content_type: &str, body: &[u8]) -> Option<Value> {
    if content_type.contains("application/json") {
        return serde_json::from_slice(body).ok();
    }
    let mut table = Map::new();
    let mut add = |name: String, value: Value| match table.get_mut(&name) {
        None => drop(table.insert(name, value)),
        Some(Value::Array(all)) => all.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    };
    if content_type.contains("application/x-www-form-urlencoded") {
        for (name, value) in uri::arguments(std::str::from_utf8(body).ok()?) {
            add(name.into_owned(), Value::String(value.into_owned()));
        }
    } else if content_type.contains("multipart/form-data") {
        for (name, value) in multipart::fields(content_type, body)? {
            add(name, Value::String(value));
        }
    } else {
        return None;
    }
    Some(Value::Object(table))
}

#[cfg(test)]
mod tests;
