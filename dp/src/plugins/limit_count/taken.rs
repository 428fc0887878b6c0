//! What comes of one request of a key.

use http::header::HeaderValue;

/// Whether it was within the limit, and what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    /// Whether it was within the limit.
    pub(super) allowed: bool,
    /// How many more are.
    pub(super) remaining: u64,
    /// Time until there are more, in hundredths of a second, as APISIX shows it.
    pub(super) reset: i64,
}

/// A request in a sliding window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slid {
    pub(super) allowed: bool,
    /// Requests of this window, with this one if it was allowed.
    pub(super) current: u64,
    /// Requests of the window before, at most the limit.
    pub(super) last: u64,
    /// What this window has still to go.
    pub(super) left_micros: i64,
}

// === impl Taken ===

impl Taken {
    /// In a window that began with the first of `used` requests.
    pub(super) fn fixed(used: u64, count: u64, left_micros: i64) -> Self {
        Self { allowed: used <= count, remaining: count.saturating_sub(used), reset: left_micros / 10_000 }
    }

    /// The value of the header.
    pub(super) fn reset(&self) -> HeaderValue {
        let text = match (self.reset / 100, self.reset % 100) {
            (whole, 0) => whole.to_string(),
            (whole, part) if part % 10 == 0 => format!("{whole}.{}", part / 10),
            (whole, part) => format!("{whole}.{part:02}"),
        };
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("0"))
    }
}

// === impl Slid ===

impl Slid {
    /// Requests of the window before that still count.
    pub(super) fn estimate(last: u64, left_micros: i64, window_micros: i64) -> f64 {
        last as f64 * left_micros as f64 / window_micros as f64
    }

    pub(super) fn taken(self, count: u64, window_micros: i64) -> Taken {
        let estimate = Self::estimate(self.last, self.left_micros, window_micros);
        let remaining = (count as f64 - self.current as f64 - estimate).floor().max(0.0) as u64;
        // Refused while this window has room: until so much of the one before is out that one more fits.
        let wait = if self.allowed || self.current >= count || self.last == 0 {
            self.left_micros as f64
        } else {
            let room = (count - self.current) as f64;
            (self.left_micros as f64 - room * window_micros as f64 / self.last as f64).max(0.0)
        };
        let remaining = if self.allowed { remaining } else { 0 };
        Taken { allowed: self.allowed, remaining, reset: (wait / 10_000.0).ceil() as i64 }
    }
}
