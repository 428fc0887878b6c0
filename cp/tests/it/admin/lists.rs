//! Lists: order, paging, filters.

use serde_json::{Value, json};

use super::{run, upstream};
use crate::plane::Plane;

/// The ids of a list, and its total.
async fn ids(plane: &Plane, path: &str) -> (Vec<String>, u64) {
    let list = plane.expect("GET", &format!("/apisix/admin{path}"), Value::Null, 200).await;
    let id = |item: &Value| item["value"]["id"].as_str().unwrap().to_owned();
    (list["list"].as_array().unwrap().iter().map(id).collect(), list["total"].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn filters() {
    let plane = Plane::new().await;
    run(
        &plane,
        vec![
            ("PUT", "/upstreams/u", upstream(), 201, Value::Null),
            (
                "PUT",
                "/routes/1",
                json!({"name": "foo-1", "uri": "/a/b", "upstream_id": "u", "labels": {"env": "x"}}),
                201,
                Value::Null,
            ),
            ("PUT", "/routes/2", json!({"name": "foo-2", "uris": ["/c", "/d"], "upstream_id": "u"}), 201, Value::Null),
            (
                "PUT",
                "/routes/3",
                json!({"uri": "/e", "upstream": upstream(), "labels": {"env": "y", "k": "env"}}),
                201,
                Value::Null,
            ),
        ],
    )
    .await;
    for (query, expected) in [
        ("", &["1", "2", "3"][..]),
        ("?name=foo", &["1", "2"]),
        ("?name=2$", &["2"]),
        ("?name=nil", &[]),
        ("?name=n", &[]),
        ("?name=(", &[]),
        ("?name=", &["1", "2"]),
        ("?label=env", &["1", "3"]),
        ("?label=x", &[]),
        ("?uri=^/[cd]$", &["2"]),
        ("?uri=/", &["1", "2", "3"]),
        ("?uri=/a&label=env&name=foo", &["1"]),
        ("?filter=upstream_id%3Du", &["1", "2"]),
        ("?filter=upstream_id%3Du%26service_id%3Ds", &[]),
        ("?filter=name%3Dfoo", &["1", "2", "3"]),
        ("?unknown=1", &["1", "2", "3"]),
    ] {
        let (got, total) = ids(&plane, &format!("/routes{query}")).await;
        assert_eq!(
            (got, total),
            (expected.iter().map(ToString::to_string).collect(), expected.len() as u64),
            "{query}"
        );
    }
    // Only routes know the parameter `filter`.
    assert_eq!(ids(&plane, "/upstreams?filter=upstream_id%3Dx").await.1, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn paging() {
    let plane = Plane::new().await;
    // Made in an order that is not that of their keys.
    for i in (0..25).rev() {
        plane.expect("PUT", &format!("/apisix/admin/services/s{i:02}"), json!({"name": "n"}), 201).await;
    }
    let by_key: Vec<String> = (0..25).map(|i| format!("s{i:02}")).collect();
    let by_age: Vec<String> = by_key.iter().rev().cloned().collect();
    for (query, expected) in [
        ("", &by_key[..]),
        ("?page=1", &by_key),
        ("?page_size=10", &by_key),
        ("?page=x&page_size=10", &by_key),
        ("?page=1&page_size=10", &by_age[..10]),
        ("?page=3&page_size=10", &by_age[20..]),
        ("?page=4&page_size=10", &[]),
        ("?page=0&page_size=10", &by_age[..10]),
        ("?page=-5&page_size=20", &by_age[..20]),
        ("?page=1e300&page_size=500", &[]),
    ] {
        assert_eq!(ids(&plane, &format!("/services{query}")).await, (expected.to_vec(), 25), "{query}");
    }
    for size in ["9", "501", "0", "-1"] {
        let answer = plane.call("GET", &format!("/apisix/admin/services?page=1&page_size={size}"), Value::Null).await;
        assert_eq!((answer.status, answer.text.as_str()), (400, "page_size must be between 10 and 500"));
        // APISIX calls it JSON, which it is not.
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    }
    let item = plane.expect("GET", "/apisix/admin/services?page=1&page_size=10", Value::Null, 200).await;
    let first = item["list"][0].as_object().unwrap();
    assert_eq!(first.keys().collect::<Vec<_>>(), ["key", "value", "createdIndex", "modifiedIndex"]);
}
