//! How often logins may fail: per source, and per source and user, in a sliding window.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use portolan_rt::clock::Clock;

/// Failures are forgotten after this time.
const WINDOW: Duration = Duration::from_secs(300);
/// Failures of one source in the window, whatever the user.
const PER_SOURCE: usize = 20;
/// Failures of one source for one user in the window.
const PER_USER: usize = 5;
/// Pairs remembered; beyond that those with the oldest failures go first.
const REMEMBERED: usize = 10_000;

/// Counts failed logins.
#[derive(Debug)]
pub struct Limiter {
    clock: Arc<dyn Clock>,
    failures: Mutex<HashMap<Subject, VecDeque<i64>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Subject {
    source: IpAddr,
    user: Option<String>,
}

// === impl Limiter ===

impl Limiter {
    /// Nobody has failed yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, failures: Mutex::default() }
    }

    /// How long the source has to wait before it may try this user; `None` = it may now.
    pub fn wait(&self, source: IpAddr, user: &str) -> Option<Duration> {
        let now = self.clock.now_micros();
        let failures = self.failures.lock();
        let left = |subject: &Subject, most: usize| {
            let times = failures.get(subject)?;
            let oldest = times.len().checked_sub(most).and_then(|i| times.get(i))?;
            let until = oldest + micros(WINDOW) - now;
            u64::try_from(until).ok().filter(|left| *left > 0).map(Duration::from_micros)
        };
        let [pair, alone] = subjects(source, user);
        left(&pair, PER_USER).max(left(&alone, PER_SOURCE))
    }

    /// Notes a failure.
    pub fn failed(&self, source: IpAddr, user: &str) {
        let now = self.clock.now_micros();
        let mut failures = self.failures.lock();
        if failures.len() >= REMEMBERED {
            failures.retain(|_, times| times.back().is_some_and(|last| last + micros(WINDOW) > now));
        }
        if failures.len() >= REMEMBERED
            && let Some(oldest) = failures.iter().min_by_key(|(_, times)| times.back().copied()).map(|(s, _)| s.clone())
        {
            failures.remove(&oldest);
        }
        for subject in subjects(source, user) {
            let times = failures.entry(subject).or_default();
            times.push_back(now);
            while times.len() > PER_SOURCE {
                times.pop_front();
            }
        }
    }

    /// Forgets the failures of the source for the user, after a login that worked and was noted as failed before it was
    /// looked at.
    pub fn succeeded(&self, source: IpAddr, user: &str) {
        let [pair, alone] = subjects(source, user);
        let mut failures = self.failures.lock();
        failures.remove(&pair);
        if let Some(times) = failures.get_mut(&alone) {
            times.pop_back();
        }
    }
}

/// The pair of both, and the source alone. An IPv6 source is its /64: one customer has at least that many addresses.
fn subjects(source: IpAddr, user: &str) -> [Subject; 2] {
    let source = match source.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
    };
    let user = user.chars().take(64).collect();
    [Subject { source, user: Some(user) }, Subject { source, user: None }]
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use portolan_rt::clock::ManualClock;

    use super::*;

    #[test]
    fn the_sixth_attempt_waits() {
        let clock = Arc::new(ManualClock::new(1_000_000));
        let limiter = Limiter::new(clock.clone());
        let (here, there) = ([127, 0, 0, 1].into(), [127, 0, 0, 2].into());
        for _ in 0..PER_USER {
            assert_eq!(limiter.wait(here, "ann"), None);
            limiter.failed(here, "ann");
        }
        assert_eq!(limiter.wait(here, "ann"), Some(WINDOW));
        assert_eq!(limiter.wait(here, "bob"), None);
        assert_eq!(limiter.wait(there, "ann"), None);
        clock.advance(WINDOW);
        assert_eq!(limiter.wait(here, "ann"), None);
    }

    #[test]
    fn many_users_from_one_source_wait_too() {
        let limiter = Limiter::new(Arc::new(ManualClock::new(1_000_000)));
        let source = "2001:db8::1".parse().unwrap();
        for i in 0..PER_SOURCE {
            limiter.failed(source, &format!("user{i}"));
        }
        let neighbour = "2001:db8::2".parse().unwrap();
        assert_eq!(limiter.wait(neighbour, "another"), Some(WINDOW));
    }
}
