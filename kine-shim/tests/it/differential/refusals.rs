//! What is said about requests that are none: the same words over the JSON gateway.

use super::step::as_in_3_5;
use super::{Both, Face};
use crate::json::{self, Dice};

/// Bodies for `kv/range`, beside those in `gateway/json/tests.rs`.
const BODIES: &[&str] = &[
    "",
    " ",
    "{",
    "[]",
    "\"x\"",
    "12",
    "null",
    "true",
    "nul",
    "{\"key\":1}",
    "{\"key\":\"a\"}",
    "{\"key\":\"YQ==\"}",
    "{\"key\":\"YQ==\"} {",
    "{\"key\":\"YQ=\",\"limit\":\"x\"}",
    "{\"key\":\"YQ\"}",
    "{\"key\":\"YQ==YQ==\"}",
    "{\"key\":\"Y\\nQ\\r\\n==\\n\"}",
    "{\"key\":\"Y===\"}",
    "{\"key\":\"YWJ=\"}",
    "{\"key\":\"YWI=\\n\\n\"}",
    "{\"key\":\"Y Q==\"}",
    "{\"key\":\"_-==\"}",
    "{\"key\":[97]}",
    "{\"key\":[97,null]}",
    "{\"key\":[256]}",
    "{\"key\":[\"a\"]}",
    "{\"key\":{}}",
    "{\"key\":true}",
    "{\"key\":null}",
    "{\"key\":\"YQ==\",\"limit\":2.0}",
    "{\"key\":\"YQ==\",\"limit\":1e2}",
    "{\"key\":\"YQ==\",\"limit\":-0}",
    "{\"key\":\"YQ==\",\"limit\":\"2.0\"}",
    "{\"key\":\"YQ==\",\"limit\":\" 2 \"}",
    "{\"key\":\"YQ==\",\"limit\":\"2 3\"}",
    "{\"key\":\"YQ==\",\"limit\":\"\\u0032\"}",
    "{\"key\":\"YQ==\",\"limit\":\"null\"}",
    "{\"key\":\"YQ==\",\"limit\":\"true\"}",
    "{\"key\":\"YQ==\",\"limit\":\"\"}",
    "{\"key\":\"YQ==\",\"limit\":[]}",
    "{\"key\":\"YQ==\",\"limit\":{}}",
    "{\"key\":\"YQ==\",\"limit\":false}",
    "{\"key\":\"YQ==\",\"limit\":9223372036854775807}",
    "{\"key\":\"YQ==\",\"limit\":9223372036854775808}",
    "{\"key\":\"YQ==\",\"revision\":-9223372036854775808}",
    "{\"key\":\"YQ==\",\"serializable\":\"true\"}",
    "{\"key\":\"YQ==\",\"serializable\":1}",
    "{\"key\":\"YQ==\",\"serializable\":null}",
    "{\"key\":\"YQ==\",\"sort_order\":\"DESCEND\",\"sortTarget\":\"MOD\"}",
    "{\"key\":\"YQ==\",\"sort_order\":null}",
    "{\"key\":\"YQ==\",\"key\":\"Yg==\"}",
    "{\"range_end\":\"Yg==\",\"rangeEnd\":\"Yw==\",\"key\":\"YQ==\"}",
    "{\"range_end\":\"Yg==\",\"rangeEnd\":null,\"key\":\"YQ==\"}",
    "{\"KEY\":\"YQ==\",\"Limit\":\"x\"}",
    "{\"\\u006bey\":\"YQ==\"}",
    "{\"key\":\"YQ==\",}",
    "{\"key\" \"a\"}",
    "{\"key\":tru}",
    "{\"key\":-}",
    "{\"key\":1.}",
    "{\"key\":1.5e}",
    "{\"key\":01}",
    "{'a'}",
    "{\"key\":\"\\q\"}",
    "{\"key\":\"\\u00g0\"}",
    "{\"a\":[1 2]}",
    "{\"a\":[1,]}",
    "{]",
    "é",
    "\u{7f}",
    "\u{1}",
    "{\"key\":\"\t\"}",
];

async fn same(both: &Both, path: &str, body: &[u8]) {
    let (ours, theirs) = tokio::join!(json::post(&both.our_json, path, body), json::post(&both.their_json, path, body));
    let shown = String::from_utf8_lossy(body);
    let theirs = as_in_3_5((theirs.0, json::stripped(&theirs.1)));
    assert_eq!((ours.0, json::stripped(&ours.1)), theirs, "{path} {shown}");
}

#[tokio::test]
async fn requests_that_are_none() {
    let both = Both::over(Face::Json).await;
    for body in BODIES {
        same(&both, "/v3/kv/range", body.as_bytes()).await;
        same(&both, "/v3beta/kv/range", body.as_bytes()).await;
    }
    for (path, body) in [
        ("/v3/kv/put", "{\"lease\":\"x\"}"),
        ("/v3/kv/put", "{\"key\":\"YQ==\",\"lease\":1}"),
        ("/v3/kv/txn", "{\"compare\":{}}"),
        // A null in this list ends the connection: etcd 3.4 panics.
        ("/v3/kv/txn", "{\"compare\":[1]}"),
        ("/v3/kv/txn", "{\"success\":[{}]}"),
        ("/v3/kv/txn", "{\"success\":[{\"request_put\":null}]}"),
        ("/v3/kv/txn", "{\"success\":[{\"request_put\":{}}]}"),
        ("/v3/kv/compaction", ""),
        ("/v3/lease/revoke", ""),
        ("/v3/lease/keepalive", "{\"ID\":\"4711\"}"),
        ("/v3/lease/keepalive", ""),
        ("/v3/lease/keepalive", "{\"ID\":1} {\"ID\":2}{\"ID\":\"3\"}"),
        ("/v3/lease/keepalive", "{\"ID\":1} x {\"ID\":2}"),
        ("/v3/lease/keepalive", "x"),
        ("/v3/lease/keepalive", "{\"ID\":1.5}"),
        ("/v3/watch", "{\"create_request\":{\"key\":1}}"),
        ("/v3/watch", "nonsense"),
        ("/v3/nothing", "{}"),
        ("/v3/kv/range/", "{}"),
        ("/v3/", "{}"),
        ("/nothing", "{}"),
    ] {
        same(&both, path, body.as_bytes()).await;
    }
}

/// One byte of a good request wrong, over and over.
#[tokio::test]
async fn requests_that_are_almost_some() {
    let both = Both::over(Face::Json).await;
    let good = br#"{"key":"YQ==","range_end":"Yg==","limit":"3","serializable":false,"keys_only":null,"x":[1,{}]}"#;
    let mut dice = Dice(0x0a11);
    for _ in 0..400 {
        let mut body = good.to_vec();
        let at = dice.roll(body.len());
        match dice.roll(3) {
            0 => body[at] = u8::try_from(dice.roll(256)).unwrap(),
            1 => body.truncate(at),
            _ => body.insert(at, b"{}[]\",:\\0123456789eE+-.ntf \n"[dice.roll(28)]),
        }
        same(&both, "/v3/kv/range", &body).await;
    }
}
