//! Compiles the metadata of plugins, and finds what plugins refer to.

use std::sync::Arc;

use portolan_model::{self as model, Kind};
use serde_json::{Map, Value};

use super::{Compiler, read};
use crate::metrics::Disabled;
use crate::plugin::Plugin;
use crate::plugins::{self, prometheus::Prometheus, traffic_split::TrafficSplit};
use crate::resource::Document;

// === impl Compiler ===

impl Compiler {
    pub(super) fn compile_metadata(&mut self, plugin: &Arc<str>, document: &Arc<Document>) -> Result<(), String> {
        let parsed: model::resource::PluginMetadata = read(document)?;
        let settings = Value::Object(parsed.settings);
        if **plugin == *<Prometheus as Plugin>::NAME {
            self.snapshot.disabled_labels = Arc::new(Disabled::of(&settings));
        }
        self.metadata.insert(plugin.clone(), settings);
        self.snapshot.plugin_metadata.insert(plugin, document.clone());
        Ok(())
    }

    pub(super) fn remove_metadata(&mut self, plugin: &Arc<str>) {
        if **plugin == *<Prometheus as Plugin>::NAME {
            self.snapshot.disabled_labels = Arc::new(Disabled::of(&Value::Null));
        }
        self.metadata.remove(plugin);
        self.snapshot.plugin_metadata.remove(plugin);
    }
}

/// The metadata of plugins, and the certificates in them, as references to these.
pub(super) fn with_metadata(plugins: &Map<String, Value>) -> impl Iterator<Item = (Kind, &str)> {
    let has_metadata = |name: &&String| plugins::by_name(name).is_some_and(|plugin| plugin.has_metadata());
    let metadata = plugins.keys().filter(has_metadata).map(|name| (Kind::PluginMetadata, name.as_str()));
    metadata.chain(certificates_of(plugins).map(|id| (Kind::Ssl, id)))
}

/// The certificates that upstreams inside plugins name.
pub(super) fn certificates_of(plugins: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let rules = plugins.get(<TrafficSplit as Plugin>::NAME).and_then(|config| config.get("rules")?.as_array());
    let places = rules.into_iter().flatten().filter_map(|rule| rule.get("weighted_upstreams")?.as_array()).flatten();
    places.filter_map(|place| place.pointer("/upstream/tls/client_cert_id")?.as_str())
}
