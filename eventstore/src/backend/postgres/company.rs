//! Whether other replicas listen to what this one writes.
//!
//! A notification wakes the listener of each replica, our own one included, and the commits that notify wait for each other: work for
//! nothing when nobody else is there. So each replica says every second that it is there, and who has heard of nobody for a while
//! writes in silence. What is missed for that reason is seen at the follower's period.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How often a replica says that it is there.
const PERIOD: Duration = Duration::from_secs(1);
/// Who was heard of so recently is there. Several periods: the server may be busy.
const PRESENT: Duration = Duration::from_secs(5);

/// What is known of other replicas.
pub(super) struct Company(Mutex<Known>);

struct Known {
    heard: Option<Instant>,
    said: Instant,
}

// === impl Company ===

impl Company {
    /// Whether somebody else may listen.
    pub(super) fn is_here(&self) -> bool {
        self.0.lock().heard.is_some_and(|heard| heard.elapsed() < PRESENT)
    }

    /// Another replica was heard.
    pub(super) fn heard(&self) {
        self.0.lock().heard = Some(Instant::now());
    }

    /// Whether it is time to say again that we are there; the caller does.
    pub(super) fn says_hello(&self) -> bool {
        let mut known = self.0.lock();
        let due = known.said.elapsed() >= PERIOD;
        if due {
            known.said = Instant::now();
        }
        due
    }

    /// Nobody was heard.
    #[cfg(test)]
    pub(super) fn gone(&self) {
        self.0.lock().heard = None;
    }
}

impl Default for Company {
    /// Others may be there who have not had the time to say so.
    fn default() -> Self {
        Self(Mutex::new(Known { heard: Some(Instant::now()), said: Instant::now() }))
    }
}
