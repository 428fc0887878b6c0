//! The HTTP manners of etcd's client port: browsers may read from anywhere, which with client certificates means nothing.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, Method, header};

/// Answers OPTIONS, and puts the headers on all that is not gRPC.
pub(crate) async fn cors(request: Request, next: Next) -> Response {
    let grpc = |value: &HeaderValue| value.as_bytes().starts_with(b"application/grpc");
    if request.headers().get(header::CONTENT_TYPE).is_some_and(grpc) {
        return next.run(request).await;
    }
    let mut response = if request.method() == Method::OPTIONS { ().into_response() } else { next.run(request).await };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, GET, OPTIONS, PUT, DELETE"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "accept, content-type, authorization"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
