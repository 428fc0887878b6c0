//! Section `stream`.

use serde::Deserialize;

/// Stream routes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stream {
    /// Whether there are any. Without, the Admin API refuses them, as APISIX does where `proxy_mode` has no `stream`.
    pub enabled: bool,
}
