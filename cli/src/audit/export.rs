//! `portolan audit export`: a bundle for an auditor, straight from the database.

use std::sync::Arc;

use anyhow::anyhow;
use portolan_eventstore::proof::export::{Range, record};
use portolan_eventstore::proof::{self, Export, Log};
use portolan_eventstore::{Context, EventStore, Options};
use portolan_rt::clock::SystemClock;
use portolan_rt::task::Supervisor;

use crate::args;
use crate::client;
use crate::failure::Failure;
use crate::output;

/// Records the export, then writes the bundle.
pub fn run(options: &args::Export, json: bool) -> Result<(), Failure> {
    let (first, last) = client::block_on(async { Ok(export(options).await?) })?;
    if json {
        output::json(&serde_json::json!({ "bundle": options.out, "from": first, "to": last }));
    } else {
        output::line(&format!("revisions {first} to {last} are in {}", options.out.display()));
        output::progress("it holds personal data and the values of all changes, as the log does: keep it as well");
    }
    Ok(())
}

async fn export(options: &args::Export) -> anyhow::Result<(i64, i64)> {
    let range = Range { from: options.from, to: options.to };
    // A range that can't be proven is refused before anything is recorded, a database that is not there before it is made.
    let log = Log::open(&options.store).await?;
    Export::new(&log, range).await?;
    append(options, range).await?;
    let export = Export::new(&log, range).await?;
    let (first, last) = export.range();
    export.write(&options.out).await?;
    Ok((first, last))
}

/// Appends the event, as a replica that does nothing else.
async fn append(options: &args::Export, range: Range) -> anyhow::Result<()> {
    let supervisor = Supervisor::new();
    let store = EventStore::open(Options { url: options.store.clone(), clock: Arc::new(SystemClock) }, &supervisor);
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
