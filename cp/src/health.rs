//! Watches whether the log answers, for the status port and the metrics.

use std::sync::Arc;
use std::time::Duration;

use portolan_rt::status::Component;
use portolan_rt::task::{Backoff, Kind, Supervisor};
use tokio::time::timeout;

use crate::app::App;

/// How often it is asked.
const PERIOD: Duration = Duration::from_secs(2);
/// Time for its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Starts the task. Without the log nothing can be written, but reads and watches go on from memory: the process is
/// degraded, not failed.
pub fn watch(app: Arc<App>, component: Component, supervisor: &Supervisor) {
    // It was opened a moment ago.
    component.ready();
    app.metrics.set_log_available(true);
    let shutdown = supervisor.shutdown();
    supervisor.spawn("log-health", Kind::Restart(Backoff::default()), move || {
        let (app, component, shutdown) = (app.clone(), component.clone(), shutdown.clone());
        async move {
            while shutdown.until_soft(tokio::time::sleep(PERIOD)).await.is_some() {
                let answers = matches!(timeout(PATIENCE, app.store.linearizable()).await, Ok(Ok(_)));
                app.metrics.set_log_available(answers);
                if answers {
                    component.ready();
                } else {
                    component.degraded("the database does not answer: reads go on, writes are refused");
                }
            }
        }
    });
}
