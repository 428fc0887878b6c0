//! Which texts of a resource are secret: said once, for those who mask them and for those who encrypt them at rest.

use serde_json::{Map, Value};

use crate::Kind;
use crate::plugins::Catalog;

/// A place of secrets in the documents of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Names with dots between them; each may lead into a list.
    pub path: &'static str,
    /// How it is stored.
    pub at_rest: AtRest,
    /// Whether the Admin API never gives it back.
    pub withheld: bool,
}

/// How a secret is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtRest {
    /// As it came: data planes of APISIX read it so.
    Plain,
    /// Encrypted, when it starts with `---` as a private key in PEM does; what doesn't is encrypted already.
    EncryptedPem,
    /// Encrypted.
    Encrypted,
}

/// A secret in a document.
#[derive(Debug)]
pub struct Found<'d> {
    /// The secret: a text, as a rule, and never an object or a list.
    pub value: &'d mut Value,
    /// How it is stored.
    pub at_rest: AtRest,
    /// Whether the Admin API never gives it back.
    pub withheld: bool,
}

/// Where plugins' configurations stand, and who runs them.
enum Plugins<'c> {
    /// Nowhere.
    None,
    /// Under `plugins`.
    Inside(&'c Catalog, AtRest),
    /// The document is the configuration of this one.
    Whole(&'c Catalog),
}

/// Catalogs of plugins, which say what is secret in their configurations.
#[derive(Clone, Copy, Debug)]
pub struct Secrets<'c> {
    catalog: &'c Catalog,
    stream: &'c Catalog,
}

/// The secrets of a kind, beside those in plugins.
pub const fn fields(kind: Kind) -> &'static [Field] {
    const fn field(path: &'static str, at_rest: AtRest) -> Field {
        Field { path, at_rest, withheld: false }
    }
    const UPSTREAM: &[Field] = &[field("tls.client_key", AtRest::EncryptedPem)];
    const ROUTING: &[Field] = &[field("upstream.tls.client_key", AtRest::EncryptedPem)];
    const SSL: &[Field] = &[
        Field { withheld: true, ..field("key", AtRest::EncryptedPem) },
        Field { withheld: true, ..field("keys", AtRest::EncryptedPem) },
    ];
    const SECRET: &[Field] = &[
        field("token", AtRest::Plain),
        field("access_key_id", AtRest::Plain),
        field("secret_access_key", AtRest::Plain),
        field("session_token", AtRest::Plain),
        field("auth_config", AtRest::Plain),
    ];
    match kind {
        Kind::Upstream => UPSTREAM,
        Kind::Route | Kind::Service | Kind::StreamRoute => ROUTING,
        Kind::Ssl => SSL,
        Kind::Secret => SECRET,
        Kind::Consumer
        | Kind::Credential
        | Kind::GlobalRule
        | Kind::PluginConfig
        | Kind::ConsumerGroup
        | Kind::PluginMetadata
        | Kind::Proto
        | Kind::CostDecoration => &[],
    }
}

// === impl Secrets ===

impl Default for Secrets<'static> {
    /// With the plugins that this data plane has.
    fn default() -> Self {
        Self { catalog: Catalog::built_in(), stream: Catalog::built_in_stream() }
    }
}

impl<'c> Secrets<'c> {
    /// With the plugins of two catalogs, the second being those of stream routes.
    pub const fn new(catalog: &'c Catalog, stream: &'c Catalog) -> Self {
        Self { catalog, stream }
    }

    /// Shows every secret of a document, in no order that matters. `id` is what its key says.
    pub fn visit(&self, kind: Kind, id: &str, document: &mut Value, seen: impl FnMut(Found<'_>)) {
        if let Value::Object(document) = document {
            self.visit_fields(kind, id, document, seen);
        }
    }

    /// The same for the fields of a document.
    pub fn visit_fields(
        &self,
        kind: Kind,
        id: &str,
        document: &mut Map<String, Value>,
        mut seen: impl FnMut(Found<'_>),
    ) {
        for field in fields(kind) {
            let mut found = |value: &mut Value, depth: usize| {
                let at_rest = at_depth(field.at_rest, depth);
                seen(Found { value, at_rest, withheld: field.withheld });
            };
            along(document, field.path, &mut found);
        }
        match self.plugins(kind, id) {
            Plugins::None => {}
            Plugins::Whole(catalog) => in_plugin(catalog, AtRest::Encrypted, id, document, &mut seen),
            Plugins::Inside(catalog, at_rest) => {
                let Some(Value::Object(plugins)) = document.get_mut("plugins") else { return };
                for (name, configuration) in plugins {
                    if let Value::Object(configuration) = configuration {
                        in_plugin(catalog, at_rest, name, configuration, &mut seen);
                    }
                }
            }
        }
    }

    /// Whether a stored document can hold secrets at all: a look for the names of their places, for a hundredth of what parsing
    /// costs.
    pub fn may_be_in(&self, kind: Kind, id: &str, stored: &[u8]) -> bool {
        let Ok(text) = std::str::from_utf8(stored) else { return true };
        // With escapes a name may be spelt in another way.
        let names = |name: &str| text.contains(&format!("\"{name}\"")) || text.contains('\\');
        match self.plugins(kind, id) {
            Plugins::Whole(_) => return true,
            Plugins::Inside(..) if names("plugins") => return true,
            Plugins::Inside(..) | Plugins::None => {}
        }
        fields(kind).iter().any(|field| names(field.path.rsplit('.').next().unwrap_or(field.path)))
    }

    fn plugins(&self, kind: Kind, id: &str) -> Plugins<'c> {
        match kind {
            Kind::Route
            | Kind::Service
            | Kind::Consumer
            | Kind::Credential
            | Kind::GlobalRule
            | Kind::PluginConfig
            | Kind::ConsumerGroup => Plugins::Inside(self.catalog, AtRest::Encrypted),
            // APISIX encrypts the key of the upstream there, and not the plugins.
            Kind::StreamRoute => Plugins::Inside(self.stream, AtRest::Plain),
            Kind::PluginMetadata if self.catalog.get(id).is_some() => Plugins::Whole(self.catalog),
            Kind::PluginMetadata => Plugins::Whole(self.stream),
            Kind::Upstream | Kind::Ssl | Kind::Proto | Kind::Secret | Kind::CostDecoration => Plugins::None,
        }
    }
}

fn in_plugin(
    catalog: &Catalog,
    at_rest: AtRest,
    name: &str,
    configuration: &mut Map<String, Value>,
    seen: &mut impl FnMut(Found<'_>),
) {
    let Some(plugin) = catalog.get(name) else { return };
    for path in plugin.encrypt_fields() {
        let mut found = |value: &mut Value, depth: usize| {
            seen(Found { value, at_rest: at_depth(at_rest, depth), withheld: false });
        };
        along(configuration, path, &mut found);
    }
}

/// A list or an object of secrets is encrypted member by member; what is deeper inside is not, and neither are numbers.
const fn at_depth(at_rest: AtRest, depth: usize) -> AtRest {
    if depth <= 1 { at_rest } else { AtRest::Plain }
}

/// Follows a path to its end.
fn along(object: &mut Map<String, Value>, path: &str, found: &mut impl FnMut(&mut Value, usize)) {
    let Some((first, rest)) = path.split_once('.') else {
        if let Some(value) = object.get_mut(path) {
            leaves(value, 0, found);
        }
        return;
    };
    match object.get_mut(first) {
        Some(Value::Object(inner)) => along(inner, rest, found),
        Some(Value::Array(items)) => {
            for inner in items.iter_mut().filter_map(Value::as_object_mut) {
                along(inner, rest, found);
            }
        }
        _ => {}
    }
}

fn leaves(value: &mut Value, depth: usize, found: &mut impl FnMut(&mut Value, usize)) {
    match value {
        Value::Null => {}
        Value::Array(items) => items.iter_mut().for_each(|item| leaves(item, depth + 1, found)),
        Value::Object(members) => members.values_mut().for_each(|member| leaves(member, depth + 1, found)),
        secret => found(secret, depth),
    }
}

#[cfg(test)]
mod tests;
