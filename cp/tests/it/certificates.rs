//! The internal authority, and who gets in with its certificates.

use std::sync::Arc;
use std::time::Duration;

use portolan_rt::clock::{Clock, ManualClock, SystemClock};
use rcgen::{CertificateParams, DnType, KeyPair};
use reqwest::{Certificate, Client, Identity};
use serde_json::{Value, json};

use crate::plane::{Plane, config, send};

/// A certificate request that asks for more than it will get.
pub fn csr() -> String {
    request(&KeyPair::generate().unwrap())
}

/// A certificate for a name, and its key.
pub fn pair(name: &str) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn request(key: &KeyPair) -> String {
    let mut params = CertificateParams::new(vec!["evil.example".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "root");
    params.serialize_request(key).unwrap().pem().unwrap()
}

/// A client of the data-plane manager with a certificate of this kind.
pub async fn client(plane: &Plane, order: Value) -> (Client, Value) {
    let key = KeyPair::generate().unwrap();
    let mut order = order;
    order["csr"] = json!(request(&key));
    let issued = plane.expect("POST", "/api/certificates", order, 201).await;
    let pem = format!("{}{}", issued["certificate"].as_str().unwrap(), key.serialize_pem());
    let ca = Certificate::from_pem(&std::fs::read(plane.ca()).unwrap()).unwrap();
    let client =
        Client::builder().tls_certs_only([ca]).identity(Identity::from_pem(pem.as_bytes()).unwrap()).build().unwrap();
    (client, issued)
}

#[tokio::test(flavor = "multi_thread")]
async fn issued_certificates_open_the_data_plane_manager() {
    let plane = Plane::new().await;
    let version = format!("{}/version", plane.at.dp_manager);
    let order = json!({"kind": "data_plane", "name": "dp-1", "gateway_group_id": "default"});
    let (client, issued) = client(&plane, order).await;
    assert_eq!(client.get(&version).send().await.unwrap().status(), 200);
    assert_eq!(issued["ca"], std::fs::read_to_string(plane.ca()).unwrap());

    let event = &plane.events(1).await[0];
    assert_eq!(event["action"], "certificate.issue");
    assert_eq!(event["resource"], json!({"kind": "certificate", "id": issued["serial"]}));
    assert_eq!(event["changes"][0]["after"]["name"], "dp-1");
    assert_eq!(event["changes"][0]["after"]["gateway_group_id"], "default");

    let ca = Certificate::from_pem(&std::fs::read(plane.ca()).unwrap()).unwrap();
    let without = Client::builder().tls_certs_only([ca]).build().unwrap();
    let range = format!("{}/v3/kv/range", plane.at.dp_manager);
    let ask =
        async |client: &Client| client.post(&range).body(r#"{"key":"L2FwaXNpeA=="}"#).send().await.unwrap().status();
    assert_eq!(ask(&client).await, 200);
    assert_eq!(ask(&without).await, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_orders_are_refused_with_an_event() {
    let plane = Plane::new().await;
    for (order, status, part) in [
        (json!({"kind": "admin", "name": "ops", "csr": "hello"}), 400, "csr must be"),
        (json!({"kind": "admin", "name": "a/b", "csr": csr()}), 400, "name must be"),
        (json!({"kind": "root", "name": "ops", "csr": csr()}), 400, "unknown variant `root`"),
        (json!({"kind": "server", "name": "cp", "csr": csr()}), 400, "names must hold"),
        (
            json!({"kind": "data_plane", "name": "d", "gateway_group_id": "prod", "csr": csr()}),
            404,
            "gateway group prod",
        ),
        (json!({"kind": "admin", "name": "ops", "csr": csr(), "days": 1}), 400, "unknown field `days`"),
        (json!("x"), 400, "invalid request body"),
    ] {
        let head = plane.head().await;
        let answer = plane.expect("POST", "/api/certificates", order, status).await;
        let text = answer["error_msg"].as_str().unwrap();
        assert!(text.contains(part), "{text}");
        assert_eq!(plane.head().await, head + 1);
        let event = &plane.events(1).await[0];
        assert_eq!((&event["action"], &event["outcome"]), (&json!("certificate.issue"), &json!("refused")));
        assert_eq!(event["error"], json!({"status": status, "message": text}));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn authority_and_server_certificate_outlive_a_restart() {
    let plane = Plane::new().await;
    let (ca, head) = (std::fs::read(plane.ca()).unwrap(), plane.head().await);
    let folder = plane.ca().parent().unwrap().to_owned();
    let server = std::fs::read(folder.join("server.pem")).unwrap();
    let dir = plane.stop().await;

    let plane = Plane::with(dir.clone(), config(dir.path()), Arc::new(SystemClock)).await;
    assert_eq!(std::fs::read(plane.ca()).unwrap(), ca);
    assert_eq!(std::fs::read(folder.join("server.pem")).unwrap(), server);
    assert_eq!(plane.head().await, head, "a restart writes nothing");
    send(plane.dashboard("GET", "/")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_certificate_follows_names_and_age() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let clock = Arc::new(ManualClock::new(SystemClock.now_micros()));
    let plane = Plane::with(dir.clone(), config(dir.path()), clock.clone()).await;
    let file = plane.ca().parent().unwrap().join("server.pem");
    let first = std::fs::read(&file).unwrap();
    plane.stop().await;

    let mut more = config(dir.path());
    more.tls.names.push("cp.example.com".into());
    let plane = Plane::with(dir.clone(), more.clone(), clock.clone()).await;
    let second = std::fs::read(&file).unwrap();
    assert_ne!(first, second, "another name");
    assert_eq!(plane.events(1).await[0]["action"], "certificate.issue");
    assert_eq!(plane.events(1).await[0]["actor"]["kind"], "system");
    plane.stop().await;

    clock.advance(Duration::from_secs(61 * 86_400));
    let plane = Plane::with(dir.clone(), more, clock).await;
    assert_ne!(second, std::fs::read(&file).unwrap(), "less than 30 days left");
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_secret_key_does_not_open_the_authority() {
    let plane = Plane::new().await;
    let key = plane.ca().parent().unwrap().join("secret.key");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&key).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let dir = plane.stop().await;
    std::fs::write(&key, "00".repeat(32)).unwrap();
    let supervisor = portolan_rt::task::Supervisor::new();
    let error = portolan_cp::start(&config(dir.path()), Arc::new(SystemClock), &supervisor).await.unwrap_err();
    assert!(matches!(error, portolan_cp::Error::Authority(_)), "{error}");
    supervisor.shutdown().request_now();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_certificate_gets_nothing_any_more() {
    let plane = Plane::new().await;
    let order = json!({"kind": "data_plane", "name": "dp-1", "gateway_group_id": "default"});
    let (client, issued) = client(&plane, order).await;
    let range = format!("{}/v3/kv/range", plane.at.dp_manager);
    let ask = async || client.post(&range).body(r#"{"key":"L2FwaXNpeA=="}"#).send().await.unwrap().status();
    assert_eq!(ask().await, 200);
    let serial = issued["serial"].as_str().unwrap();
    let path = format!("/api/certificates/{serial}/revoke");
    plane.expect("POST", &path, Value::Null, 204).await;
    portolan_testkit::eventually(std::time::Duration::from_secs(30), || async {
        let status = ask().await;
        anyhow::ensure!(status == 403, "still {status}");
        Ok(())
    })
    .await;
    plane.expect("POST", &path, Value::Null, 204).await;
    plane.expect("POST", "/api/certificates/0/revoke", Value::Null, 404).await;
    let revoked: Vec<_> =
        plane.events(10).await.into_iter().filter(|event| event["action"] == "certificate.revoke").collect();
    assert_eq!(revoked.len(), 2, "the second time changed nothing, the unknown one was refused");
    assert_eq!((&revoked[0]["outcome"], &revoked[1]["outcome"]), (&json!("refused"), &json!("success")));
    assert_eq!(revoked[1]["resource"], json!({"kind": "certificate", "id": serial}));
}
