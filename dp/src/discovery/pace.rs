//! Pauses between attempts.

use std::time::Duration;

/// The first pause after a failure.
const SHORTEST: Duration = Duration::from_millis(250);
/// The longest.
const LONGEST: Duration = Duration::from_secs(15);

/// Growing pauses, scattered so that many data planes do not come back at once.
#[derive(Debug)]
pub(super) struct Pace(Duration);

// === impl Pace ===

impl Default for Pace {
    fn default() -> Self {
        Self(SHORTEST)
    }
}

impl Pace {
    /// An attempt went well.
    pub(super) fn reset(&mut self) {
        self.0 = SHORTEST;
    }

    /// An attempt went well for this time, and then did not any more: after a long one the next pauses are those of another outage.
    pub(super) fn stood(&mut self, time: Duration) {
        if time >= LONGEST {
            self.reset();
        }
    }

    /// How long to wait after one that did not.
    pub(super) fn pause(&mut self) -> Duration {
        let base = self.0;
        self.0 = (base * 2).min(LONGEST);
        scattered(base)
    }
}

/// From half of a time to the whole.
pub(super) fn scattered(time: Duration) -> Duration {
    time.mul_f64(0.5 + rand::random::<f64>() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_begin_anew() {
        let mut pace = Pace::default();
        let pauses: Vec<Duration> = (0..12).map(|_| pace.pause()).collect();
        assert!(pauses[0] >= SHORTEST / 2 && pauses[0] <= SHORTEST, "{pauses:?}");
        assert!(pauses[11] >= LONGEST / 2 && pauses[11] <= LONGEST, "{pauses:?}");
        pace.stood(LONGEST / 2);
        assert!(pace.pause() >= LONGEST / 2);
        pace.stood(LONGEST);
        assert!(pace.pause() <= SHORTEST);
        pace.reset();
        assert!(pace.pause() <= SHORTEST);
    }
}
