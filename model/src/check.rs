//! Whether a document is a resource: the one question that control plane, data plane and command line all ask here.
//!
//! The order of the checks and their words are those of the APISIX Admin API. What this crate cannot see or read itself, it
//! asks of its caller at the place where the Admin API would look: whether references lead somewhere
//! ([`Checker::check_with`]), and whether certificates, keys and protocol definitions can be read ([`Contents`]). Three
//! things are outside: the times that a client may not set (cp's), what only one resource of a group may have
//! ([`plugin_taken`] and cp's credentials), and who still uses what is to be deleted ([`usages`]).
//!
//! Lua is not run here: `filter_func`, `script` and `_meta.pre_function` are refused.

use serde_json::{Map, Value};

use crate::Kind;
use crate::id::text_of;
use crate::lenient::lua_type;
use crate::plugins::{Catalog, Place};
use crate::vars::Expr;

mod contents;
mod plugins;
mod reference;
mod schemas;
mod secret;
mod ssl;
mod stream_route;
mod upstream;
mod usage;

pub use contents::{BadPair, Contents};
pub use plugins::plugin_taken;
pub use reference::{Demand, Reference, Target, references};
pub use schemas::{document as schema_document, secret as secret_schema_document};
pub use upstream::{HASHED_HEADER, HASHED_VARIABLE};
pub use usage::{Usage, usages};

/// Why a document is no resource, in the words of the Admin API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

/// Checks against catalogs of plugins.
#[derive(Clone, Copy, Debug)]
pub struct Checker<'c> {
    catalog: &'c Catalog,
    stream: &'c Catalog,
    contents: Option<&'c dyn Contents>,
}

type Result<T = ()> = std::result::Result<T, Invalid>;
type Fields = Map<String, Value>;

/// Checks a document against the plugins that this data plane has. `id` is what its key or URL says, if anything.
pub fn check(kind: Kind, id: Option<&str>, document: &Value) -> Result {
    Checker::new(Catalog::built_in()).check(kind, id, document)
}

/// Checks a document against its schema only, as `POST /schema/validate/{resource}` does.
pub fn check_schema(kind: Kind, document: &Value) -> Result {
    schemas::compiled(kind).check(document).map_err(|violation| Invalid(violation.0))
}

// === impl Invalid ===

impl Invalid {
    fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    fn configuration(violation: impl std::fmt::Display) -> Self {
        Self(format!("invalid configuration: {violation}"))
    }

    fn within(self, place: &str) -> Self {
        Self(format!("{place}{}", self.0))
    }
}

// === impl Checker ===

impl<'c> Checker<'c> {
    /// With the plugins of a catalog, and those that this data plane has for stream routes.
    pub fn new(catalog: &'c Catalog) -> Self {
        Self { catalog, stream: Catalog::built_in_stream(), contents: None }
    }

    /// With the plugins of a catalog in stream routes.
    #[must_use]
    pub const fn with_stream_plugins(self, stream: &'c Catalog) -> Self {
        Self { stream, ..self }
    }

    /// With someone who can read certificates and protocol definitions. Without, they are taken to be right.
    #[must_use]
    pub const fn with_contents(self, contents: &'c dyn Contents) -> Self {
        Self { contents: Some(contents), ..self }
    }

    /// Checks a document, its references taken to lead somewhere.
    pub fn check(&self, kind: Kind, id: Option<&str>, document: &Value) -> Result {
        self.check_with(kind, id, document.clone(), |_| Ok(()))
    }

    /// Checks a document; `exists` is asked about each reference where the Admin API would look it up, and says what
    /// [`Reference::check`] says. `id` is what the key or URL says, if anything, the parent included. Defaults are filled in for the
    /// later checks, so the document is consumed: it is stored as it came.
    pub fn check_with(
        &self,
        kind: Kind,
        id: Option<&str>,
        document: Value,
        exists: impl FnMut(&Reference) -> Result,
    ) -> Result {
        let mut filled = match document {
            // An empty list is an empty object.
            Value::Array(list) if list.is_empty() => Value::Object(Fields::new()),
            other => other,
        };
        if kind.settles_id() {
            settle_id(kind, id, &mut filled)?;
        }
        match kind {
            Kind::Secret => return secret::check(&mut filled),
            Kind::PluginMetadata => return self.metadata(id, filled),
            Kind::Route => {
                only_one_of(&filled, "host", "hosts")?;
                only_one_of(&filled, "remote_addr", "remote_addrs")?;
            }
            _ => {}
        }
        schemas::compiled(kind).fill(&mut filled).map_err(Invalid::configuration)?;
        let Value::Object(fields) = &filled else { return Err(not_an_object(&filled)) };
        let references = references(kind, id, &filled);
        match kind {
            Kind::Upstream => upstream::check(fields, &references, exists, self.contents),
            Kind::Route | Kind::Service => self.routing(fields, &references, exists),
            Kind::StreamRoute => stream_route::check(self, fields, &references, exists),
            Kind::Consumer => self.consumer(id, fields, &references, exists),
            Kind::Credential => self.credential(fields, &references, exists),
            Kind::Ssl => ssl::check(fields, self.contents),
            Kind::Proto => self.proto(fields),
            Kind::GlobalRule | Kind::PluginConfig | Kind::ConsumerGroup => self.plugins(Place::Resource, fields),
            Kind::CostDecoration => references.iter().try_for_each(exists),
            Kind::PluginMetadata | Kind::Secret => Ok(()),
        }
    }

    fn routing(
        &self,
        fields: &Fields,
        references: &[Reference],
        mut exists: impl FnMut(&Reference) -> Result,
    ) -> Result {
        // Those of the upstream inside come first, and where it is checked.
        let inside = references.iter().take_while(|reference| reference.target == Target::Ssl).count();
        let (of_upstream, own) = references.split_at(inside);
        if let Some(Value::Object(inner)) = fields.get("upstream") {
            upstream::check(inner, of_upstream, &mut exists, self.contents)?;
        }
        own.iter().try_for_each(exists)?;
        self.plugins(Place::Resource, fields)?;
        if let Some(vars) = fields.get("vars") {
            expression(vars)?;
        }
        for (field, said) in [("filter_func", "'filter_func' string"), ("script", "'script' string")] {
            if fields.contains_key(field) {
                return Err(Invalid(format!("failed to load {said}: Lua is not supported")));
            }
        }
        Ok(())
    }

    fn consumer(
        &self,
        id: Option<&str>,
        fields: &Fields,
        references: &[Reference],
        exists: impl FnMut(&Reference) -> Result,
    ) -> Result {
        if id.is_some() && id != fields.get("username").and_then(Value::as_str) {
            return Err(Invalid::new("wrong username"));
        }
        self.plugins_of_consumer(fields)?;
        references.iter().try_for_each(exists)
    }

    fn credential(
        &self,
        fields: &Fields,
        references: &[Reference],
        exists: impl FnMut(&Reference) -> Result,
    ) -> Result {
        self.plugins_of_consumer(fields)?;
        let names = fields.get("plugins").and_then(Value::as_object).into_iter().flat_map(Map::keys);
        for name in names {
            if !self.catalog.get(name).is_some_and(crate::plugins::Plugin::is_auth) {
                return Err(Invalid::new("only supports auth type plugins in consumer credential"));
            }
        }
        references.iter().try_for_each(exists)
    }

    fn plugins_of_consumer(&self, fields: &Fields) -> Result {
        self.plugins(Place::Consumer, fields).map_err(|invalid| invalid.within("invalid plugins configuration: "))
    }

    fn proto(&self, fields: &Fields) -> Result {
        match (self.contents, fields.get("content")) {
            (Some(contents), Some(Value::String(content))) => {
                contents.proto(content).map_err(|error| Invalid(format!("invalid content: {error}")))
            }
            _ => Ok(()),
        }
    }
}

/// The id of the key or URL and that of the document are one; the document gets it, so that the schema sees it.
fn settle_id(kind: Kind, id: Option<&str>, document: &mut Value) -> Result {
    let (Some(id), Value::Object(fields)) = (id.map(|id| kind.document_id(id)), document) else { return Ok(()) };
    let own = fields.get("id").map(|own| text_of(own).unwrap_or_default());
    match own {
        Some(own) if own != id => Err(Invalid(format!("wrong {kind} id"))),
        Some(_) => Ok(()),
        None => {
            fields.insert("id".to_owned(), Value::from(id));
            Ok(())
        }
    }
}

fn only_one_of(document: &Value, one: &str, other: &str) -> Result {
    let given = |field: &str| document.get(field).is_some_and(|value| *value != Value::Bool(false));
    if given(one) && given(other) {
        return Err(Invalid(format!("only one of {one} or {other} is allowed")));
    }
    Ok(())
}

fn expression(document: &Value) -> Result {
    match Expr::parse(document) {
        Ok(_) => Ok(()),
        Err(error) => Err(Invalid(format!("failed to validate the 'vars' expression: {error}"))),
    }
}

fn not_an_object(document: &Value) -> Invalid {
    Invalid::configuration(format!("wrong type: expected object, got {}", lua_type(document)))
}

#[cfg(test)]
mod tests;
