//! What is wrong with a setting.

use std::path::PathBuf;

/// A setting that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The value is not one of those allowed.
    #[error("{setting}: {problem}; allowed: {allowed}")]
    Invalid {
        /// `section.key`.
        setting: String,
        /// What is wrong.
        problem: String,
        /// What would be right.
        allowed: &'static str,
    },
    /// A file that a setting names can't be read.
    #[error("{setting}: can't read {}", path.display())]
    File {
        /// `section.key`.
        setting: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

// === impl Error ===

impl Error {
    pub(crate) fn invalid(setting: impl Into<String>, problem: impl Into<String>, allowed: &'static str) -> Self {
        Self::Invalid { setting: setting.into(), problem: problem.into(), allowed }
    }
}
