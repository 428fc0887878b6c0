use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::context::tests::with_snapshot;
use crate::plugin::State;
use crate::plugins::tests::{compile, decided, refused};
use crate::resource::Credential;

const FORBIDDEN: Option<(u16, &str)> = Some((403, "The consumer_name is forbidden."));

#[test]
fn requests_are_let_in_or_not() {
    let put = crate::compile::tests::put;
    let snapshot = crate::compile::tests::snapshot(vec![
        put("consumer_groups", "g", 1, &json!({"id": "g", "plugins": {}})),
        put("consumers", "jack", 1, &json!({"username": "jack", "group_id": "g"})),
        put("services", "s", 1, &json!({"id": "s"})),
        put("routes", "r", 1, &json!({"uri": "/", "service_id": "s"})),
    ]);
    let post = json!([{"user": "jack", "methods": ["POST"]}, {"user": "jack", "methods": ["GET"]}]);
    let unknown = "The request is rejected, please check the consumer_name for this request";
    let cases = [
        (json!({"whitelist": ["jack"]}), "jack", None),
        (json!({"whitelist": ["rose"]}), "jack", FORBIDDEN),
        (json!({"blacklist": ["jack"]}), "jack", FORBIDDEN),
        (json!({"blacklist": ["rose"]}), "jack", None),
        (json!({"blacklist": ["jack"], "whitelist": ["jack"]}), "jack", FORBIDDEN),
        (json!({"allowed_by_methods": post}), "jack", FORBIDDEN),
        (json!({"allowed_by_methods": [{"user": "jack", "methods": ["GET"]}]}), "jack", None),
        (json!({"allowed_by_methods": [{"user": "rose", "methods": ["POST"]}]}), "jack", None),
        (json!({"allowed_by_methods": [{"user": "jack"}]}), "jack", FORBIDDEN),
        (json!({"allowed_by_methods": post, "whitelist": ["jack"]}), "jack", None),
        (json!({"allowed_by_methods": [{"user": "jack", "methods": ["GET"]}], "whitelist": ["x"]}), "jack", FORBIDDEN),
        (json!({"whitelist": ["jack"]}), "", Some((401, unknown))),
        (json!({"blacklist": ["jack"], "rejected_code": 418, "rejected_msg": "no"}), "jack", Some((418, "no"))),
        (json!({"type": "consumer_group_id", "whitelist": ["g"]}), "jack", None),
        (
            json!({"type": "consumer_group_id", "blacklist": ["g"]}),
            "jack",
            Some((403, "The consumer_group_id is forbidden.")),
        ),
        (json!({"type": "route_id", "whitelist": ["r"]}), "", None),
        (json!({"type": "route_id", "blacklist": ["r"]}), "", Some((403, "The route_id is forbidden."))),
        (json!({"type": "service_id", "whitelist": ["s"]}), "", None),
        (json!({"type": "service_id", "whitelist": ["r"]}), "", Some((403, "The service_id is forbidden."))),
    ];
    for (config, consumer, expected) in cases {
        let plugin = compile::<ConsumerRestriction>(config.clone(), &State::default()).unwrap();
        with_snapshot(http::Request::get("/").header("host", "h"), &snapshot, |context| {
            context.route = context.snapshot.routes.get(b"r").map(|route| &**route);
            let consumer = context.snapshot.consumer(consumer);
            context.credential = consumer.map(|consumer| Arc::new(Credential { consumer, id: None, proof: None }));
            let answer = decided(plugin.access(context)).map(|answer| (answer.status.as_u16(), answer.body));
            let expected = expected.map(|(code, text)| (code, json!({ "message": text }).to_string().into()));
            assert_eq!(answer, expected, "{config}");
        });
    }
}

#[test]
fn nonsense_is_refused() {
    refused::<ConsumerRestriction>(&[
        (json!({}), "object matches none of the required"),
        (json!({"whitelist": []}), "property \"whitelist\" validation failed"),
        (json!({"whitelist": [1]}), "property \"whitelist\" validation failed"),
        (json!({"type": "other", "whitelist": ["a"]}), "property \"type\" validation failed"),
        (json!({"whitelist": ["a"], "rejected_code": 199}), "property \"rejected_code\" validation failed"),
        (json!({"whitelist": ["a"], "rejected_code": 1000}), "rejected_code must be"),
        (json!({"allowed_by_methods": [{"methods": []}]}), "property \"allowed_by_methods\" validation failed"),
        (json!({"allowed_by_methods": [{"methods": ["get"]}]}), "property \"allowed_by_methods\" validation failed"),
    ]);
}
