//! How a task can come to a bad end.

use std::io;
use std::sync::Arc;

/// Any error of a task.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why the process ended although nobody asked it to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A critical task returned an error or panicked.
    #[error("critical task {task} failed")]
    Failed {
        /// Its name.
        task: Arc<str>,
        /// What it returned, or [`Panic`].
        source: BoxError,
    },
    /// A critical task returned although no shutdown had begun.
    #[error("critical task {task} ended by itself")]
    Ended {
        /// Its name.
        task: Arc<str>,
    },
    /// The process cannot listen for signals.
    #[error("signal handlers cannot be installed")]
    Signals(#[source] io::Error),
}

/// A panic, as an error.
#[derive(Debug, thiserror::Error)]
#[error("panicked: {0}")]
pub(super) struct Panic(String);

// === impl Panic ===

impl Panic {
    pub(super) fn new(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned());
        Self(text.unwrap_or_else(|| "(no message)".to_owned()))
    }
}
