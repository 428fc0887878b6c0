//! What the OpenAPI documents say of resources, and the pages in `docs/` that are made of them. `UPDATE=1` writes both anew.

use std::fs;
use std::path::PathBuf;

use portolan_cp::http::{Listener, document};
use portolan_model::Kind;
use portolan_model::check::schema_document;
use serde_json::{Map, Value, json};

mod pages;

/// Documents and pages that are no example of anything: each with its reason.
const WITHOUT_EXAMPLE: [(&str, &str); 2] =
    [("get /openapi.json", "it is the document itself"), ("get /api/openapi.json", "it is the document itself")];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(folder().join(name)).unwrap()).unwrap()
}

/// Compares a committed file with what it should be; writes it when asked to.
fn committed(path: PathBuf, text: &str) {
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == text,
        "{} is not up to date: UPDATE=1 cargo nextest run -p portolan-cp -E 'test(openapi)'",
        path.display()
    );
}

fn written(document: &Value) -> String {
    format!("{}\n", serde_json::to_string_pretty(document).unwrap())
}

/// A JSON schema of draft 7 in the words of OpenAPI 3.1.
fn converted(schema: &Value) -> Value {
    match schema {
        Value::Array(items) => items.iter().map(converted).collect(),
        Value::Object(fields) => {
            let mut out = Map::new();
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("dependencies", Value::Object(dependencies)) => {
                        let list = |value: &&Value| value.is_array();
                        let (lists, schemas): (Vec<_>, Vec<_>) =
                            dependencies.iter().partition(|(_, value)| list(value));
                        for (name, part) in [("dependentRequired", lists), ("dependentSchemas", schemas)] {
                            let part: Map<_, _> =
                                part.into_iter().map(|(name, value)| (name.clone(), converted(value))).collect();
                            if !part.is_empty() {
                                out.insert(name.into(), Value::Object(part));
                            }
                        }
                    }
                    _ => {
                        out.insert(name.clone(), converted(value));
                    }
                }
            }
            Value::Object(out)
        }
        other => other.clone(),
    }
}

#[test]
fn resources_have_the_schemas_that_they_are_checked_with() {
    let mut document = read("openapi.json");
    for kind in Kind::all() {
        let name: String = kind.name().split('_').map(capital).collect();
        document["components"]["schemas"][format!("Face{name}")] = converted(schema_document(*kind));
    }
    committed(folder().join("openapi.json"), &written(&document));

    let core = read("src/enterprise/core.json");
    let mut document = read("openapi-enterprise.json");
    for (name, of) in [
        ("Service", "service"),
        ("Upstream", "upstream"),
        ("Route", "route"),
        ("StreamRoute", "stream_route"),
        ("Consumer", "consumer"),
        ("Credential", "consumer_credential"),
        ("Ssl", "ssl"),
        ("GlobalRule", "global_rule"),
        ("PluginMetadata", "plugin_metadata"),
    ] {
        document["components"]["schemas"][format!("Enterprise{name}")] = core["value"][of].clone();
    }
    committed(folder().join("openapi-enterprise.json"), &written(&document));
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| format!("{}{}", first.to_ascii_uppercase(), letters.as_str())).unwrap_or_default()
}

#[test]
fn every_operation_shows_examples() {
    for listener in [Listener::AdminApi, Listener::Dashboard] {
        let document: Value = serde_json::from_str(document(listener)).unwrap();
        for (path, method, operation) in pages::operations(&document) {
            let name = format!("{method} {path}");
            if WITHOUT_EXAMPLE.iter().any(|(without, _)| *without == name) {
                continue;
            }
            if let Some(request) = operation.get("requestBody") {
                assert!(
                    request["content"]["application/json"].get("example").is_some(),
                    "{name}: no example of a request"
                );
            }
            let answers = operation["responses"].as_object().unwrap().iter();
            let good = answers.filter(|(status, _)| status.starts_with('2'));
            let mut contents = good.filter_map(|(_, answer)| answer.get("content")).peekable();
            let shown = contents.peek().is_none() || contents.any(|content| pages::example(content).is_some());
            assert!(shown, "{name}: no example of an answer");
            assert!(operation["summary"].is_string() && operation["operationId"].is_string(), "{name}");
        }
    }
}

#[test]
fn operations_have_names_of_their_own_and_references_lead_somewhere() {
    for listener in [Listener::AdminApi, Listener::Dashboard] {
        let document: Value = serde_json::from_str(document(listener)).unwrap();
        let mut ids: Vec<_> =
            pages::operations(&document).map(|(.., operation)| operation["operationId"].clone()).collect();
        let all = ids.len();
        ids.sort_by_key(Value::to_string);
        ids.dedup();
        assert_eq!(ids.len(), all);
        let mut references = Vec::new();
        collect(&document, &mut references);
        for reference in references {
            assert!(document.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
        }
        let tags: Vec<_> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
        for (path, _, operation) in pages::operations(&document) {
            assert!(tags.contains(&&operation["tags"][0]), "{path}: {}", operation["tags"]);
        }
    }
}

fn collect(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| match (name.as_str(), value) {
            ("$ref", Value::String(reference)) => references.push(reference.clone()),
            // What stands in an example is no reference.
            ("example", _) => {}
            _ => collect(value, references),
        }),
        _ => {}
    }
}

#[test]
fn the_pages_say_what_the_documents_say() {
    let documents =
        [Listener::AdminApi, Listener::Dashboard].map(|listener| serde_json::from_str(document(listener)).unwrap());
    let target = folder().join("../docs/api");
    let pages = pages::all(&documents);
    for (name, text) in &pages {
        committed(target.join(name), text);
    }
    let there = fs::read_dir(&target).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let stale: Vec<_> = there.filter(|name| !pages.iter().any(|(page, _)| page == name)).collect();
    assert_eq!(json!(stale), json!([]), "pages of nothing in docs/api");
}
