//! Configurations of plugins, wherever they stand.

use serde_json::Value;

use super::{Checker, Fields, Invalid, Result, expression, not_an_object};
use crate::Plugins;
use crate::plugins::Place;

/// Says that another global rule has one of the plugins: each may be in one only. cp asks this inside the append.
pub fn plugin_taken(plugins: &Plugins, other_id: &str, other: &Plugins) -> Option<Invalid> {
    let name = plugins.keys().find(|name| other.contains_key(name.as_str()))?;
    Some(Invalid(format!("plugin '{name}' already exists in global rule with id '{other_id}'")))
}

// === impl Checker ===

impl Checker<'_> {
    pub(super) fn plugins(&self, place: Place, fields: &Fields) -> Result {
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
        is_table(name, configuration)?;
        let Some(plugin) = self.catalog.get(name) else { return Err(unknown(name)) };
        let meta = configuration.get("_meta");
        if let Err(violation) = plugin.check(place, configuration)
            && !is_disabled(configuration)
        {
            return Err(Invalid(format!("failed to check the configuration of plugin {name} err: {violation}")));
        }
        if let Some(filter) = meta.and_then(|meta| meta.get("filter")) {
            expression(filter)?;
        }
        if meta.and_then(|meta| meta.get("pre_function")).is_some() {
            return Err(Invalid(format!("failed to load _meta.pre_function in plugin {name}: Lua is not supported")));
        }
        Ok(())
    }

    /// Checks the configurations of a stream route's plugins.
    pub(super) fn stream_plugins(&self, fields: &Fields) -> Result {
        let Some(Value::Object(plugins)) = fields.get("plugins") else { return Ok(()) };
        for (name, configuration) in plugins {
            is_table(name, configuration)?;
            let Some(plugin) = self.stream.get(name) else { return Err(unknown(name)) };
            if let Err(violation) = plugin.check(Place::Resource, configuration)
                && !is_disabled(configuration)
            {
                let text = format!("failed to check the configuration of stream plugin [{name}]: {violation}");
                return Err(Invalid(text));
            }
        }
        Ok(())
    }

    /// Checks the metadata of the plugin that the key or URL names.
    pub(super) fn metadata(&self, name: Option<&str>, mut document: Value) -> Result {
        let Some(name) = name else { return Err(Invalid::new("missing plugin name")) };
        let Some(plugin) = self.catalog.get(name).or_else(|| self.stream.get(name)) else {
            return Err(Invalid::new("invalid plugin name"));
        };
        let Value::Object(fields) = &mut document else { return Err(not_an_object(&document)) };
        // A stored document has the name beside the settings.
        if fields.get("id").and_then(Value::as_str) == Some(name) {
            fields.shift_remove("id");
        }
        plugin.check(Place::Metadata, &document).map_err(Invalid::configuration)
    }
}

fn is_table(name: &str, configuration: &Value) -> Result {
    if configuration.is_object() || configuration.is_array() {
        return Ok(());
    }
    let text = configuration.to_string().replace('/', "\\/");
    Err(Invalid(format!("invalid plugin conf {text} for plugin [{name}]")))
}

fn unknown(name: &str) -> Invalid {
    Invalid(format!("unknown plugin [{name}]"))
}

/// What never runs may be wrong.
fn is_disabled(configuration: &Value) -> bool {
    configuration.get("_meta").and_then(|meta| meta.get("disable")) == Some(&Value::Bool(true))
}
