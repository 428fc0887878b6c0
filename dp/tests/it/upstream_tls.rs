//! TLS to nodes: whom it trusts, whom it asks for, and who we are.

use portolan_testkit::Certificates;
use portolan_testkit::certificates::Issued;
use portolan_testkit::upstream::{Reply, Upstream};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};

use crate::harness::{Gateway, text};

fn der(issued: &Issued) -> Vec<u8> {
    CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn verification_asks_for_the_host_that_the_node_sees() {
    let authority = Certificates::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, authority.ca()).unwrap();
    let (gateway, _files) = Gateway::with(|config| config.tls.trusted_ca = Some(ca)).await;
    let node = Upstream::start_tls(Reply::echo(), &authority.server(&["node.example"]).unwrap(), None).unwrap();
    let other = Certificates::new().unwrap();
    let stranger = Upstream::start_tls(Reply::echo(), &other.server(&["node.example"]).unwrap(), None).unwrap();
    for scheme in ["https", "grpcs"] {
        for (node, host, verify, status) in [
            (&node, "node.example", true, 200),
            (&node, "other.example", true, 502),
            (&node, "other.example", false, 200),
            (&stranger, "node.example", true, 502),
            (&stranger, "node.example", false, 200),
        ] {
            let more = json!({
                "scheme": scheme, "pass_host": "rewrite", "upstream_host": host, "tls": {"verify": verify},
            });
            gateway.route_to(&[node.node()], more.clone()).await;
            assert_eq!(text(&gateway.http()).await.0, status, "{more}");
            if status == 200 {
                let seen = node.take_seen().remove(0);
                assert_eq!(seen.tls.unwrap().server_name.as_deref(), Some(host));
            }
        }
    }
    // The client's own host, which is sent as it came.
    gateway.route_to(&[node.node()], json!({"scheme": "https"})).await;
    let request = reqwest::Client::new().get(gateway.http()).header("host", "mine.example:81");
    assert_eq!(request.send().await.unwrap().status(), 200);
    let seen = node.take_seen().remove(0);
    assert_eq!(
        (seen.tls.unwrap().server_name.as_deref(), &seen.headers["host"]),
        (Some("mine.example"), &"mine.example:81".parse().unwrap())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_see_the_client_certificate_of_their_upstream_and_no_other() {
    let (gateway, _files) = Gateway::with(|config| config.runtime.workers = 1).await;
    let authority = Certificates::new().unwrap();
    let issued = authority.server(&["localhost"]).unwrap();
    let node = Upstream::start_tls(Reply::echo(), &issued, Some(authority.ca())).unwrap();
    let [first, second] = ["first", "second"].map(|name| authority.client(name, "spiffe://test/1").unwrap());
    let with = |scheme: &str, issued: &Issued| json!({"scheme": scheme, "tls": {"client_cert": issued.certificate, "client_key": issued.key}});
    let shown = || node.take_seen().remove(0).tls.unwrap().certificate;
    for scheme in ["https", "grpcs"] {
        gateway.route_to(&[node.node()], json!({"scheme": scheme})).await;
        assert_eq!(text(&gateway.http()).await.0, 502, "{scheme}: the node demands a certificate");
        for issued in [&first, &second] {
            gateway.route_to(&[node.node()], with(scheme, issued)).await;
            assert_eq!(text(&gateway.http()).await.0, 200);
            assert_eq!(shown(), Some(der(issued)), "{scheme}");
        }
        // A change of the route that leaves the certificate leaves its connections.
        let before = node.connections();
        let mut more = with(scheme, &second);
        more["retries"] = json!(0);
        gateway.route_to(&[node.node()], more).await;
        assert_eq!((text(&gateway.http()).await.0, node.connections()), (200, before));
        node.take_seen();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_may_be_a_resource_of_its_own() {
    let (gateway, _files) = Gateway::new().await;
    let authority = Certificates::new().unwrap();
    let node = Upstream::start_tls(Reply::echo(), &authority.server(&["localhost"]).unwrap(), Some(authority.ca()));
    let node = node.unwrap();
    let ssl = |issued: &Issued| json!({"type": "client", "cert": issued.certificate, "key": issued.key});
    let upstream = json!({"scheme": "https", "nodes": {node.node(): 1}, "tls": {"client_cert_id": "mine"}});
    gateway.put("upstreams/u", upstream.clone()).await;
    gateway.put("routes/named", json!({"uri": "/named", "upstream_id": "u"})).await;
    gateway.put("routes/own", json!({"uri": "/own", "upstream": upstream})).await;
    let split = json!({"traffic-split": {"rules": [{"weighted_upstreams": [{"upstream": upstream}]}]}});
    gateway.put("routes/split", json!({"uri": "/split", "plugins": split})).await;
    for path in ["own", "split"] {
        assert_eq!(text(&format!("{}/{path}", gateway.http())).await.0, 404, "what it names is not there yet");
    }
    for name in ["first", "second"] {
        let issued = authority.client(name, "spiffe://test/1").unwrap();
        gateway.put("ssls/mine", ssl(&issued)).await;
        for path in ["named", "own", "split"] {
            assert_eq!(text(&format!("{}/{path}", gateway.http())).await.0, 200, "{path}");
            assert_eq!(node.take_seen().remove(0).tls.unwrap().certificate, Some(der(&issued)), "{path}");
        }
    }
    let status: Value = gateway.ready().await;
    assert!(!status.to_string().contains("client_cert_id"), "{status}");
}
