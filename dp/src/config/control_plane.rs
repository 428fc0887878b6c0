//! Section `control_plane`.

use std::path::PathBuf;

use serde::Deserialize;

use super::Invalid;

/// The etcd v3 service to follow, and who we are to it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ControlPlane {
    /// `https://host:port`, tried in turn. `http://` is for a real etcd without TLS.
    pub endpoints: Vec<String>,
    /// Authority that signed the control plane's certificate, PEM.
    pub ca: Option<PathBuf>,
    /// Our certificate, PEM.
    pub cert: Option<PathBuf>,
    /// Its key, PEM. The snapshot on disk is sealed with a key derived from it.
    pub key: Option<PathBuf>,
    /// Prefix of the keys to follow; ends with a slash.
    pub prefix: String,
}

// === impl ControlPlane ===

impl Default for ControlPlane {
    fn default() -> Self {
        Self {
            endpoints: vec!["https://127.0.0.1:7943".to_owned()],
            ca: None,
            cert: None,
            key: None,
            prefix: "/apisix/".to_owned(),
        }
    }
}

impl ControlPlane {
    /// Whether any endpoint is spoken to over TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.starts_with("https://"))
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        let invalid = |setting, reason: &str| Err(Invalid { setting, reason: reason.to_owned() });
        if self.endpoints.is_empty() {
            return invalid("control_plane.endpoints", "at least one is needed");
        }
        for endpoint in &self.endpoints {
            let uri = endpoint.parse::<http::Uri>().ok();
            let scheme = uri.as_ref().and_then(http::Uri::scheme_str);
            if !matches!(scheme, Some("http" | "https")) {
                return invalid("control_plane.endpoints", "each must be https://host:port or http://host:port");
            }
        }
        if self.is_tls() && (self.ca.is_none() || self.cert.is_none() || self.key.is_none()) {
            return invalid("control_plane", "ca, cert and key are needed for an https:// endpoint");
        }
        if self.cert.is_some() != self.key.is_some() {
            return invalid("control_plane.key", "cert and key go together");
        }
        if !self.prefix.starts_with('/') || !self.prefix.ends_with('/') || self.prefix.len() < 3 {
            return invalid("control_plane.prefix", "must begin and end with a slash, as in /apisix/");
        }
        Ok(())
    }
}
