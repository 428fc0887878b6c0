//! The dashboard: files built by `npm run build` in `dashboard/`, part of this binary.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderValue, Method, StatusCode};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::ApiError;

/// The page of a binary that was built without the dashboard.
const NOT_BUILT: &str = "<!doctype html><title>Portolan</title><p>This binary was built without the dashboard. \
     Run <code>npm ci &amp;&amp; npm run build</code> in <code>dashboard/</code>, then build again.</p>";
/// Sent with every answer of this listener.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

#[derive(RustEmbed)]
#[folder = "../dashboard/dist"]
#[allow_missing = true]
struct Files;

/// Anything that is no API path: a file, or the page that shows whatever the path means.
pub async fn serve(request: Request) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return ApiError::Method.into_response();
    }
    let path = request.uri().path().trim_start_matches('/');
    let known = request.headers().get(IF_NONE_MATCH);
    if let Some(file) = Files::get(path).filter(|_| path != "index.html") {
        return answer(path, file, known);
    }
    // A file that was there before an update must be missing, not a page.
    if path.starts_with("assets/") {
        return ApiError::NotFound("no such file".into()).into_response();
    }
    match Files::get("index.html") {
        Some(page) => answer("index.html", page, known),
        None => Html(NOT_BUILT).into_response(),
    }
}

/// Adds what tells the browser to be strict.
pub async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn answer(path: &str, file: EmbeddedFile, known: Option<&HeaderValue>) -> Response {
    let tag = format!("\"{}\"", hex::encode(file.metadata.sha256_hash()));
    // The names of assets hold a hash of their content.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let kind = file.metadata.mimetype().to_owned();
    let kind = if kind.starts_with("text/") { format!("{kind}; charset=utf-8") } else { kind };
    let headers = [(CACHE_CONTROL, cache.to_owned()), (ETAG, tag.clone()), (CONTENT_TYPE, kind)];
    if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, file.data.into_owned()).into_response()
}
