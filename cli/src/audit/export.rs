//! `portolan audit export`: a bundle for an auditor, from a control plane or straight from the database.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use portolan_eventstore::proof::archive::Unpacker;
use portolan_eventstore::proof::export::{Range, record};
use portolan_eventstore::proof::{self, Export, Log};
use portolan_eventstore::{Context, EventStore, Options};
use portolan_rt::clock::SystemClock;
use portolan_rt::task::Supervisor;
use serde_json::Value;

use crate::args;
use crate::client::{self, Client};
use crate::failure::Failure;
use crate::output;

/// Progress is told each time that so much has come.
const STEP: usize = 64 << 20;

/// Records the export, then writes the bundle.
pub fn run(options: &args::Export, json: bool) -> Result<(), Failure> {
    let (first, last) = match &options.store {
        Some(store) => client::block_on(async { Ok(export(options, store).await?) })?,
        None => client::block_on(fetch(options))?,
    };
    if json {
        output::json(&serde_json::json!({ "bundle": options.out, "from": first, "to": last }));
    } else {
        output::line(&format!("revisions {first} to {last} are in {}", options.out.display()));
        output::progress("it holds personal data and the values of all changes, as the log does: keep it as well");
    }
    Ok(())
}

/// From the control plane, which records it.
async fn fetch(options: &args::Export) -> Result<(i64, i64), Failure> {
    let client = Client::new(&options.server)?;
    let query = [
        ("from", options.from.map(|revision| revision.to_string())),
        ("to", options.to.map(|revision| revision.to_string())),
        ("reason", options.reason.clone()),
    ];
    let written = || format!("could not write {}", options.out.display());
    let mut answer = client.download(&["api", "audit", "export"], &query).await?;
    let mut unpacker = Unpacker::new(&options.out).with_context(written)?;
    let (mut bytes, mut told) = (0, 0);
    while let Some(part) = answer.chunk().await.context("the answer broke off")? {
        unpacker.feed(&part).with_context(written)?;
        bytes += part.len();
        if bytes - told >= STEP {
            told = bytes;
            output::progress(&format!("{} files, {} MiB", unpacker.files(), bytes >> 20));
        }
    }
    unpacker.finish().context("the bundle was cut off")?;
    Ok(range(&options.out)?)
}

/// What the bundle says that it holds.
fn range(folder: &Path) -> anyhow::Result<(i64, i64)> {
    let header: Value = serde_json::from_slice(&std::fs::read(folder.join("bundle.json"))?)?;
    let bound = |name: &str| header[name].as_i64().with_context(|| format!("bundle.json has no {name}"));
    Ok((bound("from")?, bound("to")?))
}

/// From the database.
async fn export(options: &args::Export, store: &str) -> anyhow::Result<(i64, i64)> {
    let range = Range { from: options.from, to: options.to };
    // A range that can't be proven is refused before anything is recorded, a database that is not there before it is made.
    let log = Log::open(store).await?;
    Export::new(&log, range).await?;
    append(options, store, range).await?;
    let export = Export::new(&log, range).await?;
    let (first, last) = export.range();
    export.write(&options.out).await?;
    Ok((first, last))
}

/// Appends the event, as a replica that does nothing else.
async fn append(options: &args::Export, store: &str, range: Range) -> anyhow::Result<()> {
    let supervisor = Supervisor::new();
    let store = EventStore::open(Options { url: store.to_owned(), clock: Arc::new(SystemClock) }, &supervisor);
    let store = store.await.map_err(proof::Error::from)?;
    let mut context = Context::system();
    context.actor.id = format!("uid:{}", rustix::process::getuid().as_raw());
    context.source.interface = "store".into();
    context.source.user_agent = Some("portolan audit export".into());
    context.reason.clone_from(&options.reason);
    let recorded = record(&store, context, range).await;
    supervisor.shutdown().request_now();
    supervisor.attendants().shutdown().request_now();
    recorded.map(drop).map_err(|error| anyhow!(error).context("nothing was exported: the log does not take the event"))
}
