//! Section `encryption`.

use std::fs;
use std::path::PathBuf;

use portolan_model::Keyring;
use serde::Deserialize;

use super::Invalid;

/// What secrets in the configuration were encrypted with: the keys of the control plane.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Encryption {
    /// Keys of 16 or 32 bytes.
    pub keyring: Vec<String>,
    /// File with them, one a line.
    pub keyring_file: Option<PathBuf>,
}

// === impl Encryption ===

impl Encryption {
    /// The keys; reads the file.
    pub fn keyring(&self) -> Result<Keyring, Invalid> {
        let invalid = |reason: String| Invalid { setting: "encryption.keyring", reason };
        let Some(path) = &self.keyring_file else {
            return Keyring::new(&self.keyring).map_err(|bad| invalid(bad.to_string()));
        };
        let text = fs::read_to_string(path).map_err(|error| Invalid {
            setting: "encryption.keyring_file",
            reason: format!("can't read {}: {error}", path.display()),
        })?;
        let keyring = Keyring::parse(&text).map_err(|bad| invalid(bad.to_string()))?;
        if keyring.is_empty() {
            return Err(invalid("the file holds no key; one a line is needed".to_owned()));
        }
        Ok(keyring)
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        if self.keyring_file.is_some() && !self.keyring.is_empty() {
            let reason = "given twice; either keyring or keyring_file is needed".to_owned();
            return Err(Invalid { setting: "encryption.keyring", reason });
        }
        Keyring::new(&self.keyring)
            .map(drop)
            .map_err(|bad| Invalid { setting: "encryption.keyring", reason: bad.to_string() })
    }
}

impl std::fmt::Debug for Encryption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encryption").field("keyring_file", &self.keyring_file).finish_non_exhaustive()
    }
}
