//! What plugins keep in a request between their own phases.

use http::{HeaderName, HeaderValue};

/// State between the phases of one plugin, typed, a field per plugin that needs it.
#[derive(Debug, Default)]
pub struct PerPlugin {
    /// cors: the Origin as the client sent it, whatever later plugins do to the request.
    pub cors_origin: Option<HeaderValue>,
    /// request-id: ids for the response, by header.
    pub request_ids: Vec<(HeaderName, HeaderValue)>,
    /// response-rewrite: what it has found of the response's head.
    pub response_rewrite: crate::plugins::response_rewrite::Matched,
    /// gzip: whether this response is compressed, until it is.
    pub gzip: bool,
    /// http-logger: bodies for the entry, by logger.
    pub http_logger: Vec<crate::plugins::http_logger::Kept>,
    /// limit-conn: where this request counts until its response is over.
    pub limit_conn: Vec<crate::plugins::limit_conn::Place>,
    /// prometheus: whether metrics show names instead of ids.
    pub prefer_name: bool,
    /// proxy-rewrite: the groups of the expression that matched, for `$1` in headers.
    pub captures: Vec<Option<Box<str>>>,
    /// jwt-auth: what a valid token says, if it is configured to be kept.
    pub jwt_auth_claims: Option<serde_json::Value>,
}
