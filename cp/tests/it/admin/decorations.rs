//! What parts of a service's GraphQL schema cost: the resource that stands below services.

use serde_json::{Value, json};

use super::{error, run};
use crate::plane::Plane;

#[tokio::test(flavor = "multi_thread")]
async fn they_belong_to_a_service() {
    let plane = Plane::new().await;
    let all = "/services/s/graphql_cost_decorations";
    let one = "/services/s/graphql_cost_decorations/d1";
    let key = "/apisix/services/s/graphql_cost_decorations/d1";
    let missing = || json!({"message": "Key not found"});
    let path = |path: &str| json!({ "field_path": path });
    let stored = |more: Value| {
        let mut value = json!({"field_path": "Query.a", "service_id": "s", "id": "d1"});
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"key": key, "value": value})
    };
    let decorated = "field_path Query.a is already decorated on this service by [d1]";
    run(
        &plane,
        vec![
            ("PUT", one, path("Query.a"), 404, error("service not found")),
            ("PUT", "/services/s", json!({}), 201, Value::Null),
            ("PUT", "/services/t", json!({}), 201, Value::Null),
            ("GET", all, Value::Null, 404, missing()),
            ("GET", one, Value::Null, 404, missing()),
            ("PUT", one, path("Query.a"), 201, stored(json!({}))),
            ("PUT", one, json!({"field_path": "Query.a", "service_id": "s"}), 200, stored(json!({}))),
            ("PUT", one, Value::Null, 400, error("invalid configuration")),
            ("PUT", one, json!({}), 400, error("invalid configuration: property \"field_path\" is required")),
            ("PUT", one, json!({"field_path": "a b"}), 400, Value::Null),
            (
                "PUT",
                one,
                json!({"field_path": "a", "service_id": "t"}),
                400,
                error("wrong service_id, it is taken from the path"),
            ),
            ("PUT", "/services/s/graphql_cost_decorations/d2", path("Query.a"), 400, error(decorated)),
            ("POST", all, path("Query.a"), 400, error(decorated)),
            ("PUT", all, json!({"id": "d3", "field_path": "Query.c"}), 201, Value::Null),
            ("PUT", "/services/t/graphql_cost_decorations/d1", path("Query.a"), 201, Value::Null),
            ("PATCH", one, json!({"mul_value": 3}), 200, stored(json!({"mul_value": 3}))),
            ("PATCH", one, json!({"service_id": "t"}), 400, error("service_id can not be patched")),
            ("PATCH", one, json!({"field_path": "Query.c"}), 400, Value::Null),
            ("PATCH", one, json!(1), 400, error("invalid configuration")),
            ("GET", "/graphql_cost_decorations", Value::Null, 400, error("missing service id")),
            ("PUT", "/graphql_cost_decorations/x", path("a"), 400, error("missing service id")),
            ("GET", "/schema/graphql_cost_decoration", Value::Null, 200, Value::Null),
            ("DELETE", all, Value::Null, 400, error("missing graphql cost decoration id")),
            ("DELETE", "/services/t/graphql_cost_decorations/d9", Value::Null, 404, missing()),
        ],
    )
    .await;
    let made = plane.expect("POST", "/apisix/admin/services/s/graphql_cost_decorations", path("Query.b"), 201).await;
    let id = format!("{:020}", plane.head().await);
    assert_eq!(made["key"], format!("/apisix{all}/{id}"));
    assert_eq!((&made["value"]["id"], &made["value"]["service_id"]), (&json!(id), &json!("s")));
    let list = plane.expect("GET", &format!("/apisix/admin{all}"), Value::Null, 200).await;
    assert_eq!(list["total"], 3);
    assert_eq!(plane.expect("GET", "/apisix/admin/services", Value::Null, 200).await["total"], 2);

    // A service goes with its decorations, and an export takes them along.
    let export = plane.expect("GET", "/api/export", Value::Null, 200).await;
    assert_eq!(export["graphql_cost_decorations"].as_array().unwrap().len(), 4);
    let before = plane.head().await;
    plane.expect("DELETE", "/apisix/admin/services/s", Value::Null, 200).await;
    assert_eq!(plane.events(1).await[0]["changes"].as_array().unwrap().len(), 4);
    run(&plane, vec![("GET", all, Value::Null, 404, missing())]).await;
    assert_eq!(plane.head().await, before + 1);
    plane.expect("POST", "/api/apply", export, 200).await;
    run(&plane, vec![("GET", one, Value::Null, 200, Value::Null)]).await;
    // Without the service they can't stay, though the state does not name them.
    plane.expect("POST", "/api/apply", json!({"services": []}), 200).await;
    run(&plane, vec![("GET", one, Value::Null, 404, missing())]).await;
}
