//! A call of a gRPC service inside the process.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, header};
use http_body_util::BodyExt as _;
use portolan_etcd_proto::schema::Method;
use tonic::{Code, Status};
use tower::ServiceExt as _;

use super::body::{Messages, single};
use super::{error, json};

/// What etcd's gateway says of every answer that comes from a service.
const FROM_GRPC: HeaderName = HeaderName::from_static("grpc-metadata-content-type");
/// Where a client's token stands in a call of gRPC.
const TOKEN: HeaderName = HeaderName::from_static("token");
/// In front of each message: a byte for compression, four for the length.
const PREFIX_BYTES: usize = 5;

/// A request of the gateway.
pub(super) struct Call {
    pub(super) method: &'static Method,
    pub(super) parts: Parts,
    pub(super) body: Body,
}

/// One object in, one out.
pub(super) async fn unary(services: Router, call: Call) -> Response {
    match answer(services, call).await {
        Ok(body) => (answer_headers(), body).into_response(),
        Err(status) => error::whole(&status),
    }
}

async fn answer(services: Router, call: Call) -> Result<Bytes, Status> {
    let Call { method, parts, body } = call;
    let message = single(body, method.request).await?;
    let response = send(services, method, parts, Body::from(framed(&message))).await?;
    let collected = response.into_body().collect().await.map_err(|error| Status::internal(error.to_string()))?;
    let trailers = collected.trailers().and_then(Status::from_header_map);
    if let Some(status) = trailers.filter(|status| status.code() != Code::Ok) {
        return Err(status);
    }
    let mut message = collected.to_bytes();
    message.advance(PREFIX_BYTES.min(message.len()));
    let mut out = BytesMut::with_capacity(message.len() * 3 / 2 + 64);
    json::write(method.response, &message, &mut out);
    Ok(out.freeze())
}

/// One object or a stream of them in, a line for each answer out.
pub(super) async fn stream(services: Router, call: Call) -> Response {
    let Call { method, parts, body } = call;
    let requests = if method.client_streams {
        let mut messages = Messages::new(body, method.request);
        match messages.next().await {
            Ok(first) => Body::from_stream(messages.after(first).map(|message| Ok::<_, Infallible>(framed(&message)))),
            // As in etcd, where this error has no code.
            Err(text) => {
                messages.drain().await;
                return error::whole(&Status::unknown(text));
            }
        }
    } else {
        match single(body, method.request).await {
            Ok(message) => Body::from(framed(&message)),
            Err(status) => return error::whole(&status),
        }
    };
    match send(services, method, parts, requests).await {
        Ok(response) => lines_response(answers(method, response.into_body())),
        Err(status) => error::before_stream(&status),
    }
}

/// An answer of lines, whose head goes out before the first of them is there: reading it is a part of opening a watch.
pub(super) fn lines_response(lines: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    (answer_headers(), Body::from_stream(lines.map(Ok::<_, Infallible>))).into_response()
}

/// Calls the service. Who asks, and what else the connection says, goes with it.
async fn send(services: Router, method: &Method, parts: Parts, body: Body) -> Result<Response, Status> {
    let mut request = Request::post(method.path).body(body).map_err(|error| Status::internal(error.to_string()))?;
    *request.extensions_mut() = parts.extensions;
    let headers = request.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(header::TE, HeaderValue::from_static("trailers"));
    for name in [header::USER_AGENT, HeaderName::from_static("traceparent")] {
        if let Some(value) = parts.headers.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    if let Some(token) = parts.headers.get(header::AUTHORIZATION) {
        headers.insert(TOKEN, token.clone());
    }
    let response = match services.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    match Status::from_header_map(response.headers()) {
        Some(status) if status.code() != Code::Ok => Err(status),
        _ => Ok(response),
    }
}

/// The messages of an answer as lines, the last of them an error if the call ends with one.
fn answers(method: &'static Method, body: Body) -> impl Stream<Item = Bytes> + Send {
    stream::unfold(Some((body, BytesMut::new())), move |state| async move {
        let (mut body, mut buffer) = state?;
        loop {
            if let Some(message) = unframed(&mut buffer) {
                let mut line = BytesMut::with_capacity(message.len() * 3 / 2 + 64);
                line.put_slice(b"{\"result\":");
                json::write(method.response, &message, &mut line);
                line.put_slice(b"}\n");
                return Some((line.freeze(), Some((body, buffer))));
            }
            match body.frame().await? {
                Ok(frame) => match frame.into_data() {
                    Ok(data) => buffer.extend_from_slice(&data),
                    Err(frame) => {
                        let status = Status::from_header_map(frame.trailers_ref()?)?;
                        return (status.code() != Code::Ok).then(|| (error::line(&status), None));
                    }
                },
                Err(failed) => return Some((error::line(&Status::internal(failed.to_string())), None)),
            }
        }
    })
}

fn framed(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    frame.put_u8(0);
    // A message is at most as long as a body, which is limited.
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(message);
    frame.freeze()
}

fn unframed(buffer: &mut BytesMut) -> Option<BytesMut> {
    let length = buffer.get(1..PREFIX_BYTES)?.get_u32();
    let length = usize::try_from(length).ok()?;
    if buffer.len() < PREFIX_BYTES + length {
        return None;
    }
    buffer.advance(PREFIX_BYTES);
    Some(buffer.split_to(length))
}

fn answer_headers() -> [(HeaderName, &'static str); 2] {
    [(header::CONTENT_TYPE, error::JSON), (FROM_GRPC, "application/grpc")]
}
