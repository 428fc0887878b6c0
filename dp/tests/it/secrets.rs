//! What a Vault keeps in place of the texts that refer to it, as it comes, changes and goes.

use portolan_dp::config::Secrets;
use portolan_testkit::certificates::Certificates;
use portolan_testkit::registry::{FAULTS, Fault, Vault};
use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, eventually};
use serde_json::{Value, json};

use crate::harness::{Gateway, Instance, SOON};

const TOKEN: &str = "s.vault-token";

/// A gateway that reads secrets again each second, with a route that wants a key.
async fn gateway() -> (Gateway, Instance, Upstream) {
    let (gateway, files) = Gateway::with(|config| config.secrets = Secrets { ttl: 1, neg_ttl: 1 }).await;
    let upstream = Upstream::start(Reply::echo()).unwrap();
    let route = json!({"uri": "/*", "plugins": {"key-auth": {}}, "upstream": {"nodes": {upstream.node(): 1}}});
    gateway.put("routes/1", route).await;
    (gateway, files, upstream)
}

async fn vault(gateway: &Gateway) -> Vault {
    let vault = Vault::start(TOKEN).unwrap();
    gateway.put("secrets/vault/1", manager(&vault)).await;
    vault
}

fn manager(vault: &Vault) -> Value {
    json!({"id": "vault/1", "uri": vault.url(), "prefix": "kv/apisix", "token": TOKEN})
}

fn jack(key: &str) -> Value {
    json!({"username": "jack", "plugins": {"key-auth": {"key": key}}})
}

async fn ask(gateway: &Gateway, key: &str) -> u16 {
    let request = reqwest::Client::new().get(gateway.http()).header("apikey", key);
    request.send().await.unwrap().status().as_u16()
}

async fn answers(gateway: &Gateway, key: &str, expected: u16) {
    eventually(SOON, || async {
        let status = ask(gateway, key).await;
        anyhow::ensure!(status == expected, "{key}: {status}");
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_what_vault_says_now() {
    let (gateway, _files, _upstream) = gateway().await;
    let vault = vault(&gateway).await;
    vault.set("kv/apisix/jack", json!({"key": "first"}));
    gateway.put("consumers/jack", jack("$secret://vault/1/jack/key")).await;
    answers(&gateway, "first", 200).await;
    assert_eq!(ask(&gateway, "$secret://vault/1/jack/key").await, 401);

    vault.set("kv/apisix/jack", json!({"key": "second"}));
    answers(&gateway, "second", 200).await;
    assert_eq!(ask(&gateway, "first").await, 401);

    // While it is away the last answer stays; what it says is gone, is gone.
    for fault in FAULTS {
        let before = vault.requests();
        vault.fail(Some(fault));
        if fault != Fault::Refused && fault != Fault::Slow {
            eventually(SOON, || async {
                anyhow::ensure!(vault.requests() > before + 1, "not asked yet");
                Ok(())
            })
            .await;
        }
        assert_eq!(ask(&gateway, "second").await, 200, "{fault:?}");
        vault.fail(None);
    }
    vault.remove("kv/apisix/jack");
    answers(&gateway, "second", 401).await;
    eventually(SOON, || async {
        let status = gateway.status().await?.1.to_string();
        anyhow::ensure!(status.contains("$secret://vault/1/jack/key: there is no such secret"), "{status}");
        Ok(())
    })
    .await;
    vault.set("kv/apisix/jack", json!({"key": "third"}));
    answers(&gateway, "third", 200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_may_come_after_what_refers_to_it_and_go_before_it() {
    let (gateway, _files, _upstream) = gateway().await;
    gateway.put("consumers/jack", json!({"username": "jack"})).await;
    let credential = json!({"id": "c", "plugins": {"key-auth": {"key": "$secret://vault/1/jack/key"}}});
    gateway.put("consumers/jack/credentials/c", credential).await;
    assert_eq!(ask(&gateway, "k").await, 401);
    let vault = Vault::start(TOKEN).unwrap();
    vault.set_in("team", "kv/apisix/jack", json!({"key": "k"}));
    let mut manager = manager(&vault);
    manager["namespace"] = json!("team");
    manager["token"] = json!("wrong");
    gateway.put("secrets/vault/1", manager.clone()).await;
    assert_eq!(ask(&gateway, "k").await, 401);
    manager["token"] = json!(TOKEN);
    gateway.put("secrets/vault/1", manager).await;
    answers(&gateway, "k", 200).await;
    gateway.space.delete("secrets/vault/1").await;
    answers(&gateway, "k", 401).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plugins_of_routes_and_certificates_have_them_too() {
    let (gateway, _files, upstream) = gateway().await;
    let vault = vault(&gateway).await;
    vault.set_versioned("kv/apisix/data/header", json!({"value": "from vault"}));
    let issued = Certificates::new().unwrap().server(&["secret.test"]).unwrap();
    vault.set("kv/apisix/tls/secret.test", json!({"cert": issued.certificate, "key": issued.key}));
    let plugins =
        json!({"response-rewrite": {"headers": {"set": {"x-secret": "$secret://vault/1/data/header/value"}}}});
    let route = json!({"uri": "/header", "plugins": plugins, "upstream": {"nodes": {upstream.node(): 1}}});
    gateway.put("routes/header", route).await;
    let at = "$secret://vault/1/tls/secret.test";
    gateway
        .put("ssls/1", json!({"sni": "secret.test", "cert": format!("{at}/cert"), "key": format!("{at}/key")}))
        .await;

    let authority = reqwest::Certificate::from_pem(issued.certificate.as_bytes()).unwrap();
    let address = gateway.https_address().parse().unwrap();
    let client = reqwest::Client::builder()
        .resolve("secret.test", address)
        .add_root_certificate(authority)
        .danger_accept_invalid_certs(true)
        .tls_info(true)
        .build()
        .unwrap();
    eventually(SOON, || async {
        let response = client.get(format!("https://secret.test:{}/header", address.port())).send().await?;
        anyhow::ensure!(response.headers().get("x-secret").is_some_and(|value| value == "from vault"), "{response:?}");
        Ok(())
    })
    .await;

    // A value that its place cannot have is not told.
    vault.set("kv/apisix/bad", json!({"url": "s3cret value"}));
    let plugins = json!({"ip-restriction": {"whitelist": ["$secret://vault/1/bad/url"]}});
    gateway.put("routes/bad", json!({"uri": "/bad", "plugins": plugins})).await;
    let status = eventually(SOON, || async {
        let status = gateway.status().await?.1.to_string();
        anyhow::ensure!(status.contains("invalid ip address: $secret://vault/1/bad/url"), "{status}");
        Ok(status)
    })
    .await;
    assert!(!status.contains("s3cret") && !status.contains(TOKEN), "{status}");
}
