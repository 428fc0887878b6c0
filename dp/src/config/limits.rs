//! Section `limits`.

use std::time::Duration;

use serde::Deserialize;

use super::Invalid;

/// What a client may cost.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of a request's head; at least 8192.
    pub header_bytes: usize,
    /// Number of headers of a request.
    pub header_count: usize,
    /// Bytes of a request's body; 0 for no bound.
    pub body_bytes: u64,
    /// Bytes of a request's body that a plugin may have in memory; larger ones are refused where one asks for it.
    pub held_body_bytes: u64,
    /// Seconds for the head of a request; it also bounds how long an idle connection stays.
    pub header_seconds: u64,
    /// Seconds between two pieces of a request's body.
    pub body_seconds: u64,
    /// Seconds in which a client must take something of what it is sent.
    pub send_seconds: u64,
    /// Seconds for a PROXY header and a TLS handshake.
    pub handshake_seconds: u64,
    /// Requests at a time on one HTTP/2 connection.
    pub http2_streams: u32,
    /// Open client connections per worker; further ones wait to be accepted.
    pub connections: usize,
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 32 * 1024,
            header_count: 100,
            body_bytes: 0,
            held_body_bytes: 16 << 20,
            header_seconds: 60,
            body_seconds: 60,
            send_seconds: 60,
            handshake_seconds: 10,
            http2_streams: 128,
            connections: 16_384,
        }
    }
}

impl Limits {
    /// See [`Self::header_seconds`].
    #[must_use]
    pub fn header_timeout(&self) -> Duration {
        Duration::from_secs(self.header_seconds)
    }

    /// See [`Self::body_seconds`].
    #[must_use]
    pub fn body_timeout(&self) -> Duration {
        Duration::from_secs(self.body_seconds)
    }

    /// See [`Self::send_seconds`].
    #[must_use]
    pub fn send_timeout(&self) -> Duration {
        Duration::from_secs(self.send_seconds)
    }

    /// See [`Self::handshake_seconds`].
    #[must_use]
    pub fn handshake_timeout(&self) -> Duration {
        Duration::from_secs(self.handshake_seconds)
    }

    /// See [`Self::body_bytes`].
    #[must_use]
    pub fn max_body(&self) -> u64 {
        if self.body_bytes == 0 { u64::MAX } else { self.body_bytes }
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        let invalid = |setting, reason: &str| Err(Invalid { setting, reason: reason.to_owned() });
        if !(8192..=1 << 24).contains(&self.header_bytes) {
            return invalid("limits.header_bytes", "from 8192 to 16777216");
        }
        if !(8..=10_000).contains(&self.header_count) {
            return invalid("limits.header_count", "from 8 to 10000");
        }
        if [self.header_seconds, self.body_seconds, self.send_seconds, self.handshake_seconds].contains(&0) {
            return invalid("limits", "times are at least 1 second");
        }
        if self.http2_streams == 0 || self.connections == 0 {
            return invalid("limits", "http2_streams and connections are at least 1");
        }
        Ok(())
    }
}
