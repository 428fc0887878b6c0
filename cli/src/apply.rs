//! `portolan apply`, `diff`, `validate` and `dump`: a gateway group's configuration as a file.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use serde_json::Value;

use crate::args::{Apply, Dump};
use crate::client::{self, Client, text};
use crate::failure::Failure;
use crate::output;
use crate::table::Table;

/// Applies a file: all of it, or nothing.
pub fn apply(options: &Apply, json: bool) -> Result<(), Failure> {
    let result = ask(options, options.dry_run)?;
    wrong(&result)?;
    let closing = match (result.get("revision").and_then(Value::as_i64), options.dry_run) {
        (Some(revision), _) => format!("applied, as revision {revision}"),
        (None, true) => "dry run, nothing was changed".to_owned(),
        (None, false) => "nothing to change".to_owned(),
    };
    show(&result, json, &closing);
    Ok(())
}

/// Shows what a file would change.
pub fn diff(options: &Apply, json: bool) -> Result<(), Failure> {
    let result = ask(options, true)?;
    wrong(&result)?;
    let differs = result["changes"].as_array().is_some_and(|changes| !changes.is_empty());
    show(&result, json, if differs { "the configuration differs" } else { "no difference" });
    if differs { Err(Failure::Differs) } else { Ok(()) }
}

/// Says whether a file could be applied.
pub fn validate(options: &Apply, json: bool) -> Result<(), Failure> {
    let result = ask(options, true)?;
    if json {
        output::json(&serde_json::json!({ "errors": result["errors"] }));
    }
    wrong(&result)?;
    if !json {
        output::line("valid");
    }
    Ok(())
}

/// Writes a gateway group's configuration, secrets included.
pub fn dump(options: &Dump, json: bool) -> Result<(), Failure> {
    let client = Client::new(&options.server)?;
    let query = [("gateway_group_id", options.group.clone())];
    let state = client::block_on(client.get(&["api", "export"], &query))?;
    let text = match json {
        true => serde_json::to_string(&state).context("the configuration can't be written")?,
        false => yaml_serde::to_string(&state).context("the configuration can't be written")?,
    };
    match &options.output {
        // It holds secrets.
        Some(path) => Ok(crate::private::write(path, &text)?),
        None => {
            output::line(text.trim_end());
            Ok(())
        }
    }
}

fn ask(options: &Apply, dry_run: bool) -> Result<Value, Failure> {
    let state = read(&options.file)?;
    let client = Client::new(&options.server)?;
    let flag = |set: bool| set.then(|| "true".to_owned());
    let query = [
        ("gateway_group_id", options.group.clone()),
        ("dry_run", flag(dry_run)),
        ("force", flag(options.force)),
        ("reason", options.reason.clone()),
    ];
    let condition = options.if_revision.map(|revision| revision.to_string());
    client::block_on(client.apply(&query, condition.as_deref(), &state))
}

/// A file in YAML or JSON, which is YAML as well; `-` is the standard input.
fn read(path: &Path) -> Result<Value, Failure> {
    let unreadable = |error: std::io::Error| Failure::Usage(format!("could not read {}: {error}", path.display()));
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).map_err(unreadable)?;
        text
    } else {
        std::fs::read_to_string(path).map_err(unreadable)?
    };
    let state: Value = yaml_serde::from_str(&text)
        .map_err(|error| Failure::Usage(format!("{} is neither YAML nor JSON: {error}", path.display())))?;
    Ok(if state.is_null() { serde_json::json!({}) } else { state })
}

fn wrong(result: &Value) -> Result<(), Failure> {
    let errors = result["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    if errors.is_empty() {
        return Ok(());
    }
    let lines = errors.iter().map(|error| {
        format!("\n  {} {}: {}", text(error, "/resource_type"), text(error, "/resource_id"), text(error, "/error"))
    });
    Err(Failure::Failed(anyhow!("the configuration is wrong:{}", lines.collect::<String>())))
}

fn show(result: &Value, json: bool, closing: &str) {
    if json {
        output::json(result);
        return;
    }
    let changes = result["changes"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !changes.is_empty() {
        let mut table = Table::new(&["ACTION", "RESOURCE", "NAME", "FIELDS"]);
        for change in changes {
            let resource = format!("{} {}", text(change, "/kind"), text(change, "/id"));
            let fields = change["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
            let fields: Vec<String> = fields
                .iter()
                .map(|field| {
                    format!("{}: {} → {}", text(field, "/path"), text(field, "/before"), text(field, "/after"))
                })
                .collect();
            table.row(vec![text(change, "/action"), resource, text(change, "/name"), fields.join(", ")]);
        }
        output::line(&table.text());
    }
    output::line(closing);
}
