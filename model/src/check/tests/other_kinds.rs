//! The kinds beside routes, services, upstreams and consumers.

use super::*;

const NO_LINE: &str = "failed to parse cert: no start line";

/// A certificate or key that cannot be read.
fn bad() -> String {
    format!("bad{}", "x".repeat(128))
}

#[test]
fn certificates() {
    let (cert, key) = (pem("c"), pem("k"));
    let in_property = |name: &str| format!(r#"invalid configuration: property "{name}" validation failed: "#);
    table(
        Kind::Ssl,
        &[
            (json!({}), "ok"),
            (
                json!({"type": "server", "status": 0, "ssl_protocols": ["TLSv1.2", "TLSv1.3"], "labels": {"a": "b"}}),
                "ok",
            ),
            (json!({"certs": [cert], "keys": [key], "client": {"ca": cert, "depth": 0}}), "ok"),
            (
                json!({"cert": "$secret://vault/v1/ssl/cert", "key": "$env://KEY", "certs": ["$ENV://C"], "keys": [bad()]}),
                "ok",
            ),
            (json!({"client": {"ca": "$secret://vault/v1/ca/pem", "skip_mtls_uri_regex": ["/a"]}}), "ok"),
            (json!({"snis": ["b.com"]}), "invalid configuration: then clause did not match"),
            (
                json!({"sni": "$secret://a"}),
                &format!(
                    r#"{}failed to match pattern "^\\*$|^\\*?[0-9a-zA-Z-._\\[\\]:]+$" with "$secret://a""#,
                    in_property("sni")
                ),
            ),
            (
                json!({"cert": "short"}),
                &format!("{}string too short, expected at least 128, got 5", in_property("cert")),
            ),
            (json!({"key": "short"}), &format!("{}string too short, expected at least 64, got 5", in_property("key"))),
            (
                json!({"ssl_protocols": ["SSLv3"]}),
                &format!("{}failed to validate item 1: matches none of the enum values", in_property("ssl_protocols")),
            ),
            (json!({"client": {}}), &format!(r#"{}property "ca" is required"#, in_property("client"))),
            (json!({"type": "other"}), &format!("{}matches none of the enum values", in_property("type"))),
            (json!({"name": "n"}), "invalid configuration: additional properties forbidden, found name"),
            (json!({"cert": bad()}), NO_LINE),
            (json!({"key": bad()}), "failed to parse key: no start line"),
            (json!({"key": "x".repeat(128)}), "failed to decrypt previous encrypted key"),
            (json!({"certs": [cert]}), "mismatched number of certs and keys"),
            (json!({"keys": [key]}), "mismatched number of certs and keys"),
            (
                json!({"certs": [cert, bad()], "keys": [key, key]}),
                &format!("failed to handle cert-key pair[2]: {NO_LINE}"),
            ),
            (json!({"client": {"ca": bad()}}), &format!("failed to validate client_cert: {NO_LINE}")),
            // Where the gateway is the client, nothing but the pair is looked at.
            (json!({"type": "client", "certs": [cert], "client": {"ca": bad()}}), "ok"),
            (json!({"type": "client", "cert": bad()}), NO_LINE),
        ],
    );
    assert_eq!(say(Kind::Ssl, None, &json!({"sni": "a"})), "invalid configuration: then clause did not match");
    assert_eq!(say(Kind::Ssl, None, &json!({"type": "client"})), "invalid configuration: else clause did not match");
    assert_eq!(say(Kind::Ssl, None, &json!({"type": "client", "cert": pem("c"), "key": pem("k")})), "ok");
    assert_eq!(say(Kind::Ssl, Some("2"), &with(Kind::Ssl, &json!({"id": 1}))), "wrong ssl id");
}

#[test]
fn certificates_of_upstreams() {
    table(
        Kind::Upstream,
        &[
            (json!({"tls": {"client_cert": pem("c"), "client_key": pem("k")}}), "ok"),
            (json!({"tls": {"client_cert": bad(), "client_key": pem("k")}}), NO_LINE),
            (json!({"tls": {"client_cert": pem("c"), "client_key": bad()}}), "failed to parse key: no start line"),
            (json!({"tls": {"client_cert_id": "zz"}}), "failed to fetch ssl info by ssl id [zz], response code: 404"),
            (
                json!({"tls": {"client_cert_id": "server"}}),
                "failed to fetch ssl info by ssl id [server], wrong ssl type",
            ),
            (json!({"tls": {"client_cert_id": 1}}), "ok"),
        ],
    );
    let inside = json!({"upstream": {"nodes": {}, "tls": {"client_cert_id": "server"}}});
    for kind in [Kind::Route, Kind::Service] {
        table(kind, &[(inside.clone(), "failed to fetch ssl info by ssl id [server], wrong ssl type")]);
    }
    // The upstream inside a stream route is checked against its schema only.
    table(Kind::StreamRoute, &[(inside, "ok")]);
}

#[test]
fn credentials() {
    let invalid = "invalid plugins configuration: ";
    table(
        Kind::Credential,
        &[
            (json!({}), "ok"),
            (json!({"plugins": {"key-auth": {"key": "k"}}, "desc": "d", "labels": {"a": "b"}, "name": "n"}), "ok"),
            (json!({"id": 1}), "ok"),
            (json!({"id": "c2"}), "wrong credential id"),
            (
                json!({"plugins": {"key-auth": {"key": "k"}, "limit-count": {"count": 1}}}),
                r#"invalid configuration: property "plugins" validation failed: expect object to have at most 1 properties"#,
            ),
            (
                json!({"plugins": {"key-auth": {}}}),
                &format!(
                    r#"{invalid}failed to check the configuration of plugin key-auth err: property "key" is required"#
                ),
            ),
            (json!({"plugins": {"nope": {}}}), &format!("{invalid}unknown plugin [nope]")),
            (
                json!({"plugins": {"limit-count": {"count": 1}}}),
                "only supports auth type plugins in consumer credential",
            ),
            (json!({"username": "jack"}), "invalid configuration: additional properties forbidden, found username"),
        ],
    );
    let credential = |id: &str| say(Kind::Credential, Some(id), &json!({"plugins": {"key-auth": {"key": "k"}}}));
    assert_eq!(credential("zz/credentials/c1"), "consumer not found");
    assert_eq!(
        credential("jack/credentials/a b"),
        r#"invalid configuration: property "id" validation failed: value should match only one schema, but matches none"#
    );
    // As `configs/validate` gets them: the id of the document is the whole one, and no key says it.
    assert_eq!(say(Kind::Credential, None, &json!({"id": "jack/credentials/c1"})), "ok");
    let missing = &references(Kind::Credential, Some("zz/credentials/c1"), &json!({}))[0];
    assert_eq!(missing.not_found_status(), 404);
}

#[test]
fn rules_configs_and_groups() {
    for kind in [Kind::GlobalRule, Kind::PluginConfig, Kind::ConsumerGroup] {
        table(
            kind,
            &[
                (json!({"plugins": {"limit-count": {"count": 1}}, "create_time": 1}), "ok"),
                (json!({"id": 7}), "ok"),
                (
                    json!({"plugins": 1}),
                    r#"invalid configuration: property "plugins" validation failed: wrong type: expected object, got number"#,
                ),
                (json!({"plugins": {"nope": {}}}), "unknown plugin [nope]"),
                (
                    json!({"plugins": {"limit-count": {}}}),
                    r#"failed to check the configuration of plugin limit-count err: property "count" is required"#,
                ),
                (json!({"uri": "/"}), "invalid configuration: additional properties forbidden, found uri"),
            ],
        );
        let missing = |field: &str| format!(r#"invalid configuration: property "{field}" is required"#);
        assert_eq!(say(kind, None, &json!({"plugins": {}})), missing("id"));
        assert_eq!(say(kind, Some("1"), &json!({})), missing("plugins"));
        assert_eq!(say(kind, Some("1"), &json!({"plugins": {}})), "ok");
        assert_eq!(say(kind, Some("1"), &json!({"id": "2", "plugins": {}})), format!("wrong {kind} id"));
    }
    let named = json!({"name": "", "desc": "d", "labels": {"a": "b"}});
    table(Kind::PluginConfig, &[(named.clone(), "ok")]);
    table(Kind::GlobalRule, &[(named.clone(), "invalid configuration: additional properties forbidden, found name")]);
    let short =
        r#"invalid configuration: property "name" validation failed: string too short, expected at least 1, got 0"#;
    table(Kind::ConsumerGroup, &[(named, short)]);
}

#[test]
fn a_plugin_is_in_one_global_rule() {
    let object = |value: Value| value.as_object().unwrap().clone();
    let rule = object(json!({"cors": {}, "prometheus": {}}));
    assert_eq!(
        plugin_taken(&rule, "g1", &object(json!({"prometheus": {}}))).unwrap().to_string(),
        "plugin 'prometheus' already exists in global rule with id 'g1'"
    );
    assert_eq!(plugin_taken(&rule, "g1", &object(json!({"key-auth": {}}))), None);
}

#[test]
fn metadata_of_plugins() {
    for (name, document, expected) in [
        (Some("limit-count"), json!({"limit": 1}), "ok"),
        (Some("limit-count"), json!({"limit": 1, "id": "limit-count"}), "ok"),
        (Some("limit-count"), json!({}), r#"invalid configuration: property "limit" is required"#),
        (Some("limit-count"), json!([]), r#"invalid configuration: property "limit" is required"#),
        (
            Some("limit-count"),
            json!({"limit": 1, "more": 1}),
            "invalid configuration: additional properties forbidden, found more",
        ),
        // Without a schema for it, any object is.
        (Some("key-auth"), json!({"a": 1}), "ok"),
        (Some("mqtt-proxy"), json!({"a": 1}), "ok"),
        (Some("key-auth"), json!("a"), "invalid configuration: wrong type: expected object, got string"),
        (Some("nope"), json!({}), "invalid plugin name"),
        (None, json!({}), "missing plugin name"),
    ] {
        assert_eq!(say(Kind::PluginMetadata, name, &document), expected, "{name:?} {document}");
    }
}

#[test]
fn protocol_definitions() {
    table(
        Kind::Proto,
        &[
            (json!({"desc": "d", "name": "n", "labels": {"a": "b"}}), "ok"),
            (json!({"content": "nonsense"}), "invalid content: unexpected token"),
            (
                json!({"content": ""}),
                r#"invalid configuration: property "content" validation failed: string too short, expected at least 1, got 0"#,
            ),
            (
                json!({"content": "x".repeat(1_048_577)}),
                r#"invalid configuration: property "content" validation failed: string too long, expected at most 1048576, got 1048577"#,
            ),
        ],
    );
    assert_eq!(say(Kind::Proto, None, &json!({})), r#"invalid configuration: property "content" is required"#);
}

#[test]
fn stream_routes() {
    let redis = |id: Value| json!({"protocol": {"name": "redis", "superior_id": id}});
    let wrong_port = |text: &str| format!(r#"invalid configuration: property "server_port" validation failed: {text}"#);
    table(
        Kind::StreamRoute,
        &[
            (json!({}), "ok"),
            (json!({"remote_addr": "10.0.0.0/8", "server_addr": "::1", "server_port": 9100, "sni": "*.a.com"}), "ok"),
            (json!({"upstream": {"nodes": {"a:1": 1}}, "plugins": {"mqtt-proxy": {"protocol_level": 4}}}), "ok"),
            (json!({"plugins": {"mqtt-proxy": {"_meta": {"disable": true}}}}), "ok"),
            (json!({"server_port": 0}), &wrong_port("expected 0 to be at least 1")),
            (json!({"server_port": 65536}), &wrong_port("expected 65536 to be at most 65535")),
            (
                json!({"remote_addr": "a"}),
                r#"invalid configuration: property "remote_addr" validation failed: object matches none of the required"#,
            ),
            (json!({"remote_addr": "::1/129"}), "invalid remote_addr: ::1/129"),
            (json!({"server_addr": ":::/8"}), "invalid server_addr: :::/8"),
            (
                json!({"protocol": {}}),
                r#"invalid configuration: property "protocol" validation failed: property "name" is required"#,
            ),
            (
                json!({"protocol": {"name": "redis", "logger": [{"name": "syslog"}]}}),
                r#"invalid configuration: property "protocol" validation failed: property "logger" validation failed: failed to validate item 1: property "conf" is required when "name" is set"#,
            ),
            (json!({"upstream_id": "zz"}), "failed to fetch upstream info by upstream id [zz], response code: 404"),
            (json!({"service_id": "zz"}), "failed to fetch service info by service id [zz], response code: 404"),
            (redis(json!("zz")), "failed to fetch stream routes[zz], response code: 404"),
            (
                redis(json!("dubbo")),
                "protocol mismatch: subordinate protocol [redis] does not match superior protocol [dubbo]",
            ),
            (redis(json!(1)), "unknown protocol [redis]"),
            (json!({"plugins": {"limit-count": {"count": 1}}}), "unknown plugin [limit-count]"),
            (json!({"plugins": {"mqtt-proxy": 1}}), "invalid plugin conf 1 for plugin [mqtt-proxy]"),
            (
                json!({"plugins": {"mqtt-proxy": {}}}),
                r#"failed to check the configuration of stream plugin [mqtt-proxy]: property "protocol_level" is required"#,
            ),
        ],
    );
    let itself = "stream route can not set itself as superior_id";
    assert_eq!(say(Kind::StreamRoute, Some("1"), &redis(json!(1))), itself);
    assert_eq!(say(Kind::StreamRoute, Some("zz"), &redis(json!("zz"))), itself);
    // The references come before the plugins, and those before the protocol.
    let mut document = json!({"protocol": {"name": "redis", "superior_id": "zz"}, "service_id": "zz", "upstream_id": "zz",
        "plugins": {"nope": {}}, "remote_addr": ":/1"});
    for (expected, field) in [
        ("failed to fetch upstream info by upstream id [zz], response code: 404", "upstream_id"),
        ("failed to fetch service info by service id [zz], response code: 404", "service_id"),
        ("failed to fetch stream routes[zz], response code: 404", ""),
        ("unknown plugin [nope]", "plugins"),
        ("invalid remote_addr: :/1", "remote_addr"),
        ("unknown protocol [redis]", "protocol"),
        ("ok", ""),
    ] {
        assert_eq!(say(Kind::StreamRoute, Some("1"), &document), expected);
        if expected.contains("stream routes") {
            document["protocol"]["superior_id"] = json!("9");
        }
        document.as_object_mut().unwrap().shift_remove(field);
    }
}

#[test]
fn secrets() {
    let vault = json!({"uri": "http://127.0.0.1:8200", "prefix": "kv/apisix", "token": "$env://TOKEN"});
    let aws = json!({"access_key_id": "a", "secret_access_key": "s", "session_token": "t", "endpoint_url": "http://a"});
    let account = json!({"client_email": "e", "private_key": "k", "project_id": "p"});
    let required = |field: &str| format!(r#"invalid configuration: property "{field}" is required"#);
    let ok = || "ok".to_owned();
    for (id, document, expected) in [
        (Some("vault/1"), vault.clone(), ok()),
        (Some("vault/1"), json!({"uri": "http://v", "prefix": "k", "token": "t", "namespace": "n", "more": 1}), ok()),
        (Some("aws/a.b"), aws, ok()),
        (Some("gcp/1"), json!({"auth_config": account}), ok()),
        (Some("gcp/1"), json!({"auth_file": "/f", "ssl_verify": false}), ok()),
        (None, json!({"id": "vault/1", "uri": "http://v", "prefix": "k", "token": "t"}), ok()),
        (Some("vault/1"), json!({"id": "vault/2", "uri": "http://v", "prefix": "k", "token": "t"}), "wrong secret id".into()),
        (Some("foo/1"), vault.clone(), "invalid secret manager: foo".into()),
        (Some("vault/1"), json!({"prefix": "k", "token": "t"}), required("uri")),
        (Some("vault/1"), json!({"uri": "http://v", "token": "t"}), required("prefix")),
        (Some("vault/1"), json!({"uri": "http://v", "prefix": "k"}), required("token")),
        (Some("vault/1"), json!([]), required("uri")),
        (Some("aws/1"), json!({"secret_access_key": "s"}), required("access_key_id")),
        (
            Some("aws/1"),
            json!({"access_key_id": 1, "secret_access_key": "s"}),
            r#"invalid configuration: property "access_key_id" validation failed: wrong type: expected string, got number"#
                .into(),
        ),
        (
            Some("vault/1"),
            json!({"uri": "v", "prefix": "k", "token": "t"}),
            r#"invalid configuration: property "uri" validation failed: failed to match pattern "^[^\\/]+:\\/\\/([\\da-zA-Z.-]+|\\[[\\da-fA-F:]+\\])(:\\d+)?" with "v""#
                .into(),
        ),
        (
            Some("gcp/1"),
            json!({}),
            "invalid configuration: value should match only one schema, but matches none".into(),
        ),
        (
            Some("gcp/1"),
            json!({"auth_config": account, "auth_file": "/f"}),
            "invalid configuration: value should match only one schema, but matches both schemas 1 and 2".into(),
        ),
        (
            Some("gcp/1"),
            json!({"auth_config": {}}),
            r#"invalid configuration: property "auth_config" validation failed: property "client_email" is required"#.into(),
        ),
        (Some("1"), vault.clone(), "invalid secret id: 1".into()),
        (None, vault.clone(), "invalid secret id: nil".into()),
        (Some("vault/a b"), vault, "invalid secret id: vault/a b".into()),
    ] {
        assert_eq!(say(Kind::Secret, id, &document), expected, "{id:?} {document}");
    }
}
