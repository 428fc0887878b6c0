//! What holds for all plugins, and the contract that the control plane reads.

use std::collections::HashSet;
use std::path::Path;

use http::response::Parts;
use serde_json::Value;

use super::PLUGINS;
use crate::context::Context;
use crate::plugin::{Phases, Plugin, Scope, State, contract};

/// Compiles a plugin as a route would, without `_meta`.
pub(crate) fn compile<P: Plugin>(config: Value, state: &State) -> Result<P, String> {
    let scope = Scope { resource: "routes/1", config: &config, metadata: None, state };
    let parsed = serde_json::from_value(config.clone()).map_err(|e| e.to_string())?;
    P::compile(parsed, &scope).map_err(|e| e.to_string())
}

/// The answer of a phase that needs no I/O, or none when the request goes on.
pub(crate) fn decided(flow: crate::plugin::Flow<'_>) -> Option<crate::plugin::Answer> {
    match flow {
        crate::plugin::Flow::Continue => None,
        crate::plugin::Flow::Respond(answer) => Some(answer),
        crate::plugin::Flow::Wait(_) => panic!("this plugin does no I/O"),
    }
}

/// The head of a response after the plugin has seen it.
pub(crate) fn filtered(plugin: &impl Phases, context: &mut Context<'_>, response: http::Response<()>) -> Parts {
    let (mut head, ()) = response.into_parts();
    context.status = Some(head.status);
    plugin.header_filter(context, &mut head);
    head
}

/// Keeps the trait object-safe with all phases.
const _: fn(&dyn Phases) = |_| ();

#[test]
fn the_list_is_in_running_order_and_every_plugin_has_its_page() {
    let mut names = HashSet::new();
    for pair in PLUGINS.windows(2) {
        assert!(pair[0].priority() > pair[1].priority(), "{} before {}", pair[0].name(), pair[1].name());
    }
    for plugin in PLUGINS {
        assert!(names.insert(plugin.name()), "{} is listed twice", plugin.name());
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/plugins/{}.md", plugin.name()));
        assert!(page.is_file(), "{} is missing", page.display());
    }
}

#[test]
fn plugin_contract() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/schema/plugins.json");
    let now = format!("{:#}\n", contract());
    let update = std::env::vars().any(|(key, value)| key == "UPDATE" && value == "1");
    if update {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == now, "plugins.json is stale: UPDATE=1 cargo test -p portolan-dp plugin_contract");
}

#[test]
fn schemas_have_no_references_and_let_unknown_settings_pass() {
    let contract = contract();
    assert!(!contract.to_string().contains("$ref"));
    for (name, plugin) in contract.as_object().unwrap() {
        // As in APISIX: a field that nobody knows changes nothing.
        assert!(plugin["schema"].get("additionalProperties").is_none(), "{name}");
        assert!(plugin["schema"]["properties"]["_meta"].is_object(), "{name}");
    }
}
