//! Writes snapshots behind the scenes: one at a time, the newest, and never so often that the disk is always busy.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Disk, Report};
use crate::store::Store;

/// Shortest time between two writes. The first change after a quiet time is written at once.
const BETWEEN: Duration = Duration::from_millis(50);
/// After a write that took t, the next begins no sooner than this many t later.
const REST: u32 = 10;

/// Takes states and writes the newest.
pub struct Saver {
    disk: Arc<Disk>,
    report: Report,
    newest: watch::Sender<Option<Store>>,
    writer: JoinHandle<()>,
}

// === impl Saver ===

impl Saver {
    pub(super) fn new(disk: Disk, report: Report) -> Self {
        let disk = Arc::new(disk);
        let (newest, states) = watch::channel(None);
        #[expect(clippy::disallowed_methods, reason = "the saver owns its task and ends it")]
        let writer = tokio::task::spawn(write(disk.clone(), report.clone(), states));
        Self { disk, report, newest, writer }
    }

    /// There is a newer state. Entries are shared, so this copies pointers; each write is of all of them, so a state whose
    /// entries are those of the one before is not worth an offer.
    pub(super) fn offer(&mut self, store: &Store) {
        self.newest.send_replace(Some(store.clone()));
    }

    /// Ends with the newest state that was offered on disk.
    pub(super) async fn finish(self) {
        let newest = self.newest.borrow().clone();
        drop(self.newest);
        // It ends when the channel is closed; a panic in it was logged where it happened.
        self.writer.await.ok();
        if let Some(store) = newest.filter(|store| store.revision != self.report.state().saved_revision) {
            save(self.disk, self.report, store).await;
        }
    }
}

async fn write(disk: Arc<Disk>, report: Report, mut states: watch::Receiver<Option<Store>>) {
    while states.changed().await.is_ok() {
        let Some(store) = states.borrow_and_update().clone() else { continue };
        let began = Instant::now();
        save(disk.clone(), report.clone(), store).await;
        let rest = BETWEEN.max(began.elapsed() * REST).saturating_sub(began.elapsed());
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = closed(&states) => return,
        }
    }
}

async fn closed(states: &watch::Receiver<Option<Store>>) {
    // has_changed fails when the sender is gone; there is nothing to await for that on this side but a change.
    let mut other = states.clone();
    while other.changed().await.is_ok() {}
}

async fn save(disk: Arc<Disk>, report: Report, store: Store) {
    let revision = store.revision;
    let saving = tokio::task::spawn_blocking(move || disk.file.save(&disk.key, &store));
    match saving.await {
        Ok(Ok(())) => report.saved(revision),
        Ok(Err(error)) => {
            tracing::error!(%error, revision, "the snapshot cannot be written");
            report.disk_failed(error.to_string());
        }
        Err(error) => tracing::error!(%error, "writing the snapshot panicked"),
    }
}
