//! Answers of the gateway itself.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use serde_json::json;

use super::body::Body;
use super::headers;
use super::record::Record;
use crate::plugin::Answer;
use crate::upstream::error::{ClientFailure, Failure};

/// Before any configuration is there.
pub(super) fn not_loaded() -> Answer {
    let mut answer = message(StatusCode::SERVICE_UNAVAILABLE, "no configuration has been loaded yet");
    answer.headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}

/// No route takes the request.
pub(super) fn no_route() -> Answer {
    Answer::json_text(StatusCode::NOT_FOUND, Bytes::from_static(b"{\"error_msg\":\"404 Route Not Found\"}\n"))
}

/// The route has plugins only, and none of them answered.
pub(super) fn no_upstream() -> Answer {
    message(StatusCode::SERVICE_UNAVAILABLE, "the route has no upstream")
}

/// No node can be asked.
pub(super) fn no_node() -> Answer {
    message(StatusCode::SERVICE_UNAVAILABLE, "no valid upstream node")
}

/// The head makes no sense.
pub(super) fn bad_request(reason: &str) -> Answer {
    let mut answer = message(StatusCode::BAD_REQUEST, reason);
    // Whoever sends this may mean what follows for someone else.
    answer.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    answer
}

/// The client's body is at fault.
pub(super) fn client_failure(failure: ClientFailure) -> Answer {
    Answer::plain(Failure::Client(failure).status())
}

/// No node gave a response. The detail is logged, not sent.
pub(super) fn failed(failure: &Failure) -> Answer {
    Answer::plain(failure.status())
}

fn message(status: StatusCode, text: &str) -> Answer {
    Answer::json(status, &json!({ "error_msg": text }))
}

/// The answer as a response. A body of no type is plain text, as in nginx: whoever gets it must not guess that it is HTML,
/// since it may hold what the client sent.
pub(super) fn response(mut answer: Answer) -> Response<Body> {
    if !answer.body.is_empty() && !answer.headers.contains_key(CONTENT_TYPE) {
        answer.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    }
    let mut response = Response::new(Body::full(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

/// The answer to a request that no route has taken.
pub(super) fn send(answer: Answer, record: &mut Record) -> Response<Body> {
    let (mut head, body) = response(answer).into_parts();
    headers::set_server(&mut head.headers);
    record.end_unrouted(head.status);
    record.announce_end(&mut head);
    Response::from_parts(head, body.recorded(record.take(), Vec::new(), Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_without_a_type_is_text() {
        let html = HeaderValue::from_static("text/html");
        let cases = [
            (None, "", None),
            (None, "<b>", Some("text/plain; charset=utf-8")),
            (Some(&html), "<b>", Some("text/html")),
            (Some(&html), "", Some("text/html")),
        ];
        for (given, body, expected) in cases {
            let mut answer = Answer { body: Bytes::from(body), ..Answer::empty(StatusCode::OK) };
            answer.headers.extend(given.map(|given| (CONTENT_TYPE, given.clone())));
            let response = response(answer);
            let got = response.headers().get(CONTENT_TYPE).map(|value| value.to_str().unwrap());
            assert_eq!(got, expected, "{given:?} {body:?}");
        }
    }
}
