//! What happens to each request before and after its handler.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CACHE_CONTROL;
use tokio::time::Instant;

use super::{aside, instances};
use crate::app::App;
use crate::error::ApiError;
use crate::idempotency::Repeatable;
use crate::origin::Origin;

/// Which listener a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// 9180.
    AdminApi,
    /// 7443.
    Dashboard,
}

/// Gives the request its id and origin, counts and logs its answer.
pub async fn request(State((app, listener)): State<(Arc<App>, Listener)>, request: Request, next: Next) -> Response {
    let start = Instant::now();
    let (mut parts, mut body) = request.into_parts();
    let waits = instances::take_wait(&mut parts);
    let before = app.store.revision();
    let mut origin = Origin::read(&parts);
    let repeatable = Repeatable::of(&parts);
    if let Ok(Some(repeatable)) = &repeatable {
        body = repeatable.watch(body);
        origin.repeatable = Some(repeatable.clone());
    }
    let (method, path) = (parts.method.clone(), parts.uri.path().to_owned());
    let api = path.starts_with("/api/") || path.starts_with("/apisix/");
    let id = origin.request_id;
    parts.extensions.insert(origin);
    let mut response = match repeatable.and(waits.clone()) {
        Ok(_) => aside::answer(body, |body| next.run(Request::from_parts(parts, body))).await,
        Err(text) => ApiError::Invalid(text).into_response(),
    };
    if waits == Ok(true) && response.status().is_success() {
        instances::wait(&app, before, &mut response).await;
    }
    if api {
        // Answers hold what not everybody may see, and a key in a header of its own does not stop a cache.
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert("x-request-id", id);
    }
    let status = response.status().as_u16();
    app.metrics.answered(listener.name(), status);
    tracing::debug!(
        request.id = %id,
        listener = listener.name(),
        %method,
        path,
        status,
        duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
        "request answered"
    );
    response
}

// === impl Listener ===

impl Listener {
    /// The word for it in metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::AdminApi => "admin_api",
            Self::Dashboard => "dashboard",
        }
    }
}
