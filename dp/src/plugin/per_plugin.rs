//! What plugins keep in a request between their own phases.

use http::HeaderValue;

/// State between the phases of one plugin, typed, a field per plugin that needs it.
#[derive(Debug, Default)]
pub struct PerPlugin {
    /// cors: the Origin as the client sent it, whatever later plugins do to the request.
    pub cors_origin: Option<HeaderValue>,
}
