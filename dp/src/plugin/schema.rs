//! JSON schemas of plugins, derived from their configuration types: draft-07, without references.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::plugins::PLUGINS;

/// The schema of a type.
#[must_use]
pub fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(object) = schema.as_object_mut() {
        object.shift_remove("title");
        object.shift_remove("description");
    }
    tidy(&mut schema);
    schema
}

/// Adds what every plugin's configuration may hold.
#[must_use]
pub fn with_meta(mut schema: Value) -> Value {
    let properties = schema.as_object_mut().map(|object| object.entry("properties").or_insert_with(|| json!({})));
    if let Some(properties) = properties.and_then(Value::as_object_mut) {
        properties.insert("_meta".to_owned(), meta());
    }
    schema
}

/// All plugins with their schemas, in running order: the contents of `model/schema/plugins.json`.
#[must_use]
pub fn contract() -> Value {
    let entries = PLUGINS.iter().map(|plugin| {
        let entry = json!({
            "version": plugin.version(),
            "priority": plugin.priority(),
            "type": plugin.identity().map(|_| "auth"),
            "schema": plugin.schema(),
            "consumer_schema": plugin.consumer_schema(),
            "metadata_schema": plugin.metadata_schema(),
            "encrypt_fields": plugin.encrypt_fields(),
        });
        (plugin.name().to_owned(), entry)
    });
    Value::Object(entries.collect::<Map<_, _>>())
}

fn meta() -> Value {
    json!({
        "type": "object",
        "description": "settings that every plugin has",
        "additionalProperties": false,
        "properties": {
            "disable": {"type": "boolean", "description": "keep the configuration, do not run the plugin"},
            "priority": {"type": "integer", "description": "takes the place of the plugin's own priority"},
            "filter": {"type": "array", "description": "run the plugin only for requests that meet this expression"},
            "error_response": {
                "description": "body of the plugin's own refusals",
                "oneOf": [{"type": "string"}, {"type": "object"}]
            }
        }
    })
}

/// Takes out what only Rust means (`format: uint32`, the null that stands for a missing field), so that any
/// draft-07 validator reads the schema alike.
fn tidy(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let rust_format = object.get("format").and_then(Value::as_str).is_some_and(|format| {
                ["int", "uint", "float", "double"].iter().any(|prefix| format.starts_with(prefix))
            });
            if rust_format {
                object.shift_remove("format");
            }
            // Any item will do.
            if object.get("items") == Some(&Value::Bool(true)) {
                object.shift_remove("items");
            }
            without_null(object);
            choice(object);
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            object.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

/// `oneOf` over constants is what an enumeration of documented variants becomes; `enum` says it to everybody.
fn choice(object: &mut Map<String, Value>) {
    let Some(Value::Array(variants)) = object.get("oneOf") else { return };
    let constants: Option<Vec<Value>> = variants.iter().map(|variant| variant.get("const").cloned()).collect();
    if let Some(constants) = constants {
        object.shift_remove("oneOf");
        object.insert("type".to_owned(), json!("string"));
        object.insert("enum".to_owned(), Value::Array(constants));
    }
}

fn without_null(object: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(variants)) = object.get_mut("anyOf") {
        variants.retain(|variant| *variant != json!({"type": "null"}));
        if variants.len() == 1
            && let Some(Value::Object(only)) = variants.pop()
        {
            object.shift_remove("anyOf");
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if object.get("default") == Some(&Value::Null) {
        object.shift_remove("default");
    }
}
