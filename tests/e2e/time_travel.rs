//! A user's way back: what changed, and what was, from the command line.

use portolan_testkit::install_crypto;
use reqwest::Method;
use serde_json::{Value, json};

use crate::gateway::Gateway;

#[tokio::test]
async fn what_changed_and_what_was_from_the_command_line() {
    install_crypto();
    let gateway = Gateway::start(&[]).await;
    let put = async |id: &str, uri: &str| {
        let path = format!("/apisix/admin/routes/{id}");
        let answer = gateway.admin(Method::PUT, &path, Some(&json!({"uri": uri, "plugins": {}}))).await;
        assert!(answer.status.is_success(), "{answer:?}");
        gateway.head().await
    };
    let first = put("1", "/old").await;
    let second = put("1", "/new").await;
    let third = put("2", "/other").await;

    let (from, at) = (format!("--from={}", first - 1), format!("--at={first}"));
    let told = gateway.command(&["changes", &from, "--group", "default"]).await;
    assert_eq!(told.code, 0, "{told:?}");
    let rows: Vec<&str> = told.stdout.lines().skip(1).collect();
    assert_eq!(rows.len(), 3, "{told:?}");
    assert!(rows[0].starts_with(&first.to_string()) && rows[0].ends_with("created"), "{}", rows[0]);
    assert!(rows[1].contains("route.update") && rows[1].contains("~uri"), "{}", rows[1]);
    let json = gateway.command(&["--json", "changes", &from, "--kind=route", "--id=1", "--limit=1"]).await;
    let page: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&page["from"], &page["next_from"]), (&json!(first - 1), &json!(first)), "{page}");
    assert_eq!((page["events"].as_array().unwrap().len(), &page["to"]), (1, &json!(third)));

    let was = gateway.command(&["show", "route", "1", &at]).await;
    assert!(was.code == 0 && was.stdout.contains("\"/old\""), "{was:?}");
    let none = gateway.command(&["show", "route", "2", &at]).await;
    assert!(none.code == 1 && none.stderr.contains("there was no route 2 at revision"), "{none:?}");
    let listed = gateway.command(&["show"]).await;
    assert!(listed.stdout.contains(&second.to_string()) && listed.stdout.contains(&third.to_string()), "{listed:?}");
    let bad = gateway.command(&["show", "--at", "yesterday"]).await;
    assert!(bad.code == 1 && bad.stderr.contains("RFC 3339"), "{bad:?}");
    gateway.stop().await;
}
