//! Revoked certificates: keys of the key space, so that every replica knows them as soon as it knows the event.

use std::collections::HashSet;
use std::sync::Arc;

use portolan_eventstore::{EventStore, KeyRange};
use portolan_rt::task::{Backoff, Kind, Supervisor};
use tokio::sync::watch;

/// A certificate is revoked while there is a key of this prefix and its serial number (lower-case hex, without leading zeros).
pub const REVOKED_PREFIX: &str = "/portolan/revoked/";

/// Revisions that are looked through at once.
const REVISIONS: usize = 1_000;

/// The certificates that are revoked now. Clones share one set.
#[derive(Clone, Debug)]
pub struct Revocations(watch::Receiver<Arc<HashSet<String>>>);

// === impl Revocations ===

impl Revocations {
    /// Reads the set, and from then on a task that follows the log.
    pub fn follow(store: &EventStore, supervisor: &Supervisor) -> Self {
        let mut head = store.head();
        let mut seen = *head.borrow_and_update();
        let sender = Arc::new(watch::Sender::new(Arc::new(read(store))));
        let receiver = sender.subscribe();
        let (store, shutdown) = (store.clone(), supervisor.shutdown());
        supervisor.spawn("certificate revocations", Kind::Restart(Backoff::default()), move || {
            let (store, sender, shutdown, mut head) = (store.clone(), sender.clone(), shutdown.clone(), head.clone());
            let mut from = std::mem::replace(&mut seen, 0);
            async move {
                while let Some(Ok(())) = shutdown.until_soft(head.changed()).await {
                    let upto = *head.borrow_and_update();
                    if touched(&store, &mut from, upto).await {
                        let now = read(&store);
                        tracing::info!(revoked = now.len(), "the set of revoked certificates has changed");
                        sender.send_replace(Arc::new(now));
                    }
                }
                Ok::<(), std::convert::Infallible>(())
            }
        });
        Self(receiver)
    }

    /// Whether the certificate of this serial number is revoked.
    pub fn contains(&self, serial: &str) -> bool {
        self.0.borrow().contains(serial)
    }

    /// Resolves when the set has changed.
    pub(crate) async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            // The task is gone, as the process will be: streams hear of that otherwise.
            std::future::pending::<()>().await;
        }
    }

    /// Resolves once the certificate of this serial number is revoked.
    pub(crate) async fn revoked(&mut self, serial: &str) {
        if self.0.wait_for(|revoked| revoked.contains(serial)).await.is_err() {
            // The task is gone, as the process will be: streams hear of that otherwise.
            std::future::pending::<()>().await;
        }
    }
}

fn read(store: &EventStore) -> HashSet<String> {
    let keys = store.read(|view| view.range(&KeyRange::prefix(REVOKED_PREFIX)));
    let serial = |key: &[u8]| Some(std::str::from_utf8(key.strip_prefix(REVOKED_PREFIX.as_bytes())?).ok()?.to_owned());
    keys.iter().filter_map(|kv| serial(&kv.key)).collect()
}

/// Whether an event up to this revision revokes something or takes a revocation back. When the log can't be read: maybe.
async fn touched(store: &EventStore, from: &mut i64, upto: i64) -> bool {
    while *from < upto {
        let Ok(events) = store.events_after(*from, REVISIONS).await else {
            *from = upto;
            return true;
        };
        let Some(last) = events.last() else { return false };
        let changes = events.iter().flat_map(|event| &event.changes);
        let touched = changes.into_iter().any(|change| change.key.starts_with(REVOKED_PREFIX.as_bytes()));
        *from = last.revision;
        if touched {
            *from = upto; // what follows is in the state that is read now
            return true;
        }
    }
    false
}
