//! `portolan audit hold`: what the log must not let go of.

use serde_json::{Value, json};

use crate::args::{Hold, HoldAdd, HoldCommand, HoldRelease, Server};
use crate::client::{self, Client, text};
use crate::failure::Failure;
use crate::output;
use crate::table::Table;

const PATH: [&str; 3] = ["api", "audit", "holds"];

/// Runs a command under `audit hold`.
pub fn run(options: &Hold, json: bool) -> Result<(), Failure> {
    match &options.command {
        HoldCommand::Add(options) => add(options, json),
        HoldCommand::List(options) => list(&options.server, json),
        HoldCommand::Release(options) => release(options, json),
    }
}

fn add(options: &HoldAdd, json: bool) -> Result<(), Failure> {
    let client = Client::new(&options.server)?;
    let body = json!({ "scope": scope(options)?, "reason": options.reason });
    let answer = client::block_on(client.post(&PATH, &body))?;
    let hold = &answer["value"];
    if json {
        output::json(hold);
    } else {
        output::line(&format!("hold {} is in force: {}", text(hold, "/id"), covers(&hold["scope"])));
    }
    Ok(())
}

fn scope(options: &HoldAdd) -> Result<Value, Failure> {
    let HoldAdd { actor, group, kind, id, first, last, .. } = options;
    Ok(match (actor, kind, group, first) {
        (Some(actor), ..) => json!({ "type": "actor", "actor_id": actor }),
        (_, Some(kind), group, _) => json!({ "type": "resource", "kind": kind, "id": id, "gateway_group_id": group }),
        (_, _, Some(group), _) => json!({ "type": "gateway_group", "gateway_group_id": group }),
        (.., Some(first)) => json!({ "type": "revisions", "first": first, "last": last }),
        _ => return Err(Failure::Usage("give --actor, --group, --kind and --id, or --first and --last".into())),
    })
}

fn list(server: &Server, json: bool) -> Result<(), Failure> {
    let client = Client::new(server)?;
    let answer = client::block_on(client.get(&PATH, &[]))?;
    if json {
        output::json(&answer);
        return Ok(());
    }
    let mut table = Table::new(&["HOLD", "SINCE", "BY", "COVERS", "REASON"]);
    for hold in answer["list"].as_array().into_iter().flatten() {
        table.row(vec![
            text(hold, "/id"),
            text(hold, "/recorded_at"),
            text(hold, "/actor/id"),
            covers(&hold["scope"]),
            text(hold, "/reason"),
        ]);
    }
    output::line(&table.text());
    Ok(())
}

fn release(options: &HoldRelease, json: bool) -> Result<(), Failure> {
    let client = Client::new(&options.server)?;
    let path = ["api", "audit", "holds", &options.id];
    client::block_on(client.delete(&path, &[("reason", options.reason.clone())]))?;
    if json {
        output::json(&json!({ "released": options.id }));
    } else {
        output::line(&format!("hold {} is released", options.id));
    }
    Ok(())
}

/// A scope in words.
fn covers(scope: &Value) -> String {
    let of = |name: &str| text(scope, name);
    match scope["type"].as_str() {
        Some("actor") => format!("actor {}", of("/actor_id")),
        Some("gateway_group") => format!("gateway group {}", of("/gateway_group_id")),
        Some("revisions") => format!("revisions {} to {}", of("/first"), of("/last")),
        _ => match scope["gateway_group_id"].as_str() {
            Some(group) => format!("{} {} in {group}", of("/kind"), of("/id")),
            None => format!("{} {}", of("/kind"), of("/id")),
        },
    }
}
