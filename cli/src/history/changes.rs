//! `portolan changes`: what changed between two points of the history.

use serde_json::{Value, json};

use super::{actor, difference};
use crate::args::Changes;
use crate::client::{self, Client, text};
use crate::failure::Failure;
use crate::output;
use crate::table::Table;

/// Changes that are asked for at once.
const PAGE: u32 = 500;

/// Shows them, oldest first, up to as many events as wanted.
pub fn run(options: &Changes, json: bool) -> Result<(), Failure> {
    let answer = client::block_on(fetch(options))?;
    if json {
        output::json(&answer);
        return Ok(());
    }
    output::line(&table(&answer).text());
    if let Some(next) = answer["next_from"].as_i64() {
        output::progress(&format!("there is more: --from {next} --to {}", text(&answer, "/to")));
    }
    Ok(())
}

/// Page after page, as one answer.
async fn fetch(options: &Changes) -> Result<Value, Failure> {
    let client = Client::new(&options.server)?;
    let limit = usize::try_from(options.limit).unwrap_or(usize::MAX);
    let (mut from, mut to) = (options.from.clone(), options.to.clone());
    let (mut first, mut events) = (None, Vec::new());
    loop {
        let query = [
            ("from", from),
            ("to", to),
            ("limit", Some(PAGE.min(options.limit).to_string())),
            ("gateway_group_id", options.group.clone()),
            ("resource_kind", options.kind.clone()),
            ("resource_id", options.id.clone()),
            ("actor", options.actor.clone()),
            ("action", options.action.clone()),
        ];
        let page = client.get(&["api", "history", "changes"], &query).await?;
        let first = first.get_or_insert_with(|| page["from"].clone()).clone();
        events.extend(page["events"].as_array().into_iter().flatten().cloned());
        let mut next = page["next_from"].clone();
        if events.len() > limit {
            events.truncate(limit);
            next = events.last().map_or(Value::Null, |event| event["revision"].clone());
        }
        if next.is_null() || events.len() == limit {
            return Ok(json!({ "from": first, "to": page["to"], "events": events, "next_from": next }));
        }
        // A time is a revision from here on: what is appended meanwhile does not move it.
        (from, to) = (Some(next.to_string()), Some(page["to"].to_string()));
    }
}

fn table(answer: &Value) -> Table {
    let mut table = Table::new(&["REVISION", "TIME", "ACTION", "ACTOR", "KEY", "CHANGED"]);
    for event in answer["events"].as_array().into_iter().flatten() {
        for change in event["changes"].as_array().into_iter().flatten() {
            let changed = match (&change["before"], &change["after"]) {
                (_, Value::Null) => "deleted".to_owned(),
                (Value::Null, _) => "created".to_owned(),
                (before, after) => difference(before, after),
            };
            table.row(vec![
                text(event, "/revision"),
                text(event, "/recorded_at"),
                text(event, "/action"),
                actor(event),
                text(change, "/key"),
                changed,
            ]);
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_a_row() {
        let answer = json!({ "events": [{
            "revision": 9, "recorded_at": "t", "action": "group.apply", "actor": { "id": "a" }, "changes": [
                { "key": "/apisix/routes/1", "before": null, "after": { "uri": "/a" } },
                { "key": "/apisix/routes/2", "before": { "uri": "/a" }, "after": { "uri": "/b" } },
                { "key": "/apisix/routes/3", "before": { "uri": "/a" }, "after": null },
            ],
        }]});
        let text = table(&answer).text();
        let changed: Vec<&str> = text.lines().skip(1).map(|line| line.rsplit("  ").next().unwrap()).collect();
        assert_eq!(changed, ["created", "~uri", "deleted"]);
    }
}
