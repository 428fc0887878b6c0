//! Errors as the gateway of etcd 3.5 gives them. APISIX compares texts and reads `http_code`, so both forms are kept to the letter.

use axum::response::{IntoResponse as _, Response};
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{StatusCode, header};
use tonic::{Code, Status};

use super::json;

/// The content type of all answers in JSON.
pub(super) const JSON: &str = "application/json";

/// The answer to a request that failed as a whole.
pub(super) fn whole(status: &Status) -> Response {
    let mut body = BytesMut::new();
    body.put_slice(b"{\"error\":");
    json::string(status.message(), &mut body);
    body.put_slice(format!(",\"code\":{},\"message\":", i32::from(status.code())).as_bytes());
    json::string(status.message(), &mut body);
    body.put_u8(b'}');
    (http_status(status.code()), [(header::CONTENT_TYPE, JSON)], body.freeze()).into_response()
}

/// The last line of a stream that failed. `http_code` is what an APISIX data plane goes by: without it, it comes back at once, and
/// again.
pub(super) fn line(status: &Status) -> Bytes {
    let http = http_status(status.code());
    let mut line = BytesMut::new();
    let codes = format!("{{\"error\":{{\"grpc_code\":{},\"http_code\":{},", i32::from(status.code()), http.as_u16());
    line.put_slice(codes.as_bytes());
    line.put_slice(b"\"message\":");
    json::string(status.message(), &mut line);
    line.put_slice(b",\"http_status\":");
    json::string(http.canonical_reason().unwrap_or_default(), &mut line);
    line.put_slice(b"}}\n");
    line.freeze()
}

/// The answer to a streaming request that failed before its first line.
pub(super) fn before_stream(status: &Status) -> Response {
    (http_status(status.code()), [(header::CONTENT_TYPE, JSON)], line(status)).into_response()
}

fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::Cancelled => StatusCode::REQUEST_TIMEOUT,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => StatusCode::BAD_REQUEST,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_apisix_reads_them() {
        let text = |status: Status| String::from_utf8(line(&status).to_vec()).unwrap();
        assert_eq!(
            text(Status::unavailable("transport is closing")),
            "{\"error\":{\"grpc_code\":14,\"http_code\":503,\"message\":\"transport is closing\",\"http_status\":\"Service Unavailable\"}}\n"
        );
        assert_eq!(
            text(Status::unauthenticated("etcdserver: invalid auth token")),
            "{\"error\":{\"grpc_code\":16,\"http_code\":401,\"message\":\"etcdserver: invalid auth token\",\"http_status\":\"Unauthorized\"}}\n"
        );
    }
}
