//! A value, and a bell that rings for all who listen when it has changed.
//!
//! As tokio's `watch`, with one difference: listeners are woken in the order in which they began to wait. The streams of one
//! connection, which run in one task, wait one after the other, so they are woken one after the other; what they have to say
//! then leaves in one write. `watch` spreads its listeners over eight lists at random, and the connection would write eight times.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{RwLock, RwLockReadGuard};
use tokio::sync::Notify;

/// The ringing end.
#[derive(Debug, Default)]
pub(super) struct Bell<T>(Arc<Shared<T>>);

/// A listening end.
#[derive(Debug)]
pub(super) struct Listener<T> {
    shared: Arc<Shared<T>>,
    /// How often it had rung when the listener last marked.
    heard: u64,
}

#[derive(Debug, Default)]
struct Shared<T> {
    value: RwLock<T>,
    rung: AtomicU64,
    waiting: Notify,
}

// === impl Bell ===

impl<T> Bell<T> {
    pub(super) fn new(value: T) -> Self {
        Self(Arc::new(Shared { value: RwLock::new(value), rung: AtomicU64::new(0), waiting: Notify::new() }))
    }

    /// One more listener; it hears what rings from now on.
    pub(super) fn listen(&self) -> Listener<T> {
        Listener { heard: self.0.rung.load(Ordering::Acquire), shared: self.0.clone() }
    }

    /// Whether anybody listens.
    pub(super) fn is_heard(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// Changes the value and rings.
    pub(super) fn ring(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.0.value.write());
        self.0.rung.fetch_add(1, Ordering::Release);
        self.0.waiting.notify_waiters();
    }
}

// === impl Listener ===

impl<T> Listener<T> {
    /// The value, as it is now.
    pub(super) fn value(&self) -> RwLockReadGuard<'_, T> {
        self.shared.value.read()
    }

    /// What rings after this wakes.
    pub(super) fn mark(&mut self) {
        self.heard = self.shared.rung.load(Ordering::Acquire);
    }

    /// Whether it has rung since the mark.
    pub(super) fn has_rung(&self) -> bool {
        self.shared.rung.load(Ordering::Acquire) != self.heard
    }

    /// Resolves when it has rung since the mark.
    pub(super) async fn rung(&self) {
        loop {
            // First the place in the line, then the look: what rings after the look wakes.
            let place = self.shared.waiting.notified();
            if self.has_rung() {
                return;
            }
            place.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::task::{Context, Poll, Wake, Waker};

    use super::*;

    struct Note(usize, Arc<Mutex<Vec<usize>>>);

    impl Wake for Note {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0);
        }
    }

    #[test]
    fn listeners_wake_in_the_order_in_which_they_began_to_wait() {
        let bell = Bell::new(0);
        let woken = Arc::new(Mutex::new(Vec::new()));
        let mut listeners: Vec<_> = (0..500).map(|_| bell.listen()).collect();
        for round in 1..=3 {
            let mut waiting: Vec<_> = listeners.iter().map(|listener| Box::pin(listener.rung())).collect();
            for (number, waits) in waiting.iter_mut().enumerate() {
                let waker = Waker::from(Arc::new(Note(number, woken.clone())));
                assert!(waits.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            }
            bell.ring(|value| *value = round);
            assert_eq!(std::mem::take(&mut *woken.lock().unwrap()), (0..500).collect::<Vec<_>>());
            for waits in &mut waiting {
                assert_eq!(waits.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()));
            }
            drop(waiting);
            for listener in &mut listeners {
                assert_eq!(*listener.value(), round);
                listener.mark();
                assert!(!listener.has_rung());
            }
        }
    }

    #[test]
    fn what_rings_between_the_mark_and_the_wait_is_heard() {
        let bell = Bell::new(());
        let listener = bell.listen();
        bell.ring(|()| {});
        assert!(bell.is_heard());
        assert_eq!(Box::pin(listener.rung()).as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()));
        drop(listener);
        assert!(!bell.is_heard());
    }
}
