use std::time::Duration;

use super::*;
use crate::attempts::Earlier;
use crate::context::tests::with_context;

fn summary() -> Summary {
    Summary {
        latency: Duration::from_millis(12),
        upstream_latency: Some(Duration::from_millis(10)),
        received: 3,
        sent: 5,
        node: None,
        last_attempt: None,
        earlier: Earlier::default(),
    }
}

#[test]
fn the_own_form_has_the_fields_of_apisix() {
    let head = http::Request::post("/%61//b%20c?x=1&x=%32&y=3&z")
        .header("host", "H:9080")
        .header("x-a", "1")
        .header("x-a", "2");
    with_context(head, |context| {
        let (parts, ()) = http::Response::builder().status(201).header("x-r", "r").body(()).unwrap().into_parts();
        let entry = Draft::full(context, &parts).finish(&summary(), &Bodies::default());
        assert_eq!(
            entry["request"],
            json!({"url": "http://h:9080/a/b c?x=1&x=%32&y=3&z", "uri": "/a/b c?x=1&x=%32&y=3&z", "method": "POST",
                   "size": 3, "headers": {"host": "H:9080", "x-a": ["1", "2"]},
                   "querystring": {"x": ["1", "2"], "y": "3", "z": true}})
        );
        assert_eq!(entry["response"], json!({"status": 201, "headers": {"x-r": "r"}, "size": 5}));
        assert_eq!((&entry["route_id"], &entry["service_id"]), (&json!("no-matched"), &json!("h")));
        assert_eq!(entry["client_ip"], "192.0.2.7");
        assert_eq!((&entry["latency"], &entry["upstream_latency"]), (&json!(12.0), &json!(10.0)));
        assert_eq!(entry["apisix_latency"], 2.0);
        assert!(entry.get("upstream").is_none());
    });
}

#[test]
fn a_format_has_the_fields_of_one_s_choice() {
    let format = json!({"host": "$host", "fixed": "x", "n": 1, "none": "$arg_none", "time": "$request_time",
        "status": "$status", "body": "$request_body", "in": {"a": "$arg_a", "sent": "$bytes_sent", "b": "$resp_body"}});
    let format = Format::compile(format.as_object().unwrap());
    assert!(format.wants_body(Side::Request) && format.wants_body(Side::Response));
    let bodies = |request: Option<&str>, response: Option<&str>| Bodies {
        request: request.map(Into::into),
        response: response.map(Into::into),
    };
    let usual = json!({"host": "h", "fixed": "x", "n": 1, "time": 0.012, "status": 200, "route_id": "no-matched",
        "in": {"a": "1", "sent": 5, "b": ""}});
    let mut both = usual.clone();
    (both["body"], both["in"]["b"]) = (json!("b"), json!("r"));
    for (bodies, expected) in [(bodies(None, None), usual), (bodies(Some("b"), Some("r")), both)] {
        with_context(http::Request::get("/?a=1").header("host", "h"), |context| {
            context.status = Some(http::StatusCode::OK);
            assert_eq!(format.draft(context).finish(&summary(), &bodies), expected);
        });
    }
}

#[test]
fn a_route_of_one_s_own_stays_where_there_is_none() {
    let cases = [("$arg_a", "1"), ("own", "own"), ("$arg_none", "no-matched")];
    for (text, expected) in cases {
        let format = Format::compile(json!({ "route_id": text }).as_object().unwrap());
        with_context(http::Request::get("/?a=1").header("host", "h"), |context| {
            let entry = format.draft(context).finish(&summary(), &Bodies::default());
            assert_eq!(entry, json!({ "route_id": expected }), "{text}");
        });
    }
}
