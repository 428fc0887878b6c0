//! What is found, and how it is said to be stored.

use serde_json::json;

use super::*;

const PLUGINS: &str = r#"{"x": {"version": 1, "priority": 1, "schema": {},
    "encrypt_fields": ["key", "redis.password", "list.secret", "headers", "absent.one"]}}"#;
const STREAM: &str = r#"{"y": {"version": 1, "priority": 1, "schema": {}, "encrypt_fields": ["key"]}}"#;

/// All secrets of a document: the text, a letter for how it is stored (plain, encrypted, PEM), `!` when withheld.
fn found(kind: Kind, id: &str, document: &Value) -> Vec<String> {
    let (catalog, stream) = (Catalog::parse(PLUGINS).unwrap(), Catalog::parse(STREAM).unwrap());
    let mut document = document.clone();
    let mut found = Vec::new();
    let (secrets, stored) = (Secrets::new(&catalog, &stream), document.to_string());
    secrets.visit(kind, id, &mut document, |secret| {
        let letter = match secret.at_rest {
            AtRest::Plain => 'p',
            AtRest::Encrypted => 'e',
            AtRest::EncryptedPem => 'k',
        };
        found.push(format!("{} {letter}{}", secret.value, if secret.withheld { "!" } else { "" }));
        *secret.value = json!("******");
    });
    assert!(found.is_empty() || secrets.may_be_in(kind, id, stored.as_bytes()), "{stored}");
    let shown = document.to_string();
    assert!(!shown.contains("5ecret"), "{shown}");
    found
}

#[test]
fn fields_of_each_kind() {
    let client = json!({"client_cert": "c", "client_key": "5ecret"});
    for (kind, id, document, expected) in [
        (
            Kind::Ssl,
            "1",
            json!({"cert": "c", "key": "5ecret", "keys": ["5ecret2"]}),
            vec!["\"5ecret\" k!", "\"5ecret2\" k!"],
        ),
        (Kind::Upstream, "1", json!({"tls": client}), vec!["\"5ecret\" k"]),
        (Kind::Route, "1", json!({"upstream": {"tls": client}}), vec!["\"5ecret\" k"]),
        (Kind::Service, "1", json!({"upstream": {"tls": client}}), vec!["\"5ecret\" k"]),
        (Kind::StreamRoute, "1", json!({"upstream": {"tls": client}}), vec!["\"5ecret\" k"]),
        (Kind::Secret, "vault/1", json!({"uri": "u", "token": "5ecret"}), vec!["\"5ecret\" p"]),
        (
            Kind::Secret,
            "aws/1",
            json!({"access_key_id": "5ecret1", "secret_access_key": "5ecret2", "session_token": "5ecret3", "region": "r"}),
            vec!["\"5ecret1\" p", "\"5ecret2\" p", "\"5ecret3\" p"],
        ),
        (Kind::Secret, "gcp/1", json!({"auth_config": {"private_key": "5ecret"}}), vec!["\"5ecret\" p"]),
        (Kind::Proto, "1", json!({"content": "c", "key": "k"}), vec![]),
        (Kind::PluginMetadata, "x", json!({"id": "x", "key": "5ecret"}), vec!["\"5ecret\" e"]),
        (Kind::PluginMetadata, "y", json!({"id": "y", "key": "5ecret"}), vec!["\"5ecret\" e"]),
        (Kind::PluginMetadata, "z", json!({"key": "open"}), vec![]),
    ] {
        assert_eq!(found(kind, id, &document), expected, "{kind} {document}");
    }
}

#[test]
fn plugins_wherever_they_stand() {
    let document =
        json!({"plugins": {"x": {"key": "5ecret", "open": "o"}, "y": {"key": "k"}, "x-ray": {"key": 1}, "z": 1}});
    for kind in [
        Kind::Route,
        Kind::Service,
        Kind::Consumer,
        Kind::Credential,
        Kind::GlobalRule,
        Kind::PluginConfig,
        Kind::ConsumerGroup,
    ] {
        assert_eq!(found(kind, "1", &document), ["\"5ecret\" e"], "{kind}");
    }
    assert_eq!(found(Kind::StreamRoute, "1", &json!({"plugins": {"y": {"key": "5ecret"}}})), ["\"5ecret\" p"]);
}

#[test]
fn paths_lists_and_depths() {
    let config = json!({"redis": {"password": "5ecret1", "host": "h"}, "list": [{"secret": 5}, {"open": 2}, 3],
        "headers": {"a": "5ecret2", "b": ["5ecret3", null], "c": {"d": "5ecret4"}}, "key": null, "absent": 1});
    assert_eq!(
        found(Kind::Route, "1", &json!({"plugins": {"x": config}})),
        ["\"5ecret1\" e", "5 e", "\"5ecret2\" e", "\"5ecret3\" p", "\"5ecret4\" p"]
    );
}

#[test]
fn odd_documents() {
    for document in [json!(1), json!(null), json!([1]), json!({"plugins": "x"}), json!({"plugins": {"x": [1]}})] {
        for &kind in Kind::all() {
            assert_eq!(found(kind, "1", &document), Vec::<String>::new(), "{kind} {document}");
        }
    }
}

#[test]
fn a_look_at_the_names_says_where_there_can_be_none() {
    for (kind, id, stored, may) in [
        (Kind::Route, "1", r#"{"uri":"/plugins","labels":{"client_key_":"x"}}"#, false),
        (Kind::Route, "1", r#"{"uri":"/a","plugins":{}}"#, true),
        (Kind::Route, "1", r#"{"uri":"/a","\u0070lugins":{}}"#, true),
        (Kind::Upstream, "1", r#"{"nodes":{},"plugins":{}}"#, false),
        (Kind::Upstream, "1", r#"{"tls":{"client_key":"x"}}"#, true),
        (Kind::Secret, "vault/1", r#"{"token":"x"}"#, true),
        (Kind::Proto, "1", r#"{"content":"\n"}"#, false),
        (Kind::PluginMetadata, "x", "{}", true),
    ] {
        assert_eq!(Secrets::default().may_be_in(kind, id, stored.as_bytes()), may, "{kind} {stored}");
    }
    assert!(Secrets::default().may_be_in(Kind::Upstream, "1", b"\xff"));
}
