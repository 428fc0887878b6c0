//! `portolan audit`: `events` here, the rest below.

use serde_json::Value;

use crate::args::{Audit, AuditCommand, Events};
use crate::client::{self, Client, text};
use crate::failure::Failure;
use crate::output;
use crate::table::Table;

mod export;
mod hold;
mod key;
mod removal;
mod verify;

/// `portolan audit`.
pub fn run(options: &Audit, json: bool) -> Result<(), Failure> {
    match &options.command {
        AuditCommand::Events(options) => events(options, json),
        AuditCommand::Export(options) => export::run(options, json),
        AuditCommand::Verify(options) => verify::run(options, json),
        AuditCommand::Hold(options) => hold::run(options, json),
        AuditCommand::Erase(options) => removal::erase(options, json),
        AuditCommand::Prune(options) => removal::prune(options, json),
        AuditCommand::Key(options) => key::show(options, json),
        AuditCommand::RotateKey(options) => key::rotate(options, json),
    }
}

fn events(options: &Events, json: bool) -> Result<(), Failure> {
    let client = Client::new(&options.server)?;
    let query = |limit: usize, before: Option<u64>| {
        [
            ("limit", Some(limit.to_string())),
            ("before", before.map(|revision| revision.to_string())),
            ("after", options.after.map(|revision| revision.to_string())),
            ("action", options.action.clone()),
            ("actor", options.actor.clone()),
            ("outcome", options.outcome.clone()),
            ("resource_kind", options.kind.clone()),
            ("resource_id", options.id.clone()),
            ("gateway_group_id", options.group.clone()),
        ]
    };
    let answer = client::block_on(async {
        let (path, limit) = (["api", "audit", "events"], options.limit as usize);
        let mut answer = client.get(&path, &query(limit, options.before)).await?;
        // A page that finds little in a long log ends early.
        loop {
            let found = answer["events"].as_array().map_or(0, Vec::len);
            let Some(next) = answer["next_before"].as_u64().filter(|_| found < limit) else { return Ok(answer) };
            let mut more = client.get(&path, &query(limit - found, Some(next))).await?;
            answer["next_before"] = more["next_before"].take();
            if let (Some(events), Some(more)) = (answer["events"].as_array_mut(), more["events"].as_array_mut()) {
                events.append(more);
            }
        }
    })?;
    if json {
        output::json(&answer);
    } else {
        output::line(&table(&answer).text());
    }
    Ok(())
}

fn table(answer: &Value) -> Table {
    let mut table = Table::new(&["REVISION", "TIME", "ACTION", "OUTCOME", "ACTOR", "FROM", "RESOURCE", "NOTE"]);
    for event in answer["events"].as_array().into_iter().flatten() {
        table.row(vec![
            text(event, "/revision"),
            text(event, "/recorded_at"),
            text(event, "/action"),
            text(event, "/outcome"),
            actor(event),
            format!("{} {}", text(event, "/source/interface"), text(event, "/source/ip")),
            resource(event),
            note(event),
        ]);
    }
    table
}

fn actor(event: &Value) -> String {
    let name = ["/actor/name", "/actor/id"].iter().find_map(|field| event.pointer(field)?.as_str());
    format!("{} ({})", name.unwrap_or("-"), text(event, "/actor/auth_method"))
}

fn resource(event: &Value) -> String {
    match event.pointer("/resource/kind").and_then(Value::as_str) {
        Some(kind) => format!("{kind} {}", text(event, "/resource/id")),
        None => "-".to_owned(),
    }
}

fn note(event: &Value) -> String {
    let text = |field: &str| event.pointer(field).and_then(Value::as_str);
    let note = text("/error/message").or_else(|| text("/reason")).unwrap_or_default();
    let gone: Vec<&str> = event["redacted"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match gone.is_empty() {
        true => note.to_owned(),
        false => format!("{note} [redacted: {}]", gone.join(", ")).trim_start().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_noted() {
        for (event, expected) in [
            (serde_json::json!({ "reason": "why", "redacted": [] }), "why"),
            (serde_json::json!({ "reason": null, "error": null, "redacted": ["context"] }), "[redacted: context]"),
            (serde_json::json!({ "error": null, "reason": "why", "redacted": ["changes"] }), "why [redacted: changes]"),
        ] {
            assert_eq!(note(&event), expected);
        }
    }

    #[test]
    fn an_event_is_one_row() {
        let answer = serde_json::json!({ "events": [{
            "revision": 12, "recorded_at": "2026-11-23T06:40:00.123456Z", "action": "route.create", "outcome": "refused",
            "actor": { "id": "admin", "name": null, "auth_method": "api_key" },
            "source": { "ip": "127.0.0.1", "interface": "admin_api" },
            "resource": { "kind": "route", "id": "1" }, "reason": null, "error": { "status": 400, "message": "no" },
        }]});
        let text = table(&answer).text();
        let row = text.lines().last().unwrap();
        assert_eq!(
            row.split("  ").filter(|cell| !cell.is_empty()).map(str::trim).collect::<Vec<_>>(),
            [
                "12",
                "2026-11-23T06:40:00.123456Z",
                "route.create",
                "refused",
                "admin (api_key)",
                "admin_api 127.0.0.1",
                "route 1",
                "no"
            ]
        );
    }
}
