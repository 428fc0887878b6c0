//! Prunes payloads of the log that are older than the configuration keeps them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Months};
use portolan_eventstore::Context;
use portolan_eventstore::retention::Run;
use portolan_rt::task::{Backoff, Kind, Supervisor};

use crate::app::App;
use crate::config::Retention;

/// How often. Each time that something goes is an event.
const PERIOD: Duration = Duration::from_secs(24 * 3600);

/// Starts the task; the first look is at once. Nothing is started when payloads are kept for ever.
pub fn start(app: Arc<App>, settings: &Retention, supervisor: &Supervisor) {
    let months = Months::new(settings.payload_months);
    if settings.payload_months == 0 {
        return;
    }
    let shutdown = supervisor.shutdown();
    supervisor.spawn("retention", Kind::Restart(Backoff::default()), move || {
        let (app, shutdown) = (app.clone(), shutdown.clone());
        async move {
            let mut tick = tokio::time::interval(PERIOD);
            while shutdown.until_soft(tick.tick()).await.is_some() {
                let now = DateTime::from_timestamp_micros(app.clock.now_micros());
                // Before the calendar begins nothing is old.
                let Some(before) = now.and_then(|now| now.checked_sub_months(months)) else { continue };
                let pruned = app.store.prune(Context::system(), before.timestamp_micros(), Run::Real).await?;
                if let Some(revision) = pruned.revision {
                    let (contexts, changes, held) = (pruned.contexts, pruned.changes, pruned.held);
                    tracing::info!(
                        event.position = revision,
                        contexts,
                        changes,
                        held,
                        "old payloads of the log pruned"
                    );
                }
            }
            Ok::<(), portolan_eventstore::Error>(())
        }
    });
}
