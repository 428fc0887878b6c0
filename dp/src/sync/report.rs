//! How following goes, for the status port, the metrics and the log.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use portolan_rt::status::{Board, Component};
use serde_json::json;
use tokio::sync::watch;

use super::Error;
use crate::compile::Problem;

/// Where the configuration in use came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// From the control plane.
    ControlPlane,
    /// From the snapshot on disk.
    Snapshot,
}

/// The report; clones are the same one.
#[derive(Debug, Clone)]
pub struct Report {
    board: Board,
    component: Component,
    state: Arc<Mutex<State>>,
    /// Told of everything that others than the process itself want to know.
    news: watch::Sender<()>,
}

/// What the metrics show.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Whether a watch stands.
    pub connected: bool,
    /// Where the configuration came from; none before the first.
    pub source: Option<Source>,
    /// Its revision.
    pub revision: i64,
    /// The last revision that changed it.
    pub applied: i64,
    /// Resources not in use as written.
    pub problems: Vec<Problem>,
    /// Connections lost or not made.
    pub failures: u64,
    /// How long the last compilation took.
    pub compile: Duration,
    /// Why the snapshot on disk is not good.
    pub disk_error: Option<String>,
    /// Revision of the snapshot on disk.
    pub saved_revision: i64,
}

// === impl Source ===

impl Source {
    /// As the status port shows it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ControlPlane => "control_plane",
            Self::Snapshot => "snapshot",
        }
    }
}

// === impl Report ===

impl Report {
    /// A report on this board.
    #[must_use]
    pub fn new(board: Board) -> Self {
        let component = board.component("configuration");
        board.fact("connected", false);
        board.fact("revision", 0);
        Self { board, component, state: Arc::default(), news: watch::Sender::new(()) }
    }

    /// What is reported.
    #[must_use]
    pub fn state(&self) -> State {
        self.state.lock().clone()
    }

    /// Says when there is something new to tell.
    pub(super) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// The configuration in use holds every change up to this revision.
    pub(super) fn configured(&self, revision: i64) {
        self.state.lock().applied = revision;
        self.news.send_replace(());
    }

    /// Whether there is a configuration.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        self.state.lock().source.is_some()
    }

    pub(super) fn connected(&self, endpoint: &str) {
        let mut state = self.state.lock();
        if !state.connected {
            tracing::info!(endpoint, revision = state.revision, "following the control plane");
        }
        state.connected = true;
        // What the snapshot lacked has been, or is about to be, delivered by the watch.
        state.source = state.source.map(|_| Source::ControlPlane);
        self.board.fact("connected", true);
        self.show_source(&state);
    }

    pub(super) fn disconnected(&self, error: &Error) {
        let mut state = self.state.lock();
        state.failures += 1;
        let source = std::error::Error::source(error).map(chain).unwrap_or_default();
        // One line when it is lost; while it stays away the status port says so.
        if state.connected || state.failures == 1 {
            tracing::warn!(%error, source, "the control plane cannot be followed, trying again");
        } else {
            tracing::debug!(%error, source, "the control plane cannot be followed, trying again");
        }
        state.connected = false;
        self.board.fact("connected", false);
    }

    pub(super) fn applied(&self, source: Source, revision: i64, problems: Vec<Problem>, compile: Duration) {
        let mut state = self.state.lock();
        state.source = Some(source);
        state.revision = revision;
        state.compile = compile;
        if state.problems != problems {
            self.board.fact("resource_errors", json!(problems));
            state.problems = problems;
        }
        self.board.fact("revision", revision);
        self.show_source(&state);
        self.show(&state);
    }

    pub(super) fn disk_failed(&self, error: String) {
        let mut state = self.state.lock();
        state.disk_error = Some(error.clone());
        self.board.fact("snapshot_error", error);
        self.show(&state);
        self.news.send_replace(());
    }

    pub(super) fn saved(&self, revision: i64) {
        let mut state = self.state.lock();
        state.saved_revision = revision;
        self.board.fact("snapshot_revision", revision);
        if state.disk_error.take().is_some() {
            self.board.fact("snapshot_error", serde_json::Value::Null);
            self.show(&state);
            self.news.send_replace(());
        }
    }

    fn show_source(&self, state: &State) {
        if let Some(source) = state.source {
            self.board.fact("source", source.as_str());
        }
    }

    fn show(&self, state: &State) {
        if state.source.is_none() {
            return;
        }
        match (state.problems.len(), &state.disk_error) {
            (0, None) => self.component.ready(),
            (0, Some(error)) => self.component.degraded(error.clone()),
            (count, _) => self.component.degraded(format!("{count} resources are left out")),
        }
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text = format!("{text}: {error}");
        next = error.source();
    }
    text
}
