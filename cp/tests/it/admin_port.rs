//! Port 9180: plain HTTP, HTTPS, and HTTPS for clients with certificates.

use std::sync::Arc;

use portolan_rt::clock::SystemClock;
use portolan_testkit::Certificates;
use reqwest::{Certificate, Client, ClientBuilder, Identity};

use crate::plane::{ADMIN_KEY, Plane, config, send};

fn trusting(pem: &[u8]) -> ClientBuilder {
    Client::builder().tls_certs_only([Certificate::from_pem(pem).unwrap()])
}

async fn routes(client: &Client, plane: &Plane) -> Result<(u16, String), reqwest::Error> {
    let url = format!("{}/apisix/admin/routes", plane.at.admin_api);
    let answer = client.get(url).header("x-api-key", ADMIN_KEY).send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn https_with_our_certificate() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let mut settings = config(dir.path());
    settings.admin_api.https = true;
    let plane = Plane::with(dir, settings, Arc::new(SystemClock)).await;
    assert!(plane.at.admin_api.starts_with("https://"), "{}", plane.at.admin_api);
    let answer = send(plane.request("GET", "/apisix/admin/routes").header("x-api-key", ADMIN_KEY)).await;
    assert_eq!((answer.status, answer.header("server")), (200, "APISIX/3.18.0"));
    let plain = plane.at.admin_api.replace("https://", "http://");
    let answer = Client::new().get(plain).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("https://"));
}

#[tokio::test(flavor = "multi_thread")]
async fn https_for_clients_with_certificates() {
    portolan_testkit::install_crypto();
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let authority = Certificates::new().unwrap();
    let files = authority.server(&["localhost", "127.0.0.1"]).unwrap().write(dir.path(), "admin").unwrap();
    let client_ca = dir.path().join("clients.pem");
    std::fs::write(&client_ca, authority.ca()).unwrap();
    let mut settings = config(dir.path());
    settings.admin_api = portolan_cp::config::AdminApi {
        https: true,
        cert: Some(files.certificate),
        key: Some(files.key),
        client_ca: Some(client_ca),
        ..Default::default()
    };
    let plane = Plane::with(dir, settings, Arc::new(SystemClock)).await;
    let trusting = || trusting(authority.ca().as_bytes());

    let (status, page) = routes(&trusting().build().unwrap(), &plane).await.unwrap();
    assert_eq!(status, 400);
    assert!(page.contains("<center>No required SSL certificate was sent</center>"), "{page}");

    let identity = |authority: &Certificates| {
        let issued = authority.client("ops", "portolan://admin/ops").unwrap();
        Identity::from_pem(format!("{}{}", issued.certificate, issued.key).as_bytes()).unwrap()
    };
    let known = trusting().identity(identity(&authority)).build().unwrap();
    assert_eq!(routes(&known, &plane).await.unwrap().0, 200);
    let foreign = trusting().identity(identity(&Certificates::new().unwrap())).build().unwrap();
    routes(&foreign, &plane).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_for_some_addresses() {
    for (allow, status) in [("10.0.0.0/8", 403), ("127.0.0.0/24", 200)] {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let mut settings = config(dir.path());
        settings.admin_api.allow = vec![allow.parse().unwrap()];
        let plane = Plane::with(dir, settings, Arc::new(SystemClock)).await;
        let (answered, page) = routes(&Client::new(), &plane).await.unwrap();
        assert_eq!(answered, status, "{allow}: {page}");
        assert_eq!(page.contains("<center><h1>403 Forbidden</h1></center>"), status == 403, "{page}");
    }
}
