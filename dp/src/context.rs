//! What one request carries through the phases: its head, the pinned configuration, and what plugins found out.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::uri::PathAndQuery;

use crate::attempts::Earlier;
use crate::plugin::{Answer, PerPlugin};
use crate::request::Request;
use crate::resource::{Credential, Route};
use crate::snapshot::Snapshot;
use crate::upstream::body::RequestBody;
use crate::upstream::error::Failure;
use crate::upstream::{Node, Upstream};
use crate::vars::Content;

/// The request's state. It borrows from the one snapshot that the request pinned, so nothing newer can be seen.
#[derive(Debug)]
pub struct Context<'s> {
    /// Head and connection.
    pub request: Request,
    /// Body; it goes to the upstream piece by piece unless a plugin asks for it with [`Context::hold_body`].
    pub body: RequestBody,
    /// What variables know of the body.
    pub content: Content,
    /// The configuration of this request.
    pub snapshot: &'s Snapshot,
    /// The matched route, once routing is done.
    pub route: Option<&'s Route>,
    /// The pattern of the route that matched.
    pub matched_path: &'s str,
    /// The host pattern that matched; empty when the route names no host.
    pub matched_host: &'s str,
    /// Values of the `:name` segments.
    pub path_params: Vec<(&'s str, String)>,
    /// Who the caller is, once an authentication plugin knows.
    pub credential: Option<Arc<Credential>>,
    /// Where the request goes instead of the route's upstream.
    pub upstream: Option<Arc<Upstream>>,
    /// Path and query that the upstream sees instead of the request's.
    pub upstream_target: Option<PathAndQuery>,
    /// Host that the upstream sees instead of the client's, where the upstream passes the client's on.
    pub upstream_host: Option<HeaderValue>,
    /// What the last node answered, or what its failure is for the client, such as 502; unset while none was asked.
    pub upstream_status: Option<StatusCode>,
    /// Attempts before the last one.
    pub earlier: Earlier,
    /// The node that was asked last.
    pub node: Option<Arc<Node>>,
    /// Status of the response, once there is one.
    pub status: Option<StatusCode>,
    /// Headers that plugins want on the response, set when its head is there.
    pub response_headers: Vec<(HeaderName, HeaderValue)>,
    /// What plugins keep for their own later phases.
    pub plugins: PerPlugin,
    /// Wall clock, microseconds since 1970, when the request began.
    pub now_micros: i64,
}

// === impl Context ===

impl<'s> Context<'s> {
    /// A context before routing.
    #[must_use]
    pub fn new(request: Request, snapshot: &'s Snapshot, now_micros: i64) -> Self {
        Self {
            request,
            body: RequestBody::empty(),
            content: Content::default(),
            snapshot,
            route: None,
            matched_path: "",
            matched_host: "",
            path_params: Vec::new(),
            credential: None,
            upstream: None,
            upstream_target: None,
            upstream_host: None,
            upstream_status: None,
            earlier: Earlier::default(),
            node: None,
            status: None,
            response_headers: Vec::new(),
            plugins: PerPlugin::default(),
            now_micros,
        }
    }

    /// Value of a `:name` segment of the matched path.
    #[must_use]
    pub fn path_param(&self, name: &str) -> Option<&str> {
        self.path_params.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }

    /// The whole body of the request, held in memory from now on; or the answer for a client that does not send it.
    ///
    /// # Errors
    /// The answer that ends the request: 413 above [`crate::config::Limits::held_body_bytes`], 408, 400.
    pub async fn hold_body(&mut self) -> Result<Bytes, Answer> {
        let body = self.body.hold().await.map_err(|failure| Answer::plain(Failure::Client(failure).status()))?;
        self.content.set(body.clone());
        Ok(body)
    }

    /// The same with a limit of the caller's that may be lower.
    ///
    /// # Errors
    /// As [`Self::hold_body`].
    pub async fn hold_body_up_to(&mut self, limit: u64) -> Result<Bytes, Answer> {
        self.body.lower_limit(limit);
        let body = self.hold_body().await?;
        let larger = u64::try_from(body.len()).is_ok_and(|length| length > limit);
        if larger { Err(Answer::plain(StatusCode::PAYLOAD_TOO_LARGE)) } else { Ok(body) }
    }

    /// The upstream gets this body instead.
    pub fn set_body(&mut self, body: Bytes) {
        self.request.parts.headers.remove(CONTENT_LENGTH);
        self.body = RequestBody::held(body);
    }

    /// Sets a header of the response to come, replacing an earlier value.
    pub fn set_response_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.response_headers.retain(|(key, _)| *key != name);
        self.response_headers.push((name, value));
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const NOW: i64 = 1_700_000_000_000_000;

    pub(crate) fn with_context<T>(head: http::request::Builder, test: impl FnOnce(&mut Context<'_>) -> T) -> T {
        let snapshot = Snapshot::default();
        with_snapshot(head, &snapshot, test)
    }

    pub(crate) fn with_snapshot<T>(
        head: http::request::Builder,
        snapshot: &Snapshot,
        test: impl FnOnce(&mut Context<'_>) -> T,
    ) -> T {
        let request = crate::request::tests::request(head);
        test(&mut Context::new(request, snapshot, NOW))
    }
}
