//! Requests without valid credentials: counted, and written as one event per source and minute, so that nobody can
//! fill the log from outside.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use portolan_eventstore::{Intent, Proposal, Refusal};
use portolan_rt::task::{Backoff, Kind, Supervisor};

use crate::app::App;
use crate::error::ApiError;
use crate::origin::{self, Origin};

/// How often the counts are written.
const PERIOD: Duration = Duration::from_secs(60);
/// Sources counted apart; further ones share a line.
const SOURCES: usize = 1000;
/// Refused logins written one by one in a period, over all sources; further ones are only counted.
const EVENTS_PER_PERIOD: u32 = 60;

/// What was denied since the last event.
#[derive(Debug, Default)]
pub struct Denials(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    sources: HashMap<String, Count>,
    written: u32,
}

/// The denials of one source.
#[derive(Debug)]
struct Count {
    requests: u64,
    /// The last one stands for all.
    last: Origin,
    why: String,
}

// === impl Denials ===

impl Denials {
    /// Counts a request that showed no valid credentials.
    pub fn note(&self, origin: &Origin, why: &str) {
        let mut counts = self.0.lock();
        let mut source = format!("{} {}", origin.ip, origin.interface);
        if counts.sources.len() >= SOURCES && !counts.sources.contains_key(&source) {
            source = "others".into();
        }
        let count = counts.sources.entry(source).or_insert_with(|| Count {
            requests: 0,
            last: origin.clone(),
            why: why.into(),
        });
        count.requests += 1;
        count.last = origin.clone();
        why.clone_into(&mut count.why);
    }

    /// Whether a refused login may still be an event of its own in this period.
    pub fn may_write(&self) -> bool {
        let mut counts = self.0.lock();
        counts.written += 1;
        counts.written <= EVENTS_PER_PERIOD
    }

    /// Writes what was counted, one event per source; what the log does not take is counted on.
    ///
    /// # Errors
    /// When the log is unavailable.
    pub async fn write(&self, app: &App) -> Result<(), ApiError> {
        let taken = std::mem::take(&mut *self.0.lock());
        let mut left = taken.sources.into_iter();
        while let Some((source, count)) = left.next() {
            let requests = if count.requests == 1 { "request" } else { "requests" };
            let text = format!("{} {requests} without valid credentials, the last one: {}", count.requests, count.why);
            let context = count.last.context(origin::anonymous());
            let proposal = Proposal::new(context, "auth.denied", Intent::Refused(Refusal::denied(401, text)));
            if let Err(error) = app.append(proposal).await {
                let mut counts = self.0.lock();
                for (source, count) in std::iter::once((source, count)).chain(left) {
                    counts.sources.entry(source).and_modify(|c| c.requests += count.requests).or_insert(count);
                }
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Starts the task that writes them each minute, and once more at the end.
pub fn watch(app: Arc<App>, supervisor: &Supervisor) {
    let shutdown = supervisor.shutdown();
    supervisor.spawn("denials", Kind::Restart(Backoff::default()), move || {
        let (app, shutdown) = (app.clone(), shutdown.clone());
        async move {
            loop {
                let last = shutdown.until_soft(tokio::time::sleep(PERIOD)).await.is_none();
                if let Err(error) = app.denials.write(&app).await {
                    // They stay counted and go out with the next minute's.
                    tracing::warn!(error = %error, "denied requests can't be recorded");
                }
                if last {
                    return;
                }
            }
        }
    });
}
