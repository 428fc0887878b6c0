//! Follows what other replicas append: woken by the database where it can, and by a period in any case.

use std::sync::Arc;
use std::time::Duration;

use crate::error::Error;
use crate::keyspace::View;
use crate::store::Shared;

/// Longest time until another replica's event is seen when a notification is lost.
const PERIOD: Duration = Duration::from_secs(1);

/// Runs until the log contradicts itself; a database that is away is waited for.
pub(crate) async fn run(shared: Arc<Shared>) -> Result<(), Error> {
    let mut away = false;
    loop {
        match look(&shared).await {
            Ok(()) if away => {
                away = false;
                tracing::info!("the event log is back");
            }
            Ok(()) => {}
            Err(error @ Error::Corrupt(_)) => return Err(error),
            Err(error) => {
                if !away {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::error!(%error, cause, "the event log can't be followed; trying again");
                }
                away = true;
            }
        }
        // A timeout is the period; an error of the listener shows in the next look.
        let news = tokio::time::timeout(PERIOD, shared.backend.wait_for_news()).await;
        if matches!(news, Ok(Err(_))) {
            tokio::time::sleep(PERIOD).await;
        }
    }
}

async fn look(shared: &Shared) -> Result<(), Error> {
    let head = shared.head_now().await?;
    shared.compacted(head.compact_revision);
    if head.revision > shared.with_state(View::revision) { shared.catch_up().await } else { Ok(()) }
}
