//! Resources that are little more than plugins: global rules, plugin configs, consumer groups, credentials, and the metadata
//! of a plugin.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{Labels, Plugins};
use crate::{Id, lenient};

/// Plugins of all requests.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct GlobalRule {
    /// Its id; the key of the key space names it too.
    pub id: Option<Id>,
    /// Its plugins.
    #[serde(deserialize_with = "lenient::object")]
    pub plugins: Plugins,
}

/// Plugins that several routes share.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct PluginConfig {
    /// Its id; the key of the key space names it too.
    pub id: Option<Id>,
    /// A name for people.
    pub name: Option<String>,
    /// Labels.
    #[serde(deserialize_with = "lenient::object")]
    pub labels: Labels,
    /// Its plugins.
    #[serde(deserialize_with = "lenient::object")]
    pub plugins: Plugins,
}

/// Plugins that several consumers share.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ConsumerGroup {
    /// Its id; the key of the key space names it too.
    pub id: Option<Id>,
    /// A name for people.
    pub name: Option<String>,
    /// Labels.
    #[serde(deserialize_with = "lenient::object")]
    pub labels: Labels,
    /// Its plugins.
    #[serde(deserialize_with = "lenient::object")]
    pub plugins: Plugins,
}

/// How a consumer proves who it is, apart from the consumer. The key of the key space names both.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Credential {
    /// A name for people.
    pub name: Option<String>,
    /// Labels.
    #[serde(deserialize_with = "lenient::object")]
    pub labels: Labels,
    /// One authentication plugin, or none.
    #[serde(deserialize_with = "lenient::object")]
    pub plugins: Plugins,
}

/// Settings of a plugin that hold wherever it runs. The key of the key space names the plugin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PluginMetadata {
    /// What the metadata schema of the plugin describes.
    pub settings: Map<String, Value>,
}

// === impl PluginMetadata ===

impl<'de> Deserialize<'de> for PluginMetadata {
    /// The document holds the settings themselves, and the name of the plugin beside them as `id`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut settings = lenient::object(deserializer)?;
        settings.shift_remove("id");
        Ok(Self { settings })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_they_hold() {
        let plugins = json!({"cors": {}});
        let document = json!({"id": 1, "name": "n", "labels": {"a": "b"}, "plugins": plugins, "create_time": 1});
        let rule: GlobalRule = serde_json::from_value(document.clone()).unwrap();
        assert_eq!((rule.id.unwrap().as_str(), Value::Object(rule.plugins)), ("1", plugins.clone()));
        let config: PluginConfig = serde_json::from_value(document.clone()).unwrap();
        assert_eq!((config.name.as_deref(), Value::Object(config.plugins)), (Some("n"), plugins.clone()));
        let group: ConsumerGroup = serde_json::from_value(document.clone()).unwrap();
        assert_eq!((group.labels["a"].as_str(), Value::Object(group.plugins)), (Some("b"), plugins.clone()));
        let credential: Credential = serde_json::from_value(document).unwrap();
        assert_eq!((credential.name.as_deref(), Value::Object(credential.plugins)), (Some("n"), plugins));
        assert_eq!(serde_json::from_value::<Credential>(json!({"plugins": []})).unwrap(), Credential::default());
    }

    #[test]
    fn metadata_is_flat() {
        let metadata: PluginMetadata =
            serde_json::from_value(json!({"id": "http-logger", "log_format": {"a": 1}})).unwrap();
        assert_eq!(Value::Object(metadata.settings), json!({"log_format": {"a": 1}}));
        assert_eq!(serde_json::from_value::<PluginMetadata>(json!([])).unwrap(), PluginMetadata::default());
        assert!(serde_json::from_value::<PluginMetadata>(json!("a")).is_err());
    }
}
