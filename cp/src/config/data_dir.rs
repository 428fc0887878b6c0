//! Section `data_dir`.

use std::path::PathBuf;

use serde::Deserialize;

/// Where this replica keeps its own files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataDir {
    /// The folder; made when missing. Server certificates are cached here, and `ca.pem` is written here.
    pub path: PathBuf,
    /// File with the 32-byte key, as 64 hex digits, that private keys in the store are sealed with. All replicas need
    /// the same one. Without it a key is made on the first start and kept as `secret.key` in the folder.
    pub secret_key_file: Option<PathBuf>,
}

// === impl DataDir ===

impl Default for DataDir {
    fn default() -> Self {
        Self { path: "./data/cp".into(), secret_key_file: None }
    }
}
