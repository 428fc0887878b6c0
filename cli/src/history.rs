//! Looking back: `portolan history KIND ID` here, `changes` and `show` below.

use serde_json::{Map, Value};

use crate::args::History;
use crate::client::{self, Client, text};
use crate::failure::Failure;
use crate::output;
use crate::table::Table;

pub mod changes;
pub mod show;

/// Shows the versions of one resource and which of its fields each one changed.
pub fn run(options: &History, json: bool) -> Result<(), Failure> {
    let client = Client::new(&options.server)?;
    let path = ["api", "history", &options.kind, &options.id];
    let answer = client::block_on(client.get(&path, &[("gateway_group_id", Some(options.group.clone()))]))?;
    if json {
        output::json(&answer);
    } else {
        output::line(&table(&answer).text());
    }
    Ok(())
}

fn table(answer: &Value) -> Table {
    let mut versions: Vec<&Value> = answer["versions"].as_array().into_iter().flatten().collect();
    versions.sort_by_key(|version| version["revision"].as_u64());
    let mut rows = Vec::new();
    let mut before = &Value::Null;
    for version in versions {
        let after = &version["value"];
        rows.push(vec![
            text(version, "/revision"),
            text(version, "/recorded_at"),
            text(version, "/action"),
            actor(version),
            difference(before, after),
        ]);
        before = after;
    }
    let mut table = Table::new(&["REVISION", "TIME", "ACTION", "ACTOR", "CHANGED"]);
    rows.into_iter().rev().for_each(|row| table.row(row));
    table
}

/// Who did it: the name, or the id where there is none (or no longer).
fn actor(event: &Value) -> String {
    let named = event.pointer("/actor/name").filter(|name| name.is_string());
    named.or_else(|| event.pointer("/actor/id")).and_then(Value::as_str).unwrap_or("-").to_owned()
}

/// The top-level fields that differ: `+new ~changed -gone`.
fn difference(before: &Value, after: &Value) -> String {
    let nothing = Map::new();
    let (before, after) = (before.as_object().unwrap_or(&nothing), after.as_object().unwrap_or(&nothing));
    let mut words = Vec::new();
    for (name, value) in after {
        match before.get(name) {
            None => words.push(format!("+{name}")),
            Some(old) if old != value => words.push(format!("~{name}")),
            Some(_) => {}
        }
    }
    words.extend(before.keys().filter(|name| !after.contains_key(*name)).map(|name| format!("-{name}")));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_names_the_fields_it_changed() {
        let answer = serde_json::json!({ "versions": [
            { "revision": 9, "recorded_at": "t", "action": "route.delete", "actor": { "id": "a", "name": "Ann" }, "value": null },
            { "revision": 7, "recorded_at": "t", "action": "route.update", "actor": { "id": "a" }, "value": { "uri": "/b", "id": "1" } },
            { "revision": 5, "recorded_at": "t", "action": "route.create", "actor": { "id": "a" }, "value": { "uri": "/a", "name": "n" } },
        ]});
        let text = table(&answer).text();
        let changed: Vec<&str> = text.lines().skip(1).map(|line| line.rsplit("  ").next().unwrap()).collect();
        assert_eq!(changed, ["-uri -id", "~uri +id -name", "+uri +name"]);
        assert!(text.lines().nth(1).unwrap().contains("Ann"));
    }
}
