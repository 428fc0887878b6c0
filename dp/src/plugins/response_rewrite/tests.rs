use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::context::tests::with_context;
use crate::plugin::State;
use crate::plugins::tests::{body_of, compile, filtered, refused};

fn plugin(config: Value) -> ResponseRewrite {
    compile(config.clone(), &State::default()).unwrap_or_else(|error| panic!("{config}: {error}"))
}

fn ok() -> http::Response<()> {
    http::Response::new(())
}

#[test]
fn bodies_are_replaced_or_changed() {
    let filter = |more: Value| {
        let mut filter = json!({"regex": "ab?", "replace": "<$0>"});
        filter.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"filters": [filter]})
    };
    let cases = [
        (json!({"body": "new"}), "new"),
        (json!({"body": ""}), ""),
        (json!({"body": "bmV3", "body_base64": true}), "new"),
        (filter(json!({})), "x<ab>y a AB"),
        (filter(json!({"scope": "global"})), "x<ab>y <a> AB"),
        (filter(json!({"scope": "global", "options": "ijo"})), "x<ab>y <a> <AB>"),
        (json!({"filters": [{"regex": "x(.*)y", "replace": "$1"}, {"regex": "^ab", "replace": "$$"}]}), "$ a AB"),
        (json!({"status_code": 201}), "xaby a AB"),
        (json!({"body": "new", "vars": [["status", "==", 500]]}), "xaby a AB"),
        (json!({"body": "new", "vars": [["status", "==", 200]]}), "new"),
    ];
    for (config, expected) in cases {
        // A match may span two pieces.
        assert_eq!(body_of(&plugin(config.clone()), ok(), &["xa", "by a", " AB"]), expected, "{config}");
    }
}

#[test]
fn a_body_beyond_the_limit_keeps_its_rest() {
    let config = json!({"filters": [{"regex": "a", "replace": "b", "scope": "global"}], "max_resp_body_size": 5});
    assert_eq!(body_of(&plugin(config), ok(), &["aaa", "aaaa", "aa"]), "bbbbbaaaa");
}

#[test]
fn compressed_bodies_are_read() {
    let plugin = plugin(json!({"filters": [{"regex": "secret", "replace": "public"}]}));
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(b"a secret word").unwrap();
    let packed = encoder.finish().unwrap();
    let response = |encoding: &str| http::Response::builder().header("content-encoding", encoding).body(()).unwrap();
    with_context(http::Request::get("/").header("host", "h"), |context| {
        let mut head = filtered(&plugin, context, response("gzip"));
        assert!(head.headers.is_empty(), "what goes on is not compressed");
        let mut filter = plugin.body_filter(context, &mut head).unwrap();
        let mut out = Vec::new();
        for piece in packed.chunks(5) {
            out.extend_from_slice(&filter.piece(Bytes::copy_from_slice(piece)));
        }
        out.extend_from_slice(&filter.end());
        assert_eq!(out, b"a public word");

        let mut head = filtered(&plugin, context, response("br"));
        assert_eq!(head.headers[CONTENT_ENCODING], "br");
        assert!(plugin.body_filter(context, &mut head).is_none(), "a body that cannot be read passes as it is");
    });
}

#[test]
fn status_and_headers_are_changed() {
    let cases = [
        (json!({"status_code": 418}), 418, vec!["etag: 1", "x-a: 1"]),
        (json!({"body": "b"}), 200, vec!["x-a: 1"]),
        (json!({"headers": {"x-a": "2", "x-n": 3}}), 200, vec!["etag: 1", "x-a: 2", "x-n: 3"]),
        (json!({"headers": {"add": ["x-a: 2", "x-h: $host"]}}), 200, vec!["etag: 1", "x-a: 1", "x-a: 2", "x-h: h"]),
        (json!({"headers": {"set": {"x-s": "$status"}, "remove": ["X-A"]}}), 200, vec!["etag: 1", "x-s: 200"]),
        (json!({"headers": {"x-a": "2"}, "vars": [["arg_a", "==", "1"]]}), 200, vec!["etag: 1", "x-a: 1"]),
    ];
    for (config, status, expected) in cases {
        let response = http::Response::builder().header("x-a", "1").header("etag", "1").body(()).unwrap();
        with_context(http::Request::get("/").header("host", "h"), |context| {
            let head = filtered(&plugin(config.clone()), context, response);
            let mut shown: Vec<_> = head.headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
            shown.sort();
            assert_eq!(
                (head.status.as_u16(), shown),
                (status, expected.iter().map(ToString::to_string).collect()),
                "{config}"
            );
        });
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    refused::<ResponseRewrite>(&[
        (json!({"status_code": 199}), "property \"status_code\""),
        (json!({"status_code": 599}), "property \"status_code\""),
        (json!({"body": "a", "filters": [{"regex": "a", "replace": "b"}]}), ""),
        (json!({"body": "%", "body_base64": true}), "invalid base64 content"),
        (json!({"body_base64": true}), "invalid base64 content"),
        (json!({"filters": []}), "property \"filters\""),
        (json!({"filters": [{"regex": "a"}]}), "property \"filters\""),
        (json!({"filters": [{"regex": "(", "replace": ""}]}), "regex \"(\" validation failed"),
        (
            json!({"filters": [{"regex": "a", "replace": "", "options": "h"}]}),
            "regex \"a\" validation failed: unknown flag",
        ),
        (json!({"headers": {"add": ["no colon"]}}), "property \"headers\""),
        (json!({"vars": [["a", "??", 1]]}), "failed to validate the 'vars' expression"),
    ]);
}
