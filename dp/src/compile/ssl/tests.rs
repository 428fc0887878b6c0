use serde_json::{Value, json};

use super::super::tests::put;
use super::*;

fn made(name: &str) -> (String, String) {
    portolan_testkit::install_crypto();
    let made = portolan_testkit::Certificates::new().unwrap().server(&[name]).unwrap();
    (made.certificate, made.key)
}

#[test]
fn what_cannot_be_used_is_reported_and_the_previous_one_stays() {
    let ((cert, key), (_, other)) = (made("a"), made("b"));
    let good = json!({"sni": "a.com", "cert": cert, "key": key});
    let with = |more: Value| {
        let mut document = good.clone();
        document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        document
    };
    let long = "x".repeat(200);
    let cases = [
        (with(json!({"cert": long})), "the certificate is not PEM"),
        (with(json!({"key": other})), "certificate and key cannot be used together"),
        (with(json!({"key": long})), "the key is encrypted"),
        (with(json!({"key": "$secret://vault/1/key"})), "$secret://vault/1/key: it names no path and field"),
        (with(json!({"certs": [cert], "keys": [other]})), "certificate and key cannot be used together"),
        (with(json!({"certs": [cert]})), "mismatched number of certs and keys"),
        (with(json!({"ssl_protocols": ["TLSv1.1"]})), "ssl_protocols: TLSv1.1 is not supported"),
        (with(json!({"client": {"ca": long}})), "client.ca cannot be used"),
        (with(json!({"client": {"ca": cert, "skip_mtls_uri_regex": ["("]}})), "client.skip_mtls_uri_regex"),
    ];
    let mut compiler = Compiler::new("/apisix/");
    compiler.apply([put("ssls", "1", 1, &good)], 1);
    assert_eq!(compiler.problems(), []);
    for (revision, (document, expected)) in (2..).zip(cases) {
        let snapshot = compiler.apply([put("ssls", "1", revision, &document)], revision);
        let problems = compiler.problems();
        assert_eq!(problems.len(), 1, "{expected}");
        assert!(problems[0].error.starts_with(expected), "{expected}: {}", problems[0].error);
        assert!(problems[0].previous_in_use);
        assert!(snapshot.certificates.find("a.com").is_some());
    }
}

#[test]
fn certificates_for_upstreams_are_found_by_id_and_shown_to_nobody_else() {
    let (cert, key) = made("a");
    let document = json!({"type": "client", "sni": "a.com", "cert": cert, "key": key});
    let snapshot = super::super::tests::snapshot(vec![put("ssls", "c", 1, &document)]);
    let ssl = snapshot.ssls.get(b"c").unwrap();
    assert!(ssl.for_upstreams().is_some() && ssl.server().is_none());
    assert!(snapshot.certificates.find("a.com").is_none());
}

#[test]
fn certificates_that_ask_clients_are_counted() {
    let (cert, key) = made("a");
    let asking = json!({"sni": "a.com", "cert": cert, "key": key, "client": {"ca": cert}});
    let mut compiler = Compiler::new("/apisix/");
    assert!(compiler.apply([put("ssls", "1", 1, &asking)], 1).certificates.asks_clients());
    let mut off = asking.clone();
    off["status"] = 0.into();
    assert!(!compiler.apply([put("ssls", "1", 2, &off)], 2).certificates.asks_clients());
    assert!(compiler.apply([put("ssls", "1", 3, &asking)], 3).certificates.asks_clients());
    let deleted = super::super::Change::Delete("ssls/1".into());
    assert!(!compiler.apply([deleted], 4).certificates.asks_clients());
}
