//! A page for each part of the API, made of the documents.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Longest example on a page, in lines.
const LONGEST: usize = 60;

/// Path, method and description of each operation.
pub fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().map(move |(method, operation)| (path, method, operation))
    })
}

/// The example of a body, whatever its type.
pub fn example(content: &Value) -> Option<&Value> {
    content.as_object()?.values().find_map(|media| media.get("example"))
}

/// File names and texts. The documents are those of 9180 and 7443.
pub fn all(documents: &[Value; 2]) -> Vec<(String, String)> {
    let [apisix, enterprise] = documents;
    let mut tags: Vec<(String, String)> = Vec::new();
    for tag in documents.iter().flat_map(|document| document["tags"].as_array().into_iter().flatten()) {
        let text = |field: &str| tag[field].as_str().unwrap_or_default().to_owned();
        if !tags.iter().any(|(name, _)| *name == text("name")) {
            tags.push((text("name"), text("description")));
        }
    }
    let mut index = String::from(
        "# The API, page by page\n\nMade of `cp/openapi.json` and `cp/openapi-enterprise.json` by a test (`UPDATE=1 cargo nextest run -p \
         portolan-cp -E 'test(openapi)'`); never edit them. [../api.md](../api.md) says what all of it has in common.\n\n",
    );
    let mut pages = Vec::new();
    for (tag, description) in tags {
        let file = format!("{}.md", tag.replace(' ', "-"));
        let _ = writeln!(index, "- [{tag}]({file}): {description}");
        let mut page = format!("# {tag}\n\n{description}\n");
        let (is_face, tag) = (|path: &str| path.starts_with("/apisix/"), tag.as_str());
        let of = |document, face: bool| {
            let tagged = move |(path, _, operation): &(&String, &String, &Value)| {
                is_face(path) == face && operation["tags"][0] == tag
            };
            operations(document).filter(tagged).collect::<Vec<_>>()
        };
        for (title, document, operations) in [
            ("", apisix, of(apisix, false)),
            ("On 9180: the APISIX face", apisix, of(apisix, true)),
            ("On 7443: the enterprise face", enterprise, of(enterprise, true)),
        ] {
            if operations.is_empty() {
                continue;
            }
            if !title.is_empty() {
                let _ = write!(page, "\n## {title}\n");
            }
            for (path, method, operation) in operations {
                write_operation(&mut page, document, path, method, operation);
            }
        }
        pages.push((file, page));
    }
    pages.push(("README.md".into(), index));
    pages
}

fn write_operation(page: &mut String, document: &Value, path: &str, method: &str, operation: &Value) {
    let summary = operation["summary"].as_str().unwrap_or_default();
    let _ = write!(page, "\n### `{} {path}`\n\n{summary}\n", method.to_uppercase());
    let parameters = operation["parameters"].as_array().into_iter().flatten().map(|it| resolved(document, it));
    let mut rows = String::new();
    for parameter in parameters {
        let text = |field: &str| parameter[field].as_str().unwrap_or_default();
        let _ = writeln!(
            rows,
            "| `{}` | {} | {} | {} |",
            text("name"),
            text("in"),
            kind(&parameter["schema"]),
            text("description")
        );
    }
    if !rows.is_empty() {
        let _ = write!(page, "\n| Parameter | In | Type | |\n|---|---|---|---|\n{rows}");
    }
    if let Some(content) = operation["requestBody"].get("content") {
        if let Some(name) = content["application/json"]["schema"]["$ref"].as_str().and_then(|it| it.rsplit('/').next())
        {
            let schema = &document["components"]["schemas"][name];
            let fields = schema["properties"].as_object().map(|fields| fields_of(schema, fields)).unwrap_or_default();
            if !fields.is_empty() {
                let _ = write!(
                    page,
                    "\nThe body (`{name}` in the document):\n\n| Field | Type | |\n|---|---|---|\n{fields}"
                );
            }
        }
        if let Some(example) = example(content) {
            block(page, "Request", example);
        }
    }
    let mut statuses = BTreeMap::new();
    for (status, answer) in operation["responses"].as_object().into_iter().flatten() {
        let answer = resolved(document, answer);
        if let Some(example) = answer.get("content").and_then(example).filter(|_| status.starts_with('2')) {
            block(page, &format!("Answer, {status}"), example);
        }
        statuses.insert(status, answer["description"].as_str().unwrap_or_default());
    }
    let _ = write!(page, "\n| Status | |\n|---|---|\n");
    for (status, description) in statuses {
        let _ = writeln!(page, "| {status} | {description} |");
    }
}

fn fields_of(schema: &Value, fields: &Map<String, Value>) -> String {
    let mut rows = String::new();
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (name, field) in fields {
        let mut notes = Vec::new();
        if required.iter().any(|it| it == name) {
            notes.push("required".to_owned());
        }
        if let Some(default) = field.get("default") {
            notes.push(format!("default `{default}`"));
        }
        notes.extend(field["description"].as_str().map(str::to_owned));
        let _ = writeln!(rows, "| `{name}` | {} | {} |", kind(field), notes.join("; "));
    }
    rows
}

fn kind(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        return values
            .iter()
            .map(|value| format!("`{}`", value.as_str().map_or(value.to_string(), str::to_owned)))
            .collect::<Vec<_>>()
            .join(", ");
    }
    match &schema["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => schema["$ref"].as_str().and_then(|it| it.rsplit('/').next()).unwrap_or("any").to_owned(),
    }
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    target.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

fn block(page: &mut String, title: &str, example: &Value) {
    let (kind, text) = match example {
        Value::String(text) => ("text", text.trim_end().to_owned()),
        other => ("json", serde_json::to_string_pretty(&short(other)).unwrap()),
    };
    let lines: Vec<&str> = text.lines().collect();
    let shown = lines[..lines.len().min(LONGEST)].join("\n");
    let rest = if lines.len() > LONGEST { "\n…" } else { "" };
    let _ = write!(page, "\n{title}:\n\n```{kind}\n{shown}{rest}\n```\n");
}

/// Without what nobody reads: certificates and keys.
fn short(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with("-----BEGIN ") => {
            Value::from(format!("{}\n…\n", text.lines().next().unwrap_or_default()))
        }
        Value::Array(items) => items.iter().map(short).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), short(value))).collect())
        }
        other => other.clone(),
    }
}
