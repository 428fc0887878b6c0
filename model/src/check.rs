//! Whether a document is a resource: the one question that control plane, data plane and command line all ask here.
//!
//! The order of the checks and their words are those of the APISIX Admin API: what cannot stand together, the schema, the
//! upstream, references, plugins, then expressions. Two things are outside: the id of the URL and the times that a client
//! may not set (cp's), and whether references lead somewhere, which the caller of [`Checker::check_with`] answers because
//! only it sees the other resources.
//!
//! Lua is not run here: `filter_func`, `script` and `_meta.pre_function` are refused.

use serde_json::{Map, Value};

use crate::id::text_of;
use crate::lenient::lua_type;
use crate::plugins::{Catalog, Place};
use crate::vars::Expr;
use crate::{Kind, Plugins};

mod reference;
mod schemas;
mod upstream;

pub use reference::{Reference, Target, references};
pub use schemas::document as schema_document;

/// Why a document is no resource, in the words of the Admin API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

/// Checks against a catalog of plugins.
#[derive(Clone, Copy, Debug)]
pub struct Checker<'c> {
    catalog: &'c Catalog,
}

type Result<T = ()> = std::result::Result<T, Invalid>;

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
}

// === impl Checker ===

impl<'c> Checker<'c> {
    /// With the plugins of a catalog.
    pub const fn new(catalog: &'c Catalog) -> Self {
        Self { catalog }
    }

    /// Checks a document, its references taken to lead somewhere.
    pub fn check(&self, kind: Kind, id: Option<&str>, document: &Value) -> Result {
        self.check_with(kind, id, document, |_| Ok(()))
    }

    /// Checks a document; `exists` is asked about each reference where the Admin API would look it up, and says
    /// [`Reference::not_found`] when it leads nowhere.
    pub fn check_with(
        &self,
        kind: Kind,
        id: Option<&str>,
        document: &Value,
        exists: impl FnMut(&Reference) -> Result,
    ) -> Result {
        // Defaults are filled in for what follows; the document itself is stored as it came.
        let mut filled = document.clone();
        if kind != Kind::Consumer {
            settle_id(kind, id, &mut filled)?;
        }
        if kind == Kind::Route {
            only_one_of(&filled, "host", "hosts")?;
            only_one_of(&filled, "remote_addr", "remote_addrs")?;
        }
        schemas::compiled(kind).fill(&mut filled).map_err(Invalid::configuration)?;
        let Value::Object(fields) = &filled else { return Err(not_an_object(&filled)) };
        match kind {
            Kind::Upstream => {
                upstream::check(fields)?;
                references(kind, &filled).iter().try_for_each(exists)
            }
            Kind::Consumer => self.consumer(id, &filled, fields, exists),
            Kind::Route | Kind::Service => self.routing(kind, &filled, fields, exists),
        }
    }

    fn routing(
        &self,
        kind: Kind,
        document: &Value,
        fields: &Map<String, Value>,
        exists: impl FnMut(&Reference) -> Result,
    ) -> Result {
        if let Some(Value::Object(inner)) = fields.get("upstream") {
            upstream::check(inner)?;
        }
        references(kind, document).iter().try_for_each(exists)?;
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
        document: &Value,
        fields: &Map<String, Value>,
        exists: impl FnMut(&Reference) -> Result,
    ) -> Result {
        if id.is_some() && id != fields.get("username").and_then(Value::as_str) {
            return Err(Invalid::new("wrong username"));
        }
        self.plugins(Place::Consumer, fields)
            .map_err(|Invalid(text)| Invalid(format!("invalid plugins configuration: {text}")))?;
        references(Kind::Consumer, document).iter().try_for_each(exists)
    }

    fn plugins(&self, place: Place, fields: &Map<String, Value>) -> Result {
        match fields.get("plugins") {
            Some(Value::Object(plugins)) => self.check_plugins(place, plugins),
            _ => Ok(()),
        }
    }

    /// Checks the configurations of plugins.
    pub fn check_plugins(&self, place: Place, plugins: &Plugins) -> Result {
        plugins.iter().try_for_each(|(name, configuration)| self.plugin(place, name, configuration))
    }

    fn plugin(&self, place: Place, name: &str, configuration: &Value) -> Result {
        if !configuration.is_object() && !configuration.is_array() {
            let text = configuration.to_string().replace('/', "\\/");
            return Err(Invalid(format!("invalid plugin conf {text} for plugin [{name}]")));
        }
        let Some(plugin) = self.catalog.get(name) else { return Err(Invalid(format!("unknown plugin [{name}]"))) };
        let meta = configuration.get("_meta");
        if let Err(violation) = plugin.check(place, configuration) {
            // What never runs may be wrong.
            if meta.and_then(|meta| meta.get("disable")) != Some(&Value::Bool(true)) {
                return Err(Invalid(format!("failed to check the configuration of plugin {name} err: {violation}")));
            }
        }
        if let Some(filter) = meta.and_then(|meta| meta.get("filter")) {
            expression(filter)?;
        }
        if meta.and_then(|meta| meta.get("pre_function")).is_some() {
            return Err(Invalid(format!("failed to load _meta.pre_function in plugin {name}: Lua is not supported")));
        }
        Ok(())
    }
}

/// The id of the key or URL and that of the document are one; the document gets it, so that the schema sees it.
fn settle_id(kind: Kind, id: Option<&str>, document: &mut Value) -> Result {
    let (Some(id), Value::Object(fields)) = (id, document) else { return Ok(()) };
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
