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
    failures: Mutex<Failures>,
}

type Failures = HashMap<Subject, VecDeque<i64>>;

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

    /// Notes an attempt of the source on this user as failed, before it is looked at: parallel guesses don't get through
    /// together. One that worked is taken back by [`Self::succeeded`].
    ///
    /// # Errors
    /// How long to wait, when there were too many; the attempt must not be looked at then.
    pub fn attempt(&self, source: IpAddr, user: &str) -> Result<(), Duration> {
        let now = self.clock.now_micros();
        let mut failures = self.failures.lock();
        let subjects = subjects(source, user);
        match Self::wait(&failures, &subjects, now) {
            Some(wait) => Err(wait),
            None => {
                Self::note(&mut failures, subjects, now);
                Ok(())
            }
        }
    }

    fn wait(failures: &Failures, [pair, alone]: &[Subject; 2], now: i64) -> Option<Duration> {
        let left = |subject: &Subject, most: usize| {
            let times = failures.get(subject)?;
            let oldest = times.len().checked_sub(most).and_then(|i| times.get(i))?;
            let until = oldest + micros(WINDOW) - now;
            u64::try_from(until).ok().filter(|left| *left > 0).map(Duration::from_micros)
        };
        left(pair, PER_USER).max(left(alone, PER_SOURCE))
    }

    fn note(failures: &mut Failures, subjects: [Subject; 2], now: i64) {
        if failures.len() >= REMEMBERED {
            failures.retain(|_, times| times.back().is_some_and(|last| last + micros(WINDOW) > now));
        }
        if failures.len() >= REMEMBERED
            && let Some(oldest) = failures.iter().min_by_key(|(_, times)| times.back().copied()).map(|(s, _)| s.clone())
        {
            failures.remove(&oldest);
        }
        for subject in subjects {
            let times = failures.entry(subject).or_default();
            times.push_back(now);
            while times.len() > PER_SOURCE {
                times.pop_front();
            }
        }
    }

    /// Forgets the failures of the source for the user, after an attempt that worked.
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
            assert_eq!(limiter.attempt(here, "ann"), Ok(()));
        }
        assert_eq!(limiter.attempt(here, "ann"), Err(WINDOW));
        assert_eq!(limiter.attempt(here, "bob"), Ok(()));
        assert_eq!(limiter.attempt(there, "ann"), Ok(()));
        clock.advance(WINDOW);
        assert_eq!(limiter.attempt(here, "ann"), Ok(()));
    }

    #[test]
    fn attempts_at_the_same_time_are_counted_one_by_one() {
        let limiter = Limiter::new(Arc::new(ManualClock::new(1_000_000)));
        let try_all = || (0..100).filter(|_| limiter.attempt([127, 0, 0, 1].into(), "ann").is_ok()).count();
        let passed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(try_all)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, PER_USER);
    }

    #[test]
    fn many_users_from_one_source_wait_too() {
        let limiter = Limiter::new(Arc::new(ManualClock::new(1_000_000)));
        let source = "2001:db8::1".parse().unwrap();
        for i in 0..PER_SOURCE {
            assert_eq!(limiter.attempt(source, &format!("user{i}")), Ok(()));
        }
        let neighbour = "2001:db8::2".parse().unwrap();
        assert_eq!(limiter.attempt(neighbour, "another"), Err(WINDOW));
    }
}
