//! Bodies and what the Admin API says about them.

use serde_json::json;

use super::*;
use crate::fuzz::Sequence;
use crate::resource::{Manager, Resource};

mod other_kinds;
mod usages;

const PLUGINS: &str = r#"{
    "key-auth": {"version": 0.1, "priority": 2500, "type": "auth",
        "schema": {"type": "object", "properties": {"header": {"type": "string", "default": "apikey"},
            "_meta": {"type": "object", "properties": {"disable": {"type": "boolean"}, "filter": {"type": "array"},
                "pre_function": {"type": "string"}}}}},
        "consumer_schema": {"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]}},
    "limit-count": {"version": 0.1, "priority": 1002,
        "schema": {"type": "object", "properties": {"count": {"type": "integer", "exclusiveMinimum": 0}},
            "required": ["count"]},
        "metadata_schema": {"type": "object", "properties": {"limit": {"type": "integer"}}, "required": ["limit"],
            "additionalProperties": false}}}"#;
const STREAM_PLUGINS: &str = r#"{
    "mqtt-proxy": {"version": 0.1, "priority": 1000,
        "schema": {"type": "object", "properties": {"protocol_level": {"type": "integer"}},
            "required": ["protocol_level"]}}}"#;

/// Knows nothing of certificates but their names.
#[derive(Debug)]
struct ByName;

impl Contents for ByName {
    fn pair(&self, certificate: &str, key: Option<&str>) -> std::result::Result<(), BadPair> {
        if certificate.starts_with("bad") {
            return Err(BadPair::Certificate("no start line".to_owned()));
        }
        match key {
            Some(key) if key.starts_with("bad") => Err(BadPair::Key("no start line".to_owned())),
            Some(key) if !key.starts_with("---") => Err(BadPair::Sealed),
            _ => Ok(()),
        }
    }

    fn proto(&self, definition: &str) -> std::result::Result<(), String> {
        if definition.starts_with("syntax") { Ok(()) } else { Err("unexpected token".to_owned()) }
    }
}

fn say(kind: Kind, id: Option<&str>, document: &Value) -> String {
    let (catalog, stream) = (Catalog::parse(PLUGINS).unwrap(), Catalog::parse(STREAM_PLUGINS).unwrap());
    let checker = Checker::new(&catalog).with_stream_plugins(&stream).with_contents(&ByName);
    match checker.check_with(kind, id, document.clone(), |reference| match reference.id.as_str() {
        "zz" => reference.check(None),
        "server" => reference.check(Some(br#"{"type": "server"}"#)),
        "dubbo" => reference.check(Some(br#"{"protocol": {"name": "dubbo"}}"#)),
        _ => Ok(()),
    }) {
        Ok(()) => "ok".to_owned(),
        Err(invalid) => invalid.to_string(),
    }
}

/// A text as long as a certificate.
fn pem(name: &str) -> String {
    format!("---{name}{}", "x".repeat(128))
}

/// An id that a resource of the kind can have, when it must be said.
fn some_id(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::PluginMetadata => Some("key-auth"),
        Kind::Credential => Some("jack/credentials/1"),
        Kind::CostDecoration => Some("s/graphql_cost_decorations/1"),
        _ => None,
    }
}

/// A document that says the given and whatever else the kind needs.
fn with(kind: Kind, extra: &Value) -> Value {
    let mut document = match kind {
        Kind::Route => json!({"uri": "/hello", "upstream": {"nodes": {"127.0.0.1:8080": 1}}}),
        Kind::Service => json!({}),
        Kind::Upstream => json!({"nodes": {"127.0.0.1:8080": 1}}),
        Kind::Consumer => json!({"username": "jack"}),
        Kind::Ssl => json!({"sni": "a.com", "cert": pem("cert"), "key": pem("key")}),
        Kind::GlobalRule | Kind::PluginConfig | Kind::ConsumerGroup => json!({"id": "1", "plugins": {}}),
        Kind::Proto => json!({"content": "syntax"}),
        Kind::CostDecoration => json!({"field_path": "Query.products"}),
        Kind::Secret => json!({"id": "vault/1", "uri": "http://v", "prefix": "kv", "token": "t"}),
        Kind::Credential | Kind::PluginMetadata | Kind::StreamRoute => json!({}),
    };
    for (name, value) in extra.as_object().unwrap() {
        document[name] = value.clone();
    }
    document
}

fn table(kind: Kind, rows: &[(Value, &str)]) {
    for (extra, expected) in rows {
        let document = with(kind, extra);
        assert_eq!(say(kind, some_id(kind), &document), *expected, "{kind} {document}");
        if *expected == "ok" {
            let id = text_of(&document["id"]).unwrap_or_default();
            assert_eq!(Resource::read(kind, &id, &document).unwrap().kind(), kind, "{document}");
        }
    }
}

#[test]
fn routes() {
    table(
        Kind::Route,
        &[
            (json!({}), "ok"),
            (
                json!({"labels": {"env": "prod"}, "methods": ["GET"], "hosts": ["*.a.com", "[::1]"], "priority": 3.0}),
                "ok",
            ),
            (json!({"remote_addrs": ["10.0.0.0/8", "::1", "fe80::/10", "1.2.3.4"], "status": 0, "vars": []}), "ok"),
            (json!({"plugins": [], "labels": [], "vars": {}, "methods": {}}), "ok"),
            (json!({"timeout": {"connect": 1, "send": 0.5, "read": 60}, "desc": "", "enable_websocket": true}), "ok"),
            (
                json!({"uri": 1}),
                r#"invalid configuration: property "uri" validation failed: wrong type: expected string, got number"#,
            ),
            (
                json!({"uri": ""}),
                r#"invalid configuration: property "uri" validation failed: string too short, expected at least 1, got 0"#,
            ),
            (json!({"foo": 1}), "invalid configuration: additional properties forbidden, found foo"),
            (
                json!({"id": ""}),
                r#"invalid configuration: property "id" validation failed: object matches none of the required"#,
            ),
            (
                json!({"id": "a b"}),
                r#"invalid configuration: property "id" validation failed: object matches none of the required"#,
            ),
            (
                json!({"id": 0}),
                r#"invalid configuration: property "id" validation failed: object matches none of the required"#,
            ),
            (
                json!({"name": null}),
                r#"invalid configuration: property "name" validation failed: wrong type: expected string, got userdata"#,
            ),
            (
                json!({"labels": "x"}),
                r#"invalid configuration: property "labels" validation failed: wrong type: expected object, got string"#,
            ),
            (
                json!({"labels": {"env": ["a"]}}),
                r#"invalid configuration: property "labels" validation failed: failed to validate env (matching ".*"): wrong type: expected string, got table"#,
            ),
            (
                json!({"labels": {"env": "a b"}}),
                r#"invalid configuration: property "labels" validation failed: failed to validate env (matching ".*"): failed to match pattern "^\\S+$" with "a b""#,
            ),
            (
                json!({"methods": ["GET", "get"]}),
                r#"invalid configuration: property "methods" validation failed: failed to validate item 2: matches none of the enum values"#,
            ),
            (
                json!({"hosts": []}),
                r#"invalid configuration: property "hosts" validation failed: expect array to have at least 1 items"#,
            ),
            (
                json!({"host": "$a"}),
                r#"invalid configuration: property "host" validation failed: failed to match pattern "^\\*$|^\\*?[0-9a-zA-Z-._\\[\\]:]+$" with "$a""#,
            ),
            (
                json!({"remote_addr": "127.0.0.1/33"}),
                r#"invalid configuration: property "remote_addr" validation failed: object matches none of the required"#,
            ),
            (
                json!({"remote_addr": "::1/129"}),
                r#"invalid configuration: property "remote_addr" validation failed: object matches none of the required"#,
            ),
            (
                json!({"timeout": {"connect": 0, "send": 1, "read": 1}}),
                r#"invalid configuration: property "timeout" validation failed: property "connect" validation failed: expected 0 to be greater than 0"#,
            ),
            (
                json!({"status": 2}),
                r#"invalid configuration: property "status" validation failed: matches none of the enum values"#,
            ),
            (
                json!({"uris": ["/a"]}),
                "invalid configuration: allOf 1 failed: value should match only one schema, but matches both schemas 1 and 2",
            ),
            (json!({"host": "a", "hosts": ["b"]}), "only one of host or hosts is allowed"),
            (json!({"remote_addr": 1, "remote_addrs": null}), "only one of remote_addr or remote_addrs is allowed"),
            (
                json!({"host": false, "hosts": ["b"]}),
                r#"invalid configuration: property "host" validation failed: wrong type: expected string, got boolean"#,
            ),
            (
                json!({"script": "return {}  ", "plugins": {}}),
                "invalid configuration: value wasn't supposed to match schema",
            ),
            (
                json!({"upstream": {}}),
                r#"invalid configuration: property "upstream" validation failed: value should match only one schema, but matches none"#,
            ),
            (json!({"upstream": {"nodes": {"a:0": 1}}}), "invalid port 0"),
            (json!({"vars": [["a", "=", 1]]}), "failed to validate the 'vars' expression: invalid operator '='"),
            (
                json!({"filter_func": "function(vars) return true end"}),
                "failed to load 'filter_func' string: Lua is not supported",
            ),
            (json!({"script": "local _M = {} return _M"}), "failed to load 'script' string: Lua is not supported"),
        ],
    );
    assert_eq!(
        say(Kind::Route, None, &json!({"uri": "/"})),
        "invalid configuration: object matches none of the required: [\"plugins\",\"uri\"] or [\"upstream\",\"uri\"] or \
         [\"upstream_id\",\"uri\"] or [\"service_id\",\"uri\"] or [\"plugins\",\"uris\"] or [\"upstream\",\"uris\"] or \
         [\"upstream_id\",\"uris\"] or [\"service_id\",\"uris\"] or [\"script\",\"uri\"] or [\"script\",\"uris\"]"
    );
    assert_eq!(
        say(Kind::Route, None, &json!({"plugins": {}})),
        "invalid configuration: allOf 1 failed: value should match only one schema, but matches none"
    );
}

#[test]
fn services() {
    table(
        Kind::Service,
        &[
            (json!({}), "ok"),
            (
                json!({"upstream": {"nodes": [], "scheme": "grpc"}, "plugins": {"limit-count": {"count": 1}}, "hosts": ["a"]}),
                "ok",
            ),
            (json!({"uri": "/"}), "invalid configuration: additional properties forbidden, found uri"),
            (
                json!({"upstream_id": {}}),
                r#"invalid configuration: property "upstream_id" validation failed: object matches none of the required"#,
            ),
            (json!({"upstream_id": "zz"}), "failed to fetch upstream info by upstream id [zz], response code: 404"),
            (json!({"plugins": {"nope": {}}}), "unknown plugin [nope]"),
            (json!({"script": "return {} --"}), "failed to load 'script' string: Lua is not supported"),
        ],
    );
}

#[test]
fn upstreams() {
    let in_checks = r#"invalid configuration: property "checks" validation failed: "#;
    table(
        Kind::Upstream,
        &[
            (json!({"nodes": [{"host": "a", "port": 80, "weight": 0, "priority": -1, "metadata": {"a": 1}}]}), "ok"),
            (json!({"nodes": {}}), "ok"),
            (json!({"nodes": {"[::1]:80": 1, "a": 2.0, "::1": 1}, "retries": 0, "tls": {"verify": true}}), "ok"),
            (json!({"type": "least_conn", "keepalive_pool": {"size": 1}, "checks": {"active": {}}}), "ok"),
            (
                json!({"type": "whatever", "key": "x", "discovery_args": {"namespace_id": "n"}, "retry_timeout": 0}),
                "ok",
            ),
            (
                json!({"nodes": [{"host": "a"}]}),
                r#"invalid configuration: property "nodes" validation failed: object matches none of the required"#,
            ),
            (
                json!({"nodes": {"a:80": -1}}),
                r#"invalid configuration: property "nodes" validation failed: object matches none of the required"#,
            ),
            (json!({"nodes": {"a:65536": 1}}), "invalid port 65536"),
            (
                json!({"retries": -1}),
                r#"invalid configuration: property "retries" validation failed: expected -1 to be at least 0"#,
            ),
            (
                json!({"retry_timeout": -1}),
                r#"invalid configuration: property "retry_timeout" validation failed: expected -1 to be at least 0"#,
            ),
            (
                json!({"hash_on": "aaa"}),
                r#"invalid configuration: property "hash_on" validation failed: matches none of the enum values"#,
            ),
            (
                json!({"scheme": 1}),
                r#"invalid configuration: property "scheme" validation failed: matches none of the enum values"#,
            ),
            (
                json!({"service_name": "s", "discovery_type": "d"}),
                "invalid configuration: value should match only one schema, but matches both schemas 1 and 2",
            ),
            (json!({"pass_host": "rewrite"}), "`upstream_host` can't be empty when `pass_host` is `rewrite`"),
            (json!({"pass_host": "rewrite", "upstream_host": "a.com"}), "ok"),
            (json!({"type": "chash"}), "missing key"),
            (json!({"type": "chash", "hash_on": "header"}), "missing key"),
            (json!({"type": "chash", "hash_on": "consumer"}), "ok"),
            (json!({"type": "chash", "key": "remote_addr"}), "ok"),
            (json!({"type": "chash", "key": "arg_device-id"}), "ok"),
            (
                json!({"type": "chash", "key": "not_support"}),
                r#"invalid configuration: failed to match pattern "^((uri|server_name|server_addr|request_uri|remote_port|remote_addr|query_string|host|hostname|mqtt_client_id)|arg_[0-9a-zA-z_-]+)$" with "not_support""#,
            ),
            (
                json!({"type": "chash", "hash_on": "cookie", "key": "$#^@"}),
                r##"invalid configuration: failed to match pattern "^[a-zA-Z0-9-_]+$" with "$#^@""##,
            ),
            (json!({"type": "chash", "hash_on": "vars_combinations", "key": "$a $b"}), "ok"),
            (
                json!({"tls": {"client_cert": "x".repeat(128)}}),
                r#"invalid configuration: property "tls" validation failed: failed to validate dependent schema for "client_cert": property "client_key" is required"#,
            ),
            (json!({"tls": {"client_cert_id": "zz"}}), "failed to fetch ssl info by ssl id [zz], response code: 404"),
            (
                json!({"checks": {}}),
                &format!(r#"{in_checks}object matches none of the required: ["active"] or ["active","passive"]"#),
            ),
            (
                json!({"checks": {"active": {"healthy": {"successes": 255}}}}),
                &format!(
                    r#"{in_checks}property "active" validation failed: property "healthy" validation failed: property "successes" validation failed: expected 255 to be at most 254"#
                ),
            ),
            (
                json!({"checks": {"active": {"req_headers": ["a", 2]}}}),
                &format!(
                    r#"{in_checks}property "active" validation failed: property "req_headers" validation failed: failed to validate item 2: wrong type: expected string, got number"#
                ),
            ),
        ],
    );
}

#[test]
fn consumers() {
    let invalid = "invalid plugins configuration: ";
    table(
        Kind::Consumer,
        &[
            (json!({"plugins": {"key-auth": {"key": "k"}, "limit-count": {"count": 2}}, "desc": "d"}), "ok"),
            (
                json!({"username": "a.b"}),
                r#"invalid configuration: property "username" validation failed: failed to match pattern "^[a-zA-Z0-9_\\-]+$" with "a.b""#,
            ),
            (
                json!({"plugins": {"key-auth": {}}}),
                &format!(
                    r#"{invalid}failed to check the configuration of plugin key-auth err: property "key" is required"#
                ),
            ),
            (json!({"plugins": {"nope": {}}}), &format!("{invalid}unknown plugin [nope]")),
            (
                json!({"group_id": "zz"}),
                "failed to fetch consumer group info by consumer group id [zz], response code: 404",
            ),
        ],
    );
    assert_eq!(say(Kind::Consumer, None, &json!({})), r#"invalid configuration: property "username" is required"#);
    assert_eq!(say(Kind::Consumer, Some("jill"), &json!({"username": "jack"})), "wrong username");
    assert_eq!(say(Kind::Consumer, Some("jack"), &json!({"username": "jack"})), "ok");
}

#[test]
fn plugins() {
    let err = "failed to check the configuration of plugin limit-count err: ";
    let filter = json!({"_meta": {"filter": [["a", "=", 1]]}});
    for (plugins, expected) in [
        (json!({"key-auth": {}}), "ok".to_owned()),
        (json!({"key-auth": []}), "ok".to_owned()),
        (json!({"nope": {}}), "unknown plugin [nope]".to_owned()),
        (json!({"nope": "a/b"}), r#"invalid plugin conf "a\/b" for plugin [nope]"#.to_owned()),
        (json!({"key-auth": null}), "invalid plugin conf null for plugin [key-auth]".to_owned()),
        (json!({"limit-count": {}}), format!(r#"{err}property "count" is required"#)),
        (json!({"limit-count": [1]}), format!("{err}wrong type: expected object, got table")),
        (
            json!({"limit-count": {"count": 0}}),
            format!(r#"{err}property "count" validation failed: expected 0 to be greater than 0"#),
        ),
        (json!({"limit-count": {"_meta": {"disable": true}}}), "ok".to_owned()),
        (json!({"limit-count": {"_meta": {"disable": 1}}}), format!(r#"{err}property "count" is required"#)),
        (json!({"key-auth": {"_meta": {"filter": [["a", "==", 1]]}}}), "ok".to_owned()),
        (json!({"key-auth": filter}), "failed to validate the 'vars' expression: invalid operator '='".to_owned()),
        (
            json!({"key-auth": {"_meta": {"pre_function": "return f"}}}),
            "failed to load _meta.pre_function in plugin key-auth: Lua is not supported".to_owned(),
        ),
    ] {
        let document = with(Kind::Route, &json!({ "plugins": plugins }));
        assert_eq!(say(Kind::Route, None, &document), expected, "{document}");
    }
}

#[test]
fn the_order_of_checks() {
    // Each step takes away what is complained about first.
    let mut document = json!({
        "host": "a", "hosts": ["b"], "remote_addr": "x", "remote_addrs": [], "foo": 1, "uri": "/",
        "upstream": {"nodes": {"a:0": 1}, "pass_host": "rewrite", "tls": {"client_cert_id": "zz"}, "type": "chash"},
        "upstream_id": "zz", "service_id": "zz",
        "plugin_config_id": "zz", "plugins": {"nope": {}}, "vars": [["a"]]
    });
    for (expected, field) in [
        ("only one of host or hosts is allowed", "hosts"),
        ("only one of remote_addr or remote_addrs is allowed", "remote_addrs"),
        (
            r#"invalid configuration: property "remote_addr" validation failed: object matches none of the required"#,
            "remote_addr",
        ),
        ("invalid configuration: additional properties forbidden, found foo", "foo"),
        ("invalid port 0", "upstream.nodes"),
        ("failed to fetch ssl info by ssl id [zz], response code: 404", "upstream.tls"),
        ("`upstream_host` can't be empty when `pass_host` is `rewrite`", "upstream.pass_host"),
        ("missing key", "upstream"),
        ("failed to fetch upstream info by upstream id [zz], response code: 404", "upstream_id"),
        ("failed to fetch service info by service id [zz], response code: 404", "service_id"),
        ("failed to fetch plugin config info by plugin config id [zz], response code: 404", "plugin_config_id"),
        ("unknown plugin [nope]", "plugins"),
    ] {
        assert_eq!(say(Kind::Route, None, &document), expected);
        match field.strip_prefix("upstream.") {
            Some("nodes") => document["upstream"]["nodes"] = json!({"a:80": 1}),
            Some(inner) => drop(document["upstream"].as_object_mut().unwrap().shift_remove(inner)),
            None => drop(document.as_object_mut().unwrap().shift_remove(field)),
        }
    }
    document["service_id"] = json!(1);
    assert_eq!(say(Kind::Route, None, &document), "failed to validate the 'vars' expression: invalid expression");
    document.as_object_mut().unwrap().shift_remove("vars");
    assert_eq!(say(Kind::Route, None, &document), "ok");
}

#[test]
fn the_id_of_the_key_and_of_the_document_are_one() {
    let route = |id: Value| with(Kind::Route, &json!({ "id": id }));
    assert_eq!(say(Kind::Route, Some("1"), &route(json!(1))), "ok");
    assert_eq!(say(Kind::Route, Some("1"), &route(json!("2"))), "wrong route id");
    assert_eq!(say(Kind::Upstream, Some("1"), &with(Kind::Upstream, &json!({"id": [1]}))), "wrong upstream id");
    assert_eq!(
        say(Kind::Route, Some("a b"), &with(Kind::Route, &json!({}))),
        r#"invalid configuration: property "id" validation failed: object matches none of the required"#
    );
}

#[test]
fn what_is_no_object_is_refused() {
    for (document, got) in
        [(json!(null), "userdata"), (json!("a"), "string"), (json!(1), "number"), (json!([1]), "table")]
    {
        for &kind in Kind::all() {
            let expected = format!("invalid configuration: wrong type: expected object, got {got}");
            assert_eq!(say(kind, some_id(kind).or(Some("1")), &document), expected);
        }
    }
    assert_eq!(say(Kind::Service, Some("1"), &json!([])), "ok");
}

#[test]
fn references_are_found() {
    let route = json!({"upstream_id": 1, "service_id": "s", "plugin_config_id": 2.0,
        "upstream": {"tls": {"client_cert_id": "c"}}});
    let stream = json!({"upstream_id": 1, "service_id": "s", "protocol": {"name": "redis", "superior_id": 3},
        "upstream": {"tls": {"client_cert_id": "c"}}});
    for (kind, id, document, expected) in [
        (
            Kind::Route,
            "r",
            &route,
            vec![(Kind::Ssl, "c"), (Kind::Upstream, "1"), (Kind::Service, "s"), (Kind::PluginConfig, "2")],
        ),
        (Kind::Service, "s", &route, vec![(Kind::Ssl, "c"), (Kind::Upstream, "1")]),
        (Kind::Upstream, "u", &json!({"tls": {"client_cert_id": 9}}), vec![(Kind::Ssl, "9")]),
        (Kind::StreamRoute, "r", &stream, vec![(Kind::Upstream, "1"), (Kind::Service, "s"), (Kind::StreamRoute, "3")]),
        (Kind::Consumer, "jack", &json!({"group_id": "g"}), vec![(Kind::ConsumerGroup, "g")]),
        (Kind::Credential, "jack/credentials/c", &json!({}), vec![(Kind::Consumer, "jack")]),
        (Kind::GlobalRule, "1", &route, vec![]),
    ] {
        let found: Vec<_> = references(kind, Some(id), document).into_iter().map(|r| (r.kind(), r.id)).collect();
        let expected: Vec<_> = expected.into_iter().map(|(kind, id)| (kind, id.to_owned())).collect();
        assert_eq!(found, expected, "{kind}");
    }
    for &kind in Kind::all() {
        assert_eq!(references(kind, None, &json!({"upstream_id": null})), []);
        assert_eq!(references(kind, None, &json!("a")), []);
        for target in references(kind, Some("jack/credentials/1"), &route) {
            let place = |kind| Kind::all().iter().position(|other| *other == kind);
            assert!(place(target.kind()) < place(kind), "{kind} before {}", target.kind());
        }
    }
}

#[test]
fn schemas_are_whole() {
    for &kind in Kind::all() {
        assert_eq!(schema_document(kind)["type"], "object");
        assert!(check_schema(kind, &with(kind, &json!({}))).is_ok(), "{kind}");
    }
    for kind in [Kind::Route, Kind::Service, Kind::StreamRoute] {
        assert_eq!(schema_document(kind)["properties"]["upstream"], *schema_document(Kind::Upstream));
    }
    for manager in Manager::ALL {
        assert_eq!(secret_schema_document(manager)["type"], "object");
    }
    assert_eq!(
        check_schema(Kind::Route, &json!({"uri": 1})).unwrap_err().to_string(),
        r#"property "uri" validation failed: wrong type: expected string, got number"#
    );
}

#[test]
fn whatever_is_accepted_can_be_read() {
    let (catalog, stream) = (Catalog::parse(PLUGINS).unwrap(), Catalog::parse(STREAM_PLUGINS).unwrap());
    let mut sequence = Sequence::new();
    let mut accepted = std::collections::BTreeMap::new();
    for round in 0..40_000 {
        let kind = Kind::all()[round % Kind::all().len()];
        let manager = Manager::ALL[sequence.below(3)];
        let schema = if kind == Kind::Secret { secret_schema_document(manager) } else { schema_document(kind) };
        let mut document = sequence.sample(schema);
        if kind == Kind::Route && sequence.below(2) == 0 && document.is_object() {
            document["uri"] = json!("/");
            document["upstream"] = json!({"nodes": {"a": 1}});
            document.as_object_mut().unwrap().shift_remove("uris");
        }
        if kind == Kind::Ssl && sequence.below(2) == 0 && document.is_object() {
            document["sni"] = json!("a.com");
            document["cert"] = json!(pem("cert"));
            document["key"] = json!(pem("key"));
            document.as_object_mut().unwrap().shift_remove("snis");
        }
        if kind == Kind::Secret && document.get("uri").is_some() {
            document["uri"] = json!("http://v:8200");
        }
        let secret = Kind::Secret.join_id(manager.name(), "1");
        let id = if kind == Kind::Secret { Some(secret.as_str()) } else { some_id(kind) };
        let answer = Checker::new(&catalog).with_stream_plugins(&stream).check(kind, id, &document);
        references(kind, id, &document);
        if answer.is_ok() {
            *accepted.entry(kind).or_insert(0) += 1;
            let read = Resource::read(kind, id.unwrap_or(""), &document);
            read.unwrap_or_else(|error| panic!("{document}: {:?}", error.source));
        }
    }
    for &kind in Kind::all() {
        let count = accepted.get(&kind).copied().unwrap_or_default();
        // Metadata is what its plugin says: nearly nothing that is drawn.
        assert!(count > 100, "{kind}: {count}");
    }
}
