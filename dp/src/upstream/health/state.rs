//! The health of one node: a status and four counters in one word, so that reports from all threads are each whole.

use std::sync::atomic::{AtomicU64, Ordering};

/// The state; a new one is healthy.
#[derive(Debug, Default)]
pub(super) struct State(AtomicU64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Healthy,
    /// Fit, and failures are being counted.
    MostlyHealthy,
    /// Unfit, and successes are being counted.
    MostlyUnhealthy,
    Unhealthy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    Healthy,
    Unhealthy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counter {
    Success,
    Http,
    Tcp,
    Timeout,
}

/// Where the status stands in the word, above four counters of a byte each.
const STATUS: u32 = 32;
const SUCCESSES: u64 = 0xff;
const FAILURES: u64 = 0xffff_ff00;

// === impl State ===

impl State {
    pub(super) fn is_usable(&self) -> bool {
        matches!(status(self.0.load(Ordering::Relaxed)), Status::Healthy | Status::MostlyHealthy)
    }

    /// The status, and the counters of successes, HTTP failures, TCP failures and timeouts.
    pub(super) fn read(&self) -> (Status, [u8; 4]) {
        let word = self.0.load(Ordering::Relaxed);
        let [a, b, c, d, ..] = word.to_le_bytes();
        (status(word), [a, b, c, d])
    }

    /// Counts; at `limit` the status becomes what is reported. Tells the new status if it is another. A limit of 0
    /// switches the counter off.
    pub(super) fn report(&self, report: Report, counter: Counter, limit: u8) -> Option<&'static str> {
        let update = |word| next(word, report, counter, limit);
        let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update).ok()?;
        let (before, after) = (status(before), status(next(before, report, counter, limit)?));
        (before != after).then_some(after.as_str())
    }
}

/// `None`: nothing to count.
fn next(word: u64, report: Report, counter: Counter, limit: u8) -> Option<u64> {
    let now = status(word);
    let settled = matches!((report, now), (Report::Healthy, Status::Healthy) | (Report::Unhealthy, Status::Unhealthy));
    if limit == 0 || settled {
        return None;
    }
    let shift = 8 * counter as u32;
    let count = ((word >> shift) & 0xff).saturating_add(1).min(0xff);
    let kept = if report == Report::Healthy { SUCCESSES } else { FAILURES };
    let counters = ((word & !(0xff << shift)) | count << shift) & kept;
    let status = match (report, now) {
        (Report::Healthy, _) if count >= u64::from(limit) => Status::Healthy,
        (Report::Unhealthy, _) if count >= u64::from(limit) => Status::Unhealthy,
        (Report::Unhealthy, Status::Healthy) => Status::MostlyHealthy,
        (Report::Healthy, Status::Unhealthy) => Status::MostlyUnhealthy,
        (_, same) => same,
    };
    Some(counters | (status as u64) << STATUS)
}

fn status(word: u64) -> Status {
    match word >> STATUS {
        0 => Status::Healthy,
        1 => Status::MostlyHealthy,
        2 => Status::MostlyUnhealthy,
        _ => Status::Unhealthy,
    }
}

// === impl Status ===

impl Status {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::MostlyHealthy => "mostly_healthy",
            Self::MostlyUnhealthy => "mostly_unhealthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_as_apisix_does() {
        use Counter::{Http, Success, Tcp, Timeout};
        let state = State::default();
        let steps = [
            // Successes of a healthy node are not counted.
            (Report::Healthy, Success, 2, "healthy", [0, 0, 0, 0]),
            (Report::Unhealthy, Http, 3, "mostly_healthy", [0, 1, 0, 0]),
            (Report::Unhealthy, Tcp, 3, "mostly_healthy", [0, 1, 1, 0]),
            // A success forgets the failures; two of them make the node healthy again.
            (Report::Healthy, Success, 2, "mostly_healthy", [1, 0, 0, 0]),
            (Report::Healthy, Success, 2, "healthy", [2, 0, 0, 0]),
            (Report::Unhealthy, Timeout, 2, "mostly_healthy", [0, 0, 0, 1]),
            (Report::Unhealthy, Timeout, 2, "unhealthy", [0, 0, 0, 2]),
            (Report::Unhealthy, Timeout, 2, "unhealthy", [0, 0, 0, 2]),
            (Report::Healthy, Success, 2, "mostly_unhealthy", [1, 0, 0, 0]),
            (Report::Unhealthy, Http, 0, "mostly_unhealthy", [1, 0, 0, 0]),
            (Report::Unhealthy, Http, 2, "mostly_unhealthy", [0, 1, 0, 0]),
            (Report::Unhealthy, Http, 2, "unhealthy", [0, 2, 0, 0]),
            (Report::Healthy, Success, 1, "healthy", [1, 0, 0, 0]),
        ];
        for (step, (report, counter, limit, status, counters)) in steps.into_iter().enumerate() {
            state.report(report, counter, limit);
            let (now, counted) = state.read();
            assert_eq!((now.as_str(), counted), (status, counters), "step {step}");
            assert_eq!(state.is_usable(), status.ends_with("healthy") && !status.ends_with("unhealthy"), "step {step}");
        }
    }
}
