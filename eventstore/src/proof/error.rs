//! What can go wrong while proving, as its callers tell it apart. A log that does not verify is no error: see [`super::report`].

/// An error of signing, exporting or verifying.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database did not answer, or gave what no log holds.
    #[error("the event log can't be read")]
    Store(#[from] crate::Error),
    /// The log contradicts what was signed; nothing more is signed.
    #[error("the log contradicts its own checkpoints: {0}")]
    Fork(String),
    /// There is no checkpoint to prove anything against yet.
    #[error(
        "the log has no checkpoint yet: one is signed within 10 seconds of the first event, while a control plane runs"
    )]
    NoCheckpoint,
    /// The range can't be exported or proven.
    #[error("revisions {from} to {to} can't be proven: the last checkpoint covers 1 to {covered}")]
    Range {
        /// First revision asked for.
        from: i64,
        /// Last revision asked for.
        to: i64,
        /// Last revision that a checkpoint covers.
        covered: i64,
    },
    /// A file can't be read or written.
    #[error("{} can't be read or written", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A key can't be used.
    #[error(transparent)]
    Key(#[from] super::note::Error),
    /// The key that the log names now can't be had.
    #[error("the key that the log names can't be had")]
    Renew(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A place for checkpoints did not take one.
    #[error("the checkpoint sink {sink} did not take checkpoint {size}: {why}")]
    Sink {
        /// Which.
        sink: String,
        /// The checkpoint.
        size: i64,
        /// Why.
        why: String,
    },
}
