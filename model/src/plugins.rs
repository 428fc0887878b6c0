//! What the plugins of the data plane are, for those who don't run them.
//!
//! `schema/plugins.json` is written by dp, whose plugins' configuration types it comes from, and compared with them by a
//! test there; `schema/stream_plugins.json` is the same for the plugins of stream routes. Here each schema is compiled when it is first needed, then kept.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::schema::{self, Schema, Secrets, Violation};

static BUILT_IN: LazyLock<Catalog> = LazyLock::new(|| {
    Catalog::parse(include_str!("../schema/plugins.json")).expect("a test reads and compiles the file")
});

static STREAM: LazyLock<Catalog> = LazyLock::new(|| {
    Catalog::parse(include_str!("../schema/stream_plugins.json")).expect("a test reads and compiles the file")
});

/// All plugins.
#[derive(Debug)]
pub struct Catalog {
    /// In running order.
    plugins: Vec<Plugin>,
    by_name: HashMap<String, usize>,
}

/// One plugin.
#[derive(Debug)]
pub struct Plugin {
    name: String,
    facts: Facts,
    compiled: [OnceLock<Schema>; 3],
}

/// What the file says about a plugin.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    version: f64,
    priority: i64,
    #[serde(default, rename = "type")]
    role: Option<String>,
    schema: Value,
    #[serde(default)]
    consumer_schema: Option<Value>,
    #[serde(default)]
    metadata_schema: Option<Value>,
    #[serde(default)]
    encrypt_fields: Vec<String>,
}

/// Where a plugin's configuration stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a route, service or the like.
    Resource,
    /// In a consumer or one of its credentials.
    Consumer,
    /// In the plugin's metadata.
    Metadata,
}

/// A catalog that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not a catalog.
    #[error("the plugin catalog cannot be read")]
    Malformed(#[from] serde_json::Error),
    /// A schema that cannot be compiled.
    #[error("a schema of plugin {plugin}")]
    Schema {
        /// The plugin.
        plugin: String,
        /// What is wrong with it.
        #[source]
        source: schema::Error,
    },
}

// === impl Catalog ===

impl Catalog {
    /// The plugins that this data plane has.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// The plugins that this data plane has for stream routes.
    pub fn built_in_stream() -> &'static Self {
        &STREAM
    }

    /// Reads a catalog and tries all of its schemas.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let entries: Map<String, Value> = serde_json::from_str(text)?;
        let mut plugins = Vec::with_capacity(entries.len());
        for (name, facts) in entries {
            let plugin = Plugin { name, facts: serde_json::from_value(facts)?, compiled: Default::default() };
            for place in [Place::Resource, Place::Consumer, Place::Metadata] {
                let Some(document) = plugin.schema(place) else { continue };
                Schema::compile(document, Secrets::Resolved)
                    .map_err(|source| Error::Schema { plugin: plugin.name.clone(), source })?;
            }
            plugins.push(plugin);
        }
        // Equal priorities keep the order of the file.
        plugins.sort_by_key(|plugin| std::cmp::Reverse(plugin.facts.priority));
        let by_name = plugins.iter().enumerate().map(|(index, plugin)| (plugin.name.clone(), index)).collect();
        Ok(Self { plugins, by_name })
    }

    /// All plugins in running order.
    pub fn plugins(&self) -> impl Iterator<Item = &Plugin> {
        self.plugins.iter()
    }

    /// The plugin of that name.
    pub fn get(&self, name: &str) -> Option<&Plugin> {
        self.by_name.get(name).map(|index| &self.plugins[*index])
    }
}

// === impl Plugin ===

impl Plugin {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version of its configuration.
    pub fn version(&self) -> f64 {
        self.facts.version
    }

    /// The higher, the earlier it runs.
    pub fn priority(&self) -> i64 {
        self.facts.priority
    }

    /// What it is beside a plugin: `auth` when it finds out who calls.
    pub fn role(&self) -> Option<&str> {
        self.facts.role.as_deref()
    }

    /// Whether it finds out who calls.
    pub fn is_auth(&self) -> bool {
        self.role() == Some("auth")
    }

    /// Paths of the secrets in its configuration: names with dots between them, each of which may lead into a list.
    pub fn encrypt_fields(&self) -> &[String] {
        &self.facts.encrypt_fields
    }

    /// The schema of its configuration. A plugin that has none for consumers has the same one there.
    pub fn schema(&self, place: Place) -> Option<&Value> {
        match place {
            Place::Resource => Some(&self.facts.schema),
            Place::Consumer => Some(self.facts.consumer_schema.as_ref().unwrap_or(&self.facts.schema)),
            Place::Metadata => self.facts.metadata_schema.as_ref(),
        }
    }

    /// Whether the plugin has a schema of its own for consumers.
    pub fn consumer_schema(&self) -> Option<&Value> {
        self.facts.consumer_schema.as_ref()
    }

    /// Whether the document is a configuration of it; any is where the plugin has no schema.
    pub fn check(&self, place: Place, configuration: &Value) -> Result<(), Violation> {
        let Some(document) = self.schema(place) else { return Ok(()) };
        self.compiled[place as usize]
            .get_or_init(|| {
                Schema::compile(document, Secrets::Resolved).expect("it compiled when the catalog was read")
            })
            .check(configuration)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_built_in_catalog_compiles() {
        for catalog in [Catalog::built_in(), Catalog::built_in_stream()] {
            for plugin in catalog.plugins() {
                assert!(catalog.get(plugin.name()).is_some_and(|found| std::ptr::eq(found, plugin)));
            }
        }
        assert!(Catalog::built_in().get("no-such-plugin").is_none());
    }

    #[test]
    fn order_and_places() {
        let catalog = Catalog::parse(
            r#"{"late":{"version":0.1,"priority":1,"schema":{}},
                "early":{"version":0.2,"priority":9,"type":"auth","schema":{"required":["a"]},
                    "consumer_schema":{"required":["b"]},"encrypt_fields":["b"]},
                "mid":{"version":1,"priority":1,"schema":{"required":["c"]},"metadata_schema":{"required":["d"]}}}"#,
        )
        .unwrap();
        assert_eq!(catalog.plugins().map(Plugin::name).collect::<Vec<_>>(), ["early", "late", "mid"]);
        let (early, mid) = (catalog.get("early").unwrap(), catalog.get("mid").unwrap());
        assert!(early.is_auth() && !mid.is_auth());
        assert_eq!((early.encrypt_fields(), early.version()), (&["b".to_owned()][..], 0.2));
        for (plugin, place, good) in [
            (early, Place::Resource, "a"),
            (early, Place::Consumer, "b"),
            (early, Place::Metadata, "anything"),
            (mid, Place::Resource, "c"),
            (mid, Place::Consumer, "c"),
            (mid, Place::Metadata, "d"),
        ] {
            assert!(plugin.check(place, &json!({ good: 1 })).is_ok(), "{} {place:?}", plugin.name());
            let refused = plugin.check(place, &json!({ "z": 1 })).is_err();
            assert_eq!(refused, plugin.schema(place).is_some(), "{} {place:?}", plugin.name());
        }
    }

    #[test]
    fn a_bad_catalog_is_refused() {
        for bad in [
            "[]",
            r#"{"a":1}"#,
            r#"{"a":{"version":1,"priority":1}}"#,
            r#"{"a":{"version":1,"priority":1,"schema":{},"more":1}}"#,
            r#"{"a":{"version":1,"priority":1,"schema":{"type":"text"}}}"#,
            r#"{"a":{"version":1,"priority":1,"schema":{},"consumer_schema":{"pattern":"("}}}"#,
        ] {
            assert!(Catalog::parse(bad).is_err(), "{bad}");
        }
    }
}
