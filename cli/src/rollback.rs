//! `portolan rollback --group GROUP --to REVISION`: shows the plan, then carries it out.

use anyhow::anyhow;
use serde_json::{Value, json};

use crate::args::Rollback;
use crate::client::{self, Client, text};
use crate::confirm;
use crate::failure::Failure;
use crate::output;
use crate::table::Table;

/// Runs the command; on a terminal it asks before it changes anything.
pub fn run(options: &Rollback, json: bool) -> Result<(), Failure> {
    let client = Client::new(&options.server)?;
    let plan = client::block_on(ask(&client, options, true))?;
    let nothing_to_do = plan["changes"].as_array().is_none_or(Vec::is_empty);
    if options.dry_run || nothing_to_do {
        show(&plan, json, if nothing_to_do { "nothing to change" } else { "dry run, nothing was changed" });
        return Ok(());
    }
    if !json {
        output::line(&table(&plan).text());
    }
    let question = format!("Put group {} back to revision {}? Type yes:", options.group, options.to);
    if !options.yes && !confirm::confirmed(&question)? {
        return Err(Failure::Failed(anyhow!("not confirmed, nothing was changed")));
    }
    let done = client::block_on(ask(&client, options, false))?;
    if json {
        output::json(&done);
    } else {
        let message = format!("group {} is back at the state of revision {}", options.group, options.to);
        output::line(&format!("{message}, as revision {}", text(&done, "/revision")));
    }
    Ok(())
}

async fn ask(client: &Client, options: &Rollback, dry_run: bool) -> Result<Value, Failure> {
    let body = json!({
        "gateway_group_id": options.group,
        "to": options.to,
        "dry_run": dry_run,
        "reason": options.reason,
    });
    client.post(&["api", "rollback"], &body).await
}

fn show(plan: &Value, json: bool, closing: &str) {
    if json {
        output::json(plan);
        return;
    }
    if plan["changes"].as_array().is_some_and(|changes| !changes.is_empty()) {
        output::line(&table(plan).text());
    }
    output::line(closing);
}

fn table(plan: &Value) -> Table {
    let mut table = Table::new(&["ACTION", "RESOURCE", "NOW", "THEN"]);
    for change in plan["changes"].as_array().into_iter().flatten() {
        let resource = format!("{} {}", text(change, "/kind"), text(change, "/id"));
        table.row(vec![text(change, "/action"), resource, text(change, "/before"), text(change, "/after")]);
    }
    table
}
