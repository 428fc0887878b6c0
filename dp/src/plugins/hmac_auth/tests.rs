use bytes::Bytes;
use http::header::WWW_AUTHENTICATE;
use http::request::Builder;
use serde_json::json;

use super::*;
use crate::context::tests::NOW;
use crate::plugin::State;
use crate::plugin::auth::CONSUMER_USERNAME;
use crate::plugins::tests::{check_consumer, compile, refused};
use crate::upstream::body::RequestBody;

const SECRET: &str = "a secret";

fn date(seconds_after_now: i64) -> String {
    let seconds = u64::try_from(NOW / 1_000_000 + seconds_after_now).unwrap();
    httpdate::fmt_http_date(UNIX_EPOCH + std::time::Duration::from_secs(seconds))
}

/// The Authorization header for a text that is signed.
fn authorization(algorithm: Algorithm, name: &str, headers: &str, text: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(algorithm.hmac(), SECRET.as_bytes()), text.as_bytes());
    let signature = BASE64.encode(tag);
    format!("Signature keyId=\"id\",algorithm=\"{name}\" , headers=\"{headers}\",signature=\"{signature}\"")
}

fn signed(headers: &str, text: &str) -> Builder {
    let date = date(0);
    let text = format!("id\n{}", text.replace("DATE", &date));
    post().header(DATE, date).header(AUTHORIZATION, authorization(Algorithm::Sha256, "hmac-sha256", headers, &text))
}

fn post() -> Builder {
    http::Request::post("/a%20b?x=1").header("host", "h")
}

/// With the Date header signed, as of then.
fn at(seconds_after_now: i64, algorithm: Algorithm, name: &str) -> Builder {
    let date = date(seconds_after_now);
    let header = authorization(algorithm, name, "date", &format!("id\ndate: {date}\n"));
    post().header(DATE, date).header(AUTHORIZATION, header)
}

fn with_digest(of: &str) -> Builder {
    let digest = format!("SHA-256={}", BASE64.encode(digest::digest(&digest::SHA256, of.as_bytes())));
    signed("date", "date: DATE\n").header("digest", digest)
}

/// Who is let in, or status and text of the refusal.
async fn ask(config: &Value, head: Builder, body: &'static str) -> Result<String, (u16, String)> {
    let put = |name: &str, plugins: Value| {
        crate::compile::tests::put("consumers", name, 1, &json!({"username": name, "plugins": plugins}))
    };
    let consumers =
        vec![put("jack", json!({"hmac-auth": {"key_id": "id", "secret_key": SECRET}})), put("nobody", json!({}))];
    let snapshot = crate::compile::tests::snapshot(consumers);
    let plugin = compile::<HmacAuth>(config.clone(), &State::default()).unwrap();
    let mut context = Context::new(crate::request::tests::request(head), &snapshot, NOW);
    context.body = RequestBody::held(Bytes::from_static(body.as_bytes()));
    let flow = match plugin.rewrite(&mut context) {
        Flow::Wait(waiting) => waiting.await,
        flow => flow,
    };
    if let Flow::Respond(answer) = flow {
        assert_eq!(answer.headers.contains_key(WWW_AUTHENTICATE), answer.status == 401);
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        return Err((answer.status.as_u16(), body["message"].as_str().unwrap_or_default().to_owned()));
    }
    drop(flow);
    assert_eq!(context.hold_body().await.unwrap(), body, "the upstream gets the body");
    let headers = &context.request.parts.headers;
    assert_eq!(headers.contains_key(AUTHORIZATION), config["hide_credentials"] != true && headers.contains_key(DATE));
    Ok(headers[CONSUMER_USERNAME].to_str().unwrap().to_owned())
}

#[tokio::test]
async fn requests_are_let_in_or_not() {
    const NO: Result<&str, (u16, &str)> = Err((401, REFUSAL));
    let any = json!({"signed_headers": []});
    let body = json!({"validate_request_body": true, "max_req_body_size": 5});
    let both = "date @request-target x-a x-absent";
    let text = "date: DATE\nPOST /a%20b?x=1\nx-a: 1\n";
    let cases = [
        (json!({}), post(), "", Err((401, "client request can't be validated: missing Authorization header"))),
        (
            json!({}),
            post().header(AUTHORIZATION, "Bearer x"),
            "",
            Err((401, "client request can't be validated: Authorization header does not start with 'Signature'")),
        ),
        (json!({}), post().header(AUTHORIZATION, "Signature"), "", NO),
        (json!({}), post().header(AUTHORIZATION, "Signature keyId=\"id\",signature=\"x\""), "", NO),
        (json!({}), at(0, Algorithm::Sha1, "hmac-sha1"), "", Ok("jack")),
        (json!({}), at(0, Algorithm::Sha256, "hmac-sha256"), "", Ok("jack")),
        (json!({}), at(0, Algorithm::Sha512, "hmac-sha512"), "", Ok("jack")),
        (json!({}), at(0, Algorithm::Sha512, "hmac-sha256"), "", NO),
        (json!({}), at(0, Algorithm::Sha512, "hmac-md5"), "", NO),
        (json!({"allowed_algorithms": ["hmac-sha256"]}), at(0, Algorithm::Sha1, "hmac-sha1"), "", NO),
        (json!({}), at(-300, Algorithm::Sha1, "hmac-sha1"), "", Ok("jack")),
        (json!({}), at(301, Algorithm::Sha1, "hmac-sha1"), "", NO),
        (json!({"clock_skew": 2}), at(-3, Algorithm::Sha1, "hmac-sha1"), "", NO),
        (json!({}), signed(both, text).header("x-a", "1"), "", Ok("jack")),
        (json!({"signed_headers": ["x-a", "@request-target"]}), signed(both, text).header("x-a", "1"), "", Ok("jack")),
        (json!({}), signed(both, text).header("x-a", "2"), "", NO),
        (json!({}), signed(both, text).header("x-a", "1").header("x-a", "2"), "", NO),
        (json!({}), at(0, Algorithm::Sha1, "hmac-sha1").header(AUTHORIZATION, "Signature"), "", NO),
        (json!({"signed_headers": ["x-b"]}), signed(both, text).header("x-a", "1"), "", NO),
        (json!({}), signed("", ""), "", NO),
        (any.clone(), signed("", ""), "", Ok("jack")),
        (any, post().header(AUTHORIZATION, authorization(Algorithm::Sha1, "hmac-sha1", "", "id\n")), "", NO),
        (json!({"hide_credentials": true}), signed("date", "date: DATE\n"), "", Ok("jack")),
        (body.clone(), with_digest("five."), "five.", Ok("jack")),
        (body.clone(), with_digest(""), "", Ok("jack")),
        (body.clone(), with_digest("five."), "other", NO),
        (body.clone(), signed("date", "date: DATE\n"), "five.", NO),
        (body, with_digest("longer"), "longer", Err((413, ""))),
        (json!({"anonymous_consumer": "nobody"}), post(), "", Ok("nobody")),
        (json!({"anonymous_consumer": "gone"}), post(), "", Err((401, "Invalid user authorization"))),
    ];
    for (config, head, sent, expected) in cases {
        let shown = format!("{config} {head:?} {sent}");
        let got = ask(&config, head, sent).await;
        let got = got.as_deref().map_err(|(status, text)| (*status, text.as_str()));
        assert_eq!(got, expected, "{shown}");
    }
}

#[test]
fn nonsense_is_refused() {
    refused::<HmacAuth>(&[
        (json!({"allowed_algorithms": []}), "property \"allowed_algorithms\""),
        (json!({"allowed_algorithms": ["hmac-md5"]}), "property \"allowed_algorithms\""),
        (json!({"clock_skew": 0}), "property \"clock_skew\""),
        (json!({"signed_headers": [""]}), "property \"signed_headers\""),
        (json!({"max_req_body_size": 0}), "property \"max_req_body_size\""),
    ]);
    let long = "x".repeat(257);
    for config in [json!({"key_id": "a"}), json!({"secret_key": "a"}), json!({"key_id": "a", "secret_key": long})] {
        assert!(check_consumer::<HmacAuth>(&config).is_err(), "{config}");
    }
}
