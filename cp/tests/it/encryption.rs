//! Secrets in the store: encrypted with the first key of the keyring, readable with any of them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portolan_model::Keyring;
use portolan_rt::clock::SystemClock;
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::certificates;
use crate::plane::{Plane, config};

const OLD: &str = "edd1c9f0985e76a2";
const NEW: &str = "0123456789abcdef0123456789ABCDEF";
const SECRET: &str = "a-key-that-nobody-may-see";

async fn start(dir: Arc<TempDir>, keys: &[&str]) -> Plane {
    let mut settings = config(dir.path());
    settings.encryption.keyring = keys.iter().map(|key| (*key).into()).collect();
    Plane::with(dir, settings, Arc::new(SystemClock)).await
}

async fn plane(keys: &[&str]) -> Plane {
    start(Arc::new(tempfile::tempdir().unwrap()), keys).await
}

/// What data planes read.
struct Etcd(Client, String);

impl Etcd {
    async fn of(plane: &Plane) -> Self {
        let order = json!({"kind": "admin", "name": "ops"});
        let (client, _) = certificates::client(plane, order).await;
        Self(client, plane.at.dp_manager.clone())
    }

    async fn get(&self, key: &str) -> Value {
        let body = json!({ "key": STANDARD.encode(key) });
        let answer = self.0.post(format!("{}/v3/kv/range", self.1)).body(body.to_string()).send().await.unwrap();
        let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        let value = answer["kvs"][0]["value"].as_str().unwrap_or_else(|| panic!("no {key}: {answer}"));
        serde_json::from_slice(&STANDARD.decode(value).unwrap()).unwrap()
    }

    async fn put(&self, key: &str, value: &Value) {
        let body = json!({ "key": STANDARD.encode(key), "value": STANDARD.encode(value.to_string()) });
        let answer = self.0.post(format!("{}/v3/kv/put", self.1)).body(body.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }
}

fn consumer(name: &str, key: &str) -> Value {
    json!({"username": name, "plugins": {"key-auth": {"key": key}}})
}

/// Whether a file of the folder holds the text.
fn on_disk(dir: &TempDir, text: &str) -> bool {
    let files = std::fs::read_dir(dir.path().join("db")).unwrap();
    files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).any(|bytes| {
        let text = text.as_bytes();
        bytes.windows(text.len()).any(|window| window == text)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_hold_clear_text_and_the_store_ciphertext() {
    let plane = plane(&[NEW, OLD]).await;
    let (certificate, key) = certificates::pair("a.com");
    let tls = json!({"client_cert": certificate, "client_key": key});
    let upstream = json!({"nodes": {"127.0.0.1:1": 1}, "tls": tls});
    let key_auth = json!({"plugins": {"key-auth": {"key": format!("{SECRET}-2")}}});
    let sealed = |text: &str| json!(Keyring::new([NEW]).unwrap().encrypt(text));
    let etcd = Etcd::of(&plane).await;
    for (path, body, at) in [
        ("consumers/jack", consumer("jack", SECRET), "/plugins/key-auth/key"),
        ("consumers/jack/credentials/c1", key_auth, "/plugins/key-auth/key"),
        ("upstreams/u", upstream.clone(), "/tls/client_key"),
        ("services/s", json!({ "upstream": upstream }), "/upstream/tls/client_key"),
        ("routes/r", json!({"uri": "/a", "upstream": upstream}), "/upstream/tls/client_key"),
        ("stream_routes/t", json!({"server_port": 1, "upstream": upstream}), "/upstream/tls/client_key"),
    ] {
        let path = format!("/apisix/admin/{path}");
        let plain = body.pointer(at).unwrap();
        let put = plane.expect("PUT", &path, body.clone(), 201).await;
        assert_eq!(put["value"].pointer(at), Some(plain), "{path}");
        let got = plane.expect("GET", &path, Value::Null, 200).await;
        assert_eq!(got["value"], put["value"], "{path}");
        let collection = path.rsplit_once('/').unwrap().0;
        let list = plane.expect("GET", collection, Value::Null, 200).await;
        assert_eq!(list["list"][0]["value"], put["value"], "{path}");
        let stored = etcd.get(&path.replace("/apisix/admin", "/apisix")).await;
        assert_eq!(stored.pointer(at), Some(&sealed(plain.as_str().unwrap())), "{path}");
    }
    let ssl = json!({"sni": "a.com", "cert": certificate, "key": key, "certs": [certificate], "keys": [key]});
    let put = plane.expect("PUT", "/apisix/admin/ssls/1", ssl, 201).await;
    assert_eq!((put["value"].get("key"), put["value"].get("keys")), (None, None));
    let stored = etcd.get("/apisix/ssls/1").await;
    assert_eq!((&stored["key"], &stored["keys"]), (&sealed(&key), &json!([sealed(&key)])));
    let inside = key.lines().nth(1).unwrap();
    assert!(!on_disk(&plane.dir, SECRET) && !on_disk(&plane.dir, inside) && on_disk(&plane.dir, "jack"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_a_part_keeps_the_rest() {
    let plane = plane(&[NEW]).await;
    let etcd = Etcd::of(&plane).await;
    let (certificate, key) = certificates::pair("a.com");
    plane.expect("PUT", "/apisix/admin/ssls/1", json!({"sni": "a.com", "cert": certificate, "key": key}), 201).await;
    let before = etcd.get("/apisix/ssls/1").await;
    plane.expect("PATCH", "/apisix/admin/ssls/1", json!({"labels": {"a": "b"}}), 200).await;
    let after = etcd.get("/apisix/ssls/1").await;
    assert_eq!((&after["key"], &after["labels"]), (&before["key"], &json!({"a": "b"})));
    // A key may be sent as it is stored, and is checked all the same.
    let whole = json!({"sni": "b.com", "cert": certificate, "key": before["key"]});
    plane.expect("PUT", "/apisix/admin/ssls/1", whole, 200).await;
    assert_eq!(etcd.get("/apisix/ssls/1").await["key"], before["key"]);
    plane.expect("PATCH", "/apisix/admin/ssls/1/key", before["key"].clone(), 200).await;
    let other = certificates::pair("c.com").1;
    for (sent, text) in [
        (Keyring::new([NEW]).unwrap().encrypt(&other), "failed to parse key: key values mismatch"),
        (Keyring::new([OLD]).unwrap().encrypt(&key), "failed to decrypt previous encrypted key"),
    ] {
        let answer = plane.expect("PATCH", "/apisix/admin/ssls/1", json!({ "key": sent }), 400).await;
        assert_eq!(answer, json!({ "error_msg": text }));
    }
    let global = json!({"plugins": {"cors": {}}});
    plane.expect("PUT", "/apisix/admin/global_rules/1", global, 201).await;
    plane.expect("PATCH", "/apisix/admin/global_rules/1/plugins/cors/max_age", json!(7), 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_compared_in_clear() {
    let plane = plane(&[NEW, OLD]).await;
    let etcd = Etcd::of(&plane).await;
    plane.expect("PUT", "/apisix/admin/consumers", consumer("jack", "k1"), 201).await;
    // Stored by another control plane: with an older key, and as it came.
    etcd.put("/apisix/consumers/old", &consumer("old", &Keyring::new([OLD]).unwrap().encrypt("k2"))).await;
    etcd.put("/apisix/consumers/plain", &consumer("plain", "k3")).await;
    for (key, holder) in [("k1", "jack"), ("k2", "old"), ("k3", "plain")] {
        let text = format!("duplicate key of plugin key-auth found with consumer: {holder}");
        let answer = plane.expect("PUT", "/apisix/admin/consumers", consumer("ann", key), 400).await;
        assert_eq!(answer, json!({ "error_msg": text }));
        let state =
            json!({"changes": [{"action": "put", "kind": "consumers", "id": "ann", "value": consumer("ann", key)}]});
        let answer = plane.expect("POST", "/api/apply", state, 400).await;
        assert_eq!(answer["errors"][0]["error"], text);
    }
    plane.expect("PUT", "/apisix/admin/consumers", consumer("ann", "k4"), 201).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_changed_without_a_stop() {
    let first = plane(&[OLD]).await;
    first.expect("PUT", "/apisix/admin/consumers", consumer("jack", SECRET), 201).await;
    let tls = certificates::pair("a.com");
    let ssl = json!({"sni": "a.com", "cert": tls.0, "key": tls.1});
    first.expect("PUT", "/apisix/admin/ssls/1", ssl, 201).await;
    let state = first.expect("GET", "/api/export", Value::Null, 200).await;
    assert!(state.to_string().contains(SECRET) && state.to_string().contains(tls.1.lines().nth(1).unwrap()));
    let dir = first.stop().await;

    // What is stored stays readable and counts as the same, until it is written again.
    let second = start(dir, &[NEW, OLD]).await;
    let same = second.expect("POST", "/api/apply", state.clone(), 200).await;
    assert_eq!((&same["revision"], &same["changes"]), (&Value::Null, &json!([])));
    let jack = second.expect("GET", "/apisix/admin/consumers/jack", Value::Null, 200).await;
    assert_eq!(jack["value"]["plugins"]["key-auth"]["key"], SECRET);
    second.expect("PUT", "/apisix/admin/consumers", consumer("jack", SECRET), 200).await;
    let stored = Etcd::of(&second).await.get("/apisix/consumers/jack").await;
    assert_eq!(stored["plugins"]["key-auth"]["key"], json!(Keyring::new([NEW]).unwrap().encrypt(SECRET)));
    let head = second.head().await;
    second.expect("PUT", "/apisix/admin/consumers", consumer("jack", "other"), 200).await;
    second.expect("POST", "/api/rollback", json!({"to": head, "dry_run": false}), 200).await;
    let jack = second.expect("GET", "/apisix/admin/consumers/jack", Value::Null, 200).await;
    assert_eq!(jack["value"]["plugins"]["key-auth"]["key"], SECRET);
    let dir = second.stop().await;

    // Without the key, nobody reads what it has encrypted.
    let third = start(dir, &[]).await;
    let jack = third.expect("GET", "/apisix/admin/consumers/jack", Value::Null, 200).await;
    assert_eq!(jack["value"]["plugins"]["key-auth"]["key"], json!(Keyring::new([NEW]).unwrap().encrypt(SECRET)));
}
