//! What holds for all plugins, and the contract that the control plane reads.

use std::collections::HashSet;
use std::path::Path;

use bytes::Bytes;
use http::response::Parts;
use portolan_model::schema::{Schema, Secrets};
use serde_json::Value;

use super::PLUGINS;
use crate::context::Context;
use crate::context::tests::with_context;
use crate::plugin::{Factory, Of, Phases, Plugin, Scope, State, contract};

/// Checks and compiles a configuration as for a route, without `_meta`.
pub(crate) fn compile<P: Plugin>(config: Value, state: &State) -> Result<P, String> {
    check(&Of::<P>::NEW.schema(), &config)?;
    let scope = Scope { resource: "routes/1", config: &config, metadata: None, certificates: None, state };
    let parsed = serde_json::from_value(config.clone()).map_err(|e| e.to_string())?;
    P::compile(parsed, &scope).map_err(|e| e.to_string())
}

/// Checks a consumer's configuration of a plugin.
pub(crate) fn check_consumer<P: Plugin>(config: &Value) -> Result<(), String> {
    check(&P::consumer_schema().unwrap(), config)?;
    P::compile_consumer(config).map(drop).map_err(|e| e.to_string())
}

fn check(schema: &Value, config: &Value) -> Result<(), String> {
    let schema = Schema::compile(schema, Secrets::Unknown).map_err(|e| e.to_string())?;
    schema.check(config).map_err(|e| e.to_string())
}

/// Each configuration is refused with a text that begins like this.
pub(crate) fn refused<P: Plugin>(cases: &[(Value, &str)]) {
    for (config, expected) in cases {
        match compile::<P>(config.clone(), &State::default()) {
            Ok(_) => panic!("{config} is accepted"),
            Err(error) => assert!(error.starts_with(expected), "{config}: {error}"),
        }
    }
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

/// The body that a client gets when these pieces come from the upstream.
pub(crate) fn body_of(plugin: &impl Phases, response: http::Response<()>, pieces: &[&str]) -> String {
    with_context(http::Request::get("/").header("host", "h"), |context| {
        let mut head = filtered(plugin, context, response);
        let Some(mut filter) = plugin.body_filter(context, &mut head) else { return pieces.concat() };
        let mut out = Vec::new();
        for piece in pieces {
            out.extend_from_slice(&filter.piece(Bytes::copy_from_slice(piece.as_bytes())));
        }
        out.extend_from_slice(&filter.end());
        String::from_utf8(out).unwrap()
    })
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

/// Names of settings, those included that a condition brings.
fn settings(schema: &Value, names: &mut HashSet<String>) {
    let part = |name: &str| schema.get(name);
    let properties = part("properties").and_then(Value::as_object).into_iter().flatten();
    names.extend(properties.map(|(name, _)| name.clone()).filter(|name| name != "_meta"));
    let dependent = part("dependencies").and_then(Value::as_object).into_iter().flatten().map(|(_, schema)| schema);
    let lists = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|name| part(name)?.as_array()).flatten();
    let more = ["then", "else"].into_iter().filter_map(part).chain(dependent).chain(lists);
    more.for_each(|schema| settings(schema, names));
}

#[test]
fn every_setting_stands_on_the_page_of_its_plugin() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let redis = std::fs::read_to_string(docs.join("redis.md")).unwrap();
    for plugin in PLUGINS {
        let mut names = HashSet::new();
        let schemas = [Some(plugin.schema()), plugin.consumer_schema(), plugin.metadata_schema()];
        schemas.iter().flatten().for_each(|schema| settings(schema, &mut names));
        let mut page = std::fs::read_to_string(docs.join(format!("plugins/{}.md", plugin.name()))).unwrap();
        if page.contains("(../redis.md)") {
            page.push_str(&redis);
        }
        for name in names {
            let is_there = ['`', '.'].iter().any(|end| page.contains(&format!("`{name}{end}")));
            assert!(is_there, "{name} is not on the page of {}", plugin.name());
        }
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
