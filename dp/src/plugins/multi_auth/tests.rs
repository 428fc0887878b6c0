use http::request::Builder;

use super::*;
use crate::context::tests::NOW;
use crate::plugin::State;
use crate::plugin::auth::CONSUMER_USERNAME;
use crate::plugins::tests::{compile, refused};

/// Who is let in, or the challenge of the refusal.
async fn ask(config: Value, head: Builder) -> Result<String, String> {
    let put = |name: &str, plugins: Value| {
        crate::compile::tests::put("consumers", name, 1, &json!({"username": name, "plugins": plugins}))
    };
    let snapshot = crate::compile::tests::snapshot(vec![
        put("jack", json!({"key-auth": {"key": "secret"}})),
        put("jill", json!({"basic-auth": {"username": "jill", "password": "p"}})),
        put("nobody", json!({"multi-auth": {"auth_plugins": [{"key-auth": {}}, {"basic-auth": {}}]}})),
    ]);
    let plugin = compile::<MultiAuth>(config, &State::default()).unwrap();
    let mut context = Context::new(crate::request::tests::request(head.header("host", "h")), &snapshot, NOW);
    let flow = match plugin.rewrite(&mut context) {
        Flow::Wait(waiting) => waiting.await,
        flow => flow,
    };
    if let Flow::Respond(answer) = flow {
        assert_eq!(answer.status, 401);
        assert_eq!(answer.body, r#"{"message":"Authorization Failed"}"#);
        return Err(answer.headers[WWW_AUTHENTICATE].to_str().unwrap().to_owned());
    }
    drop(flow);
    Ok(context.request.parts.headers[CONSUMER_USERNAME].to_str().unwrap().to_owned())
}

#[tokio::test]
async fn one_of_them_must_know_the_caller() {
    let get = || http::Request::get("/");
    let two = json!({"auth_plugins": [{"basic-auth": {}}, {"key-auth": {"header": "x-key"}}]});
    let open = json!({"auth_plugins": [{"basic-auth": {}}, {"key-auth": {"anonymous_consumer": "nobody"}}]});
    let body =
        json!({"auth_plugins": [{"hmac-auth": {"validate_request_body": true}, "key-auth": {}}, {"basic-auth": {}}]});
    let basic = || get().header("authorization", "Basic amlsbDpw");
    let cases = [
        (two.clone(), basic(), Ok("jill")),
        (two.clone(), get().header("x-key", "secret"), Ok("jack")),
        (two.clone(), get().header("authorization", "Basic x").header("x-key", "secret"), Ok("jack")),
        (two.clone(), get(), Err("apikey realm=\"key\"")),
        (two, get().header("x-key", "wrong"), Err("apikey realm=\"key\"")),
        (open, get(), Ok("nobody")),
        (body.clone(), basic(), Ok("jill")),
        (body.clone(), get().header("apikey", "secret"), Ok("jack")),
        (body, get(), Err("Basic realm=\"basic\"")),
    ];
    for (config, head, expected) in cases {
        let got = ask(config.clone(), head).await;
        assert_eq!(got.as_deref().map_err(String::as_str), expected, "{config}");
    }
}

#[test]
fn nonsense_is_refused() {
    refused::<MultiAuth>(&[
        (json!({}), "property \"auth_plugins\""),
        (json!({"auth_plugins": [{"key-auth": {}}]}), "property \"auth_plugins\""),
        (json!({"auth_plugins": [{"key-auth": {}}, "basic-auth"]}), "property \"auth_plugins\""),
        (json!({"auth_plugins": [{"key-auth": {}}, {"no-auth": {}}]}), "property \"auth_plugins\""),
        (json!({"auth_plugins": [{"key-auth": {}}, {"echo": {"body": "x"}}]}), "property \"auth_plugins\""),
        (json!({"auth_plugins": [{"key-auth": {"header": 1}}, {"basic-auth": {}}]}), "property \"auth_plugins\""),
    ]);
}
