//! Section `access_log`.

use serde::Deserialize;

use super::Invalid;

/// APISIX's default.
const FORMAT: &str = "$remote_addr - $remote_user [$time_local] $http_host \"$request_line\" $status $body_bytes_sent $request_time \
                      \"$http_referer\" \"$http_user_agent\" $upstream_addr $upstream_status $upstream_response_time \
                      \"$upstream_scheme://$upstream_host$upstream_uri\"";

/// A line for each request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessLog {
    /// A file, or `stdout`; none: nothing is written.
    pub path: Option<String>,
    /// Text with `$name` in it.
    pub format: String,
    /// How values are written.
    pub escape: Escape,
}

/// How values are written: nginx's names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Escape {
    /// Quotes, backslashes and what is not ASCII text as `\xNN`; `-` for what is not there.
    #[default]
    Default,
    /// As within a text of JSON; nothing for what is not there.
    Json,
    /// As they are.
    None,
}

// === impl AccessLog ===

impl Default for AccessLog {
    fn default() -> Self {
        Self { path: None, format: FORMAT.to_owned(), escape: Escape::default() }
    }
}

impl AccessLog {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        if self.path.as_deref() == Some("") {
            return Err(Invalid {
                setting: "access_log.path",
                reason: "a file, or stdout; leave it out for none".to_owned(),
            });
        }
        Ok(())
    }
}
