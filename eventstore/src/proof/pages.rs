//! The log as evidence, page by page: the next one is read while the one before is worked on.

use super::error::Error;
use super::log::Log;
use crate::backend::evidence::EventEvidence;

/// Most events of a page. After one that was cut, because its values are large, the next ones are smaller: a database sends what was
/// asked for, taken or not.
const PAGE: i64 = 2_048;

/// The events after a revision up to another.
pub(super) struct Pages {
    log: Log,
    /// The last revision that was read.
    at: i64,
    to: i64,
    limit: i64,
    ahead: Option<Vec<EventEvidence>>,
}

// === impl Pages ===

impl Pages {
    pub(super) fn new(log: &Log, after: i64, to: i64) -> Self {
        Self { log: log.clone(), at: after, to, limit: PAGE, ahead: None }
    }

    /// The next page; empty at the end.
    pub(super) async fn next(&mut self) -> Result<Vec<EventEvidence>, Error> {
        match self.ahead.take() {
            Some(page) => Ok(page),
            None => self.read().await,
        }
    }

    /// Waits for work, and reads the next page meanwhile.
    pub(super) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Error> {
        let (done, ahead) = futures_util::future::join(work, self.read()).await;
        self.ahead = Some(ahead?);
        Ok(done)
    }

    async fn read(&mut self) -> Result<Vec<EventEvidence>, Error> {
        let limit = self.limit.min(self.to.saturating_sub(self.at));
        if limit <= 0 {
            return Ok(Vec::new());
        }
        let page = self.log.backend().evidence(self.at, limit).await?;
        let count = i64::try_from(page.len()).unwrap_or(limit);
        self.limit = if count == limit { (self.limit * 2).min(PAGE) } else { count.max(1) };
        self.at = page.last().map_or(self.at, |event| event.columns.revision);
        Ok(page)
    }
}
