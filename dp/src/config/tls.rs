//! Section `tls`.

use std::path::PathBuf;

use serde::Deserialize;

use super::Invalid;

/// Certificate of the https listener, and whom to trust upstream.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// Certificate for names that no `ssls` resource has, PEM. Without it their handshakes are refused.
    pub cert: Option<PathBuf>,
    /// Its key, PEM.
    pub key: Option<PathBuf>,
    /// The name of clients that ask for none.
    pub fallback_sni: Option<String>,
    /// Authorities for upstreams with `tls.verify`, PEM. Without it the system's.
    pub trusted_ca: Option<PathBuf>,
}

// === impl Tls ===

impl Tls {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        if self.cert.is_some() != self.key.is_some() {
            return Err(Invalid { setting: "tls.key", reason: "cert and key go together".to_owned() });
        }
        Ok(())
    }
}
