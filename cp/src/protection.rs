//! Watches whether the database still protects the log as `portolan db protect` set it up (docs/postgresql.md).

use std::sync::Arc;
use std::time::Duration;

use portolan_eventstore::protect::Protection;
use portolan_eventstore::{Context, Intent, Proposal};
use portolan_rt::status::Board;
use portolan_rt::task::{Backoff, Kind, Supervisor};

use crate::app::App;

/// How often triggers, functions, grants and owners are compared with what they should be.
const PERIOD: Duration = Duration::from_secs(3600);

/// Starts the task; the first look is at once.
pub fn watch(app: Arc<App>, board: Board, supervisor: &Supervisor) {
    let component = board.component("protection");
    component.ready();
    let shutdown = supervisor.shutdown();
    supervisor.spawn("log-protection", Kind::Restart(Backoff::default()), move || {
        let (app, board, component, shutdown) = (app.clone(), board.clone(), component.clone(), shutdown.clone());
        async move {
            let mut broken = Vec::new();
            let mut tick = tokio::time::interval(PERIOD);
            while shutdown.until_soft(tick.tick()).await.is_some() {
                let found = match app.store.protection().await? {
                    Protection::Off => {
                        board.fact("protection", "off");
                        Vec::new()
                    }
                    Protection::On => {
                        board.fact("protection", "on");
                        Vec::new()
                    }
                    Protection::Broken(lines) => {
                        board.fact("protection", "broken");
                        lines
                    }
                };
                if found.is_empty() {
                    component.ready();
                } else {
                    component.degraded("the database no longer protects the log, see the log of the control plane");
                }
                if found != broken {
                    alarm(&app, &found).await?;
                    broken = found;
                }
            }
            Ok::<(), portolan_eventstore::Error>(())
        }
    });
}

/// Says in the log of the process and in the audit log what changed. No lines: it is as it should be again.
async fn alarm(app: &App, lines: &[String]) -> Result<(), portolan_eventstore::Error> {
    for line in lines {
        tracing::error!(fact = line.as_str(), "the protection of the event log is not as it should be");
    }
    let action = if lines.is_empty() { "log.protection_restored" } else { "log.protection_broken" };
    let mut context = Context::system();
    context.reason = (!lines.is_empty()).then(|| lines.join("\n"));
    app.store.append(Proposal::new(context, action, Intent::Record)).await?;
    Ok(())
}
