//! Section `snapshot`.

use std::path::PathBuf;

use serde::Deserialize;

/// Where the last configuration is kept, to start from while the control plane is away.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Snapshot {
    /// The file. Its directory is made when it is missing.
    pub path: PathBuf,
}

// === impl Snapshot ===

impl Default for Snapshot {
    fn default() -> Self {
        Self { path: PathBuf::from("./data/dp/snapshot") }
    }
}
