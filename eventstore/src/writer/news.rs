//! What was written and the watchers have not heard of.
//!
//! Every watcher that is woken goes into the runtime's queue, and a thread is woken to help with it: together that takes longer than
//! everything else between the database's answer and the client's. So those who wrote get their answers first, and have had a turn to send
//! them on before the watchers hear of it.

use tokio::task::yield_now;

/// Whether there is something to announce.
#[derive(Default)]
pub(super) enum News {
    #[default]
    None,
    Fresh,
    /// The others had their turn, or will have had it at the next look.
    Due,
}

// === impl News ===

impl News {
    /// Something was written and answered. True if there were news before: the watchers have waited long enough.
    pub(super) fn came_in(&mut self) -> bool {
        !matches!(std::mem::replace(self, Self::Fresh), Self::None)
    }

    pub(super) fn is_some(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// Resolves when there are news and whoever is ready to run has had a turn. May be given up.
    pub(super) async fn due(&mut self) {
        if matches!(self, Self::Fresh) {
            *self = Self::Due;
            yield_now().await;
        }
    }
}
