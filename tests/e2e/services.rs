//! What a service says for its routes, from the enterprise face to the requests: hosts and the prefix of their paths.

use anyhow::ensure;
use portolan_testkit::upstream::Reply;
use portolan_testkit::{Upstream, eventually, install_crypto};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::gateway::{Gateway, SOON};

/// The enterprise face of a running gateway, and its proxy.
struct Faces<'g> {
    gateway: &'g Gateway,
    http: reqwest::Client,
}

impl Faces<'_> {
    async fn write(&self, method: Method, path: &str, body: Value, expected: StatusCode) {
        let url = format!("{}/apisix/admin/{path}", self.gateway.up.field("control_plane"));
        let request = self.http.request(method, url).header("X-API-KEY", self.gateway.up.field("admin_key"));
        let answer = request.json(&body).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, expected, "{path}: {text}");
    }

    /// What the upstream is asked for when a client asks this; the status when it is not asked.
    async fn seen(&self, host: &str, path: &str) -> anyhow::Result<Result<String, u16>> {
        let url = format!("{}{path}", self.gateway.up.field("proxy_http"));
        let answer = self.http.get(url).header("host", host).send().await?;
        if answer.status() != StatusCode::OK {
            return Ok(Err(answer.status().as_u16()));
        }
        Ok(Ok(answer.json::<Value>().await?["uri"].as_str().unwrap_or_default().to_owned()))
    }

    async fn all_are_seen(&self, cases: &[(&str, &str, Result<&str, u16>)]) {
        for (host, path, expected) in cases {
            eventually(SOON, || async {
                let seen = self.seen(host, path).await?;
                ensure!(seen.as_deref().map_err(|status| *status) == *expected, "{host}{path}: {seen:?}");
                Ok(())
            })
            .await;
        }
    }
}

#[tokio::test]
async fn hosts_and_prefix_of_a_service_hold_for_its_routes() {
    install_crypto();
    let upstream = Upstream::start(Reply::echo()).unwrap();
    let gateway = Gateway::start(&["--no-restart"]).await;
    let http = reqwest::Client::builder().no_proxy().danger_accept_invalid_certs(true).build().unwrap();
    let faces = Faces { gateway: &gateway, http };
    let (host, port) = upstream.node().rsplit_once(':').map(|(host, port)| (host.to_owned(), port.to_owned())).unwrap();
    let nodes = json!([{"host": host, "port": port.parse::<u16>().unwrap(), "weight": 1}]);
    let service = json!({"name": "s", "hosts": ["api.example", "*.wild.example"], "path_prefix": "/v1",
        "upstream": {"nodes": nodes}});
    faces.write(Method::PUT, "services/s", service, StatusCode::CREATED).await;
    let route = json!({"service_id": "s", "paths": ["/a", "/b/*"]});
    faces.write(Method::PUT, "routes/r", route, StatusCode::CREATED).await;
    faces
        .all_are_seen(&[
            ("api.example", "/v1/a", Ok("/a")),
            ("api.example", "/v1/b/c?x=1", Ok("/b/c?x=1")),
            ("x.wild.example", "/v1/a", Ok("/a")),
            ("other.example", "/v1/a", Err(404)),
            ("api.example", "/a", Err(404)),
            ("api.example", "/v1/c", Err(404)),
        ])
        .await;

    let moved = json!({"hosts": ["new.example"], "path_prefix": "/v2", "strip_path_prefix": false});
    faces.write(Method::PATCH, "services/s", moved, StatusCode::OK).await;
    faces
        .all_are_seen(&[
            ("new.example", "/v2/b/c", Ok("/v2/b/c")),
            ("new.example", "/v1/a", Err(404)),
            ("api.example", "/v2/a", Err(404)),
        ])
        .await;

    // A route's own hosts take the place of the service's.
    let own = json!({"service_id": "s", "paths": ["/a"], "hosts": ["own.example"]});
    faces.write(Method::PUT, "routes/own", own, StatusCode::CREATED).await;
    faces.all_are_seen(&[("own.example", "/v2/a", Ok("/v2/a")), ("new.example", "/v2/a", Ok("/v2/a"))]).await;
    gateway.stop().await;
}
