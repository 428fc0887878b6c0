use http::request::Builder;

use super::*;
use crate::context::tests::with_context;
use crate::plugin::State;
use crate::plugins::tests::{compile, decided, refused};

/// The target that the upstream sees, or the status of a refusal.
fn target(config: &Value, uri: &str) -> Result<String, u16> {
    let plugin = compile::<ProxyRewrite>(config.clone(), &State::default()).unwrap();
    with_context(http::Request::get(uri).header("host", "h"), |context| {
        if let Some(answer) = decided(plugin.rewrite(context)) {
            return Err(answer.status.as_u16());
        }
        Ok(context.upstream_target.as_ref().map_or_else(|| raw_target(context).to_owned(), ToString::to_string))
    })
}

#[test]
fn the_upstream_gets_the_new_path() {
    let cases = [
        (json!({"uri": "/new"}), "/old?x=1", "/new?x=1"),
        (json!({"uri": "/new?y=2"}), "/old?x=1", "/new?y=2&x=1"),
        (json!({"uri": "/n$uri"}), "/a%20b", "/n/a%20b"),
        (json!({"uri": "/$arg_p/x"}), "/?p=a%3Fb", "/a%253Fb/x?p=a%3Fb"),
        (json!({"uri": "/$host"}), "/old", "/h"),
        (json!({"regex_uri": ["^/v1/(.*)/(.*)$", "/$2/$1"]}), "/v1/a/b?q", "/b/a?q"),
        (json!({"regex_uri": ["^/x", "/y"]}), "/v1?q", "/v1?q"),
        (json!({"regex_uri": ["^/x", "/y", "^/v(.)", "/z$1"]}), "/v1", "/z1"),
        (json!({"regex_uri": ["^/(.*)$", "/s?path=$1"]}), "/a?b=1", "/s?path=a&b=1"),
        (json!({"regex_uri": ["^/(.*)$", "/s/$1"]}), "/a%3Fb", "/s/a%3Fb"),
        (json!({"regex_uri": [r"^/([\s\S]*)$", "/s/$1"]}), "/a%0Ab", "/s/a%0Ab"),
        (json!({"regex_uri": ["^/a/(.*)$", "/$1"]}), "/a/%E2%82%AC", "/%E2%82%AC"),
        (json!({"use_real_request_uri_unsafe": true}), "/a%20b/../c?x", "/a%20b/../c?x"),
        (json!({"use_real_request_uri_unsafe": true, "uri": "/n"}), "/a?x", "/n?x"),
        (json!({"use_real_request_uri_unsafe": true, "uri": "/n?y"}), "/a?x", "/n?y&x"),
        (json!({"use_real_request_uri_unsafe": true, "regex_uri": ["^/a/(.*)$", "/$1"]}), "/a/%2e?x", "/%2e?x"),
        (json!({"method": "POST"}), "/a%20b", "/a%20b"),
    ];
    for (config, uri, expected) in cases {
        assert_eq!(target(&config, uri).as_deref(), Ok(expected), "{config} {uri}");
    }
    assert_eq!(target(&json!({"regex_uri": ["^/", ""]}), "/a"), Err(400), "a target without its slash");
}

#[test]
fn headers_are_added_set_and_removed() {
    let head = || http::Request::get("/v1/jack?n=7").header("host", "h").header("x-a", "1").header("x-b", "1");
    let cases: [(Value, Builder, &[&str]); 7] = [
        (json!({"x-a": "2", "x-n": 5}), head(), &["x-a: 2", "x-b: 1", "x-n: 5"]),
        (json!({"add": {"x-a": "2"}}), head(), &["x-a: 1", "x-a: 2", "x-b: 1"]),
        (json!({"add": {"x-c": ["1", 2]}}), head(), &["x-a: 1", "x-b: 1", "x-c: 1", "x-c: 2"]),
        (json!({"set": {"x-a": ["8", "9"]}}), head(), &["x-a: 8", "x-a: 9", "x-b: 1"]),
        (json!({"set": {"x-a": "$arg_n"}, "remove": ["X-B"]}), head(), &["x-a: 7"]),
        (json!({"set": {"x-a": "2"}, "remove": ["X-A"]}), head(), &["x-b: 1"]),
        (json!({"set": {"x-u": "$1-$2"}}), head(), &["x-a: 1", "x-b: 1", "x-u: jack-"]),
    ];
    for (headers, head, expected) in cases {
        let config = json!({"headers": headers, "regex_uri": ["^/v1/(.*)$", "/$1"]});
        let plugin = compile::<ProxyRewrite>(config, &State::default()).unwrap();
        with_context(head, |context| {
            assert!(decided(plugin.rewrite(context)).is_none());
            let all = context.request.parts.headers.iter().filter(|(name, _)| *name != "host");
            let mut shown: Vec<_> = all.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
            shown.sort();
            assert_eq!(shown, expected, "{headers}");
        });
    }
}

#[test]
fn host_and_method_are_the_new_ones() {
    let plugin = compile::<ProxyRewrite>(json!({"host": "inner:81", "method": "PROPFIND"}), &State::default()).unwrap();
    with_context(http::Request::get("/").header("host", "h"), |context| {
        assert!(decided(plugin.rewrite(context)).is_none());
        assert_eq!(context.upstream_host.as_ref().unwrap(), "inner:81");
        assert_eq!(context.request.parts.method.as_str(), "PROPFIND");
        assert_eq!(context.request.host(), "h", "routing and plugins still see the client's");
    });
}

#[test]
fn what_makes_no_sense_is_refused() {
    refused::<ProxyRewrite>(&[
        (json!({"uri": "new"}), "property \"uri\""),
        (json!({"method": "GETS"}), "property \"method\""),
        (json!({"host": "a/b"}), "property \"host\""),
        (json!({"headers": {}}), "property \"headers\""),
        (json!({"headers": {"set": {}}}), "property \"headers\""),
        (json!({"headers": {"set": {"a": true}}}), "property \"headers\""),
        (json!({"headers": {"a b": "c"}}), "\"a b\" cannot name a header"),
        (json!({"regex_uri": ["a", "b", "c"]}), "The length of regex_uri should be an even number"),
        (json!({"regex_uri": ["(", "b"]}), "invalid regex_uri"),
    ]);
}
