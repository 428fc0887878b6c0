//! Who may pass, asked over real sockets: jwt-auth, hmac-auth, multi-auth, csrf; and what becomes of references to secrets.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portolan_testkit::Upstream;
use portolan_testkit::upstream::Reply;
use serde_json::{Value, json};

use crate::harness::{Gateway, Instance, text};

async fn gateway(plugins: Value) -> (Gateway, Instance, Upstream) {
    let (gateway, files) = Gateway::new().await;
    let upstream = Upstream::start(Reply::echo()).unwrap();
    gateway
        .put("routes/1", json!({"uri": "/*", "plugins": plugins, "upstream": {"nodes": {upstream.node(): 1}}}))
        .await;
    (gateway, files, upstream)
}

fn sign(secret: &str, text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), text.as_bytes()).as_ref().to_vec()
}

fn token(secret: &str, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({"alg": "HS256", "typ": "JWT"})), part(claims));
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(sign(secret, &signed)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_taken_from_header_query_or_cookie_and_hidden() {
    let (gateway, _files, upstream) = gateway(json!({"jwt-auth": {"hide_credentials": true}})).await;
    gateway
        .put("consumers/jack", json!({"username": "jack", "plugins": {"jwt-auth": {"key": "j", "secret": "s"}}}))
        .await;
    let client = reqwest::Client::new();
    let good = token("s", &json!({"key": "j"}));
    let requests = [
        client.get(format!("{}/a?x=1", gateway.http())).header("authorization", format!("Bearer {good}")),
        client.get(format!("{}/a?x=1&jwt={good}", gateway.http())),
        client.get(format!("{}/a?x=1", gateway.http())).header("cookie", format!("a=b; jwt={good}")),
    ];
    for request in requests {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let seen: Value = response.json().await.unwrap();
        assert_eq!((&seen["uri"], &seen["headers"]["x-consumer-username"]), (&json!("/a?x=1"), &json!(["jack"])));
        assert!(!seen.to_string().contains(&good), "{seen}");
    }
    for bad in [token("other", &json!({"key": "j"})), token("s", &json!({"key": "j", "exp": 1}))] {
        let response = client.get(gateway.http()).bearer_auth(bad).send().await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.headers()["www-authenticate"].to_str().unwrap()),
            (401, "Bearer realm=\"jwt\"")
        );
    }
    assert_eq!(upstream.requests(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_of_target_date_and_body() {
    let (gateway, _files, _upstream) =
        gateway(json!({"hmac-auth": {"signed_headers": ["date", "@request-target"], "validate_request_body": true}}))
            .await;
    let keys = json!({"key_id": "k", "secret_key": "s"});
    gateway.put("consumers/jack", json!({"username": "jack", "plugins": {"hmac-auth": keys}})).await;
    let date = httpdate::fmt_http_date(std::time::SystemTime::now());
    let signature = STANDARD.encode(sign("s", &format!("k\ndate: {date}\nPOST /pay?x=1\n")));
    let shown = format!(
        "Signature keyId=\"k\",algorithm=\"hmac-sha256\",headers=\"date @request-target\",signature=\"{signature}\""
    );
    let digest = |body: &str| {
        format!("SHA-256={}", STANDARD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body.as_bytes())))
    };
    let client = reqwest::Client::new();
    let ask = async |path: &str, body: &'static str, digest: String| {
        let request =
            client.post(format!("{}{path}", gateway.http())).header("date", &date).header("authorization", &shown);
        request.header("digest", digest).body(body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask("/pay?x=1", "10", digest("10")).await, 200);
    assert_eq!(ask("/pay?x=1", "99", digest("10")).await, 401, "another body");
    assert_eq!(ask("/pay?x=2", "10", digest("10")).await, 401, "another target");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_ways_is_enough() {
    let ways = json!([{"key-auth": {}}, {"jwt-auth": {}}]);
    let (gateway, _files, _upstream) = gateway(json!({"multi-auth": {"auth_plugins": ways}})).await;
    let plugins = json!({"jwt-auth": {"key": "j", "secret": "s"}, "key-auth": {"key": "plain"}});
    gateway.put("consumers/jack", json!({"username": "jack", "plugins": plugins})).await;
    let client = reqwest::Client::new();
    let ask = async |request: reqwest::RequestBuilder| {
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(ask(client.get(gateway.http()).header("apikey", "plain")).await.0, 200);
    assert_eq!(ask(client.get(gateway.http()).bearer_auth(token("s", &json!({"key": "j"})))).await.0, 200);
    assert_eq!(ask(client.get(gateway.http())).await, (401, r#"{"message":"Authorization Failed"}"#.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_must_repeat_the_token_of_its_cookie() {
    let (gateway, _files, upstream) = gateway(json!({"csrf": {"key": "k"}})).await;
    let client = reqwest::Client::new();
    let first = client.get(gateway.http()).send().await.unwrap();
    let cookie = first.headers()["set-cookie"].to_str().unwrap().to_owned();
    let pair = cookie.split(';').next().unwrap().to_owned();
    let token = pair.split_once('=').unwrap().1.to_owned();
    let post = |cookie: &str, header: &str| {
        client
            .post(gateway.http())
            .header("cookie", cookie.to_owned())
            .header("apisix-csrf-token", header.to_owned())
            .send()
    };
    assert_eq!(post(&pair, &token).await.unwrap().status(), 200);
    for (cookie, header) in [(pair.as_str(), ""), ("", token.as_str()), (pair.as_str(), "other")] {
        assert_eq!(post(cookie, header).await.unwrap().status(), 401, "{cookie} {header}");
    }
    assert_eq!(upstream.requests(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn references_are_resolved_from_the_environment_or_refused() {
    let (gateway, _files, upstream) = gateway(json!({"key-auth": {}})).await;
    // A variable that every test has.
    let key = std::env::vars().find(|(name, _)| name == "PATH").unwrap().1;
    gateway.put("consumers/jack", json!({"username": "jack", "plugins": {"key-auth": {"key": "$env://PATH"}}})).await;
    let client = reqwest::Client::new();
    let ask =
        async |key: &str| client.get(gateway.http()).header("apikey", key).send().await.unwrap().status().as_u16();
    assert_eq!((ask(&key).await, ask("$env://PATH").await), (200, 401));
    let header = json!({"response-rewrite": {"headers": {"set": {"x-path": "$ENV://PATH"}}}});
    gateway.put("routes/1", json!({"uri": "/*", "plugins": header, "upstream": {"nodes": {upstream.node(): 1}}})).await;
    assert_eq!(client.get(gateway.http()).send().await.unwrap().headers()["x-path"].to_str().unwrap(), key);

    for reference in ["$secret://vault/1/jack/key", "$env://PORTOLAN_NO_SUCH_VARIABLE"] {
        let plugins = json!({"csrf": {"key": reference}});
        gateway.put("routes/2", json!({"uri": "/refused", "plugins": plugins})).await;
        let status = gateway.status().await.unwrap().1.to_string();
        assert!(status.contains(reference), "{status}");
    }
    assert_eq!(text(&format!("{}/refused", gateway.http())).await.0, 200, "the other route takes it");
}
