//! `portolan show [KIND [ID]] --at …`: what was.

use anyhow::anyhow;
use serde_json::Value;

use crate::args::Show;
use crate::client::{self, Client, text};
use crate::failure::Failure;
use crate::output;
use crate::table::Table;

/// Shows the resources as a table, or one of them in full.
pub fn run(options: &Show, json: bool) -> Result<(), Failure> {
    let client = Client::new(&options.server)?;
    let query = [
        ("at", options.at.clone()),
        ("gateway_group_id", options.group.clone()),
        ("resource_kind", options.kind.clone()),
        ("resource_id", options.id.clone()),
    ];
    let state = client::block_on(client.get(&["api", "history", "state"], &query))?;
    if json {
        output::json(&state);
        return Ok(());
    }
    let Some(id) = &options.id else {
        output::line(&table(&state).text());
        let time = text(&state, "/recorded_at");
        output::progress(&format!("at revision {}, recorded {time}: {} keys", state["revision"], state["total"]));
        return Ok(());
    };
    match state["list"].get(0) {
        Some(found) => {
            let document = serde_json::to_string_pretty(&found["value"]).unwrap_or_default();
            output::line(&document);
            Ok(())
        }
        None => {
            let kind = options.kind.as_deref().unwrap_or_default();
            Err(anyhow!("there was no {kind} {id} at revision {}", state["revision"]).into())
        }
    }
}

fn table(state: &Value) -> Table {
    let mut table = Table::new(&["KIND", "ID", "CREATED", "CHANGED", "VERSION"]);
    for found in state["list"].as_array().into_iter().flatten() {
        let id = if found["id"].is_null() { "/key" } else { "/id" };
        let counters = ["/create_revision", "/mod_revision", "/version"].map(|counter| text(found, counter));
        table.row([text(found, "/kind"), text(found, id)].into_iter().chain(counters).collect());
    }
    table
}
